package order

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
)

// judged judges one more fact after what the till has.
func (x *till) judged(e events.Event) error {
	return Judge(x.o, events.Record{Stream: events.OrderStream("o-1"), Version: x.o.Version + 1, Recorded: x.now,
		Occurred: x.now, Event: e})
}

// forgery is a record that cannot follow, and what is wrong with it.
type forgery struct {
	x       *till
	e       events.Event
	problem string
}

// forgedSteps are records of what we did ourselves.
func forgedSteps(t *testing.T) []forgery {
	lease := opened.Add(time.Hour)
	by := events.Identifier{PaymentID: "P1"}
	capture := func(minor int64) events.Event {
		return events.CaptureRequested{CaptureRequestID: "x", PaymentID: "P1", Amount: usd(minor), Lease: lease}
	}
	refund := func(minor int64) events.Event {
		return events.RefundRequested{RefundRequestID: "x", PaymentID: "P1", Amount: usd(minor), Lease: lease}
	}
	reversed := in(t, Refunded)
	reversed.observe(Fact{Kind: CaptureFailed, TransferID: "C1"})
	held := in(t, Authorized)
	held.observe(refunded("F1", 100))
	return []forgery{
		{in(t, Created), nil, "carries no fact"},
		{in(t, Created), events.OrderCreated{Amount: usd(1)}, "begins with order.created, once"},
		{newTill(t), events.PaymentPending{}, "begins with order.created, once"},
		{newTill(t), events.OrderCreated{}, "has no amount"},
		{in(t, Created), events.CommandRefused{}, "belongs to the category refusal"},
		{in(t, Captured), events.CancelRequested{By: by, Lease: lease}, "not legal for an order that is captured"},
		{in(t, Cancelled), capture(1), "not legal for an order that is cancelled"},
		{asked(t, CallCapture), events.CancelRequested{By: by, Lease: lease},
			"is no legal cancel: a capture is outstanding since 2026-11-20 (requested)"},
		{capturing(t), events.CancelRequested{By: by, Lease: lease}, "APO captures automatically"},
		{failedBeside(t), events.CancelSucceeded{Cause: events.CausePaymentFailed},
			"is no legal cancel: APO told on 2026-11-20 of money that"},
		{held, capture(1), "a refund (F1) is proven whose capture is not known yet"},
		{in(t, Authorized), events.CancelRequested{By: events.Identifier{PaymentID: "P2"}, Lease: lease},
			"names another payment"},
		{in(t, Authorized), events.CancelRequested{By: by, Lease: opened}, "claims no time to answer"},
		{in(t, Authorized), capture(1001), "(USD 10.01 asked, USD 10.00 remains)"},
		{in(t, Captured), refund(601), "(USD 6.01 asked, USD 6.00 remains)"},
		{in(t, Captured), refund(-1), "(got USD -0.01)"},
		{in(t, Captured), events.RefundRequested{PaymentID: "P2", Amount: usd(1), Lease: lease}, "names another payment"},
		{reversed, refund(1), "is no legal refund: APO has contradicted its word"},
		{in(t, Authorized), events.OperationParked{}, "parks nothing"},
		{asked(t, CallCancel), events.OperationResolved{}, "no operation is parked"},
		{in(t, Authorized), events.AnomalyCleared{Anomaly: 1}, "no such anomaly stands open"},
	}
}

