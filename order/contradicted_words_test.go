package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// What was found by trying to get a cancel or a capture past money that may have moved, and orders closed for nothing.

func (x *till) takes(c Command) bool {
	_, err := Decide(x.o, c, x.env())
	return err == nil
}

// The flag of a contradiction is raised once. What it told may stand again all the same.
func TestContradicted_ANewestWordIsHeardWhateverWasToldBefore(t *testing.T) {
	x := in(t, Paid)
	done := refunded("F9", 1200)
	x.observe(done)
	x.inquire(tells(StateSuccess, Fact{Kind: RefundFailed, TransferID: "F9", Code: "X"}))
	assert.EqualValues(t, theAmount, x.o.Refundable())
	x.inquire(tells(StateSuccess, done))
	assert.Zero(t, x.o.Refundable())
	assert.False(t, x.takes(Cancel{CommandID: "k"}))

	x = placed(t, CaptureManual) // held, shown a day later, failed, and then told again as more than there is
	x.observe(done)
	x.later(25 * time.Hour)
	x.inquire(tells(StatePending, done))
	x.observe(Fact{Kind: RefundFailed, TransferID: "F9", Code: "X"})
	x.observe(authorized())
	x.observe(done)
	assert.False(t, x.takes(Cancel{CommandID: "k"}))
	replayIsLive(t, x)
}

// APO is asked at once, and until it has answered: nothing else that is heard puts that off.
func TestContradicted_TheInquiryIsNotPutOff(t *testing.T) {
	learnt := authorized()
	learnt.Expires = opened.Add(7 * 24 * time.Hour)
	for name, next := range map[string]Fact{"authorized": authorized(), "its end": learnt,
		"captured": captured("C1", 100)} {
		x := placed(t, CaptureManual)
		if name != "authorized" {
			x.observe(authorized())
		}
		x.observe(captured("C9", 1200))
		x.observe(next)
		assert.Equal(t, x.now, x.o.NextDue(), name)
	}
	for _, s := range []Status{Failed, Refunded, Cancelled} {
		x := in(t, s)
		x.observe(captured("C9", 1200))
		require.True(t, x.o.Unaccounted(), s)
		assert.Equal(t, x.now, x.o.NextDue(), "%s: it is asked about whatever else is settled", s)
	}
	x := in(t, Captured)
	x.observe(captured("C9", 1200))
	x.inquire(Picture{Problem: "timeout"})
	assert.False(t, x.o.NextDue().IsZero(), "nobody answered")
}

// Two that were told apart are one by APO's word, and it counts: then nothing is left that may stand beside it.
func TestContradicted_TwoThatAreOneAreCountedOnce(t *testing.T) {
	x := in(t, Authorized)
	x.policy.SeveralCaptures = []string{MethodCard}
	x.observe(captured("C1", 600))
	x.observe(Fact{Kind: CaptureSucceeded, RequestID: "cr1", Amount: usd(600)})
	require.True(t, x.o.Unaccounted())
	x.observe(Fact{Kind: CaptureSucceeded, TransferID: "C1", RequestID: "cr1", Amount: usd(600)})
	assert.EqualValues(t, 600, x.o.Captured)
	assert.True(t, x.takes(Capture{CommandID: "c", Amount: usd(400)}))
	replayIsLive(t, x)

	x = in(t, Paid)
	x.observe(refunded("F1", 700))
	x.observe(Fact{Kind: RefundSucceeded, RequestID: "fr1", Amount: usd(700)})
	x.observe(Fact{Kind: RefundSucceeded, TransferID: "F1", RequestID: "fr1", Amount: usd(700)})
	assert.EqualValues(t, 300, x.o.Refundable())
	replayIsLive(t, x)
}

