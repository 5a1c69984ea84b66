package jsonform_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/jsonform"
)

func paid() events.Record {
	at := time.Date(2026, 11, 29, 12, 0, 0, 250_000_000, time.UTC)
	return events.Record{ID: "r-2", Stream: events.OrderStream("o-1"), Version: 2, Position: 2, Previous: 1, Recorded: at,
		Occurred: at.Truncate(time.Second), Actor: "apo",
		Head: events.Head{Status: "paid", StatusSince: at.Truncate(time.Second), Phase: "idle"},
		Event: events.PaymentPaid{PaymentID: "2026112919401080010018888",
			Amount: events.Money{Minor: 10000, Currency: "USD"}, At: at.Truncate(time.Second),
			Proof: events.Proof{Via: events.ViaNotification, Evidence: &events.Evidence{Method: "POST", Path: "/notify",
				ClientID: "5X00000000000000", Time: "1795953600000", KeyVersion: "1", Signature: "c2lnbmVk",
				Body: []byte(`{ "paymentId": 2026112919401080010018888 }`)}}}}
}

func ExampleAppendRecord() {
	line, err := jsonform.AppendRecord(nil, paid())
	if err != nil {
		fmt.Println(err)
		return
	}
	var out bytes.Buffer
	_ = json.Indent(&out, line, "", "  ") // spaces mean nothing; a record is one line
	fmt.Println(out.String())
	// Output:
	// {
	//   "position": "2",
	//   "stream": {
	//     "category": "order",
	//     "id": "o-1"
	//   },
	//   "version": "2",
	//   "previous": "1",
	//   "id": "r-2",
	//   "recorded": "2026-11-29T12:00:00.250000000Z",
	//   "occurred": "2026-11-29T12:00:00.000000000Z",
	//   "actor": "apo",
	//   "head": {
	//     "status": "paid",
	//     "statusSince": "2026-11-29T12:00:00.000000000Z",
	//     "phase": "idle"
	//   },
	//   "fact": {
	//     "kind": "payment.paid.v1",
	//     "paymentId": "2026112919401080010018888",
	//     "amount": {
	//       "currency": "USD",
	//       "minor": "10000",
	//       "value": "100.00"
	//     },
	//     "at": "2026-11-29T12:00:00.000000000Z",
	//     "proof": {
	//       "via": "notification",
	//       "evidence": {
	//         "method": "POST",
	//         "path": "/notify",
	//         "clientId": "5X00000000000000",
	//         "time": "1795953600000",
	//         "keyVersion": "1",
	//         "signature": "c2lnbmVk",
	//         "body": "eyAicGF5bWVudElkIjogMjAyNjExMjkxOTQwMTA4MDAxMDAxODg4OCB9",
	//         "message": {
	//           "paymentId": 2026112919401080010018888
	//         }
	//       }
	//     }
	//   }
	// }
}

func ExampleDecodeRecord() {
	line, err := jsonform.AppendRecord(nil, paid())
	if err != nil {
		fmt.Println(err)
		return
	}
	r, _, err := jsonform.DecodeRecord(line)
	fmt.Println(r.Position, r.Event.Kind(), err)

	_, _, err = jsonform.DecodeRecord([]byte(strings.Replace(string(line), `"100.00"`, `"1.00"`, 1)))
	fmt.Println(err)
	_, _, err = jsonform.DecodeRecord([]byte(strings.Replace(string(line), `"actor"`, `"author"`, 1)))
	fmt.Println(err)
	// Output:
	// 2 payment.paid.v1 <nil>
	// reading JSON: fact.amount.value is "1.00", and its minor units come to 100.00
	// reading JSON: "author" is no name that belongs here; leave it out
}

// An archive of records is read as strictly as the log itself: a tool that has been at it shows.
func ExampleDecodeStored() {
	r := paid()
	frame, err := events.AppendFrame(nil, r)
	if err != nil {
		fmt.Println(err)
		return
	}
	line, err := jsonform.AppendStored(nil, r, frame)
	if err != nil {
		fmt.Println(err)
		return
	}
	got, stored, err := jsonform.DecodeStored(line)
	fmt.Println(got.ID, bytes.Equal(stored, frame), err)
	_, _, err = jsonform.DecodeStored(bytes.Replace(line, []byte(":"), []byte(": "), 1))
	fmt.Println(err)
	// Output:
	// r-2 true <nil>
	// reading JSON: the document is not spelled as it was written: spaces, the order of members, or escaped characters differ; use DecodeRecord for what other tools have written
}

// APO may send an id of 28 digits as a number: it keeps all of them.
func ExampleAppendMessage() {
	message, shown := jsonform.AppendMessage(nil, []byte(`{ "paymentId": 2026112919401080010018888 }`))
	fmt.Println(string(message), shown)
	_, shown = jsonform.AppendMessage(nil, []byte(`{"amount":1,"amount":2}`))
	fmt.Println(shown)
	// Output:
	// {"paymentId":2026112919401080010018888} true
	// false
}
