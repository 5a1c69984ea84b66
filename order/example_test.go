package order_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func env(now time.Time) order.Env {
	return order.Env{Now: now, NewID: func() string { return "capture-request-1" }}
}

// place makes an order, then decides each command and folds what follows, as a service does with a log in between.
func place(commands ...order.Command) order.Order {
	var o order.Order
	first := order.Create{OrderID: "o-1", PaymentRequestID: "pr-1", PaymentID: "P1",
		Amount: order.Money{Minor: 1000, Currency: "USD"}, Method: "CARD",
		CaptureMode: order.CaptureManual}
	for _, c := range append([]order.Command{first}, commands...) {
		facts, err := order.Decide(o, c, env(noon))
		if err != nil {
			panic(err)
		}
		_, o = order.Records(o, c, facts, env(noon), "")
	}
	return o
}

func record(o order.Order, e events.Event) events.Record {
	return events.Record{Stream: events.OrderStream("o-1"), Version: o.Version + 1, Recorded: noon, Occurred: noon,
		Event: e}
}

func authorized() order.Command {
	return order.Observe{Fact: order.Fact{Kind: order.PaymentSucceeded, PaymentID: "P1"}}
}

func captured() order.Command {
	return order.Observe{Fact: order.Fact{Kind: order.CaptureSucceeded, TransferID: "c-7",
		Amount: order.Money{Minor: 1000, Currency: "USD"}}}
}

// A cancel that cannot work is refused before anything is sent, and says what to do instead.
func ExampleDecide() {
	o := place(authorized(), captured())

	_, err := order.Decide(o, order.Cancel{Reason: "changed their mind"}, env(noon))
	fmt.Println(err)

	var rejected *order.RejectedError
	if errors.As(err, &rejected) {
		fmt.Println(rejected.Reason, "because of version", rejected.Cause.Version)
	}
	// Output:
	// order o-1: cancel rejected: captured 2026-11-20 by capture c-7; refund instead
	// captured because of version 3
}

// An order is what its records make of it.
func ExampleEvolve() {
	var o order.Order
	for _, e := range []events.Event{
		events.OrderCreated{PaymentRequestID: "pr-1", Amount: order.Money{Minor: 1000, Currency: "USD"},
			CaptureMode: order.CaptureManual},
		events.PaymentAuthorized{PaymentID: "P1", Amount: order.Money{Minor: 1000, Currency: "USD"}},
		events.CaptureSucceeded{CaptureID: "c-7", Amount: order.Money{Minor: 400, Currency: "USD"}},
	} {
		o = order.Evolve(o, record(o, e))
		fmt.Println(o.Version, o.Status, o.Captured, "of", o.Authorized)
	}
	// Output:
	// 1 created 0 of 0
	// 2 authorized 0 of 1000
	// 3 captured 400 of 1000
}

// Records makes what is appended: ids, times, lookup keys, and the head that lets a store find the order when it is
// due.
func ExampleRecords() {
	var o order.Order
	create := order.Create{CommandID: "command-1", OrderID: "o-1", PaymentRequestID: "pr-1", Method: "CARD",
		Amount: order.Money{Minor: 1000, Currency: "USD"}, CaptureMode: order.CaptureManual, Actor: "checkout"}
	now := env(noon)
	facts, err := order.Decide(o, create, now)
	if err != nil {
		panic(err)
	}
	records, o := order.Records(o, create, facts, now, "service")
	for _, r := range records {
		fmt.Println(r.Stream.ID, r.Version, r.Event.Kind(), "by", r.Actor, r.Keys)
		fmt.Println(r.Head.Status, "due", r.Head.Due.Format(time.DateTime))
	}
	fmt.Println(o.Status)
	// Output:
	// o-1 1 order.created.v1 by checkout [paymentRequestId:pr-1]
	// created due 2026-11-22 12:10:00
	// created
}

// What APO is owed follows from the order alone: nothing while the attempt may still be answered, then the same call
// again.
func ExampleOrder_Due() {
	o := place(authorized(), order.Capture{CommandID: "command-1", Amount: order.Money{Minor: 400, Currency: "USD"}})

	_, due := o.Due(noon)
	fmt.Println("at once:", due)

	call, due := o.Due(o.NextDue()) // nobody recorded an answer
	fmt.Println("after the lease:", due, call.Kind, call.RequestID, call.Amount, "attempt", call.Attempt)
	// Output:
	// at once: false
	// after the lease: true capture capture-request-1 USD 4.00 attempt 2
}

// Actions answers for every command at once; a page can offer what is legal and explain what is not.
func ExampleOrder_Actions() {
	o := place(authorized())
	for _, a := range o.Actions(env(noon)) {
		switch {
		case a.Legal && a.Max.Minor > 0:
			fmt.Println(a.Verb, "up to", a.Max)
		case a.Legal:
			fmt.Println(a.Verb)
		default:
			fmt.Printf("not %s: %s; %s\n", a.Verb, a.Rejected.Why(), a.Rejected.Hint())
		}
	}
	// Output:
	// not create: an order with this id and other content was placed 2026-11-20; create another attempt to pay under a new order id
	// cancel
	// capture up to USD 10.00
	// not refund: nothing is captured; cancel instead
	// not resolve: no operation is parked; let settling go on; only what is parked needs a person
	// not clear anomaly: no such anomaly stands open; look at the anomalies that the order has
	// not compensate: no late money is to be given back; cancel or refund instead
}

// Judge finds a record that these rules cannot have written.
func ExampleJudge() {
	o := place(authorized(), captured())
	forged := events.CancelRequested{By: events.Identifier{PaymentID: "P1"}, Lease: noon.Add(time.Minute)}

	fmt.Println(order.Judge(o, record(o, forged)))
	// Output:
	// order o-1, version 4: cancel.requested.v1 is not legal for an order that is captured; the log was not written by these rules, or was altered
}
