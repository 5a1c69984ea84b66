package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// The payment's newest standing says what its held, taken-back and revived money is worth.

// What was taken back with its payment may stand once the payment does: no cancel is legal beside a capture that APO
// has signed, and what was refunded stays reserved.
func TestStanding_APaymentThatStandsAfterAllMayHaveWhatMovedOfIt(t *testing.T) {
	for name, again := range map[string]func(*till){
		"by an inquiry": func(x *till) { x.inquire(tells(StateSuccess, authorized())) },
		"by a notification": func(x *till) {
			f := authorized()
			f.At = x.now
			x.observe(f)
		},
		"by another capture": func(x *till) { x.observe(captured("C7", 100)) },
	} {
		t.Run(name, func(t *testing.T) {
			x := in(t, Refunded) // 600 captured, 100 refunded
			x.policy.SeveralCaptures = []string{MethodCard}
			x.inquire(tells(StateFail, failed()))
			require.Equal(t, []any{Failed, amounts(Order{})}, []any{x.o.Status, amounts(x.o)})
			x.later(time.Hour)
			again(x)
			require.True(t, x.o.Unaccounted())
			for _, c := range []Command{Cancel{}, Capture{Amount: usd(1)}} {
				_, err := x.do(c)
				assert.Contains(t, []Reason{ReasonUnaccounted, ReasonCaptured}, rejected(t, err).Reason)
			}
			assert.NotEmpty(t, x.o.Doubts())
			x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), refunded("F1", 100)))
			assert.Empty(t, x.o.Doubts(), "APO tells of both, so they stand")
			assert.EqualValues(t, 100, x.o.Refunded)
			assert.GreaterOrEqual(t, x.o.Captured, int64(600))
			replayIsLive(t, x)
		})
	}
}

// A last capture is still the last one after it was taken back with its payment and stands again.
func TestStanding_ALastCaptureStaysTheLast(t *testing.T) {
	x := in(t, Authorized)
	x.must(Capture{CommandID: "c", Amount: usd(600), Last: true})
	x.answer(Verdict{Class: VerdictSucceeded, TransferID: "C1"})
	x.inquire(tells(StateFail, failed()))
	x.inquire(tells(StateSuccess, authorized(), captured("C1", 600)))
	require.Equal(t, Captured, x.o.Status)
	assert.Zero(t, x.o.Capturable())
	assert.Equal(t, OutcomeSucceeded, x.o.Command("c").Outcome)
	replayIsLive(t, x)
}

// What is held is of no payment once APO's newest word is that the payment failed; its message told again is no news.
func TestStanding_AHeldRefundOfAPaymentThatFailed(t *testing.T) {
	for name, before := range map[string]func(*till){
		"held, and then it failed": func(x *till) {
			x.observe(refunded("F1", 300))
			x.observe(failed())
		},
		"failed, and then it is held": func(x *till) {
			x.observe(failed())
			x.observe(refunded("F1", 300))
		},
		"held alone": func(x *till) { x.observe(refunded("F1", 300)) },
	} {
		for _, s := range []Status{Created, Authorized} {
			t.Run(name+", "+s.String(), func(t *testing.T) {
				x := in(t, s)
				before(x)
				require.Len(t, x.o.Held, 1)
				if name != "held alone" {
					assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
				}
				x.inquire(tells(StateFail, failed()))
				assert.Equal(t, []any{Failed, 0, 0}, []any{x.o.Status, len(x.o.Held), len(x.o.Doubts())})
				assert.NotEmpty(t, x.o.Anomalies, "a person should know")
				for _, again := range []Fact{refunded("F1", 300), failed()} {
					assert.Empty(t, x.observe(again), "told again")
				}
				assert.Len(t, x.inquire(tells(StateFail, failed())), 1, "nor does an inquiry teach anything any more")
				x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), refunded("F1", 300)))
				assert.Equal(t, []any{Refunded, []int64{theAmount, 600, 300}}, []any{x.o.Status, amounts(x.o)})
				replayIsLive(t, x)
			})
		}
	}
}

// An inquiry that calls the payment failed and lists the refund contradicts itself, and says nothing more each time.
func TestStanding_AnInquiryThatListsARefundOfAFailedPayment(t *testing.T) {
	x := placed(t, CaptureManual)
	x.observe(refunded("F1", 300))
	picture := tells(StateFail, failed(), refunded("F1", 300))
	x.inquire(picture)
	require.Len(t, x.o.Held, 1)
	for range 3 {
		assert.Len(t, x.inquire(picture), 1)
	}
	assert.NotEmpty(t, x.o.Anomalies)
	replayIsLive(t, x)
}

// The notification of a capture that is delivered once more does not bring a failed payment back.
func TestStanding_ACaptureToldAgainRevivesNothing(t *testing.T) {
	x := in(t, Captured)
	x.inquire(tells(StateFail, failed()))
	assert.Empty(t, x.observe(captured("C1", 600)))
	x.observe(captured("C2", 100))
	require.Equal(t, Captured, x.o.Status, "another one is news, and in doubt")
	x.inquire(tells(StateFail, failed()))
	require.Equal(t, Failed, x.o.Status)
	for _, again := range []Fact{captured("C1", 600), captured("C2", 100), authorized()} {
		assert.Empty(t, x.observe(again), "nor, after it failed again, its own success: that amount is on record")
	}
	replayIsLive(t, x)
}