// forgedAttempts are records of what we did to see an operation through.
func forgedAttempts(t *testing.T) []forgery {
	lease := opened.Add(time.Hour)
	accepted := asked(t, CallRefund)
	accepted.answer(works)
	unresolved := asked(t, CallCancel)
	unresolved.answer(unknownU)
	inquiring := in(t, Authorized)
	inquiring.must(Claim{Inquire: true})
	apoCaptures := placed(t, CaptureAutomatic)
	apoCaptures.must(Cancel{CommandID: "k"})
	apoCaptures.observe(authorized())
	apoCaptures.free()
	return []forgery{
		{in(t, Authorized), events.AttemptStarted{Attempt: 1, Lease: lease}, "attempts an operation that is idle"},
		{accepted, events.AttemptStarted{Attempt: 2, Lease: lease}, "attempts an operation that is idle"},
		{unresolved, events.AttemptStarted{Attempt: 3, Lease: lease}, "claims attempt 3 after attempt 1"},
		{asked(t, CallCancel), events.AttemptStarted{Attempt: 2, Lease: lease}, "another claim is in force"},
		{apoCaptures, events.AttemptStarted{Attempt: 2, Lease: lease}, "sends again what is no legal cancel: APO captures"},
		{unresolved, events.AttemptStarted{Attempt: 2, Lease: opened}, "claims no time to answer"},
		{in(t, Authorized), events.CancelUnresolved{}, "answers no cancel under way"},
		{asked(t, CallCancel), events.CaptureUnresolved{}, "answers no capture under way"},
		{asked(t, CallCancel), events.RefundUnresolved{}, "answers no refund under way"},
		{unresolved, events.CancelUnresolved{Unresolved: events.Unresolved{Attempt: 1}}, "answers attempt 1 again"},
		{unresolved, events.CancelUnresolved{Unresolved: events.Unresolved{Attempt: 2}},
			"answers attempt 2, which was never started"},
		{parked(t), events.CaptureAccepted{CaptureRequestID: "r"}, "cannot follow while the operation is parked"},
		{asked(t, CallCapture), events.CaptureAccepted{CaptureRequestID: "other"}, "names another request"},
		{asked(t, CallRefund), events.RefundAccepted{RefundRequestID: "other"}, "names another request"},
		{in(t, Authorized), events.CancelFailed{}, "ends a cancel that nobody asked for"},
		{inquiring, events.InquiryStarted{Subject: events.SubjectPayment, Number: 1, Lease: lease},
			"claims inquiry 1 after inquiry 1"},
		{inquiring, events.InquiryStarted{Subject: events.SubjectPayment, Number: 2, Lease: lease},
			"another claim is in force"},
		{in(t, Authorized), events.InquiryStarted{Subject: events.SubjectRefund, Number: 1, Lease: lease},
			"a refund that nobody asked for"},
		{in(t, Authorized), events.InquiryAnswered{Subject: events.SubjectPayment}, "answers no inquiry under way"},
	}
}

