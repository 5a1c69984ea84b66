package ordertest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/ordertest"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// forgetful says that every append is done and keeps none.
type forgetful struct{ store.Log }

func (forgetful) Append(_ context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record, error) {
	return placed(to, after, records), nil
}

func ExampleRace() {
	report, err := ordertest.Race(context.Background(), memory.New(), ordertest.Load{Clients: 8, Operations: 20})
	fmt.Println(report.Operations, err)

	_, err = ordertest.Race(context.Background(), forgetful{memory.New()}, ordertest.Load{Clients: 8, Operations: 20})
	fmt.Println(errors.Is(err, ordertest.ErrNotLinearizable))
	// Output:
	// 162 <nil>
	// true
}