// A failure that names two told apart is about the one that may stand.
func TestContradicted_AFailureThatNamesTwoIsAboutWhatMayStand(t *testing.T) {
	x := in(t, Authorized)
	x.observe(Fact{Kind: CaptureFailed, RequestID: "cr1", Code: "X"})
	x.observe(captured("C9", 1200))
	x.inquire(tells(StateSuccess, Fact{Kind: CaptureFailed, TransferID: "C9", RequestID: "cr1", Code: "X"}))
	assert.True(t, x.takes(Cancel{CommandID: "k"}), "all that is known has failed")

	x = placed(t, CaptureManual) // one counts, the other is held, and a failure names both
	x.observe(captured("C1", 100))
	x.observe(Fact{Kind: RefundSucceeded, RequestID: "q2", Amount: usd(100)})
	x.observe(refunded("F1", 100))
	require.Len(t, x.o.Held, 1)
	x.observe(Fact{Kind: RefundFailed, TransferID: "F1", RequestID: "q2", Code: "X"})
	assert.True(t, hasAnomaly(x.o, events.TransferContradicts))
	assert.Equal(t, []any{int64(100), 1}, []any{x.o.Refunded, len(x.o.Held)}, "a person must look")
}

// A line of a kind that nobody knew is retired once APO tells what it was.
func TestContradicted_ALineThatBecomesKnownIsRetired(t *testing.T) {
	strange := Fact{Kind: OtherTransaction, TransferID: "F1", RequestID: "fr1", Amount: usd(100)}
	x := in(t, Captured)
	x.inquire(tells(StateSuccess, strange))
	require.True(t, x.o.Unaccounted())
	x.inquire(tells(StateSuccess, Fact{Kind: RefundSucceeded, TransferID: "F1", RequestID: "fr1", Amount: usd(100)}))
	assert.Equal(t, []any{int64(100), false}, []any{x.o.Refunded, x.o.Unaccounted()})

	x = in(t, Captured)
	x.inquire(tells(StateSuccess, strange))
	x.inquire(tells(StateSuccess, Fact{Kind: RefundFailed, TransferID: "F1", RequestID: "fr1"}))
	assert.False(t, x.o.Unaccounted())

	x = in(t, Cancelled) // and one of the full amount is not the late capture that came without a name
	x.observe(authorized())
	x.observe(captured("", theAmount))
	x.inquire(tells(StateSuccess, captured("", theAmount),
		Fact{Kind: OtherTransaction, TransferID: "T9", Amount: usd(theAmount)}))
	assert.False(t, x.takes(Compensate{CommandID: "k"}))
}

func TestContradicted_ARefundWithoutAnAmountReservesAll(t *testing.T) {
	x := in(t, Paid)
	x.observe(Fact{Kind: RefundSucceeded, TransferID: "F9"})
	assert.Zero(t, x.o.Refundable(), "nobody knows what it took")
}

func TestContradicted_ARefusalNamesTheRecordThatSaysSo(t *testing.T) {
	x := in(t, Authorized)
	x.observe(captured("C9", 1200))
	x.later(time.Hour)
	x.inquire(tells(StateSuccess, Fact{Kind: CaptureFailed, TransferID: "C9", Code: "X"}))
	x.observe(captured("C9", 1300))
	_, err := x.do(Cancel{CommandID: "k"})
	newest := x.o.Anomalies[len(x.o.Anomalies)-1]
	assert.Equal(t, Cause{Version: newest.Version, At: newest.At}, rejected(t, err).Cause)
}

// A result told once more teaches, and is judged: what Decide makes an anomaly of stands on record as one.
func TestPayment_ToldAnewItIsJudgedAsAnyOther(t *testing.T) {
	proof := events.Proof{Via: events.ViaNotification, Evidence: signed()}
	known := in(t, Paid)
	records, _ := Records(known.o, Observe{}, []events.Event{events.PaymentAuthorized{PaymentID: "P1",
		Amount: usd(theAmount), Expires: opened.Add(time.Hour), Proof: proof}}, known.env(), "")
	assert.Error(t, Judge(known.o, records[0]))

	x := placed(t, CaptureNone) // paid without a time, cancelled, and then the time is told: no late money
	x.observe(paid())
	x.must(Cancel{CommandID: "k"})
	x.answer(done)
	timed := paid()
	timed.At = opened
	x.observe(timed)
	assert.Equal(t, []any{Cancelled, Late{}}, []any{x.o.Status, x.o.Late})
	assert.Empty(t, x.o.Anomalies)
}
