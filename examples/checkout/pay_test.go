package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

func TestThePayCallSaysWhatTheOrderSays(t *testing.T) {
	w := newWorld(t)
	w.shop.settings.returnURL, w.shop.settings.notifyURL = "https://shop.example/thanks", w.url+"/notify"
	order := strings.Replace(placeO1, `"actor"`, `"payBy":"2026-11-23T12:14:00Z","actor"`, 1)
	placed := w.do("POST", "/orders", "pay-1", order)
	require.Equal(t, http.StatusCreated, placed.status, placed.body)
	assert.True(t, strings.HasPrefix(placed.order(t).PayURL, w.apo.URL()), "where the buyer pays")
	calls := w.apo.Calls()
	require.Len(t, calls, 1)
	assert.Equal(t, apotest.OpPay, calls[0].Op)
	assert.JSONEq(t, `{"productCode":"CASHIER_PAYMENT","paymentRequestId":"pay-1","paymentAmount":{"currency":"USD",
		"value":"1000"},"order":{"referenceOrderId":"o-1","orderAmount":{"currency":"USD","value":"1000"}},
		"paymentMethod":{"paymentMethodType":"CARD"},"paymentFactor":{"isAuthorization":true,"captureMode":"MANUAL"},
		"paymentExpiryTime":"2026-11-23T12:14:00Z","paymentRedirectUrl":"https://shop.example/thanks",
		"paymentNotifyUrl":"`+w.url+`/notify"}`,
		string(calls[0].Body))

	require.NoError(t, w.apo.Submit("pay-1"))
	require.Equal(t, 1, w.apo.Deliver(t.Context()))
	again := w.do("POST", "/orders", "pay-1", order)
	assert.Equal(t, http.StatusCreated, again.status, again.body)
	assert.Empty(t, again.order(t).PayURL)
	assert.Equal(t, 1, w.apo.Count(), "what is paid is not asked for again")
}

func TestAPayCallWithoutAnAnswerIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.apo.Script(apotest.Fault{Op: apotest.OpPay, From: 1, Do: apotest.Cut, After: true}))
	open := w.do("POST", "/orders", "pay-1", placeO1)
	assert.Equal(t, http.StatusAccepted, open.status, open.body)
	assert.NotEmpty(t, open.header.Get("Retry-After"))
	assert.Contains(t, open.problem(t).Remedy, "again, unchanged")
	assert.Contains(t, w.logged.String(), "not collected")

	again := w.do("POST", "/orders", "pay-1", placeO1)
	assert.Equal(t, http.StatusCreated, again.status, again.body)
	calls := w.apo.Calls()
	require.Len(t, calls, 2)
	assert.Equal(t, string(calls[0].Body), string(calls[1].Body))
	assert.Len(t, w.do("GET", "/orders/o-1", "", "").order(t).History, 2)
}

func TestAPaymentThatIsRefusedIsOnRecord(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.apo.Script(apotest.Fault{Op: apotest.OpPay, From: 1, Do: apotest.Cut, After: true}))
	assert.Equal(t, http.StatusAccepted, w.do("POST", "/orders", "pay-1", placeO1).status)
	require.NoError(t, w.apo.Decline("pay-1"))
	failed := w.do("POST", "/orders", "pay-1", placeO1)
	assert.Equal(t, http.StatusBadGateway, failed.status, failed.body)
	assert.Equal(t, apotest.CodeDeclined, failed.problem(t).Code)
	assert.Equal(t, "failed", w.do("GET", "/orders/o-1", "", "").order(t).Status)
	again := w.do("POST", "/orders", "pay-1", placeO1)
	failed.header.Del("Date")
	again.header.Del("Date")
	assert.Equal(t, failed, again, "and it is not tried again")
	assert.Equal(t, 2, w.apo.Count())
}

// APO says no with a code from which nobody can tell whether the payment is there: it is asked, and not told again.
func TestAPayCallThatProvesNothingIsAskedAbout(t *testing.T) {
	refuse := apotest.Fault{Op: apotest.OpPay, From: 1, Do: apotest.Refuse, Code: "REPEAT_REQ_INCONSISTENT"}
	w := newWorld(t)
	require.NoError(t, w.apo.Script(refuse))
	open := w.do("POST", "/orders", "pay-1", placeO1)
	assert.Equal(t, http.StatusAccepted, open.status, open.body)
	assert.Equal(t, "REPEAT_REQ_INCONSISTENT", open.problem(t).Code)
	assert.Contains(t, open.problem(t).Remedy, "do not place it again")
	assert.Empty(t, open.header.Get("Retry-After"))
	assert.Equal(t, "created", w.do("GET", "/orders/o-1", "", "").order(t).Status)
	assert.Equal(t, []apotest.Op{apotest.OpPay, apotest.OpInquirePayment}, ops(w))

	w = newWorld(t)
	require.NoError(t, w.apo.Script(refuse))
	_, err := w.apo.Register(apotest.Payment{PaymentRequestID: "pay-1", Amount: order.Money{Minor: 1000, Currency: "USD"},
		Capture: apotest.Manual})
	require.NoError(t, err)
	require.NoError(t, w.apo.Submit("pay-1"))
	there := w.do("POST", "/orders", "pay-1", placeO1)
	assert.Equal(t, http.StatusCreated, there.status, there.body)
	assert.Equal(t, "authorized", there.order(t).Status)
	again := w.do("POST", "/orders", "pay-1", placeO1)
	assert.Equal(t, there.body, again.body)
	assert.Len(t, ops(w), 2)

	w = newWorld(t)
	require.NoError(t, w.apo.Script(refuse, apotest.Fault{Op: apotest.OpInquirePayment, From: 1, Do: apotest.Cut}))
	open = w.do("POST", "/orders", "pay-1", placeO1)
	assert.Equal(t, http.StatusAccepted, open.status, open.body)
	assert.Contains(t, w.logged.String(), "not known yet")
}

