// One order, as far as the cancel that is refused.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/bolt"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	// APO on loopback. Its clock stands still, and ours with it, so that you see what the page shows.
	noon := func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }
	server, err := apotest.NewServer(&apotest.Config{Now: noon})
	if err != nil {
		return err
	}
	defer server.Close()

	// Tilltape: a log on disk, a client that signs, a verifier that believes nobody but APO.
	log, err := bolt.Open("orders.tilltape", &bolt.Config{Origin: "shop.example/orders"}) // its name, for good
	if err != nil {
		return err
	}
	defer log.Close()
	client, err := apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil)
	if err != nil {
		return err
	}
	defer client.Close()
	verifier, err := client.Verifier(nil)
	if err != nil {
		return err
	}
	orders, err := tilltape.New(log, client, &tilltape.Config{Now: noon})
	if err != nil {
		return err
	}
	defer orders.Close()

	// The shop places an order on record, then asks APO to collect; Register stands for that pay call.
	ten := order.Money{Minor: 1000, Currency: "USD"}
	_, err = orders.Create(ctx, order.Create{OrderID: "o-1", PaymentRequestID: "pay-1", Amount: ten,
		Method: "CARD", CaptureMode: order.CaptureManual, Actor: "shop"})
	if err != nil {
		return err
	}
	_, err = server.Register(apotest.Payment{PaymentRequestID: "pay-1",
		Amount: apotest.Amount{Currency: "USD", Minor: 1000}, Capture: apotest.Manual})
	if err != nil {
		return err
	}

	// The buyer pays. APO notifies; what its signature proves goes on record.
	if err := server.Submit("pay-1"); err != nil {
		return err
	}
	for _, n := range server.TakeNotifications() {
		fact, err := verifier.VerifyNotification(n.Method, n.Path, n.Header, n.Body)
		if err != nil {
			return err
		}
		if _, err := orders.Observe(ctx, fact); err != nil {
			return err
		}
		fmt.Println("APO notifies:", fact.Kind())
	}

	// We take the money. The command has an id: given again, it is not done again.
	result, err := orders.Capture(ctx, "o-1", order.Capture{CommandID: "capture-o-1", Amount: ten, Actor: "warehouse"})
	if err != nil {
		return err
	}
	fmt.Println("the order is", result.Order.Words())

	// Too late for a cancel.
	before := server.Count()
	_, err = orders.Cancel(ctx, "o-1", order.Cancel{Reason: "changed their mind", Actor: "alice"})
	fmt.Println("error:", err)
	var rejected *order.RejectedError
	if errors.As(err, &rejected) {
		fmt.Println("remedy:", rejected.Remedy)
	}
	fmt.Printf("calls to APO: %d before the cancel, %d for it\n", before, server.Count()-before)
	return nil
}
