package evidence_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/evidence"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

func ExampleOf() {
	ctx := context.Background()
	server := must(apotest.NewServer(nil))
	defer func() { check(server.Close()) }()
	client := must(apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil))
	orders := must(tilltape.New(memory.New(), client, nil))
	ten := order.Money{Minor: 1000, Currency: "USD"}
	must(orders.Create(ctx, order.Create{OrderID: "o-1", PaymentRequestID: "pay-1", Amount: ten, Method: "CARD",
		CaptureMode: order.CaptureManual}))
	answer := client.Pay(ctx, apo.PayRequest{PaymentRequestID: "pay-1", Amount: ten, Method: "CARD",
		Capture: apo.CaptureManual})
	for _, fact := range answer.Facts {
		must(orders.Observe(ctx, fact))
	}
	must(orders.Cancel(ctx, "o-1", order.Cancel{}))

	bundle := must(evidence.Of(ctx, orders.Reader, "o-1"))
	var file bytes.Buffer // or os.Create("o-1.json")
	must(bundle.WriteTo(&file))

	fmt.Println(bundle.Order.Status, "after", len(bundle.Calls), "call, answered as", bundle.Calls[0].Answer.Fact)
	_, unknown := evidence.Of(ctx, orders.Reader, "o-2")
	fmt.Println(errors.Is(unknown, order.ErrUnknownOrder))
	// Output:
	// cancelled after 1 call, answered as cancel.succeeded.v1
	// true
}

// must keeps the example short.
func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
