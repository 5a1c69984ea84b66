package audit_test

import (
	"bytes"
	"context"
	"iter"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// The part of the corpus in which a forger makes every hash anew, tiles, checksums, indexes and the header's root
// included: done to a file, and to an export. What tells then are the rules, APO's messages and the kept checkpoints.
var wholeForgeries = []string{"a record edited", "an amount edited", "a capture edited", "a head that lies",
	"evidence swapped", "evidence edited", "a whole history", "the tail cut"}

// inFileOf is a file of those frames, under their origin, as whoever owns the library can make one.
func inFileOf(t *testing.T, l *frameLog) *bolt.Log {
	t.Helper()
	path := filepath.Join(t.TempDir(), "forged.tilltape")
	var records iter.Seq2[events.Record, error] = func(yield func(events.Record, error) bool) {
		for _, frame := range l.frames {
			if !yield(events.DecodeFrame(frame)) {
				return
			}
		}
	}
	original := bolt.Original{Log: "forged", Checkpoint: l.checkpoint(), Records: records}
	require.NoError(t, bolt.BackupOf(context.Background(), original, path, nil))
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

// exportOf is an export of a log, read back.
func exportOf(t *testing.T, log export.Source) *export.Log {
	t.Helper()
	var text bytes.Buffer
	_, err := export.Write(context.Background(), &text, log, nil)
	require.NoError(t, err)
	l, err := export.New("orders.jsonl", bytes.NewReader(text.Bytes()), int64(text.Len()))
	require.NoError(t, err)
	return l
}

func TestCorpus_WithEveryHashMadeAnewInFilesAndExports(t *testing.T) {
	sound := shopFrames(t, corpusOrders)
	early, late := sound.at(t, earlySize), sound.at(t, len(sound.frames))
	cfg := withCheckpoints(early, late)
	whole := inFileOf(t, sound)
	for name, log := range map[string]store.Reader{"file": whole, "export": exportOf(t, whole)} {
		r := verify(t, log, cfg)
		require.Empty(t, r.Findings, "the untouched %s is clean", name)
		require.Equal(t, []string{"bytes proven", "legality proven", "evidence proven", "money proven"}, states(r), name)
	}
	for _, name := range wholeForgeries {
		tt := corpus[name]
		forged := sound.clone()
		tt.damage(t, forged)
		file := inFileOf(t, forged)
		for kind, log := range map[string]store.Reader{"file": file, "export": exportOf(t, file)} {
			r := verify(t, log, cfg)
			isAt(t, r, tt.at, name+" in a "+kind)
			for _, p := range tt.want {
				assert.True(t, problemAt(r, p, tt.at), "%s in a %s: %s at %d in %+v", name, kind, p, tt.at, r.Findings)
			}
			if name == "a whole history" {
				require.NotEmpty(t, r.Held)
				assert.Equal(t, audit.StateWrong, r.Held[0].State, "%s: one old checkpoint tells", kind)
				continue
			}
			assert.Equal(t, audit.StateProven, r.Held[0].State, "%s in a %s: what is before it", name, kind)
		}
	}
}

// A checkpoint of another log, and a fork, are seen in an export as in the log.
func TestCorpus_AnExportOfAForkAndOfAnotherLog(t *testing.T) {
	restored, early, late := restoredBackup(t)
	fillWith(t, restored, shopOf(t, 7, 9))
	exported := exportOf(t, restored)
	require.Empty(t, verify(t, exported, withCheckpoints(early)).Findings)
	r := verify(t, exported, withCheckpoints(early, late))
	require.Len(t, r.Findings, 1)
	f := r.Findings[0]
	assert.Equal(t, []any{audit.Forked, uint64(13), uint64(20)}, []any{f.Problem, f.Position, f.Until})

	other, _ := shopFileOf(t, 2)
	stranger, err := bolt.Open(other, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, stranger.Close()) }()
	for name, log := range map[string]store.Reader{"file": stranger, "export": exportOf(t, stranger)} {
		r := verify(t, log, withCheckpoints(early))
		require.Len(t, r.Findings, 1, name)
		assert.Equal(t, audit.OtherLog, r.Findings[0].Problem, name)
	}
}