// forgedFacts are records of what APO is said to have proven.
func forgedFacts(t *testing.T) []forgery {
	held := in(t, Authorized)
	held.observe(refunded("F1", 100))
	return []forgery{
		{in(t, Authorized), events.PaymentAuthorized{Amount: usd(theAmount)}, "(payment authorized: duplicate)"},
		{in(t, Created), events.PaymentAuthorized{Amount: usd(theAmount + 1)}, "another amount than the order"},
		{in(t, Created), events.PaymentPaid{Amount: usd(1)}, "another amount than the order"},
		{in(t, Created), events.PaymentPending{PaymentID: "P2"}, "names another payment"},
		{in(t, Created), events.PaymentFailed{PaymentID: "P2"}, "names another payment"},
		{in(t, Authorized), events.PaymentFailed{}, "cannot follow for an order that is authorized"},
		{in(t, Authorized), events.CaptureSucceeded{CaptureID: "C1", Amount: usd(1001)}, "captures more than there is"},
		{in(t, Cancelled), events.CaptureSucceeded{CaptureID: "C1", Amount: usd(1001)}, "captures more than there is"},
		{in(t, Captured), events.CaptureSucceeded{CaptureID: "C1", Amount: usd(300)},
			"under an identifier that moved USD 6.00"},
		{in(t, Captured), events.CaptureSucceeded{CaptureID: "C2"}, "moves no money"},
		{in(t, Captured), events.CaptureFailed{CaptureID: "C1"}, "fails what had succeeded"},
		{asked(t, CallCapture), events.CaptureSucceeded{CaptureRequestID: "r-1", Amount: usd(401)},
			"moves USD 4.01 where USD 4.00 was asked for"},
		{in(t, Authorized), events.RefundSucceeded{RefundID: "F1", Amount: usd(1)}, "refunds what is not captured"},
		{held, events.RefundSucceeded{RefundID: "F1", Amount: usd(99)}, "another amount than the refund that is held"},
		{held, events.RefundHeld{RefundID: "F1", Amount: usd(99)}, "another amount than the refund that is held"},
		{in(t, Captured), events.RefundHeld{RefundID: "F1", Amount: usd(1)}, "holds a refund that has its place"},
		{in(t, Refunded), events.RefundFailed{RefundID: "F1"}, "fails what had succeeded"},
		{in(t, Captured), events.RefundSucceeded{RefundID: "F1", Amount: usd(1001)},
			"cannot follow for an order that is captured"},
		{in(t, Authorized), events.CancelSucceeded{Cause: events.CauseRequested}, "has no evidence"},
		{in(t, Authorized), events.CancelSucceeded{Cause: events.CausePaymentFailed}, "has no evidence"},
		{in(t, Authorized), events.CancelSucceeded{Proof: events.Proof{Via: events.ViaOperator, Evidence: signed()}},
			"has no evidence"},
		{in(t, Authorized), events.CancelSucceeded{Proof: events.Proof{Via: events.ViaAnswer}}, "not kept"},
		{in(t, Authorized), events.CancelSucceeded{Proof: events.Proof{Via: events.ViaInquiry}},
			"refers to no inquiry under way"},
		{in(t, Captured), events.CancelSucceeded{Proof: events.Proof{Via: events.ViaAnswer, Evidence: signed()}},
			"cannot follow for an order that is captured"},
	}
}

func TestJudge_RefusesWhatOurRulesCannotHaveWritten(t *testing.T) {
	for _, c := range slices.Concat(forgedSteps(t), forgedAttempts(t), forgedFacts(t)) {
		err := c.x.judged(c.e)
		require.Error(t, err, c.problem)
		assert.ErrorIs(t, err, ErrIllegal)
		assert.Contains(t, err.Error(), c.problem)
		assert.Contains(t, err.Error(), "order o-1, version ")
		assert.Contains(t, err.Error(), "was altered")
	}
}

// What Decide refuses for the order's sake alone, an audit refuses too.
func TestJudge_HoldsTheAuthorizationsEndAndWhoseTheCaptureIs(t *testing.T) {
	capture := events.CaptureRequested{CaptureRequestID: "x", PaymentID: "P1", Amount: usd(1)}
	ended := in(t, Created)
	f := authorized()
	f.Expires = opened.Add(time.Hour)
	ended.observe(f)
	ended.later(48 * time.Hour)
	_, err := ended.do(Capture{CommandID: "k", Amount: usd(1)})
	require.Equal(t, ReasonExpired, rejected(t, err).Reason)
	capture.Lease = ended.now.Add(time.Minute)
	assert.ErrorIs(t, ended.judged(capture), ErrIllegal, "48 h after an authorization that ended after one hour")

	foreign := placed(t, CaptureAutomatic)
	foreign.policy.SeveralCaptures = []string{"CARD"}
	foreign.observe(captured("C1", 400))
	_, err = foreign.do(Capture{CommandID: "k", Amount: usd(1)})
	require.Equal(t, ReasonAutomatic, rejected(t, err).Reason)
	assert.ErrorIs(t, foreign.judged(capture), ErrIllegal, "a capture of an automatic order, after a foreign partial one")
}

