package order

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// APO tells of a capture without a request before anybody knows of a payment that it could be of. It may be APO's own,
// and moves money either way: no cancel goes out beside it, new or again, until APO says more.
func TestUnasked_BeforeThePaymentIsKnown(t *testing.T) {
	for _, mode := range []events.CaptureMode{CaptureAutomatic, CaptureNone, CaptureManual} {
		for _, state := range []string{StateProcessing, StatePending, StateSuccess, ""} {
			for _, status := range []Status{Created, Failed} {
				for _, f := range []Fact{{Kind: CapturePending, TransferID: "C1", Amount: usd(theAmount)},
					unclear(CaptureUnclear, "C1", "", theAmount), {Kind: CapturePending, Amount: usd(300)},
					unclear(CaptureUnclear, "", "", 300)} {
					name := fmt.Sprint(mode, " ", state, " ", status, " ", f.Kind, f.TransferID)
					answer := tells(state, f)

					x := placed(t, mode)
					reach(x, status)
					x.inquire(answer)
					_, err := x.do(Cancel{CommandID: "k"})
					assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason, name)
					for range 2 {
						require.Len(t, x.inquire(answer), 1, "%s: told once", name)
					}
					replayIsLive(t, x)

					if status == Failed { // which is cancelled without APO
						continue
					}
					x = placed(t, mode)
					x.must(Cancel{CommandID: "k"})
					x.answer(unknownU)
					x.inquire(answer)
					for range 4 {
						x.now = x.o.NextDue()
						require.IsType(t, events.InquiryStarted{}, x.must(Claim{})[0], name)
						x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: answer})
					}
					replayIsLive(t, x)
				}
			}
		}
	}
}

// Once it is known that APO captures by itself, that is what it works on, whichever was told first.
func TestUnasked_IsAPOsOwnOnceThePaymentIsAuthorized(t *testing.T) {
	for _, mode := range []events.CaptureMode{CaptureAutomatic, CaptureNone} {
		for _, f := range []Fact{{Kind: CapturePending, TransferID: "C1", Amount: usd(theAmount)},
			unclear(CaptureUnclear, "C1", "", theAmount), {Kind: CapturePending, Amount: usd(theAmount)}} {
			name := fmt.Sprint(mode, " ", f.Kind, f.TransferID)
			want := placed(t, mode)
			want.observe(authorized())
			want.inquire(tells(StateSuccess, authorized(), f))
			x := placed(t, mode)
			x.inquire(tells(StateProcessing, f))
			require.True(t, x.o.Unaccounted(), name)
			x.observe(authorized())
			assert.Equal(t, []any{GatewayOutstanding, Authorized, false}, []any{x.o.Gateway, x.o.Status, x.o.Unaccounted()},
				name)
			assert.Len(t, x.o.Anomalies, len(want.o.Anomalies), "%s: its flag is lowered", name)
			_, err := x.do(Cancel{CommandID: "k"})
			assert.Equal(t, ReasonGatewayCapture, rejected(t, err).Reason, name)
			for _, y := range []*till{want, x} {
				y.observe(captured("C1", theAmount))
				assert.Equal(t, []any{Captured, []int64{theAmount, theAmount, 0}, GatewayNone, 0},
					[]any{y.o.Status, amounts(y.o), y.o.Gateway, len(y.o.Doubts())}, name)
				replayIsLive(t, y)
			}
		}
	}
}

// Of somebody's request it is nobody's own: it stays in the book, also where APO captures by itself.
func TestUnasked_OfARequestIsNotAPOsOwn(t *testing.T) {
	x := placed(t, CaptureAutomatic)
	x.inquire(tells(StateProcessing, Fact{Kind: CapturePending, TransferID: "C1", RequestID: "q-9", Amount: usd(300)}))
	x.observe(authorized())
	assert.Equal(t, []any{GatewayOutstanding, true, 1}, []any{x.o.Gateway, x.o.Unaccounted(), len(x.o.Anomalies)})
	replayIsLive(t, x)
}

// The failure of APO's own capture is that, told before the payment or after it; of another amount it is another's, of
// an order that was placed to be paid in one step, too.
func TestUnasked_AFailureToldBeforeThePayment(t *testing.T) {
	for _, mode := range []events.CaptureMode{CaptureAutomatic, CaptureNone} {
		for f, want := range map[Fact]GatewayCapture{
			{Kind: CaptureFailed, TransferID: "C1", Code: "X"}:                         GatewayFailed,
			{Kind: CaptureFailed, Code: "X"}:                                           GatewayFailed,
			{Kind: CaptureFailed, TransferID: "C1", Code: "X", Amount: usd(theAmount)}: GatewayFailed,
			{Kind: CaptureFailed, TransferID: "C1", Code: "X", Amount: usd(600)}:       GatewayOutstanding,
			{Kind: CaptureFailed, Code: "X", Amount: usd(600)}:                         GatewayOutstanding,
		} {
			for _, facts := range [][]Fact{{f, authorized()}, {authorized(), f}, {f, authorized(), f}} {
				x := told(t, mode, facts)
				assert.Equal(t, want, x.o.Gateway, "%s %v", mode, facts)
				replayIsLive(t, x)
			}
		}
	}
}

// Where APO's own capture failed before the payment was known, what it works on still is another one: nothing is sent
// beside it.
func TestUnasked_BesideAFailureToldBeforeThePayment(t *testing.T) {
	for _, pending := range []Fact{{Kind: CapturePending, TransferID: "C2", Amount: usd(theAmount)},
		unclear(CaptureUnclear, "C2", "", theAmount)} {
		x := placed(t, CaptureAutomatic)
		x.observe(Fact{Kind: CaptureFailed, TransferID: "C1", Amount: usd(theAmount), Code: "X"})
		x.inquire(tells(StateProcessing, pending))
		x.observe(authorized())
		_, err := x.do(Cancel{CommandID: "k"})
		assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason, pending.Kind)
		replayIsLive(t, x)
	}
}

// Why its anomaly is closed says what is known: that it is APO's own, or what became of it.
func TestUnasked_TheReasonSaysWhatIsKnown(t *testing.T) {
	for reason, told := range map[string]Fact{
		ownAfterAll:                      authorized(),
		"APO has said what became of it": captured("C1", 300),
	} {
		x := placed(t, CaptureAutomatic)
		x.inquire(tells(StateProcessing, Fact{Kind: CapturePending, TransferID: "C1", Amount: usd(300)}))
		require.Len(t, x.o.Anomalies, 1)
		anomaly := x.o.Anomalies[0].Version
		assert.Contains(t, x.observe(told), events.AnomalyCleared{Anomaly: anomaly, Reason: reason})
	}
}
