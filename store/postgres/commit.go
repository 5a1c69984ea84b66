package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// patienceMax is how long the committer waits at most for appends that are on their way, and it waits no longer than
// the turn before took.
const patienceMax = 5 * time.Millisecond

// commitAll is the one goroutine that writes. It ends when the queue is closed and empty.
func (l *Log) commitAll() {
	defer close(l.committed)
	var took time.Duration
	for {
		b := l.queue.Take(min(took, patienceMax))
		if b == nil {
			return
		}
		begun := time.Now()
		l.commit(b)
		took = time.Since(begun)
		l.queue.Done(b)
	}
}

// doubt is a plan that was sent and not confirmed: it has happened, or it has not and never will once another turn has
// begun, because that waits for the end of the one before.
type doubt struct {
	first, last uint64
	ids         []string
	tree        *seal.Tree // over the log with the plan
	cause       error
}

// commit has a batch written, and tries again where nothing was or where that is not known. The context is the
// committer's own: no caller's end leaves a connection half used, and once a turn has begun its outcome is found out
// for all in it.
func (l *Log) commit(b *batch) {
	begun, pause := time.Now(), pauseMin
	var open *doubt
	for {
		next, err := l.turn(b, open)
		if err == nil {
			return
		}
		if next != nil && open == nil {
			begun = time.Now() // the longer patience of a doubt begins with it
		}
		open = next
		limit := retryMax
		if open != nil {
			limit = doubtMax
		}
		if time.Since(begun)+pause > limit || open == nil && !transient(err) {
			b.Fail(l.outcome(open, err))
			return
		}
		select {
		case <-time.After(pause):
		case <-l.ended:
			// Closing waits for what is in doubt, and for nothing that has not happened.
			if open == nil {
				b.Fail(l.outcome(nil, err))
				return
			}
			time.Sleep(pause)
		}
		pause = min(2*pause, pauseMax)
	}
}

// outcome is the error of appends that were given up.
func (l *Log) outcome(open *doubt, err error) error {
	if open == nil {
		return explain(context.Background(), l.name, "append", err)
	}
	return &ServerError{Kind: store.ErrStorage, Log: l.name,
		Reason: "the connection broke during a commit, and whether it happened cannot be found out (" +
			plainText(open.cause) + "; then " + plainText(err) + ")",
		Remedy: "an append that failed so may have happened: repeat it with the same record ids once the server answers"}
}

// transient tells whether trying again, soon and where nothing was written, may help.
func transient(err error) bool {
	if pg, is := errors.AsType[*pgconn.PgError](err); is {
		switch pg.Code[:min(2, len(pg.Code))] {
		case classConnection, classRollback, classOperator:
			return true
		}
		return pg.Code == codeIdle || pg.Code == codeTooMany
	}
	return !fromStore(err) && isConnection(err)
}

// turn is one try to write a batch. An error comes with the doubt that remains, nil where nothing was written.
func (l *Log) turn(b *batch, open *doubt) (*doubt, error) {
	ctx, cancel := context.WithTimeout(context.Background(), turnMax)
	defer cancel()
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return open, err
	}
	defer conn.Release() // which closes one that is in the middle of something
	t, err := l.begun(ctx, conn, b, open)
	if err != nil {
		l.giveUp(ctx, conn)
		return open, err
	}
	if open != nil && t.holds(open) {
		l.giveUp(ctx, conn)
		l.publish(open.tree)
		return nil, nil
	}
	tree, err := l.growTo(ctx, conn.Conn(), t.before, t.row, t.leaves)
	if err != nil {
		l.giveUp(ctx, conn)
		return nil, err
	}
	tree.Full() // what others have filled, they have stored
	p := &l.plan
	p.reset(l, tree)
	t.fill(p)
	for _, r := range b.Requests {
		r.Err = p.append(r)
	}
	if len(p.taken) == 0 {
		l.giveUp(ctx, conn)
		return nil, nil
	}
	p.hash()
	return l.write(conn, p)
}

// write sends a plan and its commit, in one round trip.
func (l *Log) write(conn *pgxpool.Conn, p *plan) (*doubt, error) {
	ctx, cancel := context.WithTimeout(context.Background(), turnMax)
	defer cancel()
	err := conn.SendBatch(ctx, l.writes(p)).Close()
	if err == nil {
		l.publish(p.tree)
		return nil, nil
	}
	// A statement that failed has the server skip the commit that came after it.
	if pg, is := errors.AsType[*pgconn.PgError](err); is && pg.SeverityUnlocalized == severityOfStatement {
		l.giveUp(ctx, conn)
		return nil, err
	}
	if pgconn.SafeToRetry(err) {
		return nil, err
	}
	d := &doubt{first: p.begin + 1, last: p.last, tree: p.tree, cause: err}
	for _, r := range p.taken {
		for _, record := range r.Records {
			d.ids = append(d.ids, record.ID)
		}
	}
	return d, err
}

// giveUp ends a turn in which nothing was written. Where that fails, the connection is closed with it.
func (l *Log) giveUp(ctx context.Context, conn *pgxpool.Conn) {
	if conn.Conn().PgConn().TxStatus() != 'I' && !conn.Conn().IsClosed() {
		_, _ = conn.Exec(ctx, "rollback") // a connection that cannot is closed when it is released
	}
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
