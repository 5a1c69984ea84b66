package tilltape

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// What is remembered only to save work must not grow with the number of orders. Nothing of it shows from outside.

func TestRefusalsOfSoManyOrdersAreRemembered(t *testing.T) {
	var q refusals
	for i := range 3 * refusalOrdersMax {
		id := fmt.Sprint("o-", i)
		q.keep(id, order.Refusals{Version: 1})
		q.keep(id, order.Refusals{Version: 2})
		assert.EqualValues(t, 2, q.known[id].Version, "the newest is always kept")
	}
	assert.Len(t, q.known, refusalOrdersMax)
}

func TestTheRestOfSoManyOrdersIsRemembered(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	r := newRunner(&Orders{cfg: Config{Now: func() time.Time { return now }, Concurrency: 1}}, t.Context(), t.Context())
	for i := range 3 * runRestingMax {
		r.rest(fmt.Sprint("o-", i), time.Time{})
	}
	assert.Len(t, r.resting, runRestingMax)

	var waits []time.Duration
	for range 9 {
		waits = append(waits, r.rest("o", time.Time{}).Sub(now))
	}
	assert.Equal(t, []time.Duration{1e9, 2e9, 4e9, 8e9, 16e9, 32e9, RunRestMax, RunRestMax, RunRestMax}, waits)
	assert.Equal(t, now.Add(time.Hour), r.rest("o", now.Add(time.Hour)), "what is not due before stays away until then")
}

// Who asked for neither hooks nor a log pays for neither.
func TestWhatNobodyHearsCostsNothing(t *testing.T) {
	quiet := newTeller(nil, nil)
	ctx, records := t.Context(), []events.Record{{Event: events.CancelRequested{}}}
	call, refused := CallMade{Verdict: order.VerdictUnknown}, Refusal{Err: &order.RejectedError{}}
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		quiet.appended(ctx, records, nil)
		quiet.called(ctx, call)
		quiet.refused(ctx, refused)
		quiet.settled(ctx, Pass{Settled: Settled{Driven: 1}})
	}))
}
