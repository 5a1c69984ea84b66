package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// The types of appends that need nothing looked up before their turn.
type (
	request = ledger.Request[struct{}]
	batch   = ledger.Batch[struct{}]
	queue   = ledger.Queue[struct{}]
	plan    = ledger.Plan[struct{}]
)

// engine writes the log's batches. Its contexts are its own: no caller's end leaves a connection half used, and once a
// turn has begun its outcome is found out for all in it.
type engine struct {
	log   *Log
	conn  *pgxpool.Conn // while it has a turn
	turn  *turn
	doubt *doubt
	known places
	fence int64         // of the log's row in the last turn that asked
	wrote time.Time     // when a turn was written last
	asks  bool          // every turn: the server has not let this role do without, or has not got what that takes
	pause time.Duration // before the next try; zero: the last one went well
}

// doubt is a plan that was sent and not confirmed. The next turn finds out whether it has happened: it waits for the
// end of the one before, or, of one that was sent whole and may have no turn yet, raises the fence.
type doubt struct {
	of          *batch
	first, last uint64
	whole       bool        // sent before it had the log's row: it may come to be written later than the next turn begins
	leaves      []seal.Hash // of its records: another process may have written the same ids meanwhile
	tree        *seal.Tree  // over the log with the plan
	cause       error
}

// commitAll is the one goroutine that writes. It ends when the queue is closed and empty.
func (l *Log) commitAll() {
	defer close(l.committed)
	ledger.Run(l.queue, &engine{log: l}, &plan{Log: l.name})
}

// Begin implements [ledger.Engine]. It tries again for a while where the server cannot be reached, and for longer where
// it has to find out what has become of the plan before.
func (e *engine) Begin(b *batch) (ledger.Turn[struct{}], error) {
	if e.doubt != nil && e.doubt.of != b {
		e.doubt = nil // those appends were told that nobody knows
	}
	if turn, begun := e.whole(b); begun {
		return turn, nil
	}
	for begun := time.Now(); ; {
		e.wait()
		turn, err := e.begin(b)
		if err == nil {
			e.pause = 0
			return turn, nil
		}
		e.release()
		if errors.Is(err, ledger.ErrWritten) {
			e.pause = 0
			return turn, err
		}
		limit := retryMax
		if e.doubt != nil {
			limit = doubtMax
		}
		e.pause = min(max(pauseMin, 2*e.pause), pauseMax)
		switch {
		case time.Since(begun)+e.pause < limit && transient(err) && (e.doubt != nil || !e.log.closed.Load()):
			continue
		case e.doubt != nil:
			return turn, e.doubtfulError(err)
		}
		return turn, explain(context.Background(), e.log.name, "append", err)
	}
}

// wait lets some time pass before the next try.
func (e *engine) wait() {
	if e.pause > 0 {
		time.Sleep(e.pause)
	}
}

// leave gives up a server that takes no writes any more: the pool finds its successor by another connection.
func (e *engine) leave(ctx context.Context, err error) {
	if pg, is := errors.AsType[*pgconn.PgError](err); is && pg.Code == codeReadOnly {
		_ = e.conn.Conn().Close(ctx) // it is closed, one way or the other
	}
}

func (e *engine) release() {
	if e.conn != nil {
		e.conn.Release() // which closes one that is in the middle of something
		e.conn = nil
	}
}

// begin is one try of Begin.
func (e *engine) begin(b *batch) (turn ledger.Turn[struct{}], err error) {
	ctx, cancel := context.WithTimeout(context.Background(), turnMax)
	defer cancel()
	if e.conn, err = e.log.pool.Acquire(ctx); err != nil {
		return turn, err
	}
	if e.turn, err = e.log.begun(ctx, e.conn, b, e.doubt, &e.known, e.asks); err != nil {
		e.giveUp(ctx)
		e.leave(ctx, err)
		return turn, err
	}
	if open := e.doubt; open != nil {
		held := e.turn.holds(open)
		if held || open.whole {
			if err := e.log.confirmIn(ctx, e.conn.Conn()); err != nil {
				return turn, err // and the doubt goes on
			}
		}
		e.doubt = nil
		switch {
		case held:
			e.log.publish(open.tree)
			return turn, ledger.ErrWritten
		case open.whole: // and is now behind the fence
			e.release()
			return e.begin(b)
		}
	}
	tree, err := e.log.growTo(ctx, e.conn.Conn(), e.turn)
	if err != nil {
		e.giveUp(ctx)
		return turn, err
	}
	tree.Full() // what others have filled, they have stored
	return ledger.Turn[struct{}]{Before: e.turn, Last: tree.Size(), Tree: tree}, nil
}

// A server that waits for standbys shows what it has committed before they have it, where it was restarted in that wait
// or the wait was cut short: what is found then, a failover could still take away. A commit that comes later and writes
// is confirmed only when the standbys have everything before it, too.

