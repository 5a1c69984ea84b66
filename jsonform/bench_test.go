package jsonform

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// usual is what most of a log is made of: an intent, and an outcome with APO's message.
func usual() map[string]events.Record {
	head := events.Head{Status: "authorized", StatusSince: noon, Phase: "requested", OperationSince: noon,
		Due: noon.Add(time.Minute)}
	intent := events.Record{ID: "0193574e-8f2a-7c11-9d3e-5f0c2a1b4d6e",
		Stream: events.OrderStream("order-20261123-000042"), Version: 2, Position: 123456, Previous: 123400,
		Recorded: noon, Occurred: noon,
		CommandID: "0193574e-8f2a-7c11-9d3e-5f0c2a1b4d6f", Actor: "checkout", Head: head,
		Event: events.CancelRequested{By: events.Identifier{PaymentID: "202611231940108001001888800000000042"},
			Reason: "buyer changed their mind", Lease: noon}}
	answer := intent
	answer.Event = events.PaymentAuthorized{PaymentID: "202611231940108001001888800000000042",
		Amount: events.Money{Minor: 12345, Currency: "USD"}, At: noon, Expires: noon, Due: noon,
		Proof: events.Proof{Via: events.ViaNotification, Evidence: &events.Evidence{Method: "POST", Path: "/notify/payment",
			ClientID: "SANDBOX_5YBW4Q0000000000", Time: "2026-11-23T12:00:00+08:00", KeyVersion: "1",
			Signature: strings.Repeat("aB3%2F", 60), Body: []byte(`{"notifyType":"PAYMENT_RESULT","result":{"resultCode":` +
				`"SUCCESS","resultStatus":"S","resultMessage":"success"},"paymentRequestId":"pr-20261123-000042","paymentId":` +
				`"202611231940108001001888800000000042","paymentAmount":{"value":"12345","currency":"USD"},"paymentCreateTime":` +
				`"2026-11-23T11:59:58+08:00","paymentTime":"2026-11-23T12:00:00+08:00","paymentMethodType":"CARD",` +
				`"acquirerReferenceNo":"0011223344556677889900","cardInfo":{"cardNo":"411111******1111","cardBrand":"VISA",` +
				`"issuingCountry":"US","funding":"CREDIT","networkTransactionId":"123456789012345"}}`)}}}
	answer.Keys = []events.Key{events.NewKey(events.KeyPaymentID, "202611231940108001001888800000000042")}
	return map[string]events.Record{"intent": intent, "answer": answer}
}

// A record's way into an export: its frame is decoded and written as JSON with the frame in it. To be held against what
// decoding alone takes.
func BenchmarkRecord(b *testing.B) {
	for name, r := range usual() {
		frame, err := events.AppendFrame(nil, r)
		require.NoError(b, err)
		doc, err := AppendStored(nil, r, frame)
		require.NoError(b, err)
		var dst []byte
		for _, step := range []struct {
			name string
			run  func() error
		}{
			{"decode frame", func() error { _, err := events.DecodeFrame(frame); return err }},
			{"append", func() error { dst, err = AppendRecord(dst[:0], r); return err }},
			{"append stored", func() error { dst, err = AppendStored(dst[:0], r, frame); return err }},
			{"decode", func() error { _, _, err := DecodeRecord(doc); return err }},
		} {
			b.Run(name+"/"+step.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := step.run(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(frame)), "B/frame")
				b.ReportMetric(float64(len(doc)), "B/doc")
			})
		}
	}
}
