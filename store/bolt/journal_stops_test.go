package bolt

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// openJournalled opens a log whose journal nothing fills, with so many orders in it.
func openJournalled(t *testing.T, c Config, orders int) *Log {
	t.Helper()
	c.Journal = true
	c.journalBounds = journalBounds{step: 1 << 20, max: 1 << 20, moveAt: 1 << 30, moveMax: 1 << 20}
	l, err := Open(filepath.Join(t.TempDir(), "orders.log"), &c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	for i := range orders {
		require.NoError(t, appendOne(l, fmt.Sprintf("o-%d", i)))
	}
	return l
}

func appendOne(l *Log, id string) error {
	_, err := l.Append(context.Background(), events.OrderStream(id), 0, testRecord(id))
	return err
}

// TestCloseRemovesItsOwnJournalOnly: what somebody put in the place of the two files is theirs, and who closes hears of
// it.
func TestCloseRemovesItsOwnJournalOnly(t *testing.T) {
	for name, both := range map[string]bool{"both files": true, "the journal": false} {
		t.Run(name, func(t *testing.T) {
			l := openJournalled(t, Config{}, 3)
			file := l.path
			if both {
				require.NoError(t, os.Rename(l.path, l.path+".was"))
				require.NoError(t, os.WriteFile(l.path, []byte("the restored file"), 0o600))
				file += ".was"
			}
			require.NoError(t, os.Rename(l.journalAt, file+".away"))
			require.NoError(t, os.WriteFile(l.journalAt, []byte("the restored journal"), 0o600))
			require.ErrorIs(t, l.Close(), store.ErrStorage)
			kept, err := os.ReadFile(l.journalAt)
			require.NoError(t, err)
			assert.Equal(t, "the restored journal", string(kept))
			if both {
				kept, err := os.ReadFile(l.path)
				require.NoError(t, err)
				assert.Equal(t, "the restored file", string(kept))
			}
			require.NoError(t, os.Remove(l.journalAt))
			require.NoError(t, os.Rename(file+".away", file+journalSuffix))
			again, err := Open(file, &Config{ReadOnly: true})
			require.NoError(t, err)
			assert.EqualValues(t, 3, again.lazy.end())
			require.NoError(t, again.Verify(context.Background(), nil))
			require.NoError(t, again.Close())
		})
	}
}

