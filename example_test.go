package tilltape_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// exampleShop is a till with an APO on loopback, and one card order that the buyer has paid.
type exampleShop struct {
	*apotest.Server
	clock    *apotest.Clock
	client   *apo.Client
	verifier *apo.Verifier
	orders   *tilltape.Orders
}

func openExampleShop(ctx context.Context) *exampleShop {
	clock := apotest.NewClock(time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC))
	server := must(apotest.NewServer(&apotest.Config{Now: clock.Now, ManualDelivery: true}))
	client := must(apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil))
	s := &exampleShop{Server: server, clock: clock, client: client, verifier: must(client.Verifier(nil)),
		orders: must(tilltape.New(memory.New(), client, &tilltape.Config{Now: clock.Now}))}
	s.place(ctx, order.Create{OrderID: "o-1", PaymentRequestID: "pay-1",
		Amount: order.Money{Minor: 1000, Currency: "USD"}, Method: "CARD", CaptureMode: order.CaptureManual})
	check(server.Submit("pay-1")) // the buyer pays
	s.hear(ctx)
	return s
}

// place puts a card order on record and asks APO to collect; Example (Paying) has the answers that there are.
func (s *exampleShop) place(ctx context.Context, c order.Create) {
	must(s.orders.Create(ctx, c))
	answer := s.client.Pay(ctx, apo.PayRequest{PaymentRequestID: c.PaymentRequestID, Amount: c.Amount, Method: c.Method,
		Capture: apo.CaptureManual})
	for _, fact := range answer.Facts {
		must(s.orders.Observe(ctx, fact))
	}
}

// hear takes APO's notifications as an endpoint would.
func (s *exampleShop) hear(ctx context.Context) {
	for _, n := range s.TakeNotifications() {
		must(s.orders.Observe(ctx, must(s.verifier.VerifyNotification(n.Method, n.Path, n.Header, n.Body))))
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func ExampleOrders_Cancel() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	orders := shop.orders
	must(orders.Capture(ctx, "o-1", order.Capture{Amount: order.Money{Minor: 1000, Currency: "USD"}}))
	before := shop.Count()

	_, err := orders.Cancel(ctx, "o-1", order.Cancel{Reason: "changed their mind", Actor: "alice"})
	fmt.Println(err)

	var rejected *order.RejectedError
	if errors.As(err, &rejected) {
		fmt.Println("remedy:", rejected.Remedy)
	}
	fmt.Println("calls to APO:", shop.Count()-before)
	// Output:
	// order o-1: cancel rejected: captured 2026-11-20 by capture 202611200000000000000000000003; refund instead
	// remedy: refund instead
	// calls to APO: 0
}

func ExampleNew() {
	ctx := context.Background()
	server := must(apotest.NewServer(nil)) // APO's part; in production its URL, your client id and your keys
	defer func() { check(server.Close()) }()
	client := must(apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil))
	log := memory.New() // bolt.Open(path, nil) keeps it
	defer func() { check(log.Close()) }()

	orders, err := tilltape.New(log, client, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { check(orders.Close()) }()
	result, err := orders.Create(ctx, order.Create{OrderID: "o-1", PaymentRequestID: "pay-1",
		Amount: order.Money{Minor: 1000, Currency: "USD"}, Method: "CARD",
		CaptureMode: order.CaptureManual, Actor: "shop"})
	fmt.Println(result.Order.Status, result.Order.Amount, err)
	// Output: created USD 10.00 <nil>
}

func ExampleOrders_Observe() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	must(shop.orders.Capture(ctx, "o-1", order.Capture{Amount: order.Money{Minor: 1000, Currency: "USD"}}))
	check(shop.ignoreNotifications())

	must(shop.DashboardRefund("pay-1", 300)) // somebody at APO's dashboard
	for _, n := range shop.TakeNotifications() {
		fact, err := shop.verifier.VerifyNotification(n.Method, n.Path, n.Header, n.Body)
		if err != nil {
			fmt.Println("not APO's:", err)
			continue
		}
		_, err = shop.orders.Observe(ctx, fact)
		fmt.Println("known:", !errors.Is(err, order.ErrUnknownOrder)) // not acknowledged: it names ids nobody here has seen
	}
	// Output: known: false
}

func (s *exampleShop) ignoreNotifications() error {
	s.TakeNotifications()
	return nil
}

func ExampleOrders_Refund() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	must(shop.orders.Capture(ctx, "o-1", order.Capture{Amount: order.Money{Minor: 1000, Currency: "USD"}}))

	refund := order.Refund{CommandID: "refund-1", Amount: order.Money{Minor: 300, Currency: "USD"},
		Reason: "one item returned"}
	result, err := shop.orders.Refund(ctx, "o-1", refund)
	fmt.Println(result.Outcome, err)
	shop.hear(ctx)
	result, err = shop.orders.Refund(ctx, "o-1", refund)
	fmt.Println(result.Outcome, result.Order.PartiallyRefunded(), err)
	// Output:
	// accepted <nil>
	// done true <nil>
}

func ExampleOutcomeOf() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	must(shop.orders.Capture(ctx, "o-1", order.Capture{Amount: order.Money{Minor: 1000, Currency: "USD"}}))

	result, err := shop.orders.Cancel(ctx, "o-1", order.Cancel{})
	fmt.Println(result.Outcome, result.Order.Status)
	fmt.Println(tilltape.OutcomeOf(err))
	_, err = shop.orders.Get(ctx, "o-2")
	fmt.Println(tilltape.OutcomeOf(err))
	// Output:
	// refused captured
	// refused
	// not found
}

func ExampleOrders_SettleDue() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	// done, and the answer is lost
	check(shop.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, Do: apotest.Cut, After: true}))

	_, err := shop.orders.Cancel(ctx, "o-1", order.Cancel{Reason: "changed their mind"})
	fmt.Println("unresolved:", errors.Is(err, tilltape.ErrUnresolved))

	shop.clock.Advance(time.Second) // in a service: a ticker
	settled, err := shop.orders.SettleDue(ctx)
	fmt.Println(settled.Driven, settled.Waiting, err)
	fmt.Println(must(shop.orders.Get(ctx, "o-1")).Status)
	// Output:
	// unresolved: true
	// 1 0 <nil>
	// cancelled
}

func ExampleReader_Actions() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	for _, a := range must(shop.orders.Actions(ctx, "o-1")) {
		switch {
		case a.Legal && !a.Max.IsZero():
			fmt.Println(a.Verb, "up to", a.Max)
		case a.Legal:
			fmt.Println(a.Verb)
		case a.Verb == order.VerbRefund:
			fmt.Printf("no %s: %s; %s\n", a.Verb, a.Rejected.Why(), a.Rejected.Remedy)
		}
	}
	// Output:
	// cancel
	// capture up to USD 10.00
	// no refund: nothing is captured; cancel instead
}

func ExampleReader_History() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	must(shop.orders.Cancel(ctx, "o-1", order.Cancel{Reason: "changed their mind", Actor: "alice"}))
	for r, err := range shop.orders.History(ctx, "o-1") {
		check(err)
		fmt.Println(r.Version, r.Event.Kind(), "by", r.Actor)
	}
	// Output:
	// 1 order.created.v1 by service
	// 2 payment.pending.v1 by service
	// 3 payment.authorized.v1 by service
	// 4 cancel.requested.v1 by alice
	// 5 cancel.succeeded.v1 by service
}
