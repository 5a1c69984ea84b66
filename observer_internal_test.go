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
	var command order.Command = order.Cancel{CommandID: "c-1"}
	call, refused := CallMade{Verdict: order.VerdictUnknown}, Refusal{Err: &order.RejectedError{}}
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		quiet.appended(ctx, records, nil)
		same, given := quiet.commanding(ctx, "o-1", command)
		quiet.called(quiet.calling(same, CallBegun{Call: call.Call}), call)
		quiet.trace(same)
		quiet.commanded(same, given, Done, nil)
		quiet.refused(ctx, refused)
		quiet.settled(ctx, Pass{Settled: Settled{Driven: 1}})
	}))
}
