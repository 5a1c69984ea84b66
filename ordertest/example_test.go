package ordertest_test

import (
	"context"
	"errors"
	"fmt"

	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/ordertest"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// forgetful says that every append is done and keeps none.
type forgetful struct{ store.Log }

func (forgetful) Append(_ context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	return placed(to, after, records), nil
}

func ExampleRace() {
	report, err := ordertest.Race(context.Background(), memory.New(), ordertest.Load{Clients: 8, Operations: 20})
	fmt.Println(report.Operations, err)

	_, err = ordertest.Race(context.Background(), forgetful{memory.New()}, ordertest.Load{Clients: 8, Operations: 20})
	fmt.Println(errors.Is(err, ordertest.ErrNotLinearizable))
	// Output:
	// 162 <nil>
	// true
}

func ExampleHistories() {
	// In a test: rapid.Check(t, func(t *rapid.T) { … Draw(t, "history") … }). The property here: a sum over the records
	// comes to what the order says.
	property := func(till *ordertest.Till) bool {
		var captured int64
		for _, r := range till.Records {
			if e, ok := r.Event.(events.CaptureSucceeded); ok {
				captured += e.Amount.Minor
			}
		}
		return till.Order.CaptureMode == order.CaptureNone || till.Order.Status == order.Cancelled ||
			captured == till.Order.Captured
	}
	histories, held := ordertest.Histories("o-1"), true
	for seed := range 200 {
		held = held && property(histories.Example(seed))
	}
	fmt.Println(held)
	// Output: true
}

func ExampleCommands() {
	const orders = 3
	steps := rapid.SliceOfN(ordertest.Commands("o-1"), orders, orders).Example(1)
	for _, s := range steps {
		till := ordertest.NewTill()
		fmt.Printf("%T first, %v\n", s[0].Command, till.Play(s))
	}
	// Output:
	// order.Create first, <nil>
	// order.Create first, <nil>
	// order.Create first, <nil>
}

func ExampleTill() {
	till := ordertest.NewTill()
	usd := func(minor int64) order.Money { return order.Money{Minor: minor, Currency: "USD"} }
	_, err := till.Do(order.Create{OrderID: "o-1", PaymentRequestID: "pr-1", Amount: usd(1000), Method: "ALIPAY_CN"})
	fmt.Println(till.Order.Words(), err)
	_, err = till.Do(order.Observe{Fact: order.Fact{Kind: order.PaymentSucceeded, PaymentID: "P1", Amount: usd(1000)}})
	fmt.Println(till.Order.Words(), err)
	_, err = till.Do(order.Refund{CommandID: "refund-1", Amount: usd(1001)})
	fmt.Println(errors.Is(err, order.ErrRejected), len(till.Records))
	// Output:
	// created <nil>
	// paid <nil>
	// true 2
}
