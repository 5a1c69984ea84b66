package explore_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/internal/translate"
	"github.com/tilltape/tilltape/order"
)

// scene is what the explorer plays: commands that come at the same time to one order.
type scene struct {
	name     string
	mode     events.CaptureMode
	setup    func(*tilltest.Till)
	commands func(*tilltest.Till) []order.Command
	answers  []tilltest.Fault     // what the bank may do with a command's call, besides what it does by itself
	crashes  int                  // how often the process may die
	later    func(*tilltest.Till) // what happens at the bank before the restart settles; may be nil
}

// observing is the command that a notification becomes.
func observing(v apo.Verified) order.Observe {
	f, message := translate.Fact(v), v.Evidence()
	f.Proof = events.Proof{Via: translate.Channel(v.Op()), Evidence: translate.Evidence(&message)}
	return order.Observe{Fact: f}
}

// disputeOfTheOrder is the dispute that scenes have.
var disputeOfTheOrder = tilltest.Notice{Payment: tilltest.ThePayment, Transfer: "dispute-1", Minor: tilltest.ThePart}

// wins ends it. Until then a refund that may be under way is asked about and not sent again.
func wins(x *tilltest.Till) {
	x.Observe(tilltest.DisputeNotice("DISPUTE_CANCELLED", disputeOfTheOrder, nil))
}

func explorerScenes() []scene {
	paid := func(x *tilltest.Till) { x.Paid() }
	captured := func(x *tilltest.Till) {
		x.Paid()
		_, err := x.Capture(tilltest.TheAmount)
		require.NoError(x.T, err)
	}
	partly := func(x *tilltest.Till) {
		x.Paid()
		_, err := x.Capture(tilltest.ThePart)
		require.NoError(x.T, err)
	}
	cancel := order.Cancel{CommandID: "c-1"}
	zero := order.Capture{CommandID: "k-4", Amount: tilltest.USD(0), Last: true}
	refunding := order.Refund{CommandID: "r-3", Amount: tilltest.USD(tilltest.ThePart)}
	capture := order.Capture{CommandID: "k-1", Amount: tilltest.USD(tilltest.TheAmount)}
	part := order.Capture{CommandID: "k-2", Amount: tilltest.USD(tilltest.ThePart)}
	last := order.Capture{CommandID: "k-3", Amount: tilltest.USD(tilltest.ThePart), Last: true}
	refund := order.Refund{CommandID: "r-1", Amount: tilltest.USD(600)}
	other := order.Refund{CommandID: "r-2", Amount: tilltest.USD(600)}
	paying := observing(tilltest.PaymentNotice(tilltest.Notice{Payment: tilltest.ThePayment,
		PaymentRequest: tilltest.TheRequest, Minor: tilltest.TheAmount, At: tilltest.Dawn()}))
	disputing := observing(tilltest.DisputeNotice("DISPUTE_CREATED", disputeOfTheOrder, nil))
	lost := []tilltest.Fault{tilltest.LostBefore, tilltest.LostAfter}
	both := func(cs ...order.Command) func(*tilltest.Till) []order.Command {
		return func(*tilltest.Till) []order.Command { return cs }
	}
	return []scene{
		{"cancel alone", order.CaptureManual, paid, both(cancel),
			[]tilltest.Fault{tilltest.LostBefore, tilltest.LostAfter, tilltest.SaysU, tilltest.DoneSaysU,
				tilltest.SaysF("ORDER_STATUS_INVALID")}, 1, nil},
		{"capture alone", order.CaptureManual, paid, both(capture),
			[]tilltest.Fault{tilltest.LostBefore, tilltest.LostAfter, tilltest.SaysU, tilltest.DoneSaysU,
				tilltest.SaysF("PROCESS_FAIL")}, 1, nil},
		{"last capture alone", order.CaptureManual, paid, both(last), lost, 1, nil},
		{"last capture and another", order.CaptureManual, paid, both(last, part), lost, 1, nil},
		{"last capture of zero and another", order.CaptureManual, partly, both(zero, part), lost, 1, nil},
		{"last capture of zero and a refund", order.CaptureManual, partly, both(zero, refunding), lost, 1, nil},
		{"refund alone", order.CaptureManual, captured, both(refund),
			[]tilltest.Fault{tilltest.LostBefore, tilltest.LostAfter, tilltest.SaysU, tilltest.DoneSaysU,
				tilltest.SaysF("PROCESS_FAIL")}, 1, nil},
		{"refund alone, two crashes", order.CaptureManual, captured, both(refund), nil, 2, nil},
		{"the same cancel twice", order.CaptureManual, paid, both(cancel, cancel), lost, 1, nil},
		{"cancel and capture", order.CaptureManual, paid, both(cancel, capture), lost, 1, nil},
		{"cancel of a one-step payment and its refund", order.CaptureNone, paid, both(cancel, refund), lost, 1, nil},
		{"capture and capture", order.CaptureManual, paid, both(capture, part), lost, 1, nil},
		{"refund and refund, more than there is", order.CaptureManual, captured, both(refund, other), lost, 1, nil},
		{"refund and a dispute", order.CaptureManual, captured, both(refund, disputing), lost, 1, wins},
		{"cancel and the payment's notification", order.CaptureManual,
			func(x *tilltest.Till) { x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, true) },
			both(cancel, paying), lost, 1, nil},
		{"cancel and the notification of a payment a second before", order.CaptureNone, func(x *tilltest.Till) {
			x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, false)
			x.Clock.Pass(time.Second)
		}, both(cancel, paying), lost, 1, nil},
		{"cancel and a payment that APO captures", order.CaptureAutomatic, func(x *tilltest.Till) {
			x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, true)
		}, both(cancel, paying), nil, 1, func(x *tilltest.Till) {
			if a := x.Bank.Accounts[0]; a.State == apo.StateSuccess {
				a.Captures = []tilltest.Move{{ID: "cap-auto", Request: "", Minor: tilltest.TheAmount, State: apo.StateSuccess}}
			}
		}},
	}
}

