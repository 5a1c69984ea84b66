package audit_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// aDayOfOrders is a log in which two orders are placed at nine, and the first is paid at one minute past.
func aDayOfOrders() store.Log { return exampleLog() }

var nine = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func TestPositionAtFindsTheNewestRecordOfAMoment(t *testing.T) {
	log := aDayOfOrders()
	for at, want := range map[time.Time]uint64{nine.Add(-1): 0, nine: 2, nine.Add(59 * time.Second): 2,
		nine.Add(time.Minute): 3, nine.Add(time.Hour): 3} {
		got, err := audit.PositionAt(t.Context(), log, at)
		require.NoError(t, err)
		assert.Equal(t, want, got, at)
	}
	// Against a count by hand, for every length of a longer log.
	long := memory.New()
	for i := range 70 {
		at := nine.Add(time.Duration(i/3) * time.Second) // three at a time
		_, err := long.Append(t.Context(), events.OrderStream(fmt.Sprint("o-", i)), 0, events.Record{ID: "r-1",
			Recorded: at, Occurred: at, Event: events.OrderCreated{PaymentRequestID: "p"}})
		require.NoError(t, err)
	}
	for s := range 30 {
		got, err := audit.PositionAt(t.Context(), long, nine.Add(time.Duration(s)*time.Second))
		require.NoError(t, err)
		assert.Equal(t, uint64(min(3*(s+1), 70)), got, s)
	}
	empty, err := audit.PositionAt(t.Context(), memory.New(), nine)
	require.NoError(t, err)
	assert.Zero(t, empty)
}

func TestAnOrderAsItWas(t *testing.T) {
	log := aDayOfOrders()
	for _, tt := range []struct {
		at   audit.Point
		want order.Status
	}{{audit.Point{}, order.Authorized}, {audit.Point{Position: 2}, order.Created}, {audit.Point{Position: 3},
		order.Authorized}, {audit.Point{Time: nine}, order.Created},
		{audit.Point{Time: nine.Add(time.Minute)}, order.Authorized}} {
		o, err := audit.OrderAt(t.Context(), log, "o-1", tt.at)
		require.NoError(t, err)
		assert.Equal(t, tt.want, o.Status, tt.at)

		all, err := audit.At(t.Context(), log, tt.at, nil)
		require.NoError(t, err)
		same, known := all.Order("o-1")
		assert.True(t, known)
		assert.Equal(t, o, same, "one of all is the one alone")
	}
	_, err := audit.OrderAt(t.Context(), log, "o-2", audit.Point{Position: 1})
	require.ErrorIs(t, err, order.ErrUnknownOrder)
	assert.ErrorContains(t, err, `order "o-2" at position 1`)
	_, err = audit.OrderAt(t.Context(), log, "o-1", audit.Point{Time: nine.Add(-time.Hour)})
	require.ErrorIs(t, err, order.ErrUnknownOrder)
	_, err = audit.OrderAt(t.Context(), log, "", audit.Point{})
	require.ErrorIs(t, err, events.ErrInvalid)
}

func TestAllOrdersAsTheyWere(t *testing.T) {
	log := aDayOfOrders()
	for at, want := range map[audit.Point]map[order.Status]int{
		{Time: nine.Add(-time.Hour)}: {}, {Position: 1}: {order.Created: 1}, {Position: 2}: {order.Created: 2},
		{}: {order.Created: 1, order.Authorized: 1}} {
		all, err := audit.At(t.Context(), log, at, nil)
		require.NoError(t, err)
		assert.Equal(t, want, all.Statuses(), at)
	}
	bad := records(log)
	bad[2].Event = events.CancelSucceeded{Cause: events.CauseRequested}
	_, err := audit.At(t.Context(), &tampered{records: bad}, audit.Point{}, nil)
	require.ErrorIs(t, err, audit.ErrIllegal)
	_, err = audit.At(t.Context(), &tampered{records: bad}, audit.Point{Position: 2}, nil)
	require.NoError(t, err, "what comes later is not looked at")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = audit.At(ended, log, audit.Point{Time: nine}, nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestAPointInWords(t *testing.T) {
	assert.Equal(t, "the end", audit.Point{}.String())
	assert.Equal(t, "position 7", audit.Point{Position: 7}.String())
	assert.Equal(t, "2026-11-23T09:00:00Z", audit.Point{Time: nine}.String())
}

// A position that a log does not have yet has no answer, and the end is named; a moment that is to come has one.
func TestAPointBeyondTheEnd(t *testing.T) {
	log := aDayOfOrders()
	beyond := audit.Point{Position: 4}
	_, err := audit.At(t.Context(), log, beyond, nil)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.EqualError(t, err, "position 4: not found: the log ends with position 3; name one up to there")
	_, err = audit.OrderAt(t.Context(), log, "o-1", beyond)
	require.ErrorIs(t, err, store.ErrNotFound)
	for _, err := range audit.Diff(t.Context(), audit.Side{Log: log}, audit.Side{Log: log, At: beyond}) {
		require.ErrorIs(t, err, store.ErrNotFound)
		require.ErrorContains(t, err, "the second side: position 4")
	}
	all, err := audit.At(t.Context(), log, audit.Point{Position: 3}, nil)
	require.NoError(t, err)
	assert.Equal(t, uint64(3), all.Records)
	all, err = audit.At(t.Context(), log, audit.Point{Time: nine.Add(24 * time.Hour)}, nil)
	require.NoError(t, err)
	assert.Equal(t, uint64(3), all.Records)
}
