package tilltape

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// Who asked for neither hooks nor a log pays for neither.
func TestWhatNobodyHearsCostsNothing(t *testing.T) {
	quiet := newTeller(nil, slog.New(slog.DiscardHandler))
	ctx, records := t.Context(), []events.Record{{Event: events.CancelRequested{}}}
	call, refused := CallMade{Verdict: order.VerdictUnknown}, Refusal{Err: &order.RejectedError{}}
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		quiet.appended(ctx, records, nil)
		quiet.called(ctx, call)
		quiet.refused(ctx, refused)
		quiet.settled(ctx, Pass{Settled: Settled{Driven: 1}})
	}))
}