func TestJudge_HoldsTheRecordsPlace(t *testing.T) {
	x := in(t, Created)
	good := events.Record{Stream: events.OrderStream("o-1"), Version: 2, Recorded: x.now, Event: events.PaymentPending{}}
	require.NoError(t, Judge(x.o, good))
	for problem, change := range map[string]func(*events.Record){
		"follows version 1":                 func(r *events.Record) { r.Version = 3 },
		"stands in category refusal":        func(r *events.Record) { r.Stream = events.RefusalStream("o-1") },
		"stands in the stream of order o-2": func(r *events.Record) { r.Stream = events.OrderStream("o-2") },
	} {
		bad := good
		change(&bad)
		assert.ErrorContains(t, Judge(x.o, bad), problem)
	}
	var illegal *IllegalError
	require.ErrorAs(t, x.judged(nil), &illegal)
	assert.Equal(t, events.Kind("a record without a fact"), illegal.Kind)
	assert.Equal(t, x.o, Evolve(x.o,
		events.Record{Stream: events.RefusalStream("o-1"), Version: 9, Event: events.CommandRefused{}}),
		"a refusal is no record of the order's")
}

// replay judges and folds records; the error is the first illegal one.
func replay(records []events.Record) (o Order, err error) {
	for _, r := range records {
		if err := Judge(o, r); err != nil {
			return o, err
		}
		o = Evolve(o, r)
	}
	return o, nil
}

// A record that is missing, moved or doubled breaks the count of versions. What is cut off at the end, or counted anew,
// is for the seal over the log to show: no rule of ours forbids that less happened.
func TestJudge_MissingMovedAndDoubledRecordsAreSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := startWalk(t)
		for len(k.log) < 4 {
			k.step(t)
		}
		for range 8 {
			k.step(t)
		}
		i := rapid.IntRange(0, len(k.log)-2).Draw(t, "record")
		_, err := replay(slices.Delete(slices.Clone(k.log), i, i+1))
		assert.ErrorIs(t, err, ErrIllegal, "missing")
		moved := slices.Clone(k.log)
		moved[i], moved[i+1] = moved[i+1], moved[i]
		_, err = replay(moved)
		assert.ErrorIs(t, err, ErrIllegal, "moved")
		_, err = replay(slices.Insert(slices.Clone(k.log), i, k.log[i]))
		assert.ErrorIs(t, err, ErrIllegal, "doubled")
	})
}

// Amounts that we wrote ourselves, or that must agree with them, cannot be altered alone: payments are of the order's
// amount, outcomes of the intent's. What only APO said (a foreign capture) is held by its own signature, which the
// audit checks; an intent that was never carried out moved nothing.
func TestJudge_AlteredAmountsAreSeen(t *testing.T) {
	for _, by := range []int64{1, -1} {
		histories := map[string]*till{"capture": asked(t, CallCapture), "refund": asked(t, CallRefund),
			"held": in(t, Authorized)}
		histories["capture"].answer(done)
		histories["refund"].observe(Fact{Kind: RefundSucceeded, RequestID: "r-1", Amount: usd(200)})
		histories["held"].observe(refunded("F1", 100))
		histories["held"].observe(captured("C1", theAmount))
		for name, x := range histories {
			altered := 0
			for i, r := range x.log {
				log := slices.Clone(x.log)
				switch e := r.Event.(type) {
				case events.OrderCreated:
					e.Amount.Minor += by
					log[i].Event = e
				case events.PaymentAuthorized:
					e.Amount.Minor += by
					log[i].Event = e
				case events.CaptureRequested:
					e.Amount.Minor += by
					log[i].Event = e
				case events.RefundRequested:
					e.Amount.Minor += by
					log[i].Event = e
				case events.CaptureSucceeded:
					if e.CaptureRequestID == "" {
						continue
					}
					e.Amount.Minor += by
					log[i].Event = e
				case events.RefundSucceeded:
					e.Amount.Minor += by
					log[i].Event = e
				case events.RefundHeld:
					e.Amount.Minor += by
					log[i].Event = e
				default:
					continue
				}
				altered++
				_, err := replay(log)
				assert.ErrorIs(t, err, ErrIllegal, "%s: %s", name, r.Event.Kind())
			}
			assert.GreaterOrEqual(t, altered, 4, name)
		}
	}
}
