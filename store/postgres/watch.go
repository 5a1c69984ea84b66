package postgres

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// channelOf is the channel that tells of appends to the log in a schema, with its newest position.
func channelOf(schema string) string { return "tilltape_" + schema }

// Watch implements [store.Watcher]: All, and then whatever is appended, by whatever process. It waits without polling
// where Config.Listen is set, and ends with the error of ctx, with store.ErrClosed once the log is closed, or with what
// a read ends with; but where that is store.ErrUnavailable it goes on from its place once the server can be reached.
func (l *Log) Watch(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		l.watchers.Add(1)
		defer l.watchers.Add(-1)
		l.followOthers()
		ledger.Watch(ctx, watched{l}, from)(yield)
	}
}

// followOthers begins, once, to hear what other processes append.
func (l *Log) followOthers() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.follow.Do(func() {
		l.followed.Go(func() {
			if l.config.Listen == nil {
				l.poll()
				return
			}
			l.listen()
		})
	})
}

// watched is a Log as what can be followed.
type watched struct{ *Log }

// All is that of the log, from where it broke off, again and again while the server is away.
func (w watched) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for pause := pauseMin; ; pause = min(2*pause, pauseMax) {
			var away error
			for r, err := range w.Log.All(ctx, from) {
				if errors.Is(err, store.ErrUnavailable) && ctx.Err() == nil {
					away = err
					break
				}
				if !yield(r, err) || err != nil {
					return
				}
				from, pause = store.After(r), pauseMin
			}
			if away == nil {
				return
			}
			select {
			case <-time.After(pause):
			case <-w.ended:
			case <-ctx.Done():
			}
		}
	}
}

// closedChannel is what a wait that is over is told.
var closedChannel = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Grown implements [ledger.Watched].
func (w watched) Grown(position uint64) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known > position {
		return closedChannel
	}
	return w.grown
}

// Ended implements [ledger.Watched].
func (w watched) Ended() <-chan struct{} { return w.ended }

// advance says that there is a record at the position.
func (l *Log) advance(position uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if position <= l.known {
		return
	}
	l.known = position
	close(l.grown)
	l.grown = make(chan struct{})
}

// knows is the newest position that is known to be there.
func (l *Log) knows() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known
}

// ends says that the log ended at the position some time after known was known: where it is less, what was known is
// gone, and nobody may wait for it; but where a standby says so, it is behind.
func (l *Log) ends(at ending, known uint64) {
	if at.position > known || at.standby {
		l.advance(at.position)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == known {
		l.known = at.position
	}
}

// look asks where the log ends.
func (l *Log) look() error {
	known := l.knows()
	var end ending
	ctx, cancel := context.WithTimeout(l.following, turnMax)
	defer cancel()
	if err := end.scan(l.pool.QueryRow(ctx, l.sql.end)); err != nil {
		return err
	}
	l.ends(end, known)
	return nil
}

// poll asks again and again while somebody watches. An error is a watcher's own read to tell.
func (l *Log) poll() {
	for l.pause(pollEvery) {
		if l.watchers.Load() > 0 {
			_ = l.look()
		}
	}
}

// pause waits; false once the log is closed.
func (l *Log) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-l.following.Done():
		return false
	}
}

// listen hears notifications by a connection of its own, and makes another when that breaks.
func (l *Log) listen() {
	pause := pauseMin
	for l.following.Err() == nil {
		conn, err := l.config.Listen(l.following)
		if err == nil {
			_, err = conn.Exec(l.following, "listen "+pgx.Identifier{channelOf(l.config.Schema)}.Sanitize())
			if err == nil {
				pause = pauseMin
				l.hear(conn)
			}
			closing, cancel := context.WithTimeout(context.Background(), pauseMax)
			_ = conn.Close(closing) // nothing is lost with it
			cancel()
		}
		_ = l.look() // meanwhile nobody told; an error is a watcher's own read to tell
		if !l.pause(pause) {
			return
		}
		pause = min(2*pause, pauseMax)
	}
}

// hear follows what a connection tells until it breaks. What was appended before it listened, it asks for, and now and
// then again.
func (l *Log) hear(conn *pgx.Conn) {
	for {
		if l.watchers.Load() > 0 {
			_ = l.look()
		}
		for {
			ctx, cancel := context.WithTimeout(l.following, pollRare)
			n, err := conn.WaitForNotification(ctx)
			cancel()
			if err == nil {
				if position, err := strconv.ParseUint(n.Payload, 10, 64); err == nil {
					l.advance(position)
				}
				continue
			}
			if ctx.Err() == nil || l.following.Err() != nil || conn.IsClosed() {
				return
			}
			break // nothing was told for a while
		}
	}
}
