package explore_test

import (
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

// raiseScenes are what APO tells of an authorization that somebody else raises, beside a command. What it was raised to
// is what can be captured in the end, whichever came first, and a raise moves nothing.
func raiseScenes() []scene {
	const more = tilltest.TheAmount + tilltest.ThePart
	notice := tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest, Request: "update-1",
		Minor: more, At: tilltest.Dawn()}
	word := tilltest.RaiseNotice(notice)
	notice.Code = "RISK_REJECT"
	failure := tilltest.RaiseNotice(notice)
	raised := func(well bool) func(*tilltest.Till) {
		return func(x *tilltest.Till) {
			x.Paid()
			if x.Bank.Raise(x.Bank.Accounts[0], notice.Request, more, well); !well {
				x.Observe(word) // before it turned out otherwise
			}
		}
	}
	beside := func(c order.Command, v order.Command) func(*tilltest.Till) []order.Command {
		return func(*tilltest.Till) []order.Command { return []order.Command{c, v} }
	}
	toldAgain := func(x *tilltest.Till) { // APO notifies until somebody listens
		x.Open(x.Bank)
		x.Observe(word)
	}
	failedAgain := func(x *tilltest.Till) {
		x.Open(x.Bank)
		x.Observe(failure)
	}
	capture := order.Capture{CommandID: "k-1", Amount: tilltest.USD(more)}
	return []scene{
		{"a capture of what the authorization was raised to, and the word of that", order.CaptureManual, raised(true),
			beside(capture, observing(word)), nil, 1, toldAgain},
		{"a cancel, and the word that the authorization was raised", order.CaptureManual, raised(true),
			beside(order.Cancel{CommandID: "c-1"}, observing(word)), nil, 1, toldAgain},
		{"a capture of what it was raised to, and the word that the raise has failed", order.CaptureManual, raised(false),
			beside(capture, observing(failure)), nil, 1, failedAgain},
	}
}