// newsScenes are what APO tells beside a command: that what was done has failed, of money that the amounts cannot have,
// and of several refunds that it works on at once.
func newsScenes() []scene {
	captured := func(x *tilltest.Till) {
		x.Paid()
		_, err := x.Capture(tilltest.TheAmount)
		require.NoError(x.T, err)
	}
	notice := func(code string, minor int64) tilltest.Notice {
		return tilltest.Notice{Payment: tilltest.ThePayment, Minor: minor, Code: code, At: tilltest.Dawn()}
	}
	slow := func(x *tilltest.Till) {
		captured(x)
		x.Bank.Slow = true
	}
	ticket := func(id string) order.Refund {
		return order.Refund{CommandID: id, Amount: tilltest.USD(tilltest.ThePart)}
	}
	again := func(v func() apo.Verified) func(*tilltest.Till) { // APO notifies until somebody listens
		return func(x *tilltest.Till) {
			x.Open(x.Bank)
			x.Observe(v())
		}
	}
	lost := []tilltest.Fault{tilltest.LostBefore, tilltest.LostAfter}
	takenBack := notice("PROCESS_FAIL", tilltest.TheAmount)
	restored := notice("PROCESS_FAIL", tilltest.ThePart)
	above := notice("", 2*tilltest.TheAmount)
	above.Transfer = "cap-x"
	return []scene{
		{"two refunds that APO works on", order.CaptureManual, slow,
			func(*tilltest.Till) []order.Command { return []order.Command{ticket("r-1"), ticket("r-2")} }, lost, 1,
			func(x *tilltest.Till) {
				x.Bank.Finish(true)
				x.Bank.Slow = false
			}},
		{"a refund, and the word that the one before has failed", order.CaptureManual, func(x *tilltest.Till) {
			captured(x)
			_, err := x.Refund(tilltest.ThePart)
			require.NoError(x.T, err)
			x.Settle(time.Hour)
			move := &x.Bank.Accounts[0].Refunds[0]
			move.State = apo.StateFail
			restored.Payment, restored.Transfer, restored.Request = "", move.ID, move.Request
		}, func(*tilltest.Till) []order.Command {
			return []order.Command{ticket("r-2"), observing(tilltest.RefundNotice(restored))}
		}, lost, 1, again(func() apo.Verified { return tilltest.RefundNotice(restored) })},
		{"a refund, and the word that its capture has failed", order.CaptureManual, func(x *tilltest.Till) {
			captured(x)
			move := &x.Bank.Accounts[0].Captures[0]
			move.State = apo.StateFail
			takenBack.Transfer, takenBack.Request = move.ID, move.Request
		}, func(*tilltest.Till) []order.Command {
			return []order.Command{ticket("r-2"), observing(tilltest.CaptureNotice(takenBack))}
		}, lost, 1, again(func() apo.Verified { return tilltest.CaptureNotice(takenBack) })},
		{"a cancel, and a capture of more than there is that has failed", order.CaptureManual, func(x *tilltest.Till) {
			x.Paid()
		}, func(*tilltest.Till) []order.Command {
			return []order.Command{order.Cancel{CommandID: "c-1"}, observing(tilltest.CaptureNotice(above))}
		}, lost, 1, func(x *tilltest.Till) {
			a := x.Bank.Accounts[0]
			a.Captures = append(a.Captures, tilltest.Move{ID: above.Transfer, Minor: above.Minor, State: apo.StateFail})
		}},
	}
}

