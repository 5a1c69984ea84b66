package otel_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/otel"
)

// A request to APO is in the call's span, that in the command's, and that in its caller's.
func TestSpans_NestFromTheCallerToTheRequest(t *testing.T) {
	w := newWorld(t)
	w.authorized("o-1")
	ctx, caller := w.tracers.Tracer("test").Start(context.Background(), "checkout")
	_, err := w.orders.Cancel(ctx, "o-1", order.Cancel{CommandID: "c-1"})
	require.NoError(t, err)
	caller.End()

	command, call := w.one("order cancel"), w.one("APO cancel")
	assert.Equal(t, caller.SpanContext().SpanID(), command.Parent().SpanID())
	assert.Equal(t, command.SpanContext().SpanID(), call.Parent().SpanID())
	require.Len(t, w.requests, 1)
	assert.Equal(t, call.SpanContext().SpanID(), w.requests[0].SpanID())
	assert.Equal(t, caller.SpanContext().TraceID(), w.requests[0].TraceID())
	assert.Empty(t, call.Links(), "its command is its parent")
	assert.Equal(t, trace.SpanKindClient, call.SpanKind())
	assert.Equal(t, trace.SpanKindInternal, command.SpanKind())
	assert.Equal(t, codes.Unset, command.Status().Code)
	assert.Equal(t, map[string]string{"tilltape.command": "cancel", "tilltape.order.id": "o-1",
		"tilltape.command.id": "c-1", "tilltape.outcome": "done"}, attributesOf(command))
	assert.Equal(t, map[string]string{"tilltape.call": "cancel", "tilltape.order.id": "o-1", "tilltape.call.attempt": "1",
		"tilltape.call.answer": "succeeded", "tilltape.apo.code": "SUCCESS"}, attributesOf(call))
	assert.Len(t, w.ended("order observe"), 1, "what APO told of the payment")
}

// What another process does for a command, a day later, is a trace of its own with a link to the command's.
func TestSpans_OfRetriesLinkToTheCommandOverARestart(t *testing.T) {
	w := newWorld(t)
	w.authorized("o-1")
	require.NoError(t, w.server.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, To: 1, Do: apotest.Undecided}))
	_, err := w.orders.Cancel(context.Background(), "o-1", order.Cancel{})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	command := w.one("order cancel")
	assert.Equal(t, codes.Error, command.Status().Code)
	assert.Equal(t, codes.Error, w.one("APO cancel").Status().Code, "nothing is proven")

	w.open(nil)
	w.clock.Advance(24 * time.Hour)
	settled, err := w.orders.SettleDue(context.Background())
	require.NoError(t, err)
	require.Equal(t, 1, settled.Driven)
	calls := append(w.ended("APO inquiryPayment"), w.ended("APO cancel")...)
	require.Len(t, calls, 2, "after so long APO is inquired of, and then asked again")
	for _, call := range calls {
		assert.False(t, call.Parent().IsValid(), "nobody waits for it")
		require.Len(t, call.Links(), 1)
		link := call.Links()[0].SpanContext
		assert.Equal(t, command.SpanContext().TraceID(), link.TraceID())
		assert.Equal(t, command.SpanContext().SpanID(), link.SpanID())
	}
	assert.Equal(t, "1", attributesOf(calls[0])["tilltape.call.inquiry"])
	assert.Equal(t, "2", attributesOf(calls[1])["tilltape.call.attempt"])
}

// A command that joins an earlier one is a part of its own caller's trace, and its retry links to the first.
func TestSpans_OfARepetitionLinkToTheFirst(t *testing.T) {
	w := newWorld(t)
	w.authorized("o-1")
	require.NoError(t, w.server.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, To: 1, Do: apotest.Undecided}))
	_, err := w.orders.Cancel(context.Background(), "o-1", order.Cancel{CommandID: "c-1"})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	w.clock.Advance(10 * time.Second)
	_, err = w.orders.Cancel(context.Background(), "o-1", order.Cancel{CommandID: "c-1"})
	require.NoError(t, err)
	commands, calls := w.ended("order cancel"), w.ended("APO cancel")
	require.Len(t, commands, 2)
	require.Len(t, calls, 2)
	assert.Equal(t, commands[1].SpanContext().SpanID(), calls[1].Parent().SpanID())
	require.Len(t, calls[1].Links(), 1)
	assert.Equal(t, commands[0].SpanContext().SpanID(), calls[1].Links()[0].SpanContext.SpanID())
}

