package otel

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// keyRequestID is the merchant's id of the payment, which is all that a call outside of any order is known by.
const keyRequestID = "tilltape.payment.request.id"

// Client is what a client of APO is to tell ([apo.Config.Observer]): the calls that a service makes itself, the pay
// call before all, get the span and are in the metric that those of an Orders have. Of these the [Telemetry.Observer]
// of the Orders tells, and they are told once. The client that both use can have it: a call of an Orders without that
// Observer is told of here.
func (t *Telemetry) Client() *apo.Observer {
	return &apo.Observer{Calling: t.asking, Called: t.asked}
}

// ownKey is a call of the service's own that is under way, in its context.
type ownKey struct{}

func (t *Telemetry) asking(ctx context.Context, c apo.CallBegun) context.Context {
	if ctx.Value(callKey{}) != nil {
		return ctx
	}
	call := wordOf(c.Op)
	attributes := []attribute.KeyValue{attribute.String(keyCall, call)}
	if c.PaymentRequestID != "" {
		attributes = append(attributes, attribute.String(keyRequestID, c.PaymentRequestID))
	}
	ctx, span := t.tracer.Start(ctx, "APO "+call, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attributes...))
	return context.WithValue(ctx, ownKey{}, span)
}

func (t *Telemetry) asked(ctx context.Context, c apo.CallMade) {
	if ctx.Value(callKey{}) != nil {
		return
	}
	answer, proved := answerOf(c)
	t.calls.Record(ctx, max(c.Took, 0).Seconds(), with(keyCall, wordOf(c.Op), keyAnswer, answer))
	span, is := ctx.Value(ownKey{}).(trace.Span)
	if !is {
		return
	}
	span.SetAttributes(attribute.String(keyAnswer, answer))
	if c.Code != "" {
		span.SetAttributes(attribute.String(keyCode, c.Code))
	}
	if !proved {
		span.SetStatus(codes.Error, "nothing is proven")
	}
	span.End()
}

// other is the word of a call that is in no list: whoever makes one names it, and a metric has words of ours alone.
const other = "other"

func wordOf(op apo.Op) string {
	switch op {
	case apo.OpPay, apo.OpCreatePaymentSession, apo.OpCancel, apo.OpCapture, apo.OpRefund, apo.OpInquirePayment,
		apo.OpInquireRefund:
		return string(op)
	}
	return other
}

// notSent is the answer of a call that could not be signed.
const notSent = "not sent"

// answerOf is what an answer proves, in the words that a call of an Orders has, and whether that is anything.
func answerOf(c apo.CallMade) (word string, proved bool) {
	if c.Op == apo.OpInquirePayment || c.Op == apo.OpInquireRefund {
		switch c.Class {
		case apo.Succeeded:
			return events.InquiryAnswers.String(), true
		case apo.NotExist:
			return events.InquiryNotExist.String(), true
		}
		return events.InquiryUnknown.String(), false
	}
	switch c.Class {
	case apo.Succeeded:
		return order.VerdictSucceeded.String(), true
	case apo.Accepted:
		return order.VerdictAccepted.String(), true
	case apo.Failed:
		return order.VerdictFailed.String(), true
	case apo.WrongPicture:
		return order.VerdictWrong.String(), true
	case apo.UnknownFailure:
		return order.VerdictUnknownF.String(), false
	case apo.NotSent:
		return notSent, false
	}
	return order.VerdictUnknown.String(), false
}

// Transport puts a W3C traceparent on each request that next sends, where the request's context has a span: behind an
// [apo.Config.HTTPClient] it makes a call's span the parent of what happens at whoever answers. APO does not sign or
// read such headers. A service that has an instrumented transport has no need of it. nil is [apo.NewTransport].
func Transport(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = apo.NewTransport()
	}
	return transport{next}
}

type transport struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper], which must not write to the request it is given.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if trace.SpanContextFromContext(r.Context()).IsValid() {
		r = r.Clone(r.Context())
		propagation.TraceContext{}.Inject(r.Context(), propagation.HeaderCarrier(r.Header))
	}
	return t.next.RoundTrip(r)
}

// CloseIdleConnections lets go of those of next.
func (t transport) CloseIdleConnections() {
	if next, can := t.next.(interface{ CloseIdleConnections() }); can {
		next.CloseIdleConnections()
	}
}
