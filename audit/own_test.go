package audit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// The name of what APO works on by itself is held against APO's message.
func TestReplay_APOsOwnCaptureIsNamedAsAPONamesIt(t *testing.T) {
	w := newWriter(func(int) int { return 0 })
	w.give("o-1", order.Create{OrderID: "o-1", PaymentRequestID: "preq-1", Amount: usd(amount), Method: order.MethodCard,
		CaptureMode: order.CaptureAutomatic})
	w.give("o-1", order.Observe{Fact: notified(order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-o-1",
		Amount: usd(amount), At: w.now})})
	all := records(w.log)
	own := func(id, told, request string) []events.Record {
		line := fields{"transactionType": "CAPTURE", "transactionStatus": "PROCESSING", "transactionId": told,
			"transactionAmount": wire(usd(amount))}
		if request != "" {
			line["transactionRequestId"] = request
		}
		e := events.CaptureAccepted{CaptureID: id, Proof: events.Proof{Via: events.ViaInquiry, Inquiry: 1,
			Evidence: says("inquiryPayment", "S", "SUCCESS", fields{"paymentId": "p-o-1", "paymentRequestId": "preq-1",
				"paymentStatus": "SUCCESS", "paymentAmount": wire(usd(amount)), "transactions": []fields{line}})}}
		r := all[1]
		r.ID, r.Version, r.Position, r.Previous, r.Event, r.Keys = "own", 3, 3, 2, e, nil
		out := append(all[:2:2], r)
		out[2].Head = headAfter(out)
		return out
	}
	_, err := replay(&tampered{records: own("c-9", "c-9", "")})
	require.NoError(t, err)
	_, err = replay(&tampered{records: own("c-9", "c-8", "")})
	isUnlike(t, err, 3, `the record says captureId "c-9", APO's message beside it says "c-8"`)
	_, err = replay(&tampered{records: own("c-9", "c-9", "q-9")})
	isUnlike(t, err, 3, `the record says captureRequestId "", APO's message beside it says "q-9"`)
}
