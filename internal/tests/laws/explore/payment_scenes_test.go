package explore_test

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

// paymentScenes are what APO tells against the payment itself, beside a command: that it has failed, was cancelled
// though it was captured, or is of less.
// What the bank has in the end is what the order comes to, whichever was first.
func paymentScenes() []scene {
	const less = tilltest.ThePart
	notice := func(code string, minor int64) tilltest.Notice {
		return tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest, Minor: minor, Code: code,
			At: tilltest.Dawn()}
	}
	failure, other := tilltest.PaymentNotice(notice("PROCESS_FAIL", 0)), tilltest.PaymentNotice(notice("", less))
	fails := func(x *tilltest.Till) {
		x.Paid()
		x.Bank.Accounts[0].State, x.Bank.Accounts[0].Code = apo.StateFail, "PROCESS_FAIL"
	}
	shrinks := func(x *tilltest.Till) {
		x.Paid()
		x.Bank.Accounts[0].Minor = less
	}
	undone := func(x *tilltest.Till) { // what was captured has gone back with all else
		x.Paid()
		_, err := x.Capture(tilltest.TheAmount)
		require.NoError(x.T, err)
		a := x.Bank.Accounts[0]
		a.State, a.Captures[0].State = apo.StateCancelled, apo.StateFail
	}
	gone := tilltest.CancelAnswer(tilltest.ThePayment)
	beside := func(c, v order.Command) func(*tilltest.Till) []order.Command {
		return func(*tilltest.Till) []order.Command { return []order.Command{c, v} }
	}
	again := func(v apo.Verified) func(*tilltest.Till) { // APO notifies until somebody listens
		return func(x *tilltest.Till) {
			x.Open(x.Bank)
			x.Observe(v)
		}
	}
	cancel := order.Cancel{CommandID: "c-1"}
	capture := order.Capture{CommandID: "k-1", Amount: tilltest.USD(2 * less)}
	refund := order.Refund{CommandID: "r-1", Amount: tilltest.USD(2 * less)}
	lost := []tilltest.Fault{tilltest.LostBefore}
	return []scene{
		{"a capture, and the word that the payment has failed", order.CaptureManual, fails, beside(capture,
			observing(failure)), lost, 1, again(failure)},
		{"a cancel, and the word that the payment has failed", order.CaptureManual, fails, beside(cancel,
			observing(failure)), nil, 1, again(failure)},
		{"a refund, and the word that its payment has failed", order.CaptureNone, fails, beside(refund,
			observing(failure)), lost, 1, again(failure)},
		{"a capture, and the word that the payment is of less", order.CaptureManual, shrinks, beside(capture,
			observing(other)), lost, 1, again(other)},
		{"a refund, and the word that its captured payment was cancelled", order.CaptureManual, undone, beside(refund,
			observing(gone)), lost, 1, again(gone)},
	}
}

// standingScenes are what the payment's newest standing makes of money that is held, late or cancelled, beside a
// command: nothing goes out that could not be asked any more, and nothing is left that nobody can reach.
func standingScenes() []scene {
	const more = tilltest.TheAmount + tilltest.ThePart
	notice := tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest, Minor: more,
		At: tilltest.Dawn()}
	larger := tilltest.PaymentNotice(notice)
	notice.Minor, notice.At = tilltest.TheAmount, tilltest.Dawn().Add(time.Hour)
	late := tilltest.PaymentNotice(notice)
	notice.Code = "PROCESS_FAIL"
	failure := tilltest.PaymentNotice(notice)
	dashboard := (&tilltest.Till{}).RefundOfOurs(tilltest.ThePart)
	fails := func(x *tilltest.Till) {
		a := x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, true)
		a.State, a.Code = apo.StateFail, "PROCESS_FAIL"
		x.Observe(tilltest.PendingNotice(tilltest.Notice{Payment: a.ID, PaymentRequest: a.Request}))
	}
	all := func(cs ...order.Command) func(*tilltest.Till) []order.Command {
		return func(*tilltest.Till) []order.Command { return cs }
	}
	again := func(vs ...apo.Verified) func(*tilltest.Till) { // APO notifies until somebody listens
		return func(x *tilltest.Till) {
			x.Open(x.Bank)
			for _, v := range vs {
				x.Observe(v)
			}
		}
	}
	capture := order.Capture{CommandID: "k-1", Amount: tilltest.USD(tilltest.TheAmount)}
	lost := []tilltest.Fault{tilltest.LostBefore}
	return []scene{
		{"two settle a refund that was not done, of an order that APO has cancelled", order.CaptureNone,
			func(x *tilltest.Till) {
				x.Paid()
				x.Bank.Next(tilltest.LostBefore)
				_, err := x.Refund(tilltest.ThePart)
				require.ErrorIs(x.T, err, tilltape.ErrUnresolved)
				x.Bank.Accounts[0].State = apo.StateCancelled
				x.Observe(tilltest.CancelAnswer(tilltest.ThePayment))
				x.Clock.Pass(2 * time.Second)
			}, all(order.Claim{}, order.Claim{}), nil, 1, nil},
		{"a refund that waits for its capture, and the word that its payment has failed", order.CaptureManual, fails,
			all(observing(dashboard), observing(failure)), nil, 1, again(dashboard, failure)},
		{"a capture, and the word that the payment is of more", order.CaptureManual, func(x *tilltest.Till) {
			x.Paid()
			x.Bank.Accounts[0].Minor = more
		}, all(capture, observing(larger)), lost, 1, again(larger)},
		{"late money, and the word that it has failed", order.CaptureManual, func(x *tilltest.Till) {
			a := x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, true)
			_, err := x.Cancel()
			require.NoError(x.T, err)
			x.Clock.Pass(2 * time.Hour)
			a.State, a.Code = apo.StateFail, "PROCESS_FAIL"
		}, all(observing(late), observing(failure)), nil, 1, again(late, failure)},
	}
}
