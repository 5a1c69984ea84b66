package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape/store"
)

// A pool may lead to several standbys, each as far behind the primary as it happens to be. What one of them lacks and
// another one has shown is not lost, and no damage: it is asked for again, and where it does not come the error says
// that nobody can tell now. A server that follows nobody has all there is.

// behindMax is how long a standby that is behind another one is given to catch up.
const behindMax = 5 * time.Second

// ending is where a server's log ends.
type ending struct {
	position uint64
	standby  bool
}

func (e *ending) scan(r pgx.Row) error { return r.Scan(&e.position, &e.standby) }

// behind is the error of a standby whose log ends before a position that is known to have a record; nil where it does
// not.
func (l *Log) behind(e ending, known uint64) error {
	if !e.standby || e.position >= known {
		return nil
	}
	return &ServerError{Kind: store.ErrUnavailable, Log: l.name, behind: true,
		Reason: fmt.Sprintf("this server is a standby and ends at position %d, and there were %d records", e.position, known),
		Remedy: "try again once it has caught up; if it never does, the log was restored from an older copy: open it again"}
}

// onOne calls do with what it reads by. Of a log that is only read that is one connection, so that whatever is read
// after the log's end is there, and where do finds the server behind it is called again for a while, perhaps with
// another one.
func (l *Log) onOne(ctx context.Context, do func(by querier) error) error {
	if !l.config.ReadOnly {
		return do(l.pool) // which leads to the primary alone; appends may need all of its connections
	}
	for begun, pause := time.Now(), pauseMin; ; pause = min(2*pause, pauseMax) {
		err := l.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error { return do(conn) })
		server, is := errors.AsType[*ServerError](err)
		if !is || !server.behind || time.Since(begun)+pause > behindMax {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}
