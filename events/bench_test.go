package events

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ordinary is what most of a log is made of: an intent, and an outcome with APO's message.
func ordinary() map[string]Record {
	head := Head{Status: "authorized", StatusSince: noon, Phase: "requested", OperationSince: noon,
		Due: noon.Add(time.Minute)}
	intent := Record{ID: "0193574e-8f2a-7c11-9d3e-5f0c2a1b4d6e", Stream: OrderStream("order-20261123-000042"), Version: 2,
		Position: 123456, Previous: 123400, Recorded: noon, Occurred: noon, CommandID: "0193574e-8f2a-7c11-9d3e-5f0c2a1b4d6f",
		Actor: "checkout", Head: head,
		Event: CancelRequested{By: Identifier{PaymentID: "202611231940108001001888800000000042"},
			Reason: "buyer changed their mind", Lease: noon}}
	answer := intent
	answer.Event = PaymentAuthorized{PaymentID: "202611231940108001001888800000000042",
		Amount: Money{Minor: 12345, Currency: "USD"}, At: noon, Expires: noon, Due: noon, Proof: Proof{Via: ViaNotification,
			Evidence: &Evidence{Method: "POST", Path: "/notify/payment", ClientID: "SANDBOX_5YBW4Q0000000000",
				Time: "2026-11-23T12:00:00+08:00", KeyVersion: "1", Signature: string(make([]byte, 360)), Body: make([]byte, 600)}}}
	answer.Keys = []Key{NewKey(KeyPaymentID, "202611231940108001001888800000000042")}
	return map[string]Record{"intent": intent, "answer": answer}
}

func BenchmarkAppendFrame(b *testing.B) {
	for name, r := range ordinary() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				var err error
				if dst, err = AppendFrame(dst[:0], r); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(dst)), "B/frame")
		})
	}
}

func BenchmarkDecodeFrame(b *testing.B) {
	for name, r := range ordinary() {
		frame, err := AppendFrame(nil, r)
		require.NoError(b, err)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodeFrame(frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecoder(b *testing.B) {
	for name, r := range ordinary() {
		frame, err := AppendFrame(nil, r)
		require.NoError(b, err)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var d Decoder
			for b.Loop() {
				if err := d.Decode(&r, frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
