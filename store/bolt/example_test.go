package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

func ExampleOpen() {
	directory, err := os.MkdirTemp("", "tilltape")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(directory)
	path := filepath.Join(directory, "orders.log")

	log, err := bolt.Open(path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	_, err = log.Append(ctx, events.OrderStream("o-1"), 0, events.Record{
		ID:       "record-1",
		Recorded: time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC),
		Event:    events.OrderCreated{PaymentRequestID: "request-1", Amount: events.Money{Minor: 1000, Currency: "USD"}, Method: "CARD"},
	})
	fmt.Println("on the disk:", err == nil)

	// A second process, here a second handle: told so after LockTimeout, not made to hang.
	_, err = bolt.Open(path, &bolt.Config{LockTimeout: 50 * time.Millisecond})
	fmt.Println("locked:", errors.Is(err, store.ErrLocked))

	fmt.Println("closed:", log.Close() == nil)
	log, err = bolt.Open(path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	head, err := log.Head(ctx, events.OrderStream("o-1"))
	fmt.Println("there again: version", head.Version, err)
	// Output:
	// on the disk: true
	// locked: true
	// closed: true
	// there again: version 1 <nil>
}
