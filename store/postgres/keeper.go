package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tilltape/tilltape/outbox"
)

// Keeper keeps consumers of an outbox in the table consumers of the log's schema: in every dump and on every standby
// that the log is on, with columns for people. Each call is one round trip. A server that does not answer is
// store.ErrUnavailable, with which a consumer tries again; whether the save before it happened is found out by the next
// one. A keeper is safe for many goroutines and any number of consumers; two that use one name are told apart, also in
// two processes.
func (l *Log) Keeper() outbox.Keeper { return &keeper{log: l, open: map[string][]string{}} }

// openMax is how many saves of a consumer one after another, of none of which it is known whether it happened, are told
// apart from those of somebody else.
const openMax = 16

type keeper struct {
	log  *Log
	mu   sync.Mutex
	open map[string][]string // by consumer: what was sent to be saved, and nobody said whether it was
}

// Load implements [outbox.Keeper].
func (k *keeper) Load(ctx context.Context, consumer string) (s outbox.State, err error) {
	doing := "read what is kept of consumer " + consumer
	if err := k.log.usable(ctx, doing); err != nil {
		return s, err
	}
	var text string
	var revision uint64
	err = k.log.pool.QueryRow(ctx, k.log.sql.consumer, consumer).Scan(&revision, &text)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return s, nil
	case err != nil:
		return s, explain(ctx, k.log.name, doing, err)
	}
	if err := json.Unmarshal([]byte(text), &s); err != nil || s.Revision != revision || revision == 0 {
		return outbox.State{}, fmt.Errorf("%w: consumer %s: %s: its row in the table consumers is not what was saved; put "+
			"it back from a dump, or remove it to deliver everything again", outbox.ErrKept, consumer, k.log.name)
	}
	return s, nil
}

// Save implements [outbox.Keeper].
func (k *keeper) Save(ctx context.Context, consumer string, s outbox.State) error {
	doing := "keep the place of consumer " + consumer
	if err := k.log.usable(ctx, doing); err != nil {
		return err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("%w: consumer %s: %s", outbox.ErrKept, consumer, err.Error())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	tag, err := k.log.pool.Exec(ctx, k.log.sql.keep, consumer, bigint(s.Revision), bigint(s.Cursor.Position()),
		len(s.Parked), string(text), append([]string{}, k.open[consumer]...))
	switch {
	case err == nil && tag.RowsAffected() == 0:
		return fmt.Errorf("%w: consumer %s: %s: its place was moved on by another; run one process for each name, or give "+
			"this one a name of its own", outbox.ErrTaken, consumer, k.log.name)
	case err == nil:
		delete(k.open, consumer)
		return nil
	}
	if pg, is := errors.AsType[*pgconn.PgError](err); !pgconn.SafeToRetry(err) &&
		(!is || pg.SeverityUnlocalized != severityOfStatement) {
		open := append(k.open[consumer], string(text))
		k.open[consumer] = open[max(0, len(open)-openMax):]
	}
	return explain(ctx, k.log.name, doing, err)
}
