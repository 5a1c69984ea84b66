package postgres

import (
	"context"
	"time"

	"github.com/tilltape/tilltape/store/internal/ledger"
)

// wholeWithin is how long after its last turn a process sends the next one whole. A connection that was silent for long
// may be dead, and of what is sent whole over a dead one nobody knows at once that it did not happen.
const wholeWithin = time.Second

// wholeAcquire is how long a whole turn waits for a connection of the pool; whoever asks waits longer.
const wholeAcquire = 100 * time.Millisecond

// whole begins a turn without a word to the server, where this process was the last to append and remembers all that
// judging the batch takes: streams that it appended to, and streams that are to begin. What is planned then is sent in
// one round trip, the log's row first. Where that is not as this process left it, or a stream or a lookup key is there
// that it does not know, the server writes nothing and the batch gets a turn that asks. So does a batch with an append
// that memory would refuse: no refusal is by memory alone.
func (e *engine) whole(b *batch) (turn ledger.Turn[struct{}], begun bool) {
	tree := e.log.tree.Load()
	if e.doubt != nil || e.asks || e.pause > 0 || tree.Size() == 0 || e.known.tree != tree || e.known.others {
		return turn, false
	}
	t := newTurn(tree)
	t.whole, t.unasked = true, true
	t.row = row{position: tree.Size(), frontier: tree.AppendFrontier(nil), fence: e.fence}
	if !t.recall(b, &e.known) {
		return turn, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), wholeAcquire)
	defer cancel()
	var err error
	if e.conn, err = e.log.pool.Acquire(ctx); err != nil {
		return turn, false // and whoever asks is told
	}
	if time.Since(e.wrote) > wholeWithin {
		e.release()
		return turn, false
	}
	e.turn = t
	return ledger.Turn[struct{}]{Before: t, Last: tree.Size(), Tree: tree}, true
}
