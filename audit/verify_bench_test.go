package audit_test

import (
	"context"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// Frames yields the ledger's frames as a store would.
func (l *ledger) Frames(context.Context, store.Cursor) iter.Seq2[store.Frame, error] {
	return func(yield func(store.Frame, error) bool) {
		for frame := range l.frames() {
			r, err := events.DecodeFrame(frame)
			if !yield(store.Frame{Record: r, Bytes: frame}, err) {
				return
			}
		}
	}
}

// How many times as fast as a replay each level is, in turns, so that a busy machine slows all.
func BenchmarkVerifyAgainstReplay(b *testing.B) {
	const orders = 25_000
	log, err := bolt.Open(filepath.Join(b.TempDir(), "log"), nil)
	require.NoError(b, err)
	(&ledger{orders: orders}).inStore(b, log)
	levels := map[string][]audit.Level{"bytes": {audit.LevelBytes}, "legality": {audit.LevelLegality},
		"bytes+legality+money": {audit.LevelBytes, audit.LevelLegality, audit.LevelMoney}}
	took := map[string]time.Duration{}
	var replays time.Duration
	for b.Loop() {
		replays += timed(b, log, orders)
		for name, wanted := range levels {
			start := time.Now()
			r, err := audit.Verify(context.Background(), log, &audit.VerifyConfig{Levels: wanted, SkipIndexes: true})
			took[name] += time.Since(start)
			require.NoError(b, err)
			require.True(b, r.Clean())
		}
	}
	for name, d := range took {
		b.ReportMetric(replays.Seconds()/d.Seconds(), name+"-x")
	}
}
