package order_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// ask claims an inquiry of the order and folds APO's answer.
func ask(o order.Order, facts ...order.Fact) (order.Order, []events.Record) {
	var records []events.Record
	give := func(c order.Command) {
		decided, err := order.Decide(o, c, env(noon))
		if err != nil {
			panic(err)
		}
		made, after := order.Records(o, c, decided, env(noon), "")
		o, records = after, append(records, made...)
	}
	give(order.Claim{Inquire: true})
	give(order.RecordInquiry{Number: o.Inquiry.Number,
		Picture: order.Picture{Outcome: events.InquiryAnswers, State: order.StateSuccess,
			Facts: facts, Evidence: &events.Evidence{}}})
	return o, records
}

// Money that arrives on a cancelled order is shown, and given back once APO was asked how it stands.
func ExampleCompensate() {
	gone := order.Fact{Kind: order.PaymentCancelled, PaymentID: "P1",
		Proof: events.Proof{Via: events.ViaNotification, Evidence: &events.Evidence{}}}
	o := place(order.Observe{Fact: gone}, authorized(), captured())
	fmt.Println(o.Status, o.Late.Captured, o.Words())

	_, err := order.Decide(o, order.Compensate{Actor: "ada"}, env(noon))
	fmt.Println(err)

	o, _ = ask(o)
	facts, _ := order.Decide(o, order.Compensate{Actor: "ada"}, env(noon))
	intent := facts[0].(events.RefundRequested)
	fmt.Println("refund", intent.Amount, "for the anomaly at version", intent.Compensates)
	// Output:
	// cancelled 1000 needs attention
	// order o-1: compensate rejected: APO's last word on it is too old; reconcile first, then give it again at once
	// refund USD 10.00 for the anomaly at version 4
}

// An inquiry teaches what nobody here commanded, for instance a refund made in APO's dashboard.
func ExampleDifferences() {
	o := place(authorized(), captured())
	dashboard := order.Fact{Kind: order.RefundSucceeded, TransferID: "D1",
		Amount: order.Money{Minor: 400, Currency: "USD"}}

	o, records := ask(o, dashboard)
	fmt.Println(order.Differences(records), o.Status)
	_, records = ask(o, dashboard)
	fmt.Println(order.Differences(records))
	// Output:
	// [refund.succeeded D1 USD 4.00] refunded
	// []
}

// A caller that tries again and again leaves a few records, and then one a day with a count.
func ExampleRefusals() {
	o := place(authorized(), captured())
	cancel := order.Cancel{CommandID: "c-1", Actor: "ada"}
	_, err := order.Decide(o, cancel, env(noon))
	var rejected *order.RejectedError
	errors.As(err, &rejected)

	var refusals order.Refusals
	recorded := 0
	refuse := func(now time.Time) (fact events.CommandRefused) {
		next, fact, record := refusals.Refuse(cancel, rejected, now)
		refusals = next
		if record { // appended to events.RefusalStream("o-1"), after refusals.Version
			recorded++
			refusals = refusals.Evolve(events.Record{Version: refusals.Version + 1, Recorded: now, Event: fact})
		}
		return fact
	}
	for range 1000 {
		refuse(noon)
	}
	fmt.Println(recorded, "records of 1000 refusals")
	fmt.Println("tomorrow's stands for", refuse(noon.Add(order.RefusalEvery)).Count)
	// Output:
	// 32 records of 1000 refusals
	// tomorrow's stands for 969
}
