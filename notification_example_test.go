package tilltape_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// serveNotifications wires the handler up as a service would. What is returned ends it.
func serveNotifications(orders *tilltape.Orders, clientID string, keys apo.Keys, listener net.Listener) (*tilltape.NotificationHandler, *http.Server, error) {
	handler, err := orders.NotificationHandler(clientID, keys, &tilltape.NotificationConfig{
		// SignedPath: "/apo/notify", // only where a proxy rewrites the path on the way
		Heard: func(_ context.Context, n tilltape.Notification) {
			if n.Outcome == tilltape.NotificationUnknownOrder {
				fmt.Println("of nobody we know:", n.Fact)
			}
		},
	})
	if err != nil {
		return nil, nil, err
	}

	mux := http.NewServeMux()
	mux.Handle("/apo/notify", handler)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go func() { _ = server.Serve(listener) }() // behind the proxy that ends TLS
	return handler, server, nil
}

func ExampleOrders_NotificationHandler() {
	ctx := context.Background()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	apoServer := must(apotest.NewServer(&apotest.Config{ManualDelivery: true, NotifyURL: "http://" + listener.Addr().String() + "/apo/notify"}))
	client := must(apo.NewClient(apoServer.URL(), apoServer.ClientID(), apoServer.Keys(), nil))
	defer client.Close()
	orders := must(tilltape.New(memory.New(), client, nil))
	handler, server, err := serveNotifications(orders, apoServer.ClientID(), apoServer.Keys(), listener)
	check(err)
	for _, id := range []string{"pay-1", "pay-2"} { // pay-2 is of another shop under the same client id
		must(apoServer.Register(apotest.Payment{PaymentRequestID: id, PaymentID: "P-" + id, Amount: apotest.Amount{Currency: "USD", Minor: 1000}, Capture: apotest.Manual}))
	}
	must(orders.Create(ctx, order.Create{Order: "o-1", PaymentRequestID: "pay-1", Amount: order.Money{Minor: 1000, Currency: "USD"},
		Method: "CARD", CaptureMode: order.CaptureManual}))

	check(apoServer.Submit("pay-1")) // the buyers pay
	check(apoServer.Submit("pay-2"))
	apoServer.Deliver(ctx)
	fmt.Println("o-1 is", must(orders.Get(ctx, "o-1")).Status)
	stats := handler.Stats()
	fmt.Printf("%d came, %d acknowledged, %d unknown\n", stats.Received, stats.Acknowledged, stats.UnknownOrder)

	// The end: no more notifications, then no more commands, then the log.
	check(server.Shutdown(ctx))
	check(orders.Close())
	check(apoServer.Close())
	// Output:
	// of nobody we know: payment succeeded USD 10.00, payment P-pay-2, payment request pay-2
	// o-1 is authorized
	// 2 came, 1 acknowledged, 1 unknown
}

func ExampleNotificationHandler_Stats() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	handler := must(shop.orders.NotificationHandler(shop.ClientID(), shop.Keys(), nil))

	request := must(http.NewRequestWithContext(ctx, http.MethodPost, "http://shop.example/apo/notify", http.NoBody))
	request.Header.Set("Content-Type", "application/json")
	handler.ServeHTTP(discard{http.Header{}}, request) // somebody tries what happens
	fmt.Printf("%+v\n", handler.Stats())
	// Output: {Received:1 Acknowledged:0 Duplicate:0 Refused:0 Busy:0 Forged:1 Stale:0 Unusable:0 UnknownOrder:0 Failed:0}
}

// discard is a ResponseWriter that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

func ExampleOrders_Anomalies() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	must(shop.Register(apotest.Payment{PaymentRequestID: "pay-2", Amount: apotest.Amount{Currency: "USD", Minor: 1000}, Capture: apotest.Manual}))
	must(shop.orders.Create(ctx, order.Create{Order: "o-2", PaymentRequestID: "pay-2", Amount: order.Money{Minor: 1000, Currency: "USD"},
		Method: "CARD", CaptureMode: order.CaptureManual}))
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

func ExampleOrders_Outstanding() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	_, err := shop.orders.Capture(ctx, "o-1", order.Capture{Amount: order.Money{Minor: 1000, Currency: "USD"}})
	check(err)
	_, err = shop.orders.Refund(ctx, "o-1", order.Refund{Amount: order.Money{Minor: 300, Currency: "USD"}})
	fmt.Println(err != nil) // APO works on it

	for o, err := range shop.orders.Outstanding(ctx) {
		check(err)
		fmt.Println(o.ID, o.Operation.Kind, o.Operation.Phase, o.Operation.Amount)
	}
	// Output:
	// true
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
