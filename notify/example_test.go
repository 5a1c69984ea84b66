package notify_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// serveNotifications wires the handler up as a service would. What is returned ends it.
func serveNotifications(orders *tilltape.Orders, client *apo.Client,
	listener net.Listener) (*notify.Handler, *http.Server, error) {
	verifier, err := client.Verifier(&apo.VerifierConfig{
		// SignedPath: "/apo/notify", // only where a proxy rewrites the path on the way
	})
	if err != nil {
		return nil, nil, err
	}
	handler, err := notify.NewHandler(orders, verifier, &notify.Config{
		Heard: func(_ context.Context, n notify.Notification) {
			if n.Outcome == notify.UnknownOrder {
				fmt.Println("of nobody we know:", n.Fact)
			}
		},
	})
	if err != nil {
		return nil, nil, err
	}

	mux := http.NewServeMux()
	mux.Handle("/apo/notify", handler)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10}
	go func() { _ = server.Serve(listener) }() // behind the proxy that ends TLS
	return handler, server, nil
}

func ExampleNewHandler() {
	ctx := context.Background()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	clock := apotest.NewClock(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	apoServer := must(apotest.NewServer(&apotest.Config{Now: clock.Now, ManualDelivery: true,
		NotifyURL: "http://" + listener.Addr().String() + "/apo/notify"}))
	client := must(apo.NewClient(apoServer.URL(), apoServer.ClientID(), apoServer.Keys(), nil))
	defer client.Close()
	orders := must(tilltape.New(memory.New(), client, &tilltape.Config{Now: clock.Now}))
	handler, server, err := serveNotifications(orders, client, listener)
	check(err)
	ten := order.Money{Minor: 1000, Currency: "USD"}
	must(orders.Create(ctx, order.Create{OrderID: "o-1", PaymentRequestID: "pay-1", Amount: ten, Method: "CARD",
		CaptureMode: order.CaptureManual}))
	answer := client.Pay(ctx, apo.PayRequest{PaymentRequestID: "pay-1", Amount: ten, Method: "CARD",
		Capture: apo.CaptureManual})
	for _, fact := range answer.Facts {
		must(orders.Observe(ctx, fact))
	}
	// Another shop under the same client id has orders in another log.
	client.Pay(ctx, apo.PayRequest{PaymentRequestID: "pay-2", Amount: ten, Method: "CARD", Capture: apo.CaptureManual})

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
	// of nobody we know: payment succeeded USD 10.00, payment 202611230000000000000000000002, payment request pay-2
	// o-1 is authorized
	// 2 came, 1 acknowledged, 1 unknown
}

func ExampleHandler_Stats() {
	ctx := context.Background()
	apoServer := must(apotest.NewServer(nil))
	defer func() { check(apoServer.Close()) }()
	client := must(apo.NewClient(apoServer.URL(), apoServer.ClientID(), apoServer.Keys(), nil))
	orders := must(tilltape.New(memory.New(), client, nil))
	handler := must(notify.NewHandler(orders, must(client.Verifier(nil)), nil))

	request := must(http.NewRequestWithContext(ctx, http.MethodPost, "http://shop.example/apo/notify", http.NoBody))
	request.Header.Set("Content-Type", "application/json")
	handler.ServeHTTP(discard{http.Header{}}, request) // somebody tries what happens
	stats := handler.Stats()
	fmt.Println(stats.Received, "came,", stats.Acknowledged, "acknowledged,", stats.Forged, "forged")
	// Output: 1 came, 0 acknowledged, 1 forged
}

// discard is a ResponseWriter that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// must keeps the examples short.
func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
