package tilltape_test

import (
	"context"
	"fmt"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// From nothing to a paid order; docs/guides/paying.md explains it.
func Example_paying() {
	ctx := context.Background()
	clock := apotest.NewClock(time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC))
	server := must(apotest.NewServer(&apotest.Config{Now: clock.Now, ManualDelivery: true}))
	client := must(apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil))
	orders := must(tilltape.New(memory.New(), client, &tilltape.Config{Now: clock.Now}))
	shop := &exampleShop{Server: server, clock: clock, orders: orders, verifier: must(client.Verifier(nil))}
	defer func() { check(shop.Close()) }()

	placed, err := orders.Create(ctx, order.Create{OrderID: "o-1", PaymentRequestID: "pay-1",
		Amount: order.Money{Minor: 1000, Currency: "USD"}, Method: "ALIPAY_CN"})
	check(err)

	answer := client.Pay(ctx, apo.PayRequest{
		PaymentRequestID: placed.Order.PaymentRequestID,
		Amount:           placed.Order.Amount,
		Method:           placed.Order.Method,
		OrderID:          placed.Order.ID,
		NotifyURL:        "https://shop.example/apo/notify",
		RedirectURL:      "https://shop.example/thanks",
	})
	for _, fact := range answer.Facts {
		_, err := orders.Observe(ctx, fact)
		check(err)
	}
	switch answer.Class {
	case apo.Succeeded:
		fmt.Println("paid")
	case apo.Accepted:
		fmt.Println("send the buyer to APO's page")
	case apo.Failed:
		fmt.Println("not paid:", answer.Code)
	case apo.NotSent:
		fmt.Println("a mistake in the request:", answer.Err)
	default:
		fmt.Println("not known yet: a notification tells, or Run asks")
	}

	check(server.Submit("pay-1")) // the buyer pays
	shop.hear(ctx)                // and APO tells
	fmt.Println(must(orders.Get(ctx, "o-1")).Status)
	// Output:
	// send the buyer to APO's page
	// paid
}
