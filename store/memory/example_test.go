package memory_test

import (
	"context"
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/memory"
)

func Example() {
	log := memory.New()
	defer log.Close()

	ctx := context.Background()
	order := events.OrderStream("o-1")
	written, err := log.Append(ctx, order, 0, events.Record{
		ID:       "record-1",
		Recorded: time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC),
		Keys:     []events.Key{events.NewKey(events.KeyPaymentRequestID, "request-1")},
		Event: events.OrderCreated{PaymentRequestID: "request-1", Amount: events.Money{Minor: 1000, Currency: "USD"},
			Method: "CARD"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("version", written[0].Version, "at position", written[0].Position)

	owner, err := log.Lookup(ctx, "paymentRequestId:request-1")
	fmt.Println(owner.ID, err)
	for record, err := range log.Read(ctx, owner, 0) {
		fmt.Println(record.Event.Kind(), err)
	}
	// Output:
	// version 1 at position 1
	// o-1 <nil>
	// order.created.v1 <nil>
}
