package bolt_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// What a reader that stays open lives through: so many appends of the largest records by others and in its own loop,
// and a file that grows by so many bytes while it holds one record.
const (
	othersAppend   = 480
	readerAppends  = 120
	grownWhileHeld = 8 << 20
	readerPatience = 2 * time.Minute // above what a slow disk needs; reached, it is a deadlock
)

// growing is a log whose address space is small from the start, so that it must be mapped again each time it outgrows
// it.
type growing struct {
	*bolt.Log
	t    *testing.T
	path string
	ctx  context.Context
	all  *atomic.Int64 // records appended
}

func openGrowing(t *testing.T) growing {
	path := filepath.Join(t.TempDir(), "orders.log")
	log, err := bolt.Open(path, &bolt.Config{MapSize: 1})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), readerPatience)
	t.Cleanup(cancel)
	return growing{Log: log, t: t, path: path, ctx: ctx, all: new(atomic.Int64)}
}

func (g growing) size() int64 {
	info, err := os.Stat(g.path)
	require.NoError(g.t, err)
	return info.Size()
}

func (g growing) add(to events.Stream, after uint64, r events.Record) bool {
	_, err := g.Append(g.ctx, to, after, r)
	g.all.Add(1)
	return assert.NoError(g.t, err)
}

// until waits, in a loop's body, for something that others do meanwhile.
func (g growing) until(what string, done func() bool) {
	g.t.Helper()
	for !done() {
		require.NoError(g.t, g.ctx.Err(), "%s: it is held up", what)
		time.Sleep(time.Millisecond)
	}
}

// others append until they are done, several at a time.
func (g growing) others() (wait func()) {
	const writers = 6
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			stream := events.OrderStream(fmt.Sprintf("other-%d", w))
			for n := range uint64(othersAppend / writers) {
				if !g.add(stream, n, bulky(fmt.Sprintf("%s-%d", stream.ID, n))) {
					return
				}
			}
		})
	}
	return group.Wait
}

// TestReaderStaysOpen keeps one loop over the log going from its first record to the end of the test, with loops over
// heads and a stream inside it, while the file outgrows its map many times, by others and by the loop itself.
func TestReaderStaysOpen(t *testing.T) {
	g := openGrowing(t)
	own := events.OrderStream("own")
	g.add(own, 0, bulky("own-0"))
	before := g.size()

	var over atomic.Bool // the others have appended all they have
	var position, version uint64 = 0, 1
	sizes := map[int64]bool{}
	for r, err := range g.All(g.ctx, store.Start()) {
		require.NoError(t, err)
		position++
		require.Equal(t, position, r.Position, "a gap")
		sizes[g.size()] = true
		if position == 1 { // held while everything happens
			go func() { g.others()(); over.Store(true) }()
			g.until("a file that grows", func() bool { return g.size() >= before+grownWhileHeld })
		}
		if version < readerAppends && g.add(own, version, bulky(fmt.Sprintf("own-%d", version))) {
			version++
		}
		if position%100 == 0 {
			g.readInside(position)
		}
		g.until("the others", func() bool { return over.Load() || g.all.Load() > int64(position) })
	}
	assert.EqualValues(t, g.all.Load(), position, "the loop goes on to the end")
	assert.Greater(t, len(sizes), 2, "the file grew more than once while the loop went on")
	done := make(chan error, 1)
	go func() { done <- g.Close() }()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(readerPatience):
		t.Fatal("Close hangs")
	}
	t.Logf("one loop over %d records; the file grew from %d KiB to %d KiB, in %d steps that the loop saw", position,
		before>>10, g.size()>>10, len(sizes)-1)
}

// readInside loops over heads and each one's stream, and appends in there too.
func (g growing) readInside(round uint64) {
	for h, err := range g.Heads(g.ctx, store.InStatus("created")) {
		require.NoError(g.t, err)
		read := 0
		for r, err := range g.Read(g.ctx, h.Stream, h.Version-1) {
			require.NoError(g.t, err)
			if read++; r.Version == h.Version {
				id := fmt.Sprintf("inside-%s-%d", h.Stream.ID, round)
				g.add(events.RefusalStream(id), 0, record(id)) // no order: the heads must come to an end
			}
		}
		require.Positive(g.t, read)
	}
}
