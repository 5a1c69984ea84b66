package tilltape_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

// What APO dates before the cancel, the cancel undid: in every order that APO's dated word cancelled before the payment
// was known, the payment's message opens nothing, owes nothing, and comes to what it would have, had it come first.
func TestLaw_WhatTheCancelUndidIsNotLate(t *testing.T) {
	for name, mode := range tilltest.Modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tried := 0
			for p, path := range tilltest.Paths(t, mode) {
				if p.Status == order.Cancelled || p.Status == order.Captured || p.Status == order.Refunded {
					continue
				}
				x := tilltest.Reach(t, mode, path)
				if x.Get().Authorized > 0 || p.Held > 0 {
					continue
				}
				before := x.Observe(tilltest.CancelAnswer(tilltest.ThePayment))
				if before.Status != order.Cancelled {
					continue
				}
				tried++
				paid := tilltest.PaymentNotice(tilltest.Notice{Payment: tilltest.ThePayment,
					PaymentRequest: tilltest.TheRequest, Minor: tilltest.TheAmount, At: tilltest.Dawn().Add(-time.Second)})
				o := x.Observe(paid)
				captured := int64(0)
				if mode == order.CaptureNone {
					captured = tilltest.TheAmount
				}
				assert.Equal(t, []any{order.Cancelled, tilltest.TheAmount, captured, int64(0), order.Late{}},
					[]any{o.Status, o.Authorized, o.Captured, o.Refunded, o.Late}, p.Cell)
				assert.Equal(t, []any{before.Gateway, before.Anomalies, before.Operation.Due, true},
					[]any{o.Gateway, o.Anomalies, o.Operation.Due, o.WatchDue.IsZero()}, p.Cell)
				assert.Equal(t, o, x.Observe(paid), "%s: a redelivery changes nothing", p.Cell)
				require.NoError(t, x.Lawful(), p.Cell)
			}
			assert.Greater(t, tried, 2, "orders were cancelled")
		})
	}
}
