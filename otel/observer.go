package otel

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// The keys of what spans have besides. Ids are here alone, and in no metric.
const (
	keyOrderID   = "tilltape.order.id"
	keyCommandID = "tilltape.command.id"
	keyAttempt   = "tilltape.call.attempt"
	keyInquiry   = "tilltape.call.inquiry"
	keyCode      = "tilltape.apo.code"
)

// observing is the word of a fact that was observed, beside those of commands.
const observing = "observe"

// Observer is what an Orders is to tell ([tilltape.Config.Observer]). next is told of all of it too, within the spans,
// and may be nil; what its Commanding and Calling return is what the work is done with, and its Trace is not asked.
func (t *Telemetry) Observer(next *tilltape.Observer) *tilltape.Observer {
	o := &tilltape.Observer{Commanding: t.commanding, Commanded: t.commanded, Trace: traceparent, Calling: t.calling,
		Called: t.called, Appended: t.appended, Refused: t.refusal, Parked: t.alarm, Anomaly: t.anomaly, Failed: t.failed}
	if next == nil {
		return o
	}
	o.Commanding, o.Calling = thenMake(o.Commanding, next.Commanding), told(thenMake(o.Calling, next.Calling))
	o.Commanded, o.Called = then(next.Commanded, o.Commanded), then(next.Called, o.Called)
	o.Appended, o.Refused = then(o.Appended, next.Appended), then(o.Refused, next.Refused)
	o.Parked, o.Anomaly = then(o.Parked, next.Parked), then(o.Anomaly, next.Anomaly)
	o.Settled, o.Failed = next.Settled, then(o.Failed, next.Failed)
	return o
}

// then has both told, where both are there.
func then[T any](first, second func(context.Context, T)) func(context.Context, T) {
	if first == nil {
		return second
	}
	if second == nil {
		return first
	}
	return func(ctx context.Context, what T) {
		first(ctx, what)
		second(ctx, what)
	}
}

// told marks the calls that the Orders tells of itself, whatever context next has made of ours.
func told(calling func(context.Context, tilltape.CallBegun) context.Context) func(context.Context,
	tilltape.CallBegun) context.Context {
	return func(ctx context.Context, c tilltape.CallBegun) context.Context {
		if ctx = calling(ctx, c); ctx.Value(callKey{}) != nil {
			return ctx
		}
		return context.WithValue(ctx, callKey{}, elsewhere{})
	}
}

// elsewhere stands for a span that next has left behind.
type elsewhere struct{}

func thenMake[T any](first, second func(context.Context, T) context.Context) func(context.Context, T) context.Context {
	if second == nil {
		return first
	}
	return func(ctx context.Context, what T) context.Context {
		ctx = first(ctx, what)
		if made := second(ctx, what); made != nil {
			return made
		}
		return ctx
	}
}

// The keys of what is under way, in its context: next may have put a span of its own there.
type (
	commandKey struct{}
	callKey    struct{}
)

// begun is a command that is under way.
type begun struct {
	at   time.Time
	span trace.Span
}

func verbOf(v order.Verb) string {
	if v == order.VerbNone {
		return observing
	}
	return v.String()
}

func (t *Telemetry) commanding(ctx context.Context, c tilltape.CommandGiven) context.Context {
	verb, at := verbOf(c.Verb), t.now()
	ctx, span := t.tracer.Start(ctx, "order "+verb, trace.WithAttributes(attribute.String(keyCommand, verb),
		attribute.String(keyOrderID, c.OrderID), attribute.String(keyCommandID, c.CommandID)))
	return context.WithValue(ctx, commandKey{}, begun{at, span})
}

