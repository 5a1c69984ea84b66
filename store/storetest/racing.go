package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

func racesForOneStream(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	stream := events.OrderStream("contested")
	rounds, racers := f.whole(8, 3), f.racers()
	var mu sync.Mutex
	winners := map[uint64]string{}
	var lost atomic.Int64
	for round := range uint64(rounds) {
		together(t, "appends to one stream", racers, func(i int) {
			id := fmt.Sprintf("round-%d-racer-%d", round, i)
			written, err := log.Append(ctx, stream, round, record(id, nil))
			var conflict *store.ConflictError
			switch {
			case err == nil:
				mu.Lock()
				defer mu.Unlock()
				assert.Empty(t, winners[written[0].Version], "version %d has one winner", written[0].Version)
				winners[written[0].Version] = id
			case assert.ErrorAs(t, err, &conflict):
				assert.Equal(t, store.ConflictError{Stream: stream, Want: round, Have: round + 1}, *conflict)
				lost.Add(1)
			}
		})
	}
	assert.Len(t, winners, rounds, "every round has a winner")
	assert.EqualValues(t, rounds*(racers-1), lost.Load(), "and all others lose")
	all := readAll(t, log)
	inPlace(t, all)
	for _, r := range all {
		assert.Equal(t, winners[r.Version], r.ID, "what stands at version %d is what its winner was told", r.Version)
	}

	// Read, decide, append, and again after a conflict: as many get through as there are.
	together(t, "retries after conflicts", racers, func(i int) {
		for {
			after := uint64(0)
			if h, err := log.Head(ctx, stream); assert.NoError(t, err) {
				after = h.Version
			}
			_, err := log.Append(ctx, stream, after, record(fmt.Sprintf("patient-%d", i), nil))
			if !errors.Is(err, store.ErrConflict) {
				assert.NoError(t, err)
				return
			}
		}
	})
	all = readStream(t, log, stream, 0)
	assert.Len(t, all, rounds+racers)
	inPlace(t, all)
}

func racesForAKey(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	racers := f.racers()
	var won atomic.Pointer[events.Stream]
	together(t, "appends with one key", racers, func(i int) {
		stream := events.OrderStream(fmt.Sprintf("o-%d", i))
		_, err := log.Append(ctx, stream, 0, record(fmt.Sprintf("k-%d", i), withKeys("paymentId:contested")))
		if err == nil {
			assert.True(t, won.CompareAndSwap(nil, &stream), "the key has one owner")
			return
		}
		assert.ErrorIs(t, err, store.ErrKeyTaken)
	})
	require.NotNil(t, won.Load(), "somebody owns the key")
	owner, err := log.Lookup(ctx, "paymentId:contested")
	require.NoError(t, err)
	assert.Equal(t, *won.Load(), owner)
	assert.Len(t, readAll(t, log), 1, "the others wrote nothing")
}

func appendsToManyStreams(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	const each = 6
	racers := f.racers()
	together(t, "appends to many streams", racers, func(i int) {
		stream := events.OrderStream(fmt.Sprintf("o-%d", i))
		for v := range uint64(each) {
			given := records(fmt.Sprintf("o-%d-%d", i, v), 1+int(v)%3)
			after := []uint64{0, 1, 3, 6, 7, 9}[v]
			written, err := log.Append(ctx, stream, after, given...)
			if !assert.NoError(t, err) {
				return
			}
			for n, r := range written {
				assert.Equal(t, given[n].ID, r.ID)
				assert.Equal(t, after+uint64(n)+1, r.Version)
				assert.Equal(t, written[0].Position+uint64(n), r.Position, "records of one append stand next to each other")
			}
			// Acknowledged is visible, to every caller and at once.
			h, err := log.Head(ctx, stream)
			assert.NoError(t, err)
			assert.Equal(t, written[len(written)-1].Version, h.Version)
		}
	})
	all := readAll(t, log)
	assert.Len(t, all, racers*12)
	inPlace(t, all)
}

