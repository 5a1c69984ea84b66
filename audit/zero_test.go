package audit_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// givenUp makes the records of an order that is captured in part and whose rest is given up by a last capture of zero.
func givenUp(t *testing.T) []events.Record {
	t.Helper()
	w := newWriter(func(int) int { return int(order.VerdictSucceeded) })
	w.give("o-1", order.Create{OrderID: "o-1", PaymentRequestID: "preq-1", Amount: usd(amount), Method: order.MethodCard,
		CaptureMode: order.CaptureManual})
	w.give("o-1", order.Observe{Fact: notified(order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-o-1",
		Amount: usd(amount), At: w.now})})
	w.give("o-1", order.Capture{CommandID: "k-1", Amount: usd(part)})
	w.give("o-1", order.Capture{CommandID: "k-2", Amount: usd(0), Last: true})
	all := records(w.log)
	require.Equal(t, []events.Kind{events.KindOrderCreated, events.KindPaymentAuthorized, events.KindCaptureRequested,
		events.KindCaptureSucceeded, events.KindCaptureRequested, events.KindCaptureSucceeded}, kinds(all))
	return all
}

// What is on record of a capture of zero is held against APO's message like any amount, and an amount against a message
// that says zero.
func TestReplay_ACaptureOfZeroIsWhatAPOSays(t *testing.T) {
	all := givenUp(t)
	replayed, err := replay(&tampered{records: all})
	require.NoError(t, err)
	o, _ := replayed.Order("o-1")
	assert.Equal(t, []int64{part, 0}, []int64{o.Captured, o.Capturable()})

	some, none := all[3].Event.(events.CaptureSucceeded), all[5].Event.(events.CaptureSucceeded)
	some.Proof.Evidence = says("capture", "S", "SUCCESS", fields{"paymentId": "p-o-1", "captureId": some.CaptureID,
		"captureRequestId": some.CaptureRequestID, "captureAmount": wire(usd(0)), "captureTime": stamp(some.At)})
	changed := givenUp(t)
	changed[3].Event = some
	_, err = replay(&tampered{records: changed})
	isUnlike(t, err, 4, "the record says capture USD 4.00, APO's message beside it says USD 0.00")

	none.Proof.Evidence = says("capture", "S", "SUCCESS", fields{"paymentId": "p-o-1", "captureId": none.CaptureID,
		"captureRequestId": none.CaptureRequestID, "captureAmount": wire(usd(1)), "captureTime": stamp(none.At)})
	changed = givenUp(t)
	changed[5].Event = none
	_, err = replay(&tampered{records: changed})
	isUnlike(t, err, 6, "the record says capture USD 0.00, APO's message beside it says USD 0.01")
}