func (t *Telemetry) commanded(ctx context.Context, c tilltape.CommandEnded) {
	b, is := ctx.Value(commandKey{}).(begun)
	if !is {
		return // next has made a context that is none of ours
	}
	outcome := c.Outcome.String()
	t.commands.Record(ctx, max(t.now().Sub(b.at), 0).Seconds(), with(keyCommand, verbOf(c.Verb), keyOutcome, outcome))
	b.span.SetAttributes(attribute.String(keyOutcome, outcome))
	if failed(c.Outcome) {
		b.span.SetStatus(codes.Error, outcome)
	}
	b.span.End()
}

// failed reports whether an outcome is an error of the service's or APO's, and not of who gave the command.
func failed(o tilltape.Outcome) bool {
	switch o {
	case tilltape.Broken, tilltape.Failed, tilltape.Unknown, tilltape.InDoubt, tilltape.Unavailable:
		return true
	}
	return false
}

// traceparent is the trace that a command is a part of, empty where there is none.
func traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get("traceparent")
}

// linkTo is the span of a traceparent, for a link.
func linkTo(traceparent string) (trace.Link, bool) {
	if traceparent == "" {
		return trace.Link{}, false
	}
	carrier := propagation.MapCarrier{"traceparent": traceparent}
	ctx := propagation.TraceContext{}.Extract(context.Background(), carrier)
	link := trace.LinkFromContext(ctx)
	return link, link.SpanContext.IsValid()
}

func (t *Telemetry) calling(ctx context.Context, c tilltape.CallBegun) context.Context {
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String(keyCall, c.Call.Kind.String()), attribute.String(keyOrderID, c.Call.OrderID))}
	if c.Call.IsInquiry() {
		options = append(options, trace.WithAttributes(attribute.Int64(keyInquiry, int64(c.Call.Number))))
	} else {
		options = append(options, trace.WithAttributes(attribute.Int64(keyAttempt, int64(c.Call.Attempt))))
	}
	link, linked := linkTo(c.Trace)
	if linked && link.SpanContext.SpanID() != trace.SpanContextFromContext(ctx).SpanID() {
		options = append(options, trace.WithLinks(link))
	}
	ctx, span := t.tracer.Start(ctx, "APO "+c.Call.Kind.String(), options...)
	return context.WithValue(ctx, callKey{}, span)
}

func (t *Telemetry) called(ctx context.Context, c tilltape.CallMade) {
	call, answer := c.Call.Kind.String(), c.Said()
	t.calls.Record(ctx, max(c.Took, 0).Seconds(), with(keyCall, call, keyAnswer, answer))
	span, is := ctx.Value(callKey{}).(trace.Span)
	if !is {
		return
	}
	span.SetAttributes(attribute.String(keyAnswer, answer))
	if c.Code != "" {
		span.SetAttributes(attribute.String(keyCode, c.Code))
	}
	if !c.Proved() {
		span.SetStatus(codes.Error, "nothing is proven")
	}
	span.End()
}

func (t *Telemetry) appended(ctx context.Context, records []events.Record) {
	for i := range records {
		r := &records[i]
		t.transitions.Add(ctx, 1, with(keyFact, string(r.Event.Kind()), keyStatus, r.Head.Status))
	}
}

func (t *Telemetry) refusal(ctx context.Context, r tilltape.Refusal) {
	reason := r.Err.Reason.String()
	if b, is := ctx.Value(commandKey{}).(begun); is {
		b.span.SetAttributes(attribute.String(keyReason, reason))
	}
	t.refused.Add(ctx, 1, with(keyCommand, verbOf(r.Err.Command), keyReason, reason))
}

func (t *Telemetry) alarm(ctx context.Context, a tilltape.Alarm) {
	t.parked.Add(ctx, 1, with(keyCommand, verbOf(a.Operation.Verb())))
}

func (t *Telemetry) anomaly(ctx context.Context, c tilltape.Contradiction) {
	t.odd.Add(ctx, 1, with(keyReason, c.Fact.Reason.String()))
}

func (t *Telemetry) failed(ctx context.Context, _ tilltape.Trouble) { t.failing.Add(ctx, 1) }
