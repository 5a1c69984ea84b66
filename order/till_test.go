package order

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// till makes orders by commands and facts alone, the way a service does: Decide, append, Evolve. Whatever it appends is
// held against Judge and the invariants on the way.
type till struct {
	t      require.TestingT
	o      Order
	log    []events.Record
	bounds []int // lengths of the log at append boundaries
	now    time.Time
	minted int
	policy Policy
}

var opened = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

const theAmount = 1000

func usd(minor int64) Money { return Money{Minor: minor, Currency: "USD"} }

// newTill is a till without an order.
func newTill(t require.TestingT) *till {
	return &till{t: t, now: opened, policy: Policy{Jitter: NoJitter, ReconcileFor: NoReconcile}}
}

// placed is a till with an order of USD 10.00 that APO knows under paymentId P1.
func placed(t require.TestingT, mode events.CaptureMode) *till {
	x := newTill(t)
	x.must(create(mode))
	return x
}

func create(mode events.CaptureMode) Create {
	method := "CARD"
	if mode == CaptureNone {
		method = "ALIPAY_CN"
	}
	return Create{CommandID: "create-1", OrderID: "o-1", PaymentRequestID: "pr-1", PaymentID: "P1", Amount: usd(theAmount),
		Method:   method,
		Acquirer: "ACME", CaptureMode: mode, PayBy: opened.Add(14 * time.Minute)}
}

// helper marks the caller as a helper where the test can: rapid's T is one too.
func (x *till) helper() {
	if h, ok := x.t.(interface{ Helper() }); ok {
		h.Helper()
	}
}

func (x *till) env() Env {
	return Env{Now: x.now, Policy: x.policy, NewID: func() string {
		x.minted++
		return fmt.Sprintf("r-%d", x.minted)
	}}
}

// do decides the command and appends what follows from it.
func (x *till) do(c Command) ([]events.Event, error) {
	x.helper()
	before := x.o
	facts, err := Decide(x.o, c, x.env())
	require.Equal(x.t, before, x.o, "Decide changes nothing")
	if err != nil {
		require.Empty(x.t, facts, "an error and facts")
		return nil, err
	}
	env, n := x.env(), len(x.log)
	env.NewID = func() string { n++; return fmt.Sprint("record-", n) }
	records, after := Records(x.o, c, facts, env, "")
	for _, r := range records {
		require.NoError(x.t, Judge(x.o, r), "Judge takes what Decide made")
		require.NoError(x.t, r.Validate(), "and a log")
		x.o = Evolve(x.o, r)
		require.Equal(x.t, x.o.Head(), r.Head)
		x.log = append(x.log, r)
	}
	require.Equal(x.t, after, x.o)
	if len(facts) > 0 {
		x.bounds = append(x.bounds, len(x.log))
		require.Empty(x.t, broken(before, x.o))
	}
	return facts, nil
}

// must is do for what cannot be refused.
func (x *till) must(c Command) []events.Event {
	x.helper()
	facts, err := x.do(c)
	require.NoError(x.t, err)
	return facts
}

func (x *till) later(d time.Duration) { x.now = x.now.Add(d) }

// free waits until no claim is in force and APO may be asked once more.
func (x *till) free() {
	if until := x.o.claimedUntil(); x.now.Before(until) {
		x.now = until
	}
	if x.o.pausing(x.now) {
		x.now = time.Unix(0, x.o.room()).UTC()
	}
}

// observe records a fact that APO notified us of.
func (x *till) observe(f Fact) []events.Event {
	x.helper()
	if f.Proof == (events.Proof{}) {
		f.Proof = events.Proof{Via: events.ViaNotification, Evidence: signed()}
	}
	return x.must(Observe{Fact: f})
}

// answer records an answer to the newest attempt.
func (x *till) answer(v Verdict) []events.Event {
	x.helper()
	return x.answerTo(x.attempt(), v)
}

func (x *till) answerTo(c Call, v Verdict) []events.Event {
	x.helper()
	v.Evidence = signed()
	return x.must(RecordAnswer{Call: c, Verdict: v})
}

// op is the operation that is neither decided nor accepted, or else the refund that was accepted first.
func (x *till) op() Operation {
	if all := x.o.Operations(); len(all) > 0 {
		return all[0]
	}
	return Operation{}
}

// attempt is the call of the newest attempt.
func (x *till) attempt() Call {
	x.helper()
	require.True(x.t, x.o.Operation.Outstanding(), "an attempt needs an operation")
	return x.o.operationCall(x.o.Operation.Attempt)
}

// retry waits until the operation is due and claims its next attempt.
func (x *till) retry() {
	x.helper()
	x.now = x.o.NextDue()
	facts := x.must(Claim{})
	require.IsType(x.t, events.AttemptStarted{}, facts[0])
}

// inquire claims an inquiry as soon as one may be and records what it told.
func (x *till) inquire(p Picture) []events.Event {
	x.helper()
	x.free()
	facts := x.must(Claim{Inquire: true})
	started := facts[0].(events.InquiryStarted)
	p.Evidence = signed()
	return x.must(RecordInquiry{Number: started.Number, Picture: p})
}

// tells is a picture in which APO told the state.
func tells(s string, facts ...Fact) Picture {
	return Picture{Outcome: events.InquiryAnswers, State: s, Facts: facts}
}

var notExist = Picture{Outcome: events.InquiryNotExist, Code: "ORDER_NOT_EXIST"}

func signed() *events.Evidence {
	return &events.Evidence{Method: "POST", Path: "/", ClientID: "client", Time: "1", KeyVersion: "1", Signature: "sig",
		Body: []byte("{}")}
}

