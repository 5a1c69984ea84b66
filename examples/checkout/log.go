package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/postgres"
)

// openLog opens the log in the database that is set, or else in its file. The closer closes the log and what it is kept
// by.
func openLog(ctx context.Context, s *settings, signer *seal.Signer) (log store.Log, closer func() error, err error) {
	if s.database == "" {
		file, err := bolt.Open(s.log, &bolt.Config{Origin: s.origin, Signer: signer})
		if err != nil {
			return nil, nil, named(err)
		}
		return file, file.Close, nil
	}
	pool, err := pgxpool.New(ctx, s.database)
	if err != nil {
		return nil, nil, fmt.Errorf("%sDATABASE: %w; it reads like postgres://user@host/database", prefix, err)
	}
	database, err := postgres.Open(ctx, pool, &postgres.Config{Migrate: true, Listen: postgres.Direct(pool),
		Origin: s.origin, Signer: signer})
	if err != nil {
		pool.Close()
		return nil, nil, named(err)
	}
	return database, func() error {
		defer pool.Close()
		return database.Close()
	}, nil
}

// named says which settings an error is about: the log's words are those of its Config.
func named(err error) error {
	if errors.Is(err, store.ErrInvalid) {
		return fmt.Errorf("%w; %sORIGIN gives Config.Origin, %sSIGNER the key", err, prefix, prefix)
	}
	return err
}

// watched is a log that remembers when it last failed to take something: that it can be read says little about that.
type watched struct {
	store.Log
	path    string        // of its file; empty: it has none
	file    os.FileInfo   // what was there when it was opened
	trouble chan struct{} // it may have stopped

	mu     sync.Mutex
	failed time.Time
}

// watch watches a log, whose file is at path if it has one.
func watch(log store.Log, path string) (*watched, error) {
	w := &watched{Log: log, path: path, trouble: make(chan struct{}, 1)}
	if path == "" {
		return w, nil
	}
	var err error
	w.file, err = os.Stat(path)
	return w, err
}

// inPlace reports whether the file that was opened is the one at its path: else a restart would begin another log.
func (w *watched) inPlace() bool {
	there, err := os.Stat(w.path)
	return w.file != nil && err == nil && os.SameFile(w.file, there)
}

// doubted has it found out whether the log has stopped.
func (w *watched) doubted() {
	select {
	case w.trouble <- struct{}{}:
	default: // somebody is at it
	}
}

// Append implements [store.Log].
func (w *watched) Append(ctx context.Context, to events.Stream, after uint64,
	records ...events.Record) ([]events.Record, error) {
	taken, err := w.Log.Append(ctx, to, after, records...)
	if errors.Is(err, store.ErrStorage) {
		w.doubted()
	}
	switch {
	case err == nil:
		w.note(time.Time{})
	case errors.Is(err, store.ErrFull), errors.Is(err, store.ErrStorage), errors.Is(err, store.ErrDamaged),
		errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrReadOnly):
		w.note(time.Now())
	}
	return taken, err
}

func (w *watched) note(failed time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = failed
}

func (w *watched) lastFailed() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}
