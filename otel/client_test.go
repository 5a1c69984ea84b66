package otel_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/otel"
)

// pays makes the pay call of an order, as a service does.
func (w *world) pays(ctx context.Context, id string) apo.PayAnswer {
	return w.client.Pay(ctx, apo.PayRequest{PaymentRequestID: "pay-" + id, Method: "CARD", Capture: apo.CaptureManual,
		Amount: apo.Amount{Currency: "USD", Minor: 1000}})
}

// The pay call goes past the Orders, and is in the same metric and has a span like the others.
func TestClient_ThePayCallIsSeenAsTheOthersAre(t *testing.T) {
	w := newWorld(t)
	ctx, caller := w.tracers.Tracer("test").Start(context.Background(), "checkout")
	require.Equal(t, apo.Accepted, w.pays(ctx, "o-1").Class)
	caller.End()
	span := w.one("APO pay")
	assert.Equal(t, trace.SpanKindClient, span.SpanKind())
	assert.Equal(t, caller.SpanContext().SpanID(), span.Parent().SpanID())
	assert.Equal(t, codes.Unset, span.Status().Code)
	assert.Equal(t, map[string]string{"tilltape.call": "pay", "tilltape.payment.request.id": "pay-o-1",
		"tilltape.call.answer": "accepted", "tilltape.apo.code": "PAYMENT_IN_PROCESS"}, attributesOf(span))
	require.Len(t, w.requests, 1)
	assert.Equal(t, span.SpanContext().SpanID(), w.requests[0].SpanID(), "what goes out is a part of it")

	require.NoError(t, w.server.Script(apotest.Fault{Op: apotest.OpPay, From: 1, To: 1, Do: apotest.Undecided}))
	require.Equal(t, apo.Unknown, w.pays(ctx, "o-2").Class)
	assert.Equal(t, codes.Error, w.ended("APO pay")[1].Status().Code, "nothing is proven")
	assert.Equal(t, map[string]float64{"tilltape.call=pay,tilltape.call.answer=accepted": 1,
		"tilltape.call=pay,tilltape.call.answer=unknown": 1}, w.values("tilltape.call.duration"))
}

// The Orders' calls go through the same client. They are told once, with the Orders' words and attributes, whatever
// context the next observer makes; and where the Orders has no observer, the client's tells of them.
func TestClient_TellsOfNoCallTwice(t *testing.T) {
	w := newWorld(t)
	for _, next := range []*tilltape.Observer{nil,
		{Calling: func(context.Context, tilltape.CallBegun) context.Context { return context.Background() }}} {
		w.open(next)
		id := "o-1"
		if next != nil {
			id = "o-2"
		}
		w.authorized(id)
		_, err := w.orders.Cancel(context.Background(), id, order.Cancel{})
		require.NoError(t, err)
		assert.Equal(t, map[string]float64{"tilltape.call=cancel,tilltape.call.answer=succeeded": 1},
			w.values("tilltape.call.duration"))
	}
	w.open(nil)
	w.authorized("o-3")
	plain, err := tilltape.New(w.log, w.client, &tilltape.Config{Now: w.clock.Now})
	require.NoError(t, err)
	defer func() { assert.NoError(t, plain.Close()) }()
	_, err = plain.Cancel(context.Background(), "o-3", order.Cancel{})
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"tilltape.call=cancel,tilltape.call.answer=succeeded": 1},
		w.values("tilltape.call.duration"))
	assert.Len(t, w.ended("APO cancel"), 1)
}

// Whoever makes a call of his own names its path, and a metric has words out of a list alone. What an answer proves has
// one word, whoever has asked.
func TestClient_WordsAreOutOfAList(t *testing.T) {
	w := newWorld(t)
	o := w.telemetry.Client()
	tell := func(op apo.Op, class apo.Class) {
		begun := apo.CallBegun{Op: op}
		o.Called(o.Calling(context.Background(), begun), apo.CallMade{CallBegun: begun, Class: class})
	}
	want := map[string]float64{}
	tell(apo.Op(canary), apo.Succeeded)
	want["tilltape.call=other,tilltape.call.answer=succeeded"] = 1
	for class, word := range map[apo.Class]string{apo.Unknown: order.VerdictUnknown.String(),
		apo.Accepted: order.VerdictAccepted.String(), apo.Failed: order.VerdictFailed.String(),
		apo.WrongPicture: order.VerdictWrong.String(), apo.UnknownFailure: order.VerdictUnknownF.String(),
		apo.NotSent: "not sent"} {
		tell(apo.OpCreatePaymentSession, class)
		want["tilltape.call=createPaymentSession,tilltape.call.answer="+word] = 1
	}
	for class, outcome := range map[apo.Class]events.InquiryOutcome{apo.Succeeded: events.InquiryAnswers,
		apo.NotExist: events.InquiryNotExist, apo.Failed: events.InquiryUnknown} {
		tell(apo.OpInquirePayment, class)
		want["tilltape.call=inquiryPayment,tilltape.call.answer="+outcome.String()] = 1
	}
	assert.Equal(t, want, w.values("tilltape.call.duration"))
	for _, span := range w.ended("APO createPaymentSession") {
		word := attributesOf(span)["tilltape.call.answer"]
		proved := word == "accepted" || word == "failed" || word == "our picture is wrong"
		assert.Equal(t, proved, span.Status().Code == codes.Unset, word)
	}
	o.Called(context.Background(), apo.CallMade{CallBegun: apo.CallBegun{Op: apo.OpPay}}) // with a context of nobody's
	assert.Empty(t, w.ended("APO pay"))
}

// What goes out says which trace it is a part of, and what goes out of none says nothing.
func TestTransport_CarriesTheTrace(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Traceparent"))
	}))
	defer server.Close()
	w := newWorld(t)
	ctx, span := w.tracers.Tracer("test").Start(context.Background(), "checkout")
	defer span.End()
	line := &http.Client{Transport: otel.Transport(nil)}
	defer line.CloseIdleConnections()
	for _, ctx := range []context.Context{ctx, context.Background()} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		require.NoError(t, err)
		resp, err := line.Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Empty(t, r.Header, "the request is its maker's")
	}
	c := span.SpanContext()
	assert.Equal(t, []string{"00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-01", ""}, got)
	closed := &closing{}
	(&http.Client{Transport: otel.Transport(closed)}).CloseIdleConnections()
	assert.True(t, closed.closed)
}

type closing struct {
	http.RoundTripper
	closed bool
}

func (c *closing) CloseIdleConnections() { c.closed = true }
