package order

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/events"
)

// orders are all the orders in which three facts can come.
func orders(a, b, c Fact) [][]Fact {
	return [][]Fact{{a, b, c}, {a, c, b}, {b, a, c}, {b, c, a}, {c, a, b}, {c, b, a}}
}

// The failure of APO's own capture may come before the payment, beside a word of the same name that nobody can read: it
// is that failure all the same, and the word stands in the way, in whichever order the three come.
func TestFailedApart_BesideAnUnreadWord(t *testing.T) {
	for _, mode := range []events.CaptureMode{CaptureAutomatic, CaptureNone} {
		for _, name := range []string{"C1", ""} {
			for minor, want := range map[int64]GatewayCapture{600: GatewayFailed, 0: GatewayFailed,
				800: GatewayOutstanding, 300: GatewayOutstanding} {
				held := authorized()
				held.Amount = usd(600)
				f := Fact{Kind: CaptureFailed, PaymentID: "P1", TransferID: name, Code: "X"}
				if minor > 0 {
					f.Amount = usd(minor)
				}
				unread := unreadOf(CaptureUnread, name, "")
				for i, facts := range append(orders(held, f, unread), []Fact{unread, f, f, unread, held, f, unread}) {
					x := told(t, mode, facts)
					text := fmt.Sprint(mode, " ", name, " ", minor, " ", i)
					assert.Equal(t, []any{want, true, Authorized}, []any{x.o.Gateway, x.o.Unaccounted(), x.o.Status}, text)
					open := map[bool]int{true: 2, false: 3}[want == GatewayFailed] // with that of the amount
					if mode == CaptureNone {                                       // which was placed to be paid in one step
						open++
					}
					assert.Len(t, x.o.Anomalies, open, text)
					replayIsLive(t, x)
				}
			}
		}
	}
}

// What APO works on, and says then has failed with another amount than is authorized, is not its own capture.
func TestFailedApart_OfWhatAPOWorkedOn(t *testing.T) {
	for minor, want := range map[int64]GatewayCapture{600: GatewayFailed, 300: GatewayOutstanding} {
		held := authorized()
		held.Amount = usd(600)
		x := placed(t, CaptureAutomatic)
		x.inquire(tells(StateProcessing, Fact{Kind: CapturePending, TransferID: "C1", Amount: usd(minor)}))
		x.observe(Fact{Kind: CaptureFailed, PaymentID: "P1", TransferID: "C1", Code: "X", Amount: usd(minor)})
		x.observe(held)
		assert.Equal(t, want, x.o.Gateway, minor)
		replayIsLive(t, x)
	}
}

// That the capture under a name is of another amount than APO's own stays so where its failure is told again without
// the amount, before the payment or after it: APO goes on capturing, and nothing is cancelled beside it.
func TestFailedApart_ToldAgainWithoutItsAmount(t *testing.T) {
	f := Fact{Kind: CaptureFailed, PaymentID: "P1", TransferID: "C1", Code: "X"}
	other := f
	other.Amount = usd(600)
	for _, facts := range [][]Fact{{authorized(), other, f}, {other, authorized(), f}, {other, f, authorized()}} {
		x := told(t, CaptureAutomatic, facts)
		assert.Equal(t, []any{GatewayOutstanding, 1}, []any{x.o.Gateway, len(x.o.Anomalies)})
		assert.False(t, x.takes(Cancel{CommandID: "k"}))
		x.inquire(tells(StateSuccess, authorized(), f))
		assert.Equal(t, GatewayOutstanding, x.o.Gateway, "nor by an inquiry")
		replayIsLive(t, x)
		x.observe(captured("C2", theAmount))
		assert.Equal(t, []any{GatewayNone, 0}, []any{x.o.Gateway, len(x.o.Doubts())})
		replayIsLive(t, x)
	}
}

// Where the payment is of that amount after all, by APO's newest word, it was APO's own capture that failed: the answer
// that says both ends it, and closes its anomaly.
func TestFailedApart_IsItsOwnOnceThePaymentIsOfThatAmount(t *testing.T) {
	for _, mode := range []events.CaptureMode{CaptureAutomatic, CaptureNone} {
		f := Fact{Kind: CaptureFailed, PaymentID: "P1", TransferID: "C1", Code: "X", Amount: usd(theAmount)}
		more := authorized()
		more.Amount = usd(1200)
		for _, again := range []int64{theAmount, 0} {
			x := told(t, mode, []Fact{more, f, authorized()})
			assert.Equal(t, GatewayOutstanding, x.o.Gateway)
			open := len(x.o.Anomalies)
			same := f
			if same.Amount.Minor = again; again == 0 {
				same.Amount = Money{}
			}
			x.inquire(tells(StateSuccess, authorized(), same))
			assert.Equal(t, GatewayFailed, x.o.Gateway, again)
			assert.Len(t, x.o.Anomalies, open-1, "what is above the order stays")
			assert.Len(t, x.inquire(tells(StateSuccess, authorized(), same)), 1, "it teaches nothing any more")
			replayIsLive(t, x)
		}
	}
}
