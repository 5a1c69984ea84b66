package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// A cancel gives back all that was paid: neither beside a dispute, which may take it too, nor after one that took some.
func TestDispute_NothingIsCancelledBesideOneOrAfterOneThatTookMoney(t *testing.T) {
	for _, status := range []Status{Authorized, Paid, Failed} {
		x := in(t, status)
		x.observe(disputed(DisputeOpened, "D1", 300))
		_, err := x.do(Cancel{CommandID: "k"})
		r := rejected(t, err)
		assert.Equal(t, []any{ReasonDisputed, x.o.Version}, []any{r.Reason, r.Cause.Version}, status.String())
		for outcome, lost := range map[events.DisputeOutcome]Money{
			events.DisputeLost: usd(250), events.DisputeAccepted: {}, events.DisputeUndefended: {Minor: 1, Currency: "EUR"},
		} {
			y := *x
			y.observe(ended(outcome, opened, lost))
			_, err = y.do(Cancel{CommandID: "k"})
			assert.Equal(t, ReasonDisputed, rejected(t, err).Reason)
			assert.ErrorContains(t, err, "(it took money)")
		}
		for outcome, lost := range map[events.DisputeOutcome]Money{events.DisputeWon: {}, events.DisputeLost: usd(0)} {
			y := *x
			y.observe(ended(outcome, opened, lost))
			y.must(Cancel{CommandID: "k"})
		}
	}
}

// A cancel whose outcome is not known is not sent again beside a dispute or after one that took money.
func TestDispute_KeepsACancelFromBeingSentAgain(t *testing.T) {
	again := func(x *till) error {
		return Judge(x.o, events.Record{Stream: events.OrderStream("o-1"), Version: x.o.Version + 1, Recorded: x.now,
			Event: events.AttemptStarted{Attempt: x.o.Operation.Attempt + 1, Lease: x.now.Add(time.Minute)}})
	}
	for outcome, stays := range map[events.DisputeOutcome]bool{events.DisputeWon: false, events.DisputeAccepted: true} {
		x := asked(t, CallCancel)
		x.observe(disputed(DisputeOpened, "D1", 200))
		x.now = x.o.NextDue()
		require.IsType(t, events.InquiryStarted{}, x.must(Claim{})[0])
		x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: Picture{Outcome: events.InquiryUnknown}})
		require.ErrorContains(t, again(x), "the buyer has disputed the payment")
		x.observe(ended(outcome, opened, Money{}))
		require.Equal(t, stays, again(x) != nil)
	}
}
