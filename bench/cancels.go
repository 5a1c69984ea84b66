package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

// cancelResult is what whole cancels come to under one load, a second: read, decide, append the intent, call a gateway
// that answers at once, append the outcome. Two is the store's own limit: the same two appends and nothing else.
type cancelResult struct {
	Writers int
	Cancels float64
	Two     float64
}

// loneShare is the part of the cancels that a lone writer does, who cannot share commits.
const loneShare = 20

const cancelled = `{"result":{"resultCode":"SUCCESS","resultStatus":"S"},"paymentId":%q,"cancelTime":%q}`

// instantGateway cancels everything at once. Nothing else is asked of it.
type instantGateway struct{ tilltape.Gateway }

func (instantGateway) Cancel(_ context.Context, r apo.CancelRequest) apo.CancelAnswer {
	now := time.Now().UTC()
	e := apo.Evidence(*signed(epoch, "/ams/api/v1/payments/cancel", fmt.Sprintf(cancelled, r.PaymentID, stamp(now))))
	return apo.CancelAnswer{Answer: apo.Answer{Class: apo.Succeeded, Status: "S", Code: "SUCCESS", HTTPStatus: 200,
		Evidence: &e}, PaymentID: r.PaymentID, Time: now}
}

func (b *bench) cancels() error {
	outcomes, err := cancelRecords()
	if err != nil {
		return err
	}
	for _, writers := range b.Writers {
		n := b.Cancels
		if writers == 1 {
			n = max(1, n/loneShare)
		}
		var whole, two []float64
		for round := range b.Rounds {
			b.progress("cancels, %d writers, round %d of %d", writers, round+1, b.Rounds)
			rate, err := b.onAuthorized(writers, n, wholeCancels)
			if err != nil {
				return err
			}
			whole = append(whole, rate)
			rate, err = b.onAuthorized(writers, n, func(log store.Log) (func(string) error, error) {
				return func(id string) error { return twoAppends(log, id, outcomes) }, nil
			})
			if err != nil {
				return err
			}
			two = append(two, rate)
		}
		b.out.Cancels = append(b.out.Cancels, cancelResult{writers, median(whole), median(two)})
	}
	return nil
}

// onAuthorized does something to n authorized orders in a new file and tells how many a second that were.
func (b *bench) onAuthorized(writers, n int, with func(store.Log) (func(id string) error, error)) (rate float64,
	err error) {
	dir, err := os.MkdirTemp(b.dir, "cancels-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	log, err := bolt.Open(filepath.Join(dir, logName), nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	ids := make(chan string, n)
	c := newCourse(timeOrdered)
	err = together(oursFillWriters, n, func(int) func() error {
		m := c.maker()
		return func() error {
			id, facts := m.newOrder()
			ids <- id
			_, err := log.Append(context.Background(), events.OrderStream(id), 0, facts[0], facts[1])
			return err
		}
	})
	if err != nil {
		return 0, err
	}
	do, err := with(log)
	if err != nil {
		return 0, err
	}
	from := time.Now()
	err = together(writers, n, func(int) func() error { return func() error { return do(<-ids) } })
	return ratio(float64(n), time.Since(from).Seconds()), err
}

// wholeCancels cancels through the library.
func wholeCancels(log store.Log) (func(id string) error, error) {
	orders, err := tilltape.New(log, instantGateway{}, nil)
	if err != nil {
		return nil, err
	}
	return func(id string) error {
		result, err := orders.Cancel(context.Background(), id, order.Cancel{Reason: "changed their mind", Actor: "checkout"})
		if err == nil && result.Order.Status != order.Cancelled {
			err = fmt.Errorf("order %s is %s after its cancel", id, result.Order.Status)
		}
		return err
	}, nil
}

// cancelRecords are the two records that one whole cancel appends.
func cancelRecords() ([]events.Record, error) {
	log := memory.New()
	_, facts := newCourse(timeOrdered).maker().newOrder()
	stream := facts[0].Stream
	if _, err := log.Append(context.Background(), stream, 0, facts[0], facts[1]); err != nil {
		return nil, err
	}
	do, err := wholeCancels(log)
	if err != nil {
		return nil, err
	}
	if err := do(stream.ID); err != nil {
		return nil, err
	}
	var out []events.Record
	for r, err := range log.Read(context.Background(), stream, 2) {
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	if len(out) != 2 {
		return nil, fmt.Errorf("a cancel appended %d records, and two were expected", len(out))
	}
	return out, nil
}

// twoAppends appends a cancel's records without the cancel. Their contents are another order's; the store does not
// mind.
func twoAppends(log store.Log, id string, records []events.Record) error {
	for i, r := range records {
		r.ID = fmt.Sprintf("%s-%d", id, i)
		if _, err := log.Append(context.Background(), events.OrderStream(id), uint64(2+i), r); err != nil {
			return err
		}
	}
	return nil
}
