package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/reconcile"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// clerk stands for *tilltape.Orders here.
type clerk struct{}

func (clerk) Reconcile(_ context.Context, id string) (tilltape.Reconciliation, error) {
	r := tilltape.Reconciliation{Order: order.Order{ID: id, Status: order.Captured}, Whole: true}
	if id == "till-8" {
		r.Order.Status = order.Refunded
		r.Differences = []order.Difference{{Fact: events.KindRefundSucceeded, TransferID: "20261115194010800100188",
			Amount: order.Money{Minor: 400, Currency: "EUR"}, At: time.Date(2026, 11, 15, 9, 30, 0, 0, time.UTC)}}
	}
	return r, nil
}

// A month is held against APO: one refund was made in its dashboard, and nobody had been told.
func ExampleAll() {
	ctx, orders, log := context.Background(), clerk{}, memory.New()
	for i, id := range []string{"till-7", "till-8"} {
		at := time.Date(2026, 11, 3+i, 12, 0, 0, 0, time.UTC)
		_, err := log.Append(ctx, events.OrderStream(id), 0, events.Record{ID: fmt.Sprintf("record-%d", i), Recorded: at,
			Occurred: at, Event: events.PaymentPending{}})
		if err != nil {
			fmt.Println(err)
			return
		}
	}

	report, err := reconcile.All(ctx, log, orders, &reconcile.Config{
		From:  time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		fmt.Println(err) // the report says how far it came; Config.Resume goes on with it
	}
	for _, line := range report.Lines {
		fmt.Println(line.Order, line.Outcome, line.Differences[0].Text)
	}
	for _, sum := range report.Sums {
		fmt.Println(sum.Count, sum.Fact, sum.Minor, sum.Currency)
	}

	// Output:
	// till-8 differs refund.succeeded 20261115194010800100188 EUR 4.00
	// 1 refund.succeeded.v1 400 EUR
}

// faraway is an APO that does not answer today.
type faraway struct{ tilltape.Gateway }

func (faraway) InquirePayment(context.Context, apo.InquirePaymentRequest) apo.PaymentPicture {
	return apo.PaymentPicture{Answer: apo.Answer{Err: errors.New("no answer")}}
}

// An auditor asks about the orders of a backup, and changes nothing by it.
func ExampleReadOnly() {
	ctx, log := context.Background(), memory.New()
	orders, err := tilltape.New(log, faraway{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = orders.Create(ctx, order.Create{OrderID: "till-7", PaymentRequestID: "pay-7",
		Amount: order.Money{Minor: 1000, Currency: "EUR"}, Method: "ALIPAY_CN"})
	if err != nil {
		fmt.Println(err)
		return
	}

	scratch := func() store.Log { return memory.New() }
	asker, err := reconcile.ReadOnly(log, scratch, faraway{}, nil) // an *apo.Client, and a backup opened for reading
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := reconcile.All(ctx, log, asker, &reconcile.Config{
		From:  time.Now().AddDate(0, -1, 0),
		Until: time.Now().AddDate(0, 0, 1),
	})
	fmt.Println(report.Orders, "asked,", report.Unanswered, "unanswered,", err)
	// Output:
	// 1 asked, 1 unanswered, <nil>
}