// Who asks for what is not legal is at fault, and not the service.
func TestSpans_ARefusalIsNoError(t *testing.T) {
	w := newWorld(t)
	w.authorized("o-1")
	_, err := w.orders.Refund(context.Background(), "o-1", order.Refund{Amount: usd(1)})
	require.ErrorIs(t, err, order.ErrRejected)
	span := w.one("order refund")
	assert.Equal(t, codes.Unset, span.Status().Code)
	assert.Equal(t, "nothing-captured", attributesOf(span)["tilltape.reason"])
	assert.Equal(t, "refused", attributesOf(span)["tilltape.outcome"])
}

// What a service observes besides is told within the spans; a span that it makes of its own is not taken for ours.
func TestObserver_NextIsToldWithinTheSpans(t *testing.T) {
	w := newWorld(t)
	w.authorized("o-1")
	var told []string
	within := func(ctx context.Context, what string) {
		assert.True(t, trace.SpanFromContext(ctx).IsRecording(), what)
		told = append(told, what)
	}
	start := func(ctx context.Context, name string) context.Context {
		within(ctx, name)
		ctx, _ = w.tracers.Tracer("theirs").Start(ctx, name)
		return ctx
	}
	w.open(&tilltape.Observer{
		Commanding: func(ctx context.Context, c tilltape.CommandGiven) context.Context { return start(ctx, "theirs") },
		Calling:    func(ctx context.Context, c tilltape.CallBegun) context.Context { within(ctx, "calling"); return nil },
		Called:     func(ctx context.Context, c tilltape.CallMade) { within(ctx, "called") },
		Commanded:  func(ctx context.Context, c tilltape.CommandEnded) { within(ctx, "commanded") },
		Refused:    func(ctx context.Context, c tilltape.Refusal) { within(ctx, "refused") },
		Settled:    func(context.Context, tilltape.Pass) { told = append(told, "settled") },
	})
	_, err := w.orders.Cancel(context.Background(), "o-1", order.Cancel{})
	require.NoError(t, err)
	_, err = w.orders.Capture(context.Background(), "o-1", order.Capture{Amount: usd(1)})
	require.ErrorIs(t, err, order.ErrRejected)
	assert.Equal(t, []string{"theirs", "calling", "called", "commanded", "theirs", "refused", "commanded"}, told)
	assert.Len(t, w.ended("order cancel"), 1)
	assert.Empty(t, w.ended("theirs"), "it is theirs to end")
}

// A context that is none of ours costs the spans, and no command.
func TestObserver_NextThatMakesAnotherContext(t *testing.T) {
	w := newWorld(t)
	w.authorized("o-1")
	w.open(&tilltape.Observer{
		Commanding: func(context.Context, tilltape.CommandGiven) context.Context { return context.Background() },
		Calling:    func(context.Context, tilltape.CallBegun) context.Context { return context.Background() },
	})
	_, err := w.orders.Cancel(context.Background(), "o-1", order.Cancel{})
	require.NoError(t, err)
	assert.Empty(t, w.ended("order cancel"))
	assert.Len(t, w.values("tilltape.call.duration"), 1)
}

// Where nobody asked for spans, the trace of the caller is kept all the same.
func TestNew_WithoutAnything(t *testing.T) {
	w := newWorld(t)
	w.authorized("o-1")
	telemetry, err := otel.New(otel.Config{})
	require.NoError(t, err)
	o := telemetry.Observer(nil)
	ctx, span := w.tracers.Tracer("test").Start(context.Background(), "checkout")
	defer span.End()
	ctx = o.Commanding(ctx, tilltape.CommandGiven{})
	c := span.SpanContext()
	assert.Equal(t, "00-"+c.TraceID().String()+"-"+c.SpanID().String()+"-01", o.Trace(ctx))
	assert.Empty(t, o.Trace(context.Background()))
	o.Commanded(o.Calling(ctx, tilltape.CallBegun{Trace: "no trace at all"}), tilltape.CommandEnded{})
	stop, err := telemetry.Measure(w.log)
	require.NoError(t, err)
	require.NoError(t, stop())
	_, err = telemetry.Measure(nil)
	require.ErrorIs(t, err, tilltape.ErrConfig)
}