// The facts that most orders are made of.
func authorized() Fact { return Fact{Kind: PaymentAuthorized, PaymentID: "P1", Amount: usd(theAmount)} }
func paid() Fact       { return Fact{Kind: PaymentPaid, PaymentID: "P1", Amount: usd(theAmount)} }
func failed() Fact     { return Fact{Kind: PaymentFailed, PaymentID: "P1", Code: "ORDER_IS_CLOSED"} }
func cancelled() Fact  { return Fact{Kind: PaymentCancelled, PaymentID: "P1"} }

// voided is a VOID line among an inquiry's transactions.
func voided(at time.Time) Fact {
	return Fact{Kind: PaymentCancelled, PaymentID: "P1", TransferID: "V1", At: at}
}

// voidedPart is such a line of a part of what was authorized.
func voidedPart(minor int64) Fact {
	return Fact{Kind: PaymentCancelled, PaymentID: "P1", TransferID: "V2", Amount: usd(minor), At: opened.Add(time.Minute)}
}

func captured(id string, minor int64) Fact {
	return Fact{Kind: CaptureSucceeded, TransferID: id, Amount: usd(minor)}
}

func refunded(id string, minor int64) Fact {
	return Fact{Kind: RefundSucceeded, TransferID: id, Amount: usd(minor)}
}

// raised is a notification that the authorization holds so much in all.
func raised(request string, minor int64) Fact {
	return Fact{Kind: PaymentRaised, PaymentID: "P1", RequestID: request, Amount: usd(minor)}
}

// in makes an order that stands in the status.
func in(t require.TestingT, s Status) *till {
	mode := CaptureManual
	if s == Paid {
		mode = CaptureNone
	}
	x := placed(t, mode)
	reach(x, s)
	require.Equal(t, s, x.o.Status)
	return x
}

// reach lets happen to a placed order what brings it to the status.
func reach(x *till, s Status) {
	switch s {
	case Authorized:
		x.observe(authorized())
	case Paid:
		x.observe(paid())
	case Captured:
		x.observe(authorized())
		x.observe(captured("C1", 600))
	case Refunded:
		x.observe(authorized())
		x.observe(captured("C1", 600))
		x.observe(refunded("F1", 100))
	case Cancelled:
		x.must(Cancel{CommandID: "cancel-0"})
		x.answer(Verdict{Class: VerdictSucceeded, Code: "SUCCESS"})
	case Failed:
		x.observe(failed())
	}
}

// broken says which invariant the step from before to o breaks; empty: none.
func broken(before, o Order) string {
	late := o.Late
	bounded := !slices.ContainsFunc(o.book, func(t transfer) bool {
		return t.has(markSettled) || t.has(markTakenBack)
	})
	// A capture may be of less by APO's newest word than was refunded of it.
	beyond := o.Refunded > o.Captured && o.Captured >= before.Captured && o.Refunded > before.Refunded
	was := before.Captured + before.Late.Captured
	lateBeyond := late.Refunded > late.Captured && o.Captured+late.Captured >= was &&
		o.Refunded+late.Refunded > before.Refunded+before.Late.Refunded
	switch outstanding := o.Operation.Outstanding(); {
	case before.Status == Cancelled && o.Status != Cancelled:
		return "something left cancelled"
	case bounded && (o.Captured > o.Authorized || beyond), o.Refunded < 0:
		return fmt.Sprintf("amounts: refunded %d of captured %d of authorized %d", o.Refunded, o.Captured, o.Authorized)
	case bounded && (late.Captured > max(late.Authorized, o.Authorized) || lateBeyond):
		return fmt.Sprintf("late amounts: %+v", late)
	case outstanding != (o.Operation.Kind != CallNone):
		return "an operation without a kind, or a kind without an operation"
	case o.NextDue().IsZero() && (outstanding || !o.waitingSince().IsZero() &&
		time.Unix(0, o.askedAt).Sub(o.waitingSince()) < OverdueMax):
		return "something is outstanding and nothing is due"
	case (late.Authorized > before.Late.Authorized || late.Captured > before.Late.Captured) && !late.IsZero() &&
		!hasAnomaly(o, events.LatePayment): // where it only gets less a person may have closed it before
		return "late money is silent"
	case o.Status == Cancelled && o.CancelCause == 0:
		return "cancelled without a cause"
	}
	return ""
}

func hasAnomaly(o Order, reason events.AnomalyReason) bool {
	for _, a := range o.Anomalies {
		if a.Reason == reason {
			return true
		}
	}
	return false
}

// kindsOf names facts for comparison.
func kindsOf(facts []events.Event) []events.Kind {
	out := []events.Kind{}
	for _, e := range facts {
		out = append(out, e.Kind())
	}
	return out
}

func rejected(t require.TestingT, err error) *RejectedError {
	var r *RejectedError
	require.ErrorAs(t, err, &r)
	require.ErrorIs(t, err, ErrRejected)
	return r
}

func TestTheTillItselfStandsInEveryStatus(t *testing.T) {
	for _, s := range Statuses() {
		require.Equal(t, s, in(t, s).o.Status)
	}
	require.Contains(t, broken(Order{Status: Cancelled}, Order{}), "left cancelled")
	require.Contains(t, broken(Order{}, Order{Captured: 1}), "amounts")
	require.Contains(t, broken(Order{}, Order{Gateway: GatewayOutstanding}), "nothing is due")
	require.Contains(t, broken(Order{}, Order{Authorized: 1, Late: Late{Captured: 1}}), "silent")
}
