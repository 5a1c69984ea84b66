package tilltest

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// CopyOrder appends another order with the same facts, recorded so much later, and outstanding and parked since so much
// later. The head's other times are the same, and no lookup key leads to it.
func CopyOrder(ctx context.Context, log store.Log, id string, like []events.Record, later time.Duration) error {
	records := make([]events.Record, len(like))
	for i, r := range like {
		r.ID, r.Stream, r.Keys = fmt.Sprint(id, "-", i), events.Stream{}, nil
		r.Recorded = r.Recorded.Add(later)
		for _, since := range []*time.Time{&r.Head.OperationSince, &r.Head.ParkedSince} {
			if !since.IsZero() {
				*since = since.Add(later)
			}
		}
		records[i] = r
	}
	_, err := log.Append(ctx, events.OrderStream(id), 0, records...)
	return err
}

func HeapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Many places orders that the buyers paid.
func (x *Till) Many(count int) (ids []string) {
	x.T.Helper()
	for i := range count {
		c := Placing(order.CaptureManual)
		c.OrderID, c.PaymentRequestID = fmt.Sprint("o-", i), fmt.Sprint("preq-", i)
		_, err := x.Orders.Create(x.Ctx, c)
		require.NoError(x.T, err)
		a := x.Bank.BuyerPays(c.PaymentRequestID, TheAmount, true)
		x.Observe(PaymentNotice(Notice{Payment: a.ID, PaymentRequest: a.Request, Minor: TheAmount, At: Dawn()}))
		ids = append(ids, c.OrderID)
	}
	return ids
}

// Lost gives cancels whose calls get lost.
func (x *Till) Lost(ids ...string) {
	x.T.Helper()
	for _, id := range ids {
		x.Bank.Next(LostBefore)
		_, err := x.Orders.Cancel(x.Ctx, id, order.Cancel{})
		require.ErrorIs(x.T, err, tilltape.ErrUnresolved)
	}
}
