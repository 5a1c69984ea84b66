// One order, as far as the cancel that is refused; and another, whose cancel nobody answers.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/viewer"
)

var ten = order.Money{Minor: 1000, Currency: "USD"}

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
	client, err := apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil)
	if err != nil {
		return err
	}
	defer client.Close()

	// Tilltape: a log on disk, with its name for good and the key that signs for it, and the orders in it.
	signer, err := logKey("orders.key")
	if err != nil {
		return err
	}
	log, err := bolt.Open("orders.tilltape", &bolt.Config{Origin: "shop.example/orders", Signer: signer})
	if err != nil {
		return err
	}
	defer log.Close()
	orders, err := tilltape.New(log, client, &tilltape.Config{Now: noon})
	if err != nil {
		return err
	}
	defer orders.Close()

	if err := paid(ctx, orders, client, server, "o-1"); err != nil {
		return err
	}
	if err := capture(ctx, orders); err != nil {
		return err
	}
	cancel(ctx, orders, server)
	if len(os.Args) == 1 {
		return nil
	}

	// With an address: another order, whose cancel nobody answers, and the viewer at that address.
	pages, err := viewer.New(log, &viewer.Config{Orders: tilltape.Config{Now: noon}})
	if err != nil {
		return err
	}
	defer pages.Close()
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		return err
	}
	go http.Serve(listener, pages)
	if err := paid(ctx, orders, client, server, "o-2"); err != nil {
		return err
	}
	return unanswered(ctx, orders, server, "http://"+listener.Addr().String())
}

// logKey reads the key that signs for the log. The first run makes it.
func logKey(path string) (*seal.Signer, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		var made string
		if made, _, err = seal.GenerateKey(nil, "shop.example"); err != nil {
			return nil, err
		}
		key, err = []byte(made), os.WriteFile(path, []byte(made), 0o600)
	}
	if err != nil {
		return nil, err
	}
	return seal.NewSigner(string(key))
}

// paid is an order whose buyer has paid, on APO's page.
func paid(ctx context.Context, orders *tilltape.Orders, client *apo.Client, server *apotest.Server, id string) error {
	if err := place(ctx, orders, client, id); err != nil {
		return err
	}
	if err := server.Submit("pay-" + id); err != nil {
		return err
	}
	return hear(ctx, orders, client, server.TakeNotifications())
}

// place puts the order on record, then asks APO to collect. What APO's answer proves goes on record too.
func place(ctx context.Context, orders *tilltape.Orders, client *apo.Client, id string) error {
	_, err := orders.Create(ctx, order.Create{OrderID: id, PaymentRequestID: "pay-" + id, Amount: ten,
		Method: "CARD", CaptureMode: order.CaptureManual, Actor: "shop"})
	if err != nil {
		return err
	}
	answer := client.Pay(ctx, apo.PayRequest{PaymentRequestID: "pay-" + id, Amount: ten,
		Method: "CARD", Capture: apo.CaptureManual})
	for _, fact := range answer.Facts {
		if _, err := orders.Observe(ctx, fact); err != nil {
			return err
		}
	}
	fmt.Println("the payment is", answer.Class) // begun, that is: the buyer has yet to pay
	return answer.Err
}

// hear takes what APO notifies, as an endpoint would. What the signature proves goes on record.
func hear(ctx context.Context, orders *tilltape.Orders, client *apo.Client, told []apotest.Notification) error {
	verifier, err := client.Verifier(nil) // it believes nobody but APO
	if err != nil {
		return err
	}
	for _, n := range told {
		fact, err := verifier.VerifyNotification(n.Method, n.Path, n.Header, n.Body)
		if err != nil {
			return err
		}
		if _, err := orders.Observe(ctx, fact); err != nil {
			return err
		}
		fmt.Println("APO notifies:", fact.Kind())
	}
	return nil
}

// capture takes the money. The command has an id: given again, it is not done again.
func capture(ctx context.Context, orders *tilltape.Orders) error {
	result, err := orders.Capture(ctx, "o-1", order.Capture{CommandID: "capture-o-1", Amount: ten, Actor: "warehouse"})
	if err != nil {
		return err
	}
	fmt.Println("the order is", result.Order.Words())
	return nil
}

// cancel comes too late.
func cancel(ctx context.Context, orders *tilltape.Orders, server *apotest.Server) {
	before := server.Count()
	_, err := orders.Cancel(ctx, "o-1", order.Cancel{Reason: "changed their mind", Actor: "alice"})
	fmt.Println("error:", err)
	var rejected *order.RejectedError
	if errors.As(err, &rejected) {
		fmt.Println("remedy:", rejected.Remedy)
	}
	fmt.Printf("calls to APO: %d before the cancel, %d for it\n", before, server.Count()-before)
}

// unanswered cancels an order, and APO does so; but the line is cut before it answers. You see what is not known, and
// then what it came to.
func unanswered(ctx context.Context, orders *tilltape.Orders, server *apotest.Server, url string) error {
	err := server.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, Do: apotest.Cut, After: true})
	if err != nil {
		return err
	}
	_, err = orders.Cancel(ctx, "o-2", order.Cancel{Reason: "changed their mind", Actor: "alice"})
	fmt.Println("error:", err)
	enter := bufio.NewScanner(os.Stdin)
	fmt.Println("look at", url, "and press Enter: APO is asked what became of it")
	enter.Scan()
	found, err := orders.Reconcile(ctx, "o-2")
	if err != nil {
		return err
	}
	fmt.Println("order o-2 is", found.Order.Words())
	fmt.Println("look again, and press Enter to end")
	enter.Scan()
	return nil
}
