package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// listed is a payment as an inquiry of somebody else's tells it: with a line of that type, handed on at once.
func listed(line string, kind order.FactKind, at time.Time) order.Fact {
	return order.Fact{Kind: kind, PaymentID: "p-o-1", Amount: usd(amount), At: at,
		Proof: events.Proof{Via: events.ViaInquiry, Evidence: says(apo.OpInquirePayment, "S", "SUCCESS", fields{
			"paymentId": "p-o-1", "paymentStatus": "SUCCESS", "paymentAmount": wire(usd(amount)), "paymentTime": stamp(at),
			"transactions": []any{fields{"transactionType": line, "transactionStatus": "SUCCESS", "transactionId": "t-1",
				"transactionAmount": wire(usd(amount)), "transactionTime": stamp(at)}}})}}
}

// Of an order that is to be captured, that its money moved at once is what APO's message has to say: beside one that
// only authorizes it the record is altered.
func TestReplay_APaymentInOneStepNeedsAMessageThatSaysSo(t *testing.T) {
	told := func(line string, kind order.FactKind) []events.Record {
		w := newWriter(func(int) int { return 0 })
		w.give("o-1", order.Create{OrderID: "o-1", PaymentRequestID: "preq-1", Amount: usd(amount), Method: "CARD",
			CaptureMode: order.CaptureManual})
		w.give("o-1", order.Observe{Fact: listed(line, kind, w.now)})
		return records(w.log)
	}
	_, err := replay(&tampered{records: told("PAYMENT", order.PaymentPaid)})
	require.NoError(t, err)

	all := told("AUTHORIZATION", order.PaymentAuthorized)
	_, err = replay(&tampered{records: all})
	require.NoError(t, err)
	require.Len(t, all, 2)
	e := all[1].Event.(events.PaymentAuthorized)
	all[1].Event = events.PaymentPaid{PaymentID: e.PaymentID, Amount: e.Amount, At: e.At, Proof: e.Proof}
	all[1].Head.Status, all[1].Head.Due = "captured", time.Time{}
	_, err = replay(&tampered{records: all})
	isUnlike(t, err, 2, "paid in one step")
}

// When APO cancelled is in the answer that came late, and cannot be altered beside it.
func TestReplay_TheTimeOfACancelIsTheMessages(t *testing.T) {
	w := newWriter(func(int) int { return 0 })
	w.give("o-1", order.Create{OrderID: "o-1", PaymentRequestID: "preq-1", PaymentID: "p-o-1", Amount: usd(amount),
		Method: "ALIPAY_CN"})
	w.give("o-1", order.Observe{Fact: inquired(order.Fact{Kind: order.PaymentCancelled, PaymentID: "p-o-1", At: w.now})})
	at := w.now.Add(-time.Minute)
	w.give("o-1", order.Observe{Fact: order.Fact{Kind: order.PaymentCancelled, PaymentID: "p-o-1", At: at,
		Proof: events.Proof{Via: events.ViaAnswer, Evidence: says(apo.OpCancel, "S", "SUCCESS", fields{
			"paymentId": "p-o-1", "cancelTime": stamp(at)})}}})
	all := records(w.log)
	require.Equal(t, []events.Kind{events.KindOrderCreated, events.KindCancelSucceeded, events.KindCancelDated},
		kinds(all))
	_, err := replay(&tampered{records: all})
	require.NoError(t, err)
	e := all[2].Event.(events.CancelDated)
	assert.Equal(t, at, e.At)
	e.At = at.Add(time.Hour)
	all[2].Event = e
	_, err = replay(&tampered{records: all})
	isUnlike(t, err, 3, "time")
}