// confirmIn ends a turn in which what was in doubt has been found, and returns when it is as durable as what is
// acknowledged at once. Where it was not found, it never will be: the fence is higher than the one it was sent with.
func (l *Log) confirmIn(ctx context.Context, conn *pgx.Conn) error {
	var b pgx.Batch
	b.Queue(l.sql.confirm)
	b.Queue("commit")
	return conn.SendBatch(ctx, &b).Close()
}

// confirm does the same outside a turn.
func (l *Log) confirm(ctx context.Context) error {
	_, err := l.pool.Exec(ctx, l.sql.confirm)
	return err
}

// Commit implements [ledger.Engine]: one round trip, the only one of a whole turn.
func (e *engine) Commit(b *batch, p *plan) error {
	defer e.release()
	ctx, cancel := context.WithTimeout(context.Background(), turnMax)
	defer cancel()
	if p.Empty() {
		e.giveUp(ctx)
		return nil
	}
	err := e.log.writes(e.turn, b, p).send(ctx, e.conn.Conn())
	if err == nil {
		e.known.take(p)
		e.fence, e.wrote = e.turn.row.fence, time.Now()
		e.log.publish(p.Tree())
		return nil
	}
	// A statement that failed has the server skip the commit that came after it.
	pg, is := errors.AsType[*pgconn.PgError](err)
	if is && e.turn.whole && pg.Code == codeNotAsLeft { // somebody else has appended
		e.known.others = true
	} else {
		e.known.forget()
	}
	if is && pg.SeverityUnlocalized == severityOfStatement || pgconn.SafeToRetry(err) {
		e.giveUp(ctx)
		explained := explain(context.Background(), e.log.name, "append", err)
		switch {
		case e.turn.unasked && is: // a turn that asks is told what is so
			e.asks = e.asks || strings.HasPrefix(pg.Code, classRule)
			return &ledger.AgainError{Cause: explained}
		case transient(err):
			e.pause = pauseMin
			return &ledger.AgainError{Cause: explained}
		}
		return explained
	}
	e.pause = pauseMin
	e.doubt = &doubt{of: b, first: p.First(), last: p.Last(), whole: e.turn.whole, leaves: leavesOf(p), tree: p.Tree(),
		cause: err}
	return &ledger.AgainError{Cause: e.doubtfulError(err)}
}

// leavesOf are the hashes of the plan's frames.
func leavesOf(p *plan) []seal.Hash {
	frames, ends := p.Frames()
	leaves, begin := make([]seal.Hash, 0, len(ends)), 0
	for _, end := range ends {
		leaves = append(leaves, seal.LeafHash(frames[begin:end]))
		begin = end
	}
	return leaves
}

// taken are the requests of a batch that its plan has taken in, in order.
func taken(b *batch) (all []*request) {
	for _, r := range b.Requests {
		if r.Err == nil && !r.Nudge {
			all = append(all, r)
		}
	}
	return all
}

// giveUp ends a turn in which nothing was written.
func (e *engine) giveUp(ctx context.Context) {
	if c := e.conn.Conn(); !c.IsClosed() && c.PgConn().TxStatus() != 'I' {
		_, _ = c.Exec(ctx, "rollback") // a connection that cannot is closed when it is released
	}
}

// doubtfulError is the error of appends that may have happened.
func (e *engine) doubtfulError(err error) error {
	return &ServerError{Kind: store.ErrStorage, Log: e.log.name,
		Reason: "the connection broke during a commit (" + plainText(e.doubt.cause) +
			"), and whether it happened cannot be found out (" + plainText(err) + ")",
		Remedy: "an append that failed so may have happened: repeat it with the same record ids once the server answers"}
}

// transient tells whether trying again, soon and where nothing was written, may help.
func transient(err error) bool {
	if pg, is := errors.AsType[*pgconn.PgError](err); is {
		switch pg.Code[:min(2, len(pg.Code))] {
		case classConnection, classRollback, classOperator:
			return true
		}
		// Read-only is a primary that was replaced.
		return slices.Contains([]string{codeIdle, codeTooLong, codeTooMany, codeReadOnly, codeNoStatement}, pg.Code)
	}
	return !fromStore(err) && isConnection(err)
}

// publish makes a tree the one that this handle vouches for, unless it knows a longer one, and tells watchers.
func (l *Log) publish(tree *seal.Tree) {
	l.keep(tree)
	l.advance(tree.Size())
}

// keep is publish without watchers.
func (l *Log) keep(tree *seal.Tree) {
	for {
		have := l.tree.Load()
		if have != nil && have.Size() >= tree.Size() || l.tree.CompareAndSwap(have, tree) {
			return
		}
	}
}

// Newest implements [ledger.Before].
func (t *turn) Newest(r *request) (ledger.Place, error) { return t.newest[r.Stream], nil }

// Owner implements [ledger.Before].
func (t *turn) Owner(_ *request, key events.Key) (events.Stream, bool, error) {
	owner, owned := t.owners[key]
	return owner, owned, nil
}
