package behaviour_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// What goes over the wire beside a capture that APO has signed and the order's amounts cannot have: nothing but
// questions.

func tooMuch(x *tilltest.Till, code string) apo.Verified {
	return tilltest.CaptureNotice(tilltest.Notice{Payment: tilltest.ThePayment, Transfer: "C9", Request: "cr-9",
		Minor: tilltest.TheAmount + 200, Code: code, At: x.Clock.Now()})
}

// atAPO puts that capture into APO's books.
func atAPO(x *tilltest.Till) {
	a := x.Bank.Accounts[0]
	a.Captures = append(a.Captures, tilltest.Move{ID: "C9", Request: "cr-9", Minor: tilltest.TheAmount + 200,
		State: apo.StateSuccess})
}

func TestUnaccounted_ACaptureUnderWayIsNotSentAgain(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	x.Bank.Next(tilltest.LostBefore)
	_, err := x.Capture(tilltest.TheAmount)
	require.Error(t, err)
	atAPO(x)
	x.Observe(tooMuch(x, ""))
	before := x.Bank.Wired()
	for range 20 {
		x.Settle(time.Minute)
	}
	assert.Equal(t, before, x.Bank.Wired())
	assert.True(t, x.Get().Operation.Outstanding(), "nobody knows yet what became of it")
	require.NoError(t, x.Lawful())
}

// A success, its failure, and then APO's answer to an inquiry that it was done: that is the newest word.
func TestUnaccounted_TheNewestWordIsAnInquirys(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	x.Observe(tooMuch(x, ""))
	x.Clock.Pass(time.Minute)
	x.Observe(tooMuch(x, "RISK_REJECT"))
	atAPO(x)
	x.Clock.Pass(time.Minute)
	_, err := x.Orders.Reconcile(x.Ctx, tilltest.TheOrder)
	require.NoError(t, err)
	before := x.Bank.Wired()
	_, err = x.Cancel()
	require.ErrorIs(t, err, order.ErrRejected)
	assert.Equal(t, before, x.Bank.Wired())
	require.NoError(t, x.Lawful())
}

// While a cancel is at APO and such a capture comes and fails, nothing else is sent: the cancel may be carried out any
// moment, and once it is, that is how it ended.
func TestUnaccounted_ACancelAtAPOKeepsItsPlace(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	release, answered := x.CancelUnderWay(x.Orders)
	x.Observe(tooMuch(x, ""))
	x.Observe(tooMuch(x, "RISK_REJECT"))
	x.Bank.Enter = nil
	_, err := x.Capture(tilltest.TheAmount)
	require.ErrorIs(t, err, order.ErrRejected)
	release()
	require.NoError(t, <-answered)
	o := x.Get()
	assert.Equal(t, order.Cancelled, o.Status)
	require.NoError(t, x.Lawful())
}

// What no inquiry tells a person settles, and the auditor takes it: on a cancelled order, where it is late money.
func TestUnaccounted_APersonSettlesIt(t *testing.T) {
	for name, cancelled := range map[string]bool{"authorized": false, "cancelled": true} {
		t.Run(name, func(t *testing.T) {
			x := tilltest.NewTill(t, memory.New())
			x.Place(order.CaptureManual)
			x.Paid()
			if cancelled {
				_, err := x.Cancel()
				require.NoError(t, err)
			}
			o := x.Observe(tooMuch(x, ""))
			require.Len(t, o.Doubts(), 1)
			result, err := x.Orders.Resolve(x.Ctx, tilltest.TheOrder, order.Resolve{Record: o.Doubts()[0],
				Resolution: events.ResolvedSucceeded, Statement: "APO support, case 17", Actor: "ann"})
			require.NoError(t, err)
			o = result.Order
			assert.Empty(t, o.Doubts())
			assert.EqualValues(t, tilltest.TheAmount+200, o.Captured+o.Late.Captured)
			assert.Equal(t, cancelled, !o.Late.IsZero())
			require.NoError(t, x.Lawful())
		})
	}
}

// A refund whose capture never shows: a person settles it, and APO is asked first. An override is refused before that.
func TestHeld_APersonSettlesItOnceAPOWasAsked(t *testing.T) {
	for _, r := range []events.Resolution{events.ResolvedFailed, events.ResolvedSucceeded} {
		x := tilltest.NewTill(t, memory.New())
		x.Place(order.CaptureManual)
		x.Paid()
		o := x.Observe(x.RefundOfOurs(tilltest.ThePart))
		require.Len(t, o.Held, 1)
		settle := order.Resolve{Record: o.Held[0].Version, Resolution: r, Statement: "APO ticket 7", Override: true}
		asked := x.Bank.Touched()
		_, err := x.Orders.Resolve(x.Ctx, tilltest.TheOrder, settle)
		require.ErrorIs(t, err, order.ErrInvalid)
		assert.Equal(t, asked, x.Bank.Touched())
		settle.Override = false
		result, err := x.Orders.Resolve(x.Ctx, tilltest.TheOrder, settle)
		require.NoError(t, err)
		assert.Equal(t, asked+1, x.Bank.Touched(), "one inquiry")
		assert.Empty(t, result.Order.Held)
		_, err = x.Cancel()
		assert.Equal(t, r == events.ResolvedSucceeded, err != nil)
		require.NoError(t, x.Lawful())
	}
}
