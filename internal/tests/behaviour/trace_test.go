package behaviour_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// traceparents that two tries of one operation are parts of.
const (
	firstTrace  = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	secondTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

// traced has an Orders that is a part of the trace, and keeps what its calls are told of theirs.
func traced(x *tilltest.Till, trace string) *[]string {
	x.T.Helper()
	told := &[]string{}
	x.Config.Observer = &tilltape.Observer{
		Trace: func(context.Context) string { return trace },
		Calling: func(_ context.Context, c tilltape.CallBegun) context.Context {
			*told = append(*told, c.Call.Kind.String()+" "+c.Trace)
			return nil
		},
	}
	x.Open(x.Bank)
	return told
}

// traceOf is what an intent keeps.
func traceOf(e events.Event) (trace string, intent bool) {
	switch e := e.(type) {
	case events.CancelRequested:
		return e.Trace, true
	case events.CaptureRequested:
		return e.Trace, true
	case events.RefundRequested:
		return e.Trace, true
	}
	return "", false
}

// A retry by another Orders, and an inquiry, are told of the trace of the command that they are about: it is on record.
func TestTrace_GoesWithTheIntentOverRestarts(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	told := traced(x, firstTrace)
	x.Bank.Next(tilltest.LostBefore)
	x.Bank.Next(tilltest.LostBefore)
	_, err := x.Cancel()
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Equal(t, []string{"cancel " + firstTrace}, *told)

	told = traced(x, secondTrace)
	x.Settle(time.Second)
	x.Settle(time.Hour)
	assert.Equal(t, []string{"cancel " + firstTrace, "inquiryPayment " + firstTrace, "cancel " + firstTrace}, *told)
	assert.Equal(t, order.Cancelled, x.Get().Status)
}

// Every intent has it: of a cancel, a capture, a refund, and of both ways to give late money back.
func TestTrace_OfEveryIntent(t *testing.T) {
	for name, test := range map[string]struct {
		intents string
		command func(x *tilltest.Till) (tilltape.Result, error)
	}{
		"cancel": {"cancel", func(x *tilltest.Till) (tilltape.Result, error) {
			x.Place(order.CaptureManual)
			x.Paid()
			return x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{})
		}},
		"capture": {"capture", func(x *tilltest.Till) (tilltape.Result, error) {
			x.Place(order.CaptureManual)
			x.Paid()
			return x.Orders.Capture(x.Ctx, tilltest.TheOrder, order.Capture{Amount: tilltest.USD(1)})
		}},
		"refund": {"capture refund", func(x *tilltest.Till) (tilltape.Result, error) {
			x.Captured(tilltest.TheAmount)
			return x.Orders.Refund(x.Ctx, tilltest.TheOrder, order.Refund{Amount: tilltest.USD(1)})
		}},
		"late and held": {"cancel cancel", func(x *tilltest.Till) (tilltape.Result, error) {
			x.PaidLate(order.CaptureManual)
			return x.Orders.Compensate(x.Ctx, tilltest.TheOrder, order.Compensate{})
		}},
		"late and moved": {"cancel refund", func(x *tilltest.Till) (tilltape.Result, error) {
			x.PaidLate(order.CaptureNone)
			return x.Orders.Compensate(x.Ctx, tilltest.TheOrder, order.Compensate{})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			x := tilltest.NewTill(t, memory.New())
			traced(x, firstTrace)
			_, err := test.command(x)
			require.NoError(t, err)
			var traces []string
			for _, r := range x.History() {
				if trace, intent := traceOf(r.Event); intent {
					traces = append(traces, string(r.Event.Kind())+" "+trace)
				}
			}
			var want []string
			for _, kind := range strings.Fields(test.intents) {
				want = append(want, kind+".requested.v1 "+firstTrace)
			}
			assert.Equal(t, want, traces)
		})
	}
}

// What no record can keep, or no trace is, costs no command.
func TestTrace_ThatIsNoneIsLeftOut(t *testing.T) {
	for _, odd := range []string{"", strings.Repeat("0", events.TraceMax+1), "with space", "with a\nbreak", "ü",
		"\xff"} {
		x := tilltest.NewTill(t, memory.New())
		told := traced(x, odd)
		x.Place(order.CaptureManual)
		x.Paid()
		_, err := x.Cancel()
		require.NoError(t, err)
		assert.Equal(t, []string{"cancel "}, *told, "%q", odd)
	}
	x := tilltest.NewTill(t, memory.New())
	longest := strings.Repeat("0", events.TraceMax)
	told := traced(x, longest)
	x.Place(order.CaptureManual)
	x.Paid()
	_, err := x.Cancel()
	require.NoError(t, err)
	assert.Equal(t, []string{"cancel " + longest}, *told)
}
