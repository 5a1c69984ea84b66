package explore_test

import (
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

// paymentScenes are what APO tells against the payment itself, beside a command: that it has failed, or is of less.
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
	}
}