func lostAnswers(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	stream := events.OrderStream("o-1")
	first, second := records("first", 3), records("second", 2)
	written := mustAppend(t, log, stream, 0, first...)
	sameBytes(t, written, mustAppend(t, log, stream, 0, first...), "the same append again")
	mustAppend(t, log, events.OrderStream("o-2"), 0, record("elsewhere", nil))
	next := mustAppend(t, log, stream, 3, second...)
	sameBytes(t, written, mustAppend(t, log, stream, 0, first...), "again after other appends")
	sameBytes(t, next, mustAppend(t, log, stream, 3, second...), "the later one again")

	// Recognised by ids alone: a retry may be encoded by a newer version of the caller. The first writing stands.
	changed := record("first-1", func(r *events.Record) { r.Actor = "somebody else" })
	sameBytes(t, written, mustAppend(t, log, stream, 0, changed, first[1], first[2]), "the same ids with other content")

	conflicts := map[string]struct {
		after uint64
		given []events.Record
	}{
		"the same ids after another version":  {1, first},
		"the same ids at the stream's end":    {3, first},
		"some old, some new":                  {0, []events.Record{first[0], first[1], record("new", nil)}},
		"the last ones and one more":          {3, []events.Record{second[0], second[1], record("new", nil)}},
		"in another order":                    {0, []events.Record{first[1], first[0], first[2]}},
		"the ids of another stream":           {0, []events.Record{record("elsewhere", nil)}},
		"new ids where others stand":          {3, records("other", 2)},
		"more than the stream has, all known": {2, []events.Record{first[2], second[0], second[1], record("new", nil)}},
	}
	for what, c := range conflicts {
		_, err := log.Append(ctx, stream, c.after, c.given...)
		assert.ErrorIs(t, err, store.ErrConflict, "%s", what)
	}
	sameBytes(t, next[:1], mustAppend(t, log, stream, 3, second[0]), "part of what an append wrote, from its beginning")
	assert.Equal(t, []string{"first-1", "first-2", "first-3", "elsewhere", "second-1", "second-2"}, ids(readAll(t, log)),
		"nothing was written twice")

	// Many retries of one append at once: it happens once and all are told the same.
	third := records("third", 2)
	var mu sync.Mutex
	var answers [][]events.Record
	together(t, "one append, many times", f.racers(), func(int) {
		written, err := log.Append(ctx, stream, 5, third...)
		assert.NoError(t, err)
		mu.Lock()
		defer mu.Unlock()
		answers = append(answers, written)
	})
	for _, answer := range answers {
		sameBytes(t, answers[0], answer, "every try is told the same")
	}
	assert.Len(t, readStream(t, log, stream, 0), 7)

	again := f.reopen(t, log)
	sameBytes(t, written, mustAppend(t, again, stream, 0, first...), "again after a restart")
	assert.Len(t, readAll(t, again), 8)
}

func lookupKeys(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	one, two := events.OrderStream("o-1"), events.RefusalStream("o-1")
	owned := func(log store.Log, key events.Key, owner events.Stream) {
		t.Helper()
		have, err := log.Lookup(ctx, key)
		if assert.NoError(t, err, "look up %s", key) {
			assert.Equal(t, owner, have, "owner of %s", key)
		}
	}
	mustAppend(t, log, one, 0, record("k-1", withKeys("paymentRequestId:r-1", "paymentId:p-1")))
	owned(log, "paymentRequestId:r-1", one)
	owned(log, "paymentId:p-1", one)

	_, err := log.Append(ctx, two, 0, record("k-2", withKeys("paymentId:p-2", "paymentId:p-1")))
	var taken *store.KeyTakenError
	require.ErrorAs(t, err, &taken)
	assert.Equal(t, store.KeyTakenError{Stream: two, Key: "paymentId:p-1", Owner: one}, *taken)
	assert.ErrorIs(t, err, store.ErrKeyTaken)
	assert.Contains(t, err.Error(), "paymentId:p-1", "the error names the key")
	_, err = log.Lookup(ctx, "paymentId:p-2")
	require.ErrorIs(t, err, store.ErrNotFound, "the key beside a taken one stays free")

	mustAppend(t, log, one, 1, record("k-3", withKeys("paymentId:p-1", "paymentId:p-2")))
	owned(log, "paymentId:p-2", one)
	mustAppend(t, log, two, 0, record("k-4", withKeys("paymentId:p-3")),
		record("k-5", withKeys("paymentId:p-3", "refundRequestId:p-3")))
	owned(log, "paymentId:p-3", two)
	owned(log, "refundRequestId:p-3", two)

	// A conflict is told before a taken key: a caller that has not seen the newest must read first anyway.
	_, err = log.Append(ctx, two, 0, record("k-6", withKeys("paymentId:p-1")))
	require.ErrorIs(t, err, store.ErrConflict)

	for _, near := range []events.Key{"paymentId:p-", "paymentId:p-11", "paymentid:p-1", "PaymentId:p-1", ":p-1", "p-1",
		"paymentId:", "captureRequestId:r-1"} {
		_, err = log.Lookup(ctx, near)
		assert.ErrorIs(t, err, store.ErrNotFound, "%q is no other key", near)
	}
	owned(f.reopen(t, log), "paymentId:p-2", one)
}
