package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// Whatever is asked about a failed order before nobody can pay it any more, the look at that time stays.
func TestReconcile_TheLastLookAtAFailedOrderIsNotLost(t *testing.T) {
	for name, happens := range map[string]func(x *till){
		"asked about a contradiction": func(x *till) {
			x.observe(failed())
			x.observe(captured("C9", 1200)) // of more than there is: APO is asked at once
			require.Equal(t, x.now, x.o.NextDue())
			x.inquire(tells(StateFail, failed(), Fact{Kind: CaptureFailed, TransferID: "C9", Code: "X"}))
		},
		"cancelled, and asked about a contradiction": func(x *till) {
			x.observe(failed())
			x.must(Cancel{CommandID: "k"})
			x.observe(captured("C9", 1200))
			x.inquire(tells(StateFail, failed(), Fact{Kind: CaptureFailed, TransferID: "C9", Code: "X"}))
		},
		"failed after it was authorized": func(x *till) {
			x.observe(authorized())
			x.later(time.Minute)
			x.inquire(tells(StateFail, failed()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := looked(placed(t, CaptureManual))
			happens(x)
			require.Contains(t, []Status{Failed, Cancelled}, x.o.Status)
			assert.Empty(t, x.o.Doubts())
			end := x.o.PayBy.Add(DefaultMargin)
			assert.Equal(t, end, x.o.NextDue())
			x.now = end
			x.inquire(tells(StateFail, failed()))
			assert.Zero(t, x.o.NextDue())
			replayIsLive(t, x)
		})
	}
}

// A payment that APO still works on at that look is asked about on, and not for ever.
func TestReconcile_AFailedOrderThatIsInProcessAfterAll(t *testing.T) {
	for _, state := range []string{StateProcessing, StatePending} {
		for _, cancel := range []bool{false, true} {
			x := looked(placed(t, CaptureManual))
			x.observe(failed())
			if cancel {
				x.must(Cancel{CommandID: "k"})
			}
			x.now = x.o.NextDue()
			x.inquire(tells(state))
			looks := 0
			for ; !x.o.NextDue().IsZero(); looks++ {
				require.Less(t, looks, 20, "it comes to an end")
				if looks == 1 {
					y := *x
					y.now = y.o.NextDue()
					y.inquire(tells(StateSuccess, authorized()))
					assert.EqualValues(t, theAmount, y.o.Authorized+y.o.Late.Authorized, "%s %v", state, cancel)
					y = *x
					y.now = y.o.NextDue()
					y.inquire(tells(StateFail, failed()))
					assert.Zero(t, y.o.NextDue(), "%s %v", state, cancel)
				}
				x.now = x.o.NextDue()
				x.inquire(tells(state))
			}
			assert.Greater(t, looks, 2, "%s %v", state, cancel)
			assert.GreaterOrEqual(t, x.now.Sub(opened), DefaultReconcileFor/2)
			assert.True(t, hasAnomaly(x.o, events.NoResult), "a person is told")
			replayIsLive(t, x)
		}
	}
}

// What was authorized and then cancelled is over, whatever APO calls the payment's state.
func TestReconcile_ACancelledAuthorizationIsNotAskedAboutOn(t *testing.T) {
	x := looked(placed(t, CaptureManual))
	x.observe(authorized())
	x.must(Cancel{CommandID: "k"})
	x.answer(done)
	x.observe(captured("C9", 1200))
	require.Equal(t, x.now, x.o.NextDue())
	x.inquire(tells(StateProcessing, Fact{Kind: CaptureFailed, TransferID: "C9", Code: "X"}))
	assert.Zero(t, x.o.NextDue())
	assert.False(t, hasAnomaly(x.o, events.NoResult), "nor is a person told")
	replayIsLive(t, x)
}
