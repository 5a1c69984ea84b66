package tilltape

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// A refusal that comes while very many wait is told of, since it will not stand in the log.
func TestARefusalTooManyIsTold(t *testing.T) {
	var text strings.Builder
	s := &Orders{tell: newTeller(nil, slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})))}
	s.refusals.writing = true // and nobody does
	refused := refusal{command: order.Cancel{}, err: &order.RejectedError{Order: "o-7", Status: order.Captured}}
	for range refusalQueueMax {
		s.refused(refused)
	}
	require.Empty(t, text.String())
	s.refused(refused)
	assert.Contains(t, text.String(), `msg="refusal not recorded" order=o-7`)
	assert.Contains(t, text.String(), "1024 others wait to be recorded")
	assert.Len(t, s.refusals.queue, refusalQueueMax)
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
