package tilltape_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/evidence"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// watchedOrders are orders that somebody hears of.
func watchedOrders(log store.Log, client *apo.Client, logger *slog.Logger,
	page func(order, reason string)) (*tilltape.Orders, error) {
	return tilltape.New(log, client, &tilltape.Config{
		Logger: logger,
		Observer: &tilltape.Observer{
			Parked:  func(_ context.Context, a tilltape.Alarm) { page(a.OrderID, a.Reason) },
			Anomaly: func(_ context.Context, c tilltape.Contradiction) { page(c.OrderID, c.Fact.Reason.String()) },
			Failed:  func(_ context.Context, t tilltape.Trouble) { page(t.OrderID, t.Err.Error()) },
		},
	})
}

// standsOpen prints what waits for a person, or for APO.
func standsOpen(ctx context.Context, orders *tilltape.Orders) error {
	for o, err := range orders.Outstanding(ctx) {
		if err != nil {
			return err
		}
		p := o.Operation
		fmt.Println(o.ID, p.Kind, p.Phase, p.Amount, "attempts", p.Attempt, p.Code)
	}
	for o, err := range orders.Anomalies(ctx) {
		if err != nil {
			return err
		}
		for _, a := range o.Anomalies {
			fmt.Println(o.ID, "anomaly", a.Version, a.Reason)
		}
	}
	return nil
}

// toDefend prints the disputes of the orders that have one which waits for its defence.
func toDefend(ctx context.Context, orders *tilltape.Orders) error {
	for o, err := range orders.Disputes(ctx) {
		if err != nil {
			return err
		}
		for _, d := range o.Disputes() {
			fmt.Println(o.ID, d.Amount, "defend by", d.DefendBy, "defended:", d.Defended, "over:", d.Closed)
		}
	}
	return nil
}

// supportCase writes what APO's support needs to see of an order.
func supportCase(ctx context.Context, orders *tilltape.Orders, id, path string) (err error) {
	bundle, err := evidence.Of(ctx, orders.Reader, id)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // it holds the buyer's data
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = bundle.WriteTo(file)
	return err
}

// whatWasRefused prints who wanted what of an order in vain.
func whatWasRefused(ctx context.Context, orders *tilltape.Orders, id string) error {
	for r, err := range orders.Refusals(ctx, id) {
		if err != nil {
			return err
		}
		refused := r.Event.(events.CommandRefused)
		fmt.Println(r.Actor, refused.Command, refused.Reason, refused.Count, refused.Remedy)
	}
	return nil
}

func ExampleOrders_Resolve() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	orders := shop.orders
	check(shop.Script( // a bad night at APO: it knows nothing of what it has told
		apotest.Fault{Op: apotest.OpCapture, Do: apotest.Refuse, Code: "ORDER_NOT_EXIST"},
		apotest.Fault{Op: apotest.OpInquirePayment, Do: apotest.Refuse, Code: "ORDER_NOT_EXIST"}))
	_, err := orders.Capture(ctx, "o-1", order.Capture{CommandID: "capture-1", Amount: order.Money{Minor: 1000,
		Currency: "USD"}})
	fmt.Println(errors.Is(err, tilltape.ErrUnresolved))
	check(standsOpen(ctx, orders))

	dir := must(os.MkdirTemp("", "case"))
	defer func() { check(os.RemoveAll(dir)) }()
	check(supportCase(ctx, orders, "o-1", filepath.Join(dir, "o-1.json")))

	shop.ClearScript() // APO's support has mended it, and says that nothing was captured
	result, err := orders.Resolve(ctx, "o-1", order.Resolve{Resolution: events.ResolvedFailed,
		Statement: "APO support, ticket 4711, Ms Ng by mail of 2026-11-20: not captured", Actor: "alice"})
	fmt.Println(result.Order.Status, result.Order.Operation.Phase, err)
	_, err = orders.Resolve(ctx, "o-1", order.Resolve{Resolution: events.ResolvedFailed, Statement: "again", Actor: "bob"})
	fmt.Println(err)

	check(orders.Close()) // waits for the refusal to be recorded
	check(whatWasRefused(ctx, orders, "o-1"))
	// Output:
	// true
	// o-1 capture parked USD 10.00 attempts 1 ORDER_NOT_EXIST
	// authorized idle <nil>
	// order o-1: resolve rejected: no operation is parked; let settling go on; only what is parked needs a person
	// bob resolve not-parked 1 let settling go on; only what is parked needs a person
}