// A word that came while an inquiry was under way may be the newer one, whatever it is about.
func TestStanding_NoInquiryIsNewerThanWhatCameDuringIt(t *testing.T) {
	for name, during := range map[string]Fact{
		"a refund that is held": refunded("F1", 300),
		"a dispute":             {Kind: DisputeOpened, PaymentID: "P1", TransferID: "D1", Amount: usd(300)},
	} {
		t.Run(name, func(t *testing.T) {
			x := in(t, Authorized)
			started := x.must(Claim{Inquire: true})[0].(events.InquiryStarted)
			x.observe(during)
			x.must(RecordInquiry{Number: started.Number, Picture: tells(StateFail, failed())})
			assert.Equal(t, Authorized, x.o.Status)
			assert.Equal(t, x.now, x.o.NextDue(), "it is asked about once more")
			x.inquire(tells(StateFail, failed()))
			assert.Equal(t, Failed, x.o.Status)
			replayIsLive(t, x)
		})
	}
}

// A doubt about a payment of which nothing is left ends with that: no inquiry would have anything to decide.
func TestStanding_ADoubtEndsWithWhatItIsAbout(t *testing.T) {
	t.Run("a capture before its payment, which failed too", func(t *testing.T) {
		x := placed(t, CaptureManual)
		x.observe(captured("C1", 600))
		x.observe(failed())
		x.inquire(tells(StateProcessing, Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"}))
		require.Equal(t, Created, x.o.Status)
		assert.Empty(t, x.o.Doubts())
		x.inquire(tells(StateFail, failed()))
		assert.Equal(t, []any{Failed, 0}, []any{x.o.Status, len(x.o.Doubts())})
		replayIsLive(t, x)
	})
	for name, ends := range map[string]func(*till){
		"late money that was let go": func(x *till) { x.inquire(tells(StateCancelled, voided(x.now.Add(time.Hour)))) },
		"late money that was refunded": func(x *till) {
			x.observe(captured("C1", theAmount))
			x.observe(refunded("F1", theAmount))
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := in(t, Cancelled)
			x.observe(authorized())
			x.observe(failed())
			require.Len(t, x.o.Doubts(), 1)
			ends(x)
			assert.Equal(t, []any{true, 0}, []any{x.o.Late.IsZero(), len(x.o.Doubts())})
			replayIsLive(t, x)
		})
	}
}

// The failure that ended a cancel is no news when it is delivered again beside a refund that is held, about which
// APO is asked anyway.
func TestStanding_TheFailureThatEndedACancelIsToldAgain(t *testing.T) {
	x := placed(t, CaptureManual)
	x.must(Cancel{CommandID: "k"})
	x.answer(unknownU)
	x.observe(failed())
	require.Equal(t, Cancelled, x.o.Status)
	x.observe(refunded("F1", 100))
	require.Equal(t, x.now, x.o.NextDue(), "APO is asked")
	assert.Empty(t, x.observe(failed()))
	assert.Empty(t, x.o.Doubts())
	replayIsLive(t, x)
	another := failed()
	another.At = x.now
	assert.Len(t, x.observe(another), 1, "another failure is another word")
	replayIsLive(t, x)
}

// Nor is it one beside money that came after it, which is in doubt as long as no inquiry has told of it, and not anew.
func TestStanding_TheFailureThatEndedACancelIsToldAgainBesideLateMoney(t *testing.T) {
	for _, mode := range []events.CaptureMode{CaptureManual, CaptureAutomatic, CaptureNone} {
		for _, at := range []time.Time{{}, cancelledAt} {
			for _, late := range []Fact{paidAtTime(time.Time{}), paidAtTime(cancelledAt.Add(time.Minute))} {
				x := placed(t, mode)
				x.must(Cancel{CommandID: "cancel-0"})
				f := failed()
				f.At = at
				x.observe(f)
				require.Equal(t, events.CausePaymentFailed, x.o.CancelCause)
				x.observe(late)
				require.Len(t, x.o.Doubts(), 1, "a payment that had failed is in doubt")
				for _, settled := range []bool{false, true} {
					if settled {
						x.inquire(tells(StateSuccess, late))
						require.Empty(t, x.o.Doubts())
					}
					doubts, late := x.o.Doubts(), x.o.Late
					for range 2 {
						assert.Empty(t, x.observe(f), "%s %v", mode, at)
					}
					assert.Equal(t, []any{doubts, late}, []any{x.o.Doubts(), x.o.Late}, "%s %v", mode, at)
				}
				f.At = cancelledAt.Add(time.Hour)
				assert.NotEmpty(t, x.observe(f), "another failure is another word")
				assert.Len(t, x.o.Doubts(), 1)
				x.inquire(tells(StateFail, f)) // and the newest one ends it
				assert.True(t, x.o.Late.IsZero())
				replayIsLive(t, x)
			}
		}
	}
}
