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
	"github.com/tilltape/tilltape/store"
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

// keptMax is more than a state has with outbox.ParkedMax orders, in characters; of a longer one no more is read.
const keptMax = 16 << 20

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
	ctx, cancel := context.WithTimeout(ctx, turnMax)
	defer cancel()
	var text string
	var revision uint64
	err = k.log.pool.QueryRow(ctx, k.log.sql.consumer, consumer, keptMax).Scan(&revision, &text)
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
	taken, err := k.save(ctx, consumer, string(text), s)
	switch {
	case err == nil && !taken:
		return fmt.Errorf("%w: consumer %s: %s: its place was moved on by another, or its row was removed; run one process "+
			"for each name, or give this one a name of its own", outbox.ErrTaken, consumer, k.log.name)
	case err != nil:
		return explain(ctx, k.log.name, doing, err)
	}
	return nil
}

// save is the round trip of Save, and reports whether the row was written. Whoever waits for it holds up no other
// consumer.
func (k *keeper) save(ctx context.Context, consumer, text string, s outbox.State) (taken bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, turnMax)
	defer cancel()
	conn, err := k.log.pool.Acquire(ctx)
	if err != nil {
		return false, err // nothing was sent
	}
	defer conn.Release()
	tag, err := conn.Exec(ctx, k.log.sql.keep, consumer, bigint(s.Revision), bigint(s.Cursor.Position()), len(s.Parked),
		text, k.unsure(consumer))
	k.mu.Lock()
	defer k.mu.Unlock()
	pg, is := errors.AsType[*pgconn.PgError](err)
	switch {
	case err == nil:
		if taken = tag.RowsAffected() > 0; taken {
			delete(k.open, consumer)
		}
		return taken, nil
	case is && pg.Code == codeReadOnly && !k.log.config.ReadOnly:
		_ = conn.Conn().Close(ctx) // of a primary that was replaced: the pool finds its successor by another
		return false, &ServerError{Kind: store.ErrUnavailable, Log: k.log.name, Reason: "the server takes no writes any more",
			Remedy: "try again; " + remedyPrimary}
	case !pgconn.SafeToRetry(err) && (!is || pg.SeverityUnlocalized != severityOfStatement):
		open := append(k.open[consumer], text)
		k.open[consumer] = open[max(0, len(open)-openMax):]
	}
	return false, err
}

// unsure are the saves of a consumer of which nobody said whether they happened.
func (k *keeper) unsure(consumer string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string{}, k.open[consumer]...)
}
