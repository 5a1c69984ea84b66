package bolt_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// Whoever has few pages looked at opens a file that is damaged further off, which Open otherwise refuses; and then the
// damage is an error where it is read, and no crash.
func TestFewerPagesAreLookedAt(t *testing.T) {
	path := filled(t, 200, 2)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	var first string
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true, PagesLooked: 1})
	require.NoError(t, err)
	for r, err := range log.All(t.Context(), store.Start()) {
		require.NoError(t, err)
		first = r.ID
		break
	}
	require.NoError(t, log.Close())

	at := bytes.Index(whole, []byte(first))
	require.Positive(t, at)
	size := os.Getpagesize()
	const flagsAt = 8                   // in a page's header
	whole[at/size*size+flagsAt] ^= 0x40 // the page with the oldest records is no leaf any more
	require.NoError(t, logfile.Write(path, whole))
	_, err = bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.ErrorIs(t, err, store.ErrDamaged)
	log, err = bolt.Open(path, &bolt.Config{ReadOnly: true, PagesLooked: 1})
	require.NoError(t, err)
	for _, err = range log.All(t.Context(), store.Start()) {
	}
	require.ErrorIs(t, err, store.ErrDamaged, "it shows where it is read")
	require.NoError(t, log.Close())

	found := false
	for looked := 1; looked <= len(whole)/size; looked *= 2 { // what is found with some is found with more
		log, err := bolt.Open(path, &bolt.Config{ReadOnly: true, PagesLooked: looked})
		if err == nil {
			require.False(t, found, "with %d pages", looked)
			require.NoError(t, log.Close())
		}
		found = found || err != nil
	}
	require.True(t, found)

	_, err = bolt.Open(path, &bolt.Config{PagesLooked: -1})
	require.ErrorIs(t, err, store.ErrInvalid)
	assert.ErrorContains(t, err, "PagesLooked -1")
}
