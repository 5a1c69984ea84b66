package work

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tilltape/tilltape/events"
)

// Noon is when everything happens; what is due is so within the day after it.
var Noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

// Statuses are the ones that heads have.
var Statuses = []string{"created", "authorized", "captured", "cancelled"}

// How large the bodies in records are, in bytes: most fit many to a page, some need pages of their own.
const (
	bodySmallMax = 300
	bodyLarge    = 9000
)

// StreamsMax is how many streams a script may have.
const StreamsMax = 64

// Stream is the n-th stream, from 0: orders, and their refusals among them.
func Stream(n int) events.Stream {
	if n%8 == 7 {
		return events.RefusalStream(fmt.Sprintf("o-%d", n))
	}
	return events.OrderStream(fmt.Sprintf("o-%d", n))
}

// appendOf draws the records of one append. Their ids say how many belong together, and which this one is.
func appendOf(random *rand.Rand, id string, stream events.Stream, after uint64) []events.Record {
	count := 1
	if random.IntN(3) == 0 {
		count = 2 + random.IntN(4)
	}
	records := make([]events.Record, count)
	for i := range records {
		records[i] = Record(random, fmt.Sprintf("%s.%d.%d", id, i+1, count))
	}
	switch {
	case after == 0:
		records[0].Keys = []events.Key{events.NewKey(events.KeyPaymentID, stream.Category+"-"+stream.ID)}
	case random.IntN(3) == 0:
		records[count-1].Keys = []events.Key{
			events.NewKey(events.KeyCaptureRequestID, id), events.NewKey(events.KeyRefundRequestID, id),
		}
	}
	return records
}

// Record draws a record with the id.
func Record(random *rand.Rand, id string) events.Record {
	size := random.IntN(bodySmallMax)
	if random.IntN(40) == 0 {
		size = bodyLarge
	}
	body := bytes.Repeat([]byte{byte('a' + random.IntN(26))}, size)
	at := Noon.Add(time.Duration(random.IntN(1000)) * time.Second)
	head := events.Head{Status: Statuses[random.IntN(len(Statuses))], StatusSince: at, Phase: "idle"}
	if random.IntN(2) == 0 {
		head.Due = at.Add(time.Hour)
	}
	if random.IntN(5) == 0 {
		head.OperationSince, head.ParkedSince = at.Add(-time.Minute), at
	}
	if random.IntN(5) == 0 {
		head.AnomalySince = at.Add(time.Second)
	}
	if random.IntN(5) == 0 {
		head.DisputeBy = at.Add(48 * time.Hour)
	}
	return events.Record{
		ID: id, Recorded: at, Occurred: at, CommandID: "command-" + id, Actor: "till-7", Head: head,
		Event: events.PaymentPending{PaymentID: "payment-1",
			Proof: events.Proof{Via: events.ViaAnswer, Attempt: 1, Evidence: &events.Evidence{
				Method: "POST", Path: "/ams/api/v1/payments/pay", ClientID: "client-1", Time: "2026-11-23T12:00:00Z",
				KeyVersion: "1", Signature: "c2lnbmF0dXJl", Body: body,
			}}},
	}
}