// settlerScenes are what two workers do that find the same operation without an outcome: soon after, when it is asked
// again, and after hours, when an inquiry has to come first.
func settlerScenes() []scene {
	paid := func(x *tilltest.Till) { x.Paid() }
	captured := func(x *tilltest.Till) {
		x.Paid()
		_, err := x.Capture(tilltest.TheAmount)
		require.NoError(x.T, err)
	}
	give := map[string]struct {
		before func(*tilltest.Till)
		give   func(*tilltest.Till) error
	}{
		"cancel": {paid, func(x *tilltest.Till) error {
			_, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: "c-1"})
			return err
		}},
		"capture": {paid, func(x *tilltest.Till) error { _, err := x.Capture(tilltest.TheAmount); return err }},
		"refund": {captured, func(x *tilltest.Till) error {
			_, err := x.Orders.Refund(x.Ctx, tilltest.TheOrder, order.Refund{CommandID: "r-1", Amount: tilltest.USD(600)})
			return err
		}},
	}
	scenes := []scene{{"two settle a refund that was not done, and that its buyer disputes", order.CaptureManual,
		func(x *tilltest.Till) {
			captured(x)
			x.Bank.Next(tilltest.LostBefore)
			require.ErrorIs(x.T, give["refund"].give(x), tilltape.ErrUnresolved)
			x.Observe(tilltest.DisputeNotice("DISPUTE_CREATED", disputeOfTheOrder, nil))
			x.Clock.Pass(2 * time.Second)
		}, func(*tilltest.Till) []order.Command { return []order.Command{order.Claim{}, order.Claim{}} }, nil, 1, wins}}
	for _, what := range slices.Sorted(maps.Keys(give)) {
		for i, how := range []string{"done", "not done"} { // in this order, or everyday's scenes would be others each day
			lost := []tilltest.Fault{tilltest.LostAfter, tilltest.LostBefore}[i]
			for _, later := range []time.Duration{2 * time.Second, 2 * time.Hour} {
				g, answers := give[what], []tilltest.Fault{tilltest.LostBefore, tilltest.LostAfter}
				scenes = append(scenes, scene{fmt.Sprintf("two settle a %s that was %s, %s later", what, how, later),
					order.CaptureManual, func(x *tilltest.Till) {
						g.before(x)
						x.Bank.Next(lost)
						require.ErrorIs(x.T, g.give(x), tilltape.ErrUnresolved)
						x.Clock.Pass(later)
					}, func(*tilltest.Till) []order.Command { return []order.Command{order.Claim{}, order.Claim{}} }, answers, 1, nil})
			}
		}
	}
	return scenes
}
