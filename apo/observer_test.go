package apo

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// toldOf keeps what an observer is told.
type toldOf struct {
	begun []CallBegun
	made  []CallMade
}

type mark struct{}

func (h *toldOf) observer(t *testing.T) *Observer {
	return &Observer{
		Calling: func(ctx context.Context, c CallBegun) context.Context {
			h.begun = append(h.begun, c)
			return context.WithValue(ctx, mark{}, len(h.begun))
		},
		Called: func(ctx context.Context, c CallMade) {
			h.made = append(h.made, c)
			assert.Equal(t, len(h.made), ctx.Value(mark{}), "told with the context that it was made with")
		},
	}
}

// A transport that sees with which context a request is made.
type seeing struct {
	next http.RoundTripper
	seen []any
}

func (s *seeing) RoundTrip(r *http.Request) (*http.Response, error) {
	s.seen = append(s.seen, r.Context().Value(mark{}))
	return s.next.RoundTrip(r)
}

const undecided = `{"result":{"resultStatus":"U","resultCode":"UNKNOWN_EXCEPTION","resultMessage":"ask again"}}`

// Every call is told of before and after, and made with the context that the first hook returns.
func TestObserver_IsToldOfEveryCall(t *testing.T) {
	g := newGateway(t, answering(undecided))
	now := testNow()
	ticking := func() time.Time { now = now.Add(time.Second); return now }
	h, line := &toldOf{}, &seeing{next: NewTransport()}
	c, err := NewClient(g.URL, testClientID, testKeys(), &Config{Observer: h.observer(t), Now: ticking,
		HTTPClient: &http.Client{Transport: line}})
	require.NoError(t, err)
	ctx, ten := t.Context(), Amount{Currency: "USD", Minor: 1000}
	c.Pay(ctx, PayRequest{PaymentRequestID: "pay-1", Amount: ten, Method: "CARD"})
	c.Cancel(ctx, CancelRequest{PaymentID: "p-1"})
	c.Call(ctx, "/ams/api/v1/payments/consult", []byte(`{"a":1}`))
	want := []CallBegun{{Op: OpPay, PaymentRequestID: "pay-1"}, {Op: OpCancel, PaymentID: "p-1"}, {Op: "consult"}}
	assert.Equal(t, want, h.begun)
	assert.Equal(t, []any{1, 2, 3}, line.seen)
	require.Len(t, h.made, 3)
	for i, m := range h.made {
		assert.Equal(t, want[i], m.CallBegun)
		assert.Equal(t, Unknown, m.Class)
		assert.Equal(t, "UNKNOWN_EXCEPTION", m.Code)
		assert.Equal(t, 2*time.Second, m.Took, "by the client's clock, which signing asks too")
	}
}

// What is refused before it is signed is no call, and an observer may leave either hook out.
func TestObserver_OfNoCallIsNothing(t *testing.T) {
	g := newGateway(t, answering(undecided))
	h := &toldOf{}
	observer := h.observer(t)
	c, err := NewClient(g.URL, testClientID, testKeys(), &Config{Observer: observer})
	require.NoError(t, err)
	assert.Equal(t, NotSent, c.Pay(t.Context(), PayRequest{PaymentRequestID: "pay-1"}).Class)
	assert.Empty(t, h.begun)
	assert.Empty(t, h.made)

	observer.Calling = func(context.Context, CallBegun) context.Context { return nil }
	observer.Called = nil
	assert.Equal(t, Unknown, c.InquirePayment(t.Context(), InquirePaymentRequest{PaymentID: "p-1"}).Class)
	observer.Calling = nil
	assert.Equal(t, Unknown, c.InquirePayment(t.Context(), InquirePaymentRequest{PaymentID: "p-1"}).Class)
	assert.Equal(t, 2, g.count())
}