// Whoever repeats an order all the same has APO asked, and told only where it knows of no such payment: whatever was
// restarted in between, since the log has what is known.
func TestAPayCallThatProvesNothingIsNotRepeatedBlindly(t *testing.T) {
	w := newWorld(t)
	silent := apotest.Fault{Op: apotest.OpInquirePayment, From: 1, To: 2, Do: apotest.Cut}
	require.NoError(t, w.apo.Script(silent, apotest.Fault{Op: apotest.OpPay, From: 1, Do: apotest.Refuse,
		Code: "REPEAT_REQ_INCONSISTENT"}))
	open := w.do("POST", "/orders", "pay-1", placeO1)
	require.Equal(t, http.StatusAccepted, open.status, open.body)
	w.begin("")
	again := w.do("POST", "/orders", "pay-1", placeO1)
	assert.Equal(t, http.StatusAccepted, again.status, again.body)
	assert.Contains(t, again.problem(t).Remedy, "do not place it again")
	asks := []apotest.Op{apotest.OpPay, apotest.OpInquirePayment, apotest.OpInquirePayment}
	assert.Equal(t, asks, ops(w), "it is not told again while nobody knows")

	placed := w.do("POST", "/orders", "pay-1", placeO1)
	assert.Equal(t, http.StatusCreated, placed.status, placed.body)
	assert.NotEmpty(t, placed.order(t).PayURL)
	assert.Equal(t, append(asks, apotest.OpInquirePayment, apotest.OpPay), ops(w), "APO said that there is none")
	assert.Equal(t, http.StatusCreated, w.do("POST", "/orders", "pay-1", placeO1).status)
	assert.Equal(t, apotest.OpPay, ops(w)[len(ops(w))-1], "and what it knows is told as ever")

	w = newWorld(t)
	require.NoError(t, w.apo.Script(apotest.Fault{Op: apotest.OpPay, From: 1, Do: apotest.Refuse,
		Code: "REPEAT_REQ_INCONSISTENT"}, apotest.Fault{Op: apotest.OpInquirePayment, From: 1, Do: apotest.Cut}))
	require.Equal(t, http.StatusAccepted, w.do("POST", "/orders", "pay-1", placeO1).status)
	_, err := w.apo.Register(apotest.Payment{PaymentRequestID: "pay-1", Amount: order.Money{Minor: 1000, Currency: "USD"},
		Capture: apotest.Manual})
	require.NoError(t, err)
	require.NoError(t, w.apo.Submit("pay-1"))
	there := w.do("POST", "/orders", "pay-1", placeO1)
	assert.Equal(t, http.StatusCreated, there.status, there.body)
	assert.Equal(t, "authorized", there.order(t).Status)
	assert.Equal(t, 1, w.apo.Count(apotest.OpPay))
}

// ops are the calls that APO got.
func ops(w *world) (all []apotest.Op) {
	for _, c := range w.apo.Calls() {
		all = append(all, c.Op)
	}
	return all
}

// A call that cannot be made is the service's own trouble: its log says which, and the caller hears nothing of its
// settings.
func TestAPayCallThatCannotBeMeantIsNotSent(t *testing.T) {
	w := newWorld(t)
	w.shop.settings.returnURL = "thanks"
	bad := w.do("POST", "/orders", "pay-1", placeO1)
	assert.Equal(t, http.StatusInternalServerError, bad.status, bad.body)
	assert.NotContains(t, bad.body, "paymentRedirectUrl")
	assert.Contains(t, w.logged.String(), "paymentRedirectUrl")
	assert.Zero(t, w.apo.Count())
	w.shop.settings.returnURL = ""
	mended := w.do("POST", "/orders", "pay-1", placeO1)
	assert.Equal(t, http.StatusCreated, mended.status, mended.body)
}

// until is a log that notes how long an append of APO's facts may take.
type until struct {
	store.Log
	left []time.Duration
}

func (u *until) Append(ctx context.Context, to events.Stream, after uint64,
	r ...events.Record) ([]events.Record, error) {
	if _, fact := r[0].Event.(events.PaymentPending); fact {
		end, _ := ctx.Deadline()
		u.left = append(u.left, time.Until(end))
	}
	return u.Log.Append(ctx, to, after, r...)
}

// What APO has answered is recorded though the buyer has gone, but a log that hangs does not keep the request for good.
func TestRecordingAPayAnswerHasAnEnd(t *testing.T) {
	w := newWorld(t)
	log := &until{Log: w.log}
	w.shop.log.Log = log
	require.Equal(t, http.StatusCreated, w.do("POST", "/orders", "pay-1", placeO1).status)
	require.Len(t, log.left, 1)
	assert.Positive(t, log.left[0])
	assert.LessOrEqual(t, log.left[0], tilltape.DefaultRecordTimeout)
}
