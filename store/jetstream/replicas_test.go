package jetstream_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/ordertest"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/jetstream"
)

// equal has all logs current, and the same.
func equal(t *testing.T, logs ...kept) seal.Checkpoint {
	t.Helper()
	first, err := logs[0].Tree(t.Context())
	require.NoError(t, err)
	for _, log := range logs {
		tree, err := log.Tree(t.Context())
		require.NoError(t, err)
		require.Equal(t, first, tree, "the same records, root and origin")
		require.NoError(t, log.Agrees(t.Context(), first))
		require.NoError(t, log.Verify(t.Context(), nil))
	}
	return first
}

// Three processes append to the same orders: each version has one winner, and all have the same log.
func TestThreeProcessesHaveTheSameLog(t *testing.T) {
	one := newLog(t, newServer(t, usualPayload), jetstream.Config{})
	logs := []kept{one, beside(t, one), beside(t, one)}
	var won, lost atomic.Int64
	var clients sync.WaitGroup
	for c := range 24 {
		log, random := logs[c%3], rand.New(rand.NewPCG(1, uint64(c)))
		clients.Go(func() {
			for n := range 30 {
				order := events.OrderStream(fmt.Sprintf("o-%d", random.IntN(5)))
				after := uint64(0)
				if head, err := log.Head(t.Context(), order); err == nil {
					after = head.Version
				} else if !assert.ErrorIs(t, err, store.ErrNotFound) {
					return
				}
				_, err := log.Append(t.Context(), order, after, record(fmt.Sprintf("r-%d-%d", c, n)))
				if err == nil {
					won.Add(1)
				} else if assert.ErrorIs(t, err, store.ErrConflict) {
					lost.Add(1)
				}
			}
		})
	}
	clients.Wait()
	now := equal(t, logs...)
	assert.EqualValues(t, won.Load(), now.Size)
	t.Logf("%d appends, %d conflicts", won.Load(), lost.Load())
}

// spread is a log whose every call goes to another process than the one before.
type spread struct {
	logs []kept
	next atomic.Int64
}

func (s *spread) one() kept { return s.logs[int(s.next.Add(1))%len(s.logs)] }

func (s *spread) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	return s.one().Append(ctx, to, after, records...)
}

func (s *spread) Read(ctx context.Context, of events.Stream, after uint64) iter.Seq2[events.Record, error] {
	return s.one().Read(ctx, of, after)
}

func (s *spread) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return s.one().All(ctx, from)
}

func (s *spread) Lookup(ctx context.Context, key events.Key) (events.Stream, error) {
	return s.one().Lookup(ctx, key)
}

func (s *spread) Head(ctx context.Context, of events.Stream) (store.Head, error) {
	return s.one().Head(ctx, of)
}

func (s *spread) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	return s.one().Heads(ctx, filter)
}

func (s *spread) Close() error { return nil }

// Whichever process is asked, what was acknowledged before is there.
func TestThreeProcessesAreLinearizable(t *testing.T) {
	s := newServer(t, usualPayload)
	ordertest.Linearizable(t, func(t *testing.T) store.Log {
		one := newLog(t, s, jetstream.Config{})
		return &spread{logs: []kept{one, beside(t, one), beside(t, one)}}
	}, ordertest.Load{Rounds: long.Rounds(2, 8)})
}

// The teeth of the test before: with local reads it fails, so it is the question to the leader that makes them current.
func TestLocalReadsAreNotLinearizable(t *testing.T) {
	s := newServer(t, usualPayload)
	for seed := range uint64(50) {
		one := newLog(t, s, jetstream.Config{LocalReads: true})
		_, err := ordertest.Race(t.Context(), &spread{logs: []kept{one, beside(t, one), beside(t, one)}},
			ordertest.Load{Seed: seed})
		if err != nil {
			require.ErrorIs(t, err, ordertest.ErrNotLinearizable)
			return
		}
	}
	t.Fatal("nobody has noticed that reads are local")
}

// A process begins with the first message, or with a copy of another's file, and goes on where it was.
func TestProcessesThatComeLater(t *testing.T) {
	one := newLog(t, newServer(t, usualPayload), jetstream.Config{Signer: newSigner(t)})
	fill := func(log kept, from, until int) {
		for i := from; i < until; i++ {
			id := fmt.Sprintf("o-%d", i)
			_, err := log.Append(t.Context(), events.OrderStream(id), 0, record("r-"+id))
			require.NoError(t, err)
		}
	}
	fill(one, 0, 50)
	copied := filepath.Join(t.TempDir(), "copy.log")
	require.NoError(t, one.Backup(t.Context(), copied, nil))
	fill(one, 50, 80)
	late := beside(t, one)
	fromCopy := open(t, connect(t, one.conn.ConnectedUrl()), copied, one.config)
	fill(late, 80, 90)
	fill(fromCopy, 90, 100)
	was := equal(t, one, late, fromCopy)
	assert.EqualValues(t, 100, was.Size)

	require.NoError(t, fromCopy.Close())
	fill(one, 100, 120)
	_, err := bolt.Open(copied, nil)
	require.ErrorIs(t, err, store.ErrReadOnly, "nobody goes on with the file without the order")
	again := open(t, fromCopy.conn, copied, one.config)
	equal(t, again, one, late)
	require.NoError(t, again.Agrees(t.Context(), was), "and with what it was")

	was.Size += 1000
	require.ErrorIs(t, again.Agrees(t.Context(), was), store.ErrInvalid)
	was.Size = 100
	was.Root[0]++
	require.ErrorIs(t, again.Agrees(t.Context(), was), store.ErrDamaged)
	was.Origin = "another"
	require.ErrorIs(t, again.Agrees(t.Context(), was), store.ErrInvalid)
	require.NoError(t, again.Close())
}

// Whoever watches one process is told at once of what others append, from wherever it was before.
func TestWatchingWhatOthersAppend(t *testing.T) {
	one := newLog(t, newServer(t, usualPayload), jetstream.Config{LocalReads: true})
	two := beside(t, one)
	for i := range 20 {
		id := fmt.Sprintf("o-%d", i)
		written, err := two.Append(t.Context(), events.OrderStream(id), 0, record("r-"+id))
		require.NoError(t, err)
		for r, err := range one.Watch(t.Context(), store.Start()) {
			require.NoError(t, err)
			if r.Position == written[0].Position {
				break
			}
		}
		for _, err := range one.All(t.Context(), store.After(written[0])) { // its place is known here, too
			require.NoError(t, err)
		}
	}
}

// Many small appends share messages.
func TestAppendsShareMessages(t *testing.T) {
	log := newLog(t, newServer(t, usualPayload), jetstream.Config{})
	const clients, each = 64, 8
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for v := range uint64(each) {
				_, err := log.Append(t.Context(), events.OrderStream(fmt.Sprintf("o-%d", c)), v,
					record(fmt.Sprintf("r-%d-%d", c, v)))
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
	last := lastSequence(t, log)
	assert.Less(t, last, uint64(clients*each/2))
	t.Logf("%d appends in %d messages", clients*each, last-1)
}
