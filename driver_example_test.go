package tilltape_test

import (
	"context"
	"fmt"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

func ExampleOrders_Compensate() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	shop.place(ctx, order.Create{OrderID: "o-2", PaymentRequestID: "pay-2",
		Amount: order.Money{Minor: 500, Currency: "USD"}, Method: "CARD", CaptureMode: order.CaptureManual})
	must(shop.orders.Cancel(ctx, "o-2", order.Cancel{}))

	check(shop.PayLate("pay-2")) // the buyer was just paying
	shop.hear(ctx)
	o := must(shop.orders.Get(ctx, "o-2"))
	fmt.Println(o.Status, "with", o.Late.Authorized, "held, an anomaly:", o.Anomalies[0].Reason)

	result := must(shop.orders.Compensate(ctx, "o-2", order.Compensate{Actor: "alice"}))
	fmt.Println(result.Outcome, "with anomalies:", len(result.Order.Anomalies))
	// Output:
	// cancelled with 500 held, an anomaly: late payment
	// done with anomalies: 0
}

func ExampleObserver() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	calls := map[string]int{} // a counter of your metrics library, which is safe for many goroutines
	observer := &tilltape.Observer{
		Called:  func(_ context.Context, c tilltape.CallMade) { calls[c.Call.Kind.String()+" "+c.Said()]++ },
		Refused: func(_ context.Context, r tilltape.Refusal) { fmt.Println("refused:", r.Err.Command, r.Err.Reason) },
	}
	client := must(apo.NewClient(shop.URL(), shop.ClientID(), shop.Keys(), nil))
	orders := must(tilltape.New(memory.New(), client, &tilltape.Config{Now: shop.clock.Now, Observer: observer}))
	must(orders.Create(ctx, order.Create{OrderID: "o-1", PaymentRequestID: "pay-1",
		Amount: order.Money{Minor: 1000, Currency: "USD"}, Method: "CARD", CaptureMode: order.CaptureManual}))

	_, err := orders.Refund(ctx, "o-1", order.Refund{Amount: order.Money{Minor: 1, Currency: "USD"}})
	fmt.Println(err != nil)
	must(orders.Cancel(ctx, "o-1", order.Cancel{}))
	fmt.Println(calls)
	// Output:
	// refused: refund not-authorized
	// true
	// map[cancel succeeded:1]
}

// What a call sends can have the span of its command as parent: the call is made with the context that a hook returned.
func ExampleObserver_spans() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	type span struct{}
	under := func(ctx context.Context, name string) context.Context {
		parent, _ := ctx.Value(span{}).(string)
		return context.WithValue(ctx, span{}, parent+"/"+name)
	}
	observer := &tilltape.Observer{
		Commanding: func(ctx context.Context, c tilltape.CommandGiven) context.Context { return under(ctx, c.Verb.String()) },
		Calling:    func(ctx context.Context, c tilltape.CallBegun) context.Context { return under(ctx, "POST") },
		Called:     func(ctx context.Context, c tilltape.CallMade) { fmt.Println(ctx.Value(span{}), c.Said()) },
		Commanded:  func(ctx context.Context, c tilltape.CommandEnded) { fmt.Println(ctx.Value(span{}), c.Outcome) },
	}
	client := must(apo.NewClient(shop.URL(), shop.ClientID(), shop.Keys(), nil))
	orders := must(tilltape.New(memory.New(), client, &tilltape.Config{Now: shop.clock.Now, Observer: observer}))
	must(orders.Create(ctx, order.Create{OrderID: "o-1", PaymentRequestID: "pay-1",
		Amount: order.Money{Minor: 1000, Currency: "USD"}, Method: "CARD", CaptureMode: order.CaptureManual}))
	must(orders.Cancel(ctx, "o-1", order.Cancel{}))
	// Output:
	// /create done
	// /cancel/POST succeeded
	// /cancel done
}

func ExampleReader_Refusals() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	must(shop.orders.Capture(ctx, "o-1", order.Capture{Amount: order.Money{Minor: 1000, Currency: "USD"}}))
	_, err := shop.orders.Cancel(ctx, "o-1", order.Cancel{Actor: "alice"})
	fmt.Println(err != nil)
	check(shop.orders.Close())
	for r, err := range shop.orders.Refusals(ctx, "o-1") {
		check(err)
		refused := r.Event.(events.CommandRefused)
		fmt.Printf("%s: %s refused, %s; %s\n", r.Actor, refused.Command, refused.Reason, refused.Remedy)
	}
	check(shop.Close())
	// Output:
	// true
	// alice: cancel refused, captured; refund instead
}

func ExampleOrders_Run() {
	shop := openExampleShop(context.Background())
	defer func() { check(shop.Close()) }()
	ctx, stop := context.WithCancel(context.Background())

	done := make(chan error, 1)
	go func() { done <- shop.orders.Run(ctx) }() // beside the service's HTTP server

	stop() // on SIGTERM
	fmt.Println("settling ended:", <-done)
	// Output: settling ended: <nil>
}

func ExampleReader_Anomalies() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	shop.place(ctx, order.Create{OrderID: "o-2", PaymentRequestID: "pay-2",
		Amount: order.Money{Minor: 1000, Currency: "USD"}, Method: "CARD", CaptureMode: order.CaptureManual})
	must(shop.orders.Cancel(ctx, "o-2", order.Cancel{Reason: "changed their mind"}))
	check(shop.PayLate("pay-2")) // the buyer had the page open still
	shop.hear(ctx)

	for o, err := range shop.orders.Anomalies(ctx) {
		check(err)
		fmt.Println(o.ID, o.Status, o.Anomalies[0].Reason, o.Late.Authorized)
		must(shop.orders.Compensate(ctx, o.ID, order.Compensate{Actor: "alice"}))
	}
	for range shop.orders.Anomalies(ctx) {
		fmt.Println("still open")
	}
	// Output: o-2 cancelled late payment 1000
}

func ExampleReader_Outstanding() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	_, err := shop.orders.Capture(ctx, "o-1", order.Capture{Amount: order.Money{Minor: 1000, Currency: "USD"}})
	check(err)
	result, err := shop.orders.Refund(ctx, "o-1", order.Refund{Amount: order.Money{Minor: 300, Currency: "USD"}})
	fmt.Println(result.Outcome, err)

	for o, err := range shop.orders.Outstanding(ctx) {
		check(err)
		for _, p := range o.Operations() {
			fmt.Println(o.ID, p.Kind, p.Phase, p.Amount)
		}
	}
	// Output:
	// accepted <nil>
	// o-1 refund accepted USD 3.00
}

func ExampleOrders_Reconcile() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	must(shop.orders.Capture(ctx, "o-1", order.Capture{Amount: order.Money{Minor: 1000, Currency: "USD"}}))
	must(shop.DashboardRefund("pay-1", 300)) // somebody at APO's dashboard; its notification names nothing we know

	r, err := shop.orders.Reconcile(ctx, "o-1")
	check(err)
	for _, d := range r.Differences {
		fmt.Println(d.Fact, d.Amount)
	}
	fmt.Println(r.Order.Status, r.Order.PartiallyRefunded(), "whole:", r.Whole)
	// Output:
	// refund.succeeded.v1 USD 3.00
	// refunded true whole: true
}
