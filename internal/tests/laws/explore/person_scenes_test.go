package explore_test

import (
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

// personScenes are what no answer of APO's settles: a line of a kind that nobody knows, a refund without a name, a
// capture in a state that nobody knows. A person does, beside a command or another person, and the process dies at any
// boundary. In the end the order has given back what the bank says, and whoever is late with a word is told so.
func personScenes() []scene {
	const part = tilltest.ThePart
	doubtful := func(tell func(*tilltest.Account)) func(*tilltest.Till) {
		return func(x *tilltest.Till) {
			x.Paid()
			_, err := x.Capture(tilltest.TheAmount)
			require.NoError(x.T, err)
			tell(x.Bank.Accounts[0])
			asked(x)
			asked(x) // APO is asked about a doubt before a person says
			require.Len(x.T, x.Get().Doubts(), 1)
		}
	}
	line := doubtful(func(a *tilltest.Account) {
		a.Others = []tilltest.Move{{ID: "other-1", Minor: part, State: apo.StateSuccess}}
	})
	nameless := doubtful(func(a *tilltest.Account) {
		a.Refunds = []tilltest.Move{{Minor: part, State: apo.StateSuccess}}
	})
	unclear := doubtful(func(a *tilltest.Account) { a.Captures[0].State = "REVIEW" })
	says := func(x *tilltest.Till, id string) order.Resolve {
		r := order.Resolve{CommandID: id, Resolution: events.ResolvedSucceeded, Actor: "ann", Statement: "APO ticket 7"}
		if x != nil {
			r.Record = x.Get().Doubts()[0]
		}
		return r
	}
	later := func(x *tilltest.Till) { // whoever has not said it by then says it
		x.Open(x.Bank)
		if a := x.Bank.Accounts[0]; a.Captures[0].State == "REVIEW" {
			a.Captures[0].State = apo.StateSuccess
			asked(x)
		}
		for _, record := range x.Get().Doubts() {
			asked(x)
			r := says(nil, "p-9")
			r.Record = record
			_, err := x.Orders.Resolve(x.Ctx, tilltest.TheOrder, r)
			require.NoError(x.T, err)
		}
		asked(x)
		assert.Empty(x.T, x.Get().Doubts(), "and what each answer lists says no more")
	}
	refund := order.Refund{CommandID: "r-1", Amount: tilltest.USD(part / 2)}
	lost := []tilltest.Fault{tilltest.LostBefore, tilltest.LostAfter}
	beside := func(c order.Command) func(*tilltest.Till) []order.Command {
		return func(x *tilltest.Till) []order.Command { return []order.Command{says(x, "p-1"), c} }
	}
	return []scene{
		{"a person settles a line that nobody knows, beside a refund", order.CaptureManual, line, beside(refund), lost, 1,
			later},
		{"two settle a line that nobody knows", order.CaptureManual, line, func(x *tilltest.Till) []order.Command {
			return []order.Command{says(x, "p-1"), says(x, "p-2")}
		}, nil, 1, later},
		{"a person settles a refund without a name, beside a refund", order.CaptureManual, nameless, beside(refund), lost,
			1, later},
		{"a person settles a capture in a state that nobody knows, beside a refund", order.CaptureManual, unclear,
			beside(refund), lost, 1, later},
		{"two settle a capture of ours in a state that nobody knows", order.CaptureManual, func(x *tilltest.Till) {
			x.Paid()
			x.Bank.Next(tilltest.LostAfter)
			_, err := x.Capture(tilltest.TheAmount)
			require.ErrorIs(x.T, err, tilltape.ErrUnresolved)
			x.Bank.Accounts[0].Captures[0].State = "REVIEW"
			x.Clock.Pass(2 * time.Hour)
		}, func(*tilltest.Till) []order.Command { return []order.Command{order.Claim{}, order.Claim{}} }, nil, 1, later},
	}
}

// asked has APO asked what stands.
func asked(x *tilltest.Till) {
	x.Clock.Pass(2 * time.Minute) // whoever asked before and died has had its time
	_, err := x.Orders.Reconcile(x.Ctx, tilltest.TheOrder)
	require.NoError(x.T, err)
}
