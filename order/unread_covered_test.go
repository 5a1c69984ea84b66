package order

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/events"
)

// A capture that APO tells without a name, and so that nobody can read it, is that of the payment once all is captured,
// in whichever order the three come and however often.
func TestUnread_WithoutANameIsCoveredInEveryOrder(t *testing.T) {
	unread := unreadOf(CaptureUnread, "", "")
	for _, c := range []Fact{captured("C1", theAmount), captured("", theAmount)} {
		for _, facts := range [][]Fact{
			{authorized(), unread, c}, {authorized(), c, unread}, {unread, authorized(), c}, {unread, c, authorized()},
			{c, unread, authorized()}, {c, authorized(), unread}, {unread, authorized(), unread, c, unread},
		} {
			x := told(t, CaptureAutomatic, facts)
			assert.Equal(t, []any{Captured, int64(theAmount), GatewayNone, false, 0}, []any{x.o.Status, x.o.Refundable(),
				x.o.Gateway, x.o.Unaccounted(), len(x.o.Doubts())})
			assert.Len(t, x.o.Book(), 2, "it is no movement of its own")
			replayIsLive(t, x)
		}
	}
}

// What covered it may be taken back, or be of less: then it may be another one after all, as it is where that is told
// before it.
func TestUnread_WithoutANameIsBaredAgain(t *testing.T) {
	unread := unreadOf(CaptureUnread, "", "")
	failed := Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"}
	for name, c := range map[string]struct {
		end  func(x *till)
		bare bool
	}{
		"taken back": {func(x *till) { x.inquire(tells(StateSuccess, authorized(), failed)) }, true},
		"of less":    {func(x *till) { x.inquire(tells(StateSuccess, authorized(), captured("C1", 600))) }, true},
		"raised":     {func(x *till) { x.observe(raised("u1", 1500)) }, true},
		"and all":    {func(x *till) { x.observe(raised("u1", 1500)); x.observe(captured("C2", 500)) }, false},
		"the payment failed": {func(x *till) {
			x.inquire(tells(StateFail, Fact{Kind: PaymentFailed, PaymentID: "P1", Code: "X"}))
		}, true},
	} {
		for _, facts := range [][]Fact{{authorized(), unread, captured("C1", theAmount)},
			{authorized(), captured("C1", theAmount), unread}} {
			x := told(t, CaptureAutomatic, facts)
			c.end(x)
			assert.Equal(t, c.bare, x.o.Unaccounted(), name)
			replayIsLive(t, x)
			if !c.bare {
				continue
			}
			if name == "raised" { // by a message, and not by what APO was asked for
				assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
			}
			assert.False(t, x.takes(Cancel{CommandID: "c"}), name)
			assert.Contains(t, x.o.Doubts(), x.recordOf(events.KindAnomalyObserved), name)
		}
	}
}

// It is nothing that APO captured by itself where captures are ours, or where the payment was made in one step.
func TestUnread_WithoutANameStaysBesideCapturesOfOurs(t *testing.T) {
	unread := unreadOf(CaptureUnread, "", "")
	for _, facts := range [][]Fact{{authorized(), unread, captured("C1", theAmount)},
		{authorized(), captured("C1", theAmount), unread}} {
		x := told(t, CaptureManual, facts)
		assert.True(t, x.o.Unaccounted())
		replayIsLive(t, x)
	}
	for _, facts := range [][]Fact{{unread, paid()}, {paid(), unread}} {
		for _, mode := range []events.CaptureMode{CaptureNone, CaptureAutomatic} {
			assert.True(t, told(t, mode, facts).o.Unaccounted())
		}
	}
}

// A log in which an order went on beside one, as older versions let it, is no log of this one.
func TestUnread_ALogThatWentOnBesideOneIsRefused(t *testing.T) {
	failed := Fact{Kind: CaptureFailed, PaymentID: "P1", TransferID: "C8", Code: "X"}
	for _, c := range []Command{Cancel{CommandID: "c"}, Capture{CommandID: "c", Amount: usd(100)}} {
		x := told(t, CaptureAutomatic, []Fact{authorized(), failed})
		x.must(c)
		intent := x.log[len(x.log)-1]
		for _, id := range []string{"", "C9"} {
			x = told(t, CaptureAutomatic, []Fact{authorized(), unreadOf(CaptureUnread, id, ""), failed})
			intent.Version = x.o.Version + 1
			assert.ErrorContains(t, Judge(x.o, intent), "money that the order's amounts cannot have", "%T", c)
		}
	}
}

// recordOf is the first record of a kind.
func (x *till) recordOf(kind events.Kind) uint64 {
	for i := range x.log {
		if x.log[i].Event.Kind() == kind {
			return x.log[i].Version
		}
	}
	return 0
}
