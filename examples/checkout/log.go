package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/jetstream"
	"github.com/tilltape/tilltape/store/postgres"
)

// openLog opens the log in the database that is set, or else in its file, alone or by the order of a stream. The closer
// closes the log and what it is kept by.
func openLog(ctx context.Context, s *settings, signer *seal.Signer) (log store.Log, closer func() error, err error) {
	switch {
	case s.nats != "":
		return openStream(ctx, s, signer)
	case s.database == "":
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

// pings have a server that hangs given up after some seconds: until then every append of this process is in doubt.
const (
	pingEvery   = 5 * time.Second
	pingsMissed = 2
)

// openStream opens the log whose order is a stream of the servers that are set.
func openStream(ctx context.Context, s *settings, signer *seal.Signer) (store.Log, func() error, error) {
	conn, err := nats.Connect(s.nats, nats.Name(actor), nats.MaxReconnects(-1), nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(pingsMissed))
	if err != nil {
		return nil, nil, fmt.Errorf("%sNATS: %w; start the servers, or give other URLs", prefix, err)
	}
	log, err := jetstream.Open(ctx, conn, s.log, &jetstream.Config{Stream: s.stream, Replicas: s.replicas,
		Create: s.createStream, Origin: s.origin, Signer: signer})
	if err != nil {
		conn.Close()
		return nil, nil, named(err)
	}
	return log, func() error {
		defer conn.Close()
		return log.Close()
	}, nil
}

// named says which settings an error is about: the log's words are those of its Config.
func named(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrNoStream):
		return fmt.Errorf("%w; %sSTREAM_CREATE=yes is Config.Create, %sSTREAM_REPLICAS Config.Replicas", err, prefix, prefix)
	case errors.Is(err, jetstream.ErrStream):
		return fmt.Errorf("%w; %sSTREAM_REPLICAS is Config.Replicas", err, prefix)
	case errors.Is(err, store.ErrInvalid):
		return fmt.Errorf("%w; %sORIGIN gives Config.Origin, %sSIGNER the key, %sSTREAM Config.Stream", err, prefix, prefix,
			prefix)
	}
	return err
}

// watched is a log that remembers when it last failed to take something: that it can be read says little about that.
type watched struct {
	store.Log
	path    string        // of its file; empty: it has none
	file    os.FileInfo   // what was there when it was opened
	trouble chan struct{} // it may have stopped

	mu      sync.Mutex
	failed  time.Time
	probes  uint64 // appends that were tried, to be refused
	refused uint64 // what was last told
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

// tries gives an append that the log has to refuse, and so does not change it.
func (w *watched) tries(ctx context.Context, to events.Stream, after uint64, r events.Record) error {
	w.probed(1)
	_, err := w.Log.Append(ctx, to, after, r)
	if !errors.Is(err, store.ErrConflict) {
		w.probed(-1)
	}
	return err
}

func (w *watched) probed(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.probes += uint64(n)
}

// Figures implements [store.Measured]: the log's, without what was only tried. What is refused never becomes less, as a
// counter's readers expect, while an append is tried.
func (w *watched) Figures() store.Figures {
	measured, is := w.Log.(store.Measured)
	if !is {
		return store.Figures{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	f := measured.Figures()
	w.refused = max(w.refused, f.Refused-min(w.probes, f.Refused))
	f.Refused = w.refused
	return f
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
