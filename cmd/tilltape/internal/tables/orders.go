package tables

import (
	"context"
	"strconv"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/money"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// orderColumns are as the page of the guide tells them.
var orderColumns = []string{"order", "placed", "status", "since", "amount", "authorized", "captured", "refunded",
	"disputed", "lateAuthorized", "lateCaptured", "lateRefunded", "lateDisputed", "currency", "method", "acquirer",
	"paymentId", "paymentRequestId", "merchantAccountId", "open", "anomalies"}

// Orders is the orders that were placed in the time that is asked for, as the log leaves them, by id. It replays the
// log; the error is the replay's.
func Orders(ctx context.Context, log store.Reader, q Query) (*Table, error) {
	replayed, err := audit.Replay(ctx, log, &audit.Config{Progress: q.Progress})
	if err != nil {
		return nil, err
	}
	t := &Table{Name: "orders", Columns: orderColumns}
	for o := range replayed.Orders() {
		if q.takes(o.ID, o.CreatedAt) {
			t.Rows = append(t.Rows, orderCells(&o))
		}
	}
	return t, nil
}

func orderCells(o *order.Order) []Cell {
	sum := func(minor int64) Cell { return Amount(money.Amount{Minor: minor, Currency: o.Amount.Currency}) }
	return []Cell{Text(o.ID), Time(o.CreatedAt), Text(o.Words()), Time(o.StatusSince), Amount(o.Amount),
		sum(o.Authorized), sum(o.Captured), sum(o.Refunded), sum(o.Disputed), sum(o.Late.Authorized), sum(o.Late.Captured),
		sum(o.Late.Refunded), sum(o.Late.Disputed), Text(o.Amount.Currency), Text(o.Method), Text(o.Acquirer),
		Text(o.PaymentID), Text(o.PaymentRequestID), Text(o.MerchantAccountID), Text(strconv.Itoa(len(o.Operations()))),
		Text(strconv.Itoa(len(o.Anomalies)))}
}
