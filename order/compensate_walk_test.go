package order

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
)

// Whatever happens on the way, once nobody pays or refunds any more, compensating again and again gives all late money
// back that can go back, and never more.
func TestCompensate_InTheEndNothingIsOwed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mode := rapid.SampledFrom([]events.CaptureMode{CaptureNone, CaptureAutomatic, CaptureManual}).Draw(t, "mode")
		x := placed(t, mode)
		k := &walker{till: x, w: &world{mode: mode}, asked: map[Call]bool{}, ends: map[string]Outcome{}}
		x.must(Cancel{CommandID: "cancel-0"})
		x.answer(k.w.cancel())
		require.Equal(t, Cancelled, x.o.Status)
		k.w.pay(true)
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "compensate") {
				k.compensate(t)
			} else {
				k.step(t)
			}
		}
		k.kind = true
		for range 4 {
			k.settle(t)
			k.free()
			k.must(Claim{Inquire: true})
			k.carry(t, false)
			k.compensateNow(t, false)
		}
		k.settle(t)
		require.Equal(t, Cancelled, k.o.Status)
		if !hasAnomaly(k.o, events.Reversal) {
			require.Zero(t, k.o.Late.owed(), "%+v", k.o.Late)
		}
		noDoubleEffect(t, k)
		replayIsLive(t, k.till)
	})
}

// compensate gives the command as a service does: an inquiry first where the order wants one.
func (k *walker) compensate(t *rapid.T) { k.compensateNow(t, true) }

func (k *walker) compensateNow(t *rapid.T, faulty bool) {
	give := func() error {
		facts, err := k.do(Compensate{CommandID: rapid.StringMatching("z[0-9]{6}").Draw(t, "id")})
		if len(facts) > 0 {
			k.carry(t, faulty)
		}
		return err
	}
	err := give()
	if err == nil || !k.o.free(k.now) {
		return
	}
	if rejected(k.t, err).Reason == ReasonStaleInquiry {
		k.must(Claim{Inquire: true})
		k.carry(t, faulty)
		_ = give()
	}
}