func ExampleOrders_ClearAnomaly() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	orders := shop.orders
	shop.place(ctx, order.Create{OrderID: "o-2", PaymentRequestID: "pay-2",
		Amount: order.Money{Minor: 1000, Currency: "USD"}, Method: "CARD", CaptureMode: order.CaptureManual})
	must(orders.Cancel(ctx, "o-2", order.Cancel{Reason: "changed their mind"}))
	check(shop.PayLate("pay-2"))
	shop.hear(ctx)

	o := must(orders.Get(ctx, "o-2"))
	for _, a := range o.Anomalies {
		result, err := orders.ClearAnomaly(ctx, o.ID, order.ClearAnomaly{Anomaly: a.Version,
			Reason: "case 12: the buyer keeps the order, booked by hand", Actor: "alice"})
		fmt.Println(result.Order.Status, len(result.Order.Anomalies), err)
	}
	// Output:
	// cancelled 0 <nil>
}

// What no inquiry tells of a capture or refund in doubt, a person settles.
func ExampleOrders_Resolve_transferInDoubt() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	orders := shop.orders
	must(orders.Capture(ctx, "o-1", order.Capture{CommandID: "capture-1",
		Amount: order.Money{Minor: 1000, Currency: "USD"}}))
	check(shop.FailCapture("pay-1")) // done, and then failed
	shop.hear(ctx)
	check(shop.Script(apotest.Fault{Op: apotest.OpInquirePayment, Do: apotest.Refuse, Code: "ORDER_NOT_EXIST"}))

	o := must(orders.Get(ctx, "o-1"))
	fmt.Println(o.Status, o.Captured, o.Refundable(), len(o.Doubts()))
	result, err := orders.Resolve(ctx, o.ID, order.Resolve{Record: o.Doubts()[0], Resolution: events.ResolvedFailed,
		Statement: "APO ticket 4711: the capture did not take place", Actor: "alice"})
	fmt.Println(result.Order.Status, result.Order.Captured, len(result.Order.Doubts()), err)
	// Output:
	// captured 1000 0 1
	// authorized 0 0 <nil>
}

// While a dispute is open nothing is refunded; what it has left can be.
func ExampleReader_Disputes() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	orders := shop.orders
	dollars := func(minor int64) order.Money { return order.Money{Minor: minor, Currency: "USD"} }
	must(orders.Capture(ctx, "o-1", order.Capture{CommandID: "capture-1", Amount: dollars(1000)}))
	id := must(shop.OpenDispute("pay-1", apotest.Dispute{Minor: 600,
		DefendBy: time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC)}))
	shop.hear(ctx)
	check(toDefend(ctx, orders))
	_, err := orders.Refund(ctx, "o-1", order.Refund{CommandID: "refund-1", Amount: dollars(100)})
	var refused *order.RejectedError
	fmt.Println(errors.As(err, &refused), refused.Reason)

	check(shop.EndDispute(id, apo.DisputeMerchantLiable, 600)) // nobody has defended it
	shop.hear(ctx)
	o := must(orders.Get(ctx, "o-1"))
	fmt.Println(o.Disputed, o.Refundable())
	// Output:
	// o-1 USD 6.00 defend by 2026-12-24 12:00:00 +0000 UTC defended: false over: false
	// true disputed
	// 600 400
}

func ExampleConfig() {
	server := must(apotest.NewServer(nil))
	defer func() { check(server.Close()) }()
	client := must(apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil))
	log := memory.New()
	orders := must(watchedOrders(log, client, slog.New(slog.DiscardHandler),
		func(order, reason string) { fmt.Println(order, reason) }))
	fmt.Println(orders.Close(), log.Close())
	// Output: <nil> <nil>
}
