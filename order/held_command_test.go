package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// A command whose refund APO had refused, and told as done later, by a refund that waits for its capture under its own
// identifier: it has failed as long as that waits, and ends as that does.
func TestHeld_ACommandIsThatOfWhatWaits(t *testing.T) {
	capture := func(x *till, _ Fact) { x.observe(captured("C2", 400)) }
	failed := func(x *till, both Fact) {
		both.Kind, both.Code = RefundFailed, "X"
		x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), both))
	}
	person := func(as events.Resolution) func(*till, Fact) {
		return func(x *till, _ Fact) {
			x.inquire(tells(StateSuccess, authorized(), captured("C1", 600)))
			x.must(statement(x.o.Held[0].Version, as))
		}
	}
	for how, meets := range map[string]func(*till, Fact){
		"refused": func(*till, Fact) {},
		"not to be read": func(x *till, both Fact) {
			x.observe(unreadOf(RefundUnread, "", both.RequestID))
		},
		"held under each": func(x *till, both Fact) {
			both.TransferID = ""
			x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), both))
		},
	} {
		for end, c := range map[string]struct {
			ends    func(*till, Fact)
			outcome Outcome
		}{
			"captured": {capture, OutcomeSucceeded}, "failed": {failed, OutcomeFailed},
			"done, by a person":   {person(events.ResolvedSucceeded), OutcomeSucceeded},
			"failed, by a person": {person(events.ResolvedFailed), OutcomeFailed},
		} {
			t.Run(how+", "+end, func(t *testing.T) {
				x := asked(t, CallRefund)
				p := x.op()
				x.answer(refusedF)
				if x.op().Outstanding() {
					x.inquire(tells(StateSuccess, authorized(), captured("C1", 600)))
				}
				both := Fact{Kind: RefundSucceeded, TransferID: "R9", RequestID: p.RequestID, Amount: p.Amount}
				x.observe(Fact{Kind: RefundSucceeded, PaymentID: "P1", TransferID: "R1", Amount: usd(600 - p.Amount.Minor + 1)})
				x.observe(Fact{Kind: RefundSucceeded, PaymentID: "P1", TransferID: "R9", Amount: p.Amount})
				meets(x, both)
				x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), both))
				require.Len(t, x.o.Held, 1)
				assert.Equal(t, OutcomeFailed, x.o.Command("k").Outcome)
				replayIsLive(t, x)
				c.ends(x, both)
				assert.Empty(t, x.o.Held)
				assert.Equal(t, c.outcome, x.o.Command("k").Outcome)
				for _, e := range x.o.Book() {
					if e.Transfer == events.TransferRefund && e.Amount == p.Amount || e.Failed {
						assert.Equal(t, e.Record, x.o.Command("k").Version, "it is the entry's")
					}
				}
				both.Kind, both.Code = RefundFailed, "X"
				x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), captured("C2", 400), both))
				assert.Equal(t, OutcomeFailed, x.o.Command("k").Outcome, "and it follows APO's word from there")
				replayIsLive(t, x)
			})
		}
	}
}
