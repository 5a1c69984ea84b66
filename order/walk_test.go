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

// walker drives one order against a world, as several services at once would: each claim may be carried out, lost on
// the way there or back, or answered long after.
type walker struct {
	*till
	w     *world
	late  []lateAnswer
	asked map[Call]bool // by kind, ids and amount: what commands asked for
	ends  map[string]Outcome
	kind  bool // APO refuses nothing new any more
}

type lateAnswer struct {
	call Call
	v    Verdict
	p    Picture
}

func startWalk(t *rapid.T) *walker {
	mode := rapid.SampledFrom([]events.CaptureMode{CaptureNone, CaptureAutomatic, CaptureManual}).Draw(t, "mode")
	x := newTill(t)
	c := create(mode)
	if rapid.Bool().Draw(t, "paymentId known later") {
		c.PaymentID = ""
	}
	x.policy.SeveralCaptures, x.policy.ZeroLastCaptures = []string{"CARD"}, []string{"CARD"}
	x.must(c)
	k := &walker{till: x, w: &world{mode: mode}, asked: map[Call]bool{}, ends: map[string]Outcome{}}
	if rapid.Bool().Draw(t, "paid at once") {
		k.w.pay(true)
		k.w.deliver(t, x)
	}
	return k
}

// carry carries the newest claim out, well or badly.
func (k *walker) carry(t *rapid.T, faulty bool) {
	call, ok := k.o.Claimed()
	if !ok || k.now.After(call.Lease) {
		return
	}
	fate := 0
	if faulty {
		fate = rapid.IntRange(0, 6).Draw(t, "fate")
	}
	if fate == 1 { // lost on the way there
		k.record(call, silence, Picture{Problem: "timeout"})
		return
	}
	if fate == 2 { // the process dies before the call
		return
	}
	var v Verdict
	var p Picture
	if call.IsInquiry() {
		p = k.w.picture(call)
	} else {
		k.neverMixed(call)
		outcome := StateSuccess
		if !k.kind {
			outcome = rapid.SampledFrom([]string{StateSuccess, StateProcessing, StateFail, atTheDoor}).Draw(t, "outcome")
		}
		v = k.w.call(call, outcome)
	}
	switch fate {
	case 3: // lost on the way back
		k.record(call, silence, Picture{Problem: "timeout"})
	case 4: // it comes late, or never
		k.late = append(k.late, lateAnswer{call, v, p})
	case 5:
		k.record(call, unknownU, Picture{Problem: "502"})
	default:
		k.record(call, v, p)
	}
}

// neverMixed: all calls of one command carry equal ids and amounts, and no request id serves two commands.
func (k *walker) neverMixed(c Call) {
	c.Attempt, c.Lease = 0, time.Time{}
	if c.Kind != CallCancel {
		for other := range k.asked {
			require.False(k.t, other.RequestID == c.RequestID && other != c, "%+v and %+v", other, c)
		}
	}
	k.asked[c] = true
}

func (k *walker) record(c Call, v Verdict, p Picture) {
	v.Evidence, p.Evidence = signed(), signed()
	if c.IsInquiry() {
		k.must(RecordInquiry{Number: c.Number, Picture: p})
		return
	}
	k.must(RecordAnswer{Call: c, Verdict: v})
}

// command gives a command by the rules of docs/reference/states.md, written once more.
func (k *walker) command(t *rapid.T) {
	o := k.o
	minor := rapid.SampledFrom([]int64{1, 300, 500, theAmount}).Draw(t, "minor")
	verb := rapid.SampledFrom([]Verb{VerbCancel, VerbCapture, VerbRefund}).Draw(t, "verb")
	blocked := o.Operation.Kind != CallNone
	// What this APO does contradicts itself in one thing: its S to a cancel that comes once the payment is known, which
	// was made after that cancel. Until an inquiry tells, nothing moves.
	doubted := len(o.Doubts()) > 0
	bound := o.Gateway == GatewayOutstanding || len(o.Held) > 0 || len(o.Accepted) > 0
	var accepted int64
	for _, p := range o.Accepted {
		accepted += p.Amount.Minor
	}
	var c Command
	var legal bool
	switch verb {
	case VerbCancel:
		c = Cancel{CommandID: rapid.StringMatching("k[0-9]{3}").Draw(t, "id")}
		free := o.Status == Created || o.Status == Authorized || o.Status == Paid || o.Status == Failed
		legal = o.Status == Cancelled || free && !blocked && !bound
	case VerbCapture:
		last := rapid.IntRange(0, 2).Draw(t, "last") == 0
		zero := last && o.Captured > 0 && o.Captured < o.Authorized && rapid.Bool().Draw(t, "zero")
		if zero {
			minor = 0
		}
		c = Capture{CommandID: rapid.StringMatching("c[0-9]{3}").Draw(t, "id"), Amount: usd(minor), Last: last}
		ours := o.CaptureMode == CaptureManual || o.Gateway == GatewayFailed
		legal = (o.Status == Authorized || o.Status == Captured) && ours && !blocked && !bound &&
			minor <= o.Authorized-o.Captured && o.PaymentID != "" && !k.closed() && !doubted
	case VerbRefund:
		c = Refund{CommandID: rapid.StringMatching("f[0-9]{3}").Draw(t, "id"), Amount: usd(minor)}
		legal = (o.Status == Paid || o.Status == Captured || o.Status == Refunded) && !blocked &&
			minor <= o.Captured-o.Refunded-accepted && o.PaymentID != "" && !doubted
	}
	if id := Describe(c).CommandID; o.Command(id) != (CommandState{}) {
		return // its id stands for something already; command ids have tests of their own
	}
	before := len(k.log)
	facts, err := k.do(c)
	assert.Equal(k.t, legal, err == nil, "%s of %d in %s: %v", verb, minor, o.Words(), err)
	if err != nil {
		r := rejected(k.t, err)
		assert.NotEmpty(k.t, r.Remedy)
		assert.Len(k.t, k.log, before, "a refused command appends nothing")
		return
	}
	if len(facts) > 0 && k.o.Operation.Outstanding() {
		k.carry(t, true)
	}
}

// closed reports whether a capture of ours that was the last is known to have succeeded while it was under way.
func (k *walker) closed() bool {
	last := map[string]bool{}
	for _, r := range k.log {
		switch e := r.Event.(type) {
		case events.CaptureRequested:
			last[e.CaptureRequestID] = e.Last
		case events.CaptureFailed:
			delete(last, e.CaptureRequestID)
		case events.CaptureSucceeded:
			if last[e.CaptureRequestID] {
				return true
			}
		}
	}
	return false
}

func (k *walker) claim(t *rapid.T) {
	_, due := k.o.Due(k.now)
	if _, err := k.do(Claim{}); due {
		require.NoError(k.t, err)
		k.carry(t, true)
	} else {
		require.ErrorIs(k.t, err, ErrNotDue)
	}
}

func (k *walker) step(t *rapid.T) {
	switch rapid.SampledFrom([]int{8, 11, 0, 6, 4, 10, 9, 3, 5}).Draw(t, "step") {
	case 0:
		k.command(t)
	case 3:
		k.w.pay(rapid.IntRange(0, 3).Draw(t, "ok") > 0)
	case 4:
		k.w.decideOne(rapid.Bool().Draw(t, "ok"))
	case 5:
		k.w.dashboard(rapid.SampledFrom([]int64{100, 400, theAmount}).Draw(t, "minor"))
	case 6:
		k.w.deliver(t, k.till)
	case 8:
		k.claim(t)
	case 9:
		if !k.now.Before(k.o.claimedUntil()) {
			k.must(Claim{Inquire: true})
			k.carry(t, true)
		}
	case 10:
		if n := len(k.late); n > 0 {
			a := k.late[n-1]
			k.late = k.late[:n-1]
			k.record(a.call, a.v, a.p)
		}
	case 11:
		k.later(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 20 * time.Minute, 2 * time.Hour}).Draw(t, "time"))
		if due := k.o.NextDue(); due.After(k.now) && rapid.Bool().Draw(t, "until due") {
			k.now = due
		}
	}
	k.onceEnded()
}

// onceEnded: one outcome per command id, for ever.
func (k *walker) onceEnded() {
	for _, r := range k.log {
		if r.CommandID == "" {
			continue
		}
		now := k.o.Command(r.CommandID).Outcome
		if was := k.ends[r.CommandID]; was == OutcomeSucceeded || was == OutcomeFailed {
			require.Equal(k.t, was, now, r.CommandID)
		}
		k.ends[r.CommandID] = now
	}
}

// doubtful: a compensating cancel that may have worked, was refused at the door when it was asked for again, and of
// which an inquiry cannot tell, since a CANCELLED may be that of the first cancel. It is the one thing that only people
// can settle.
func (k *walker) doubtful() bool {
	op := k.o.Operation
	return op.Phase == Parked && op.Kind == CallCancel && op.Compensates != 0
}

// walkLooks is more than what is due until nothing is: what APO never tells is asked about for a year, 81 times, and
// something may have been due before.
const walkLooks = 2 * 81

// settle lets everything arrive and drives what is due, until nothing is under way.
func (k *walker) settle(t *rapid.T) {
	for _, a := range k.late {
		k.record(a.call, a.v, a.p)
	}
	for range k.w.captures {
		k.w.decideOne(true)
	}
	for range k.w.refunds {
		k.w.decideOne(true)
	}
	for len(k.w.notices) > 0 {
		f := k.w.notices[0]
		k.w.notices = k.w.notices[1:]
		k.observe(f)
	}
	for range walkLooks {
		due := k.o.NextDue()
		if due.IsZero() {
			return
		}
		if due.After(k.now) {
			k.now = due
		}
		if _, err := k.do(Claim{}); err == nil {
			k.carry(t, false)
		} else {
			k.free() // the clock went back by about the longest lease: the claim counts again
		}
		if k.doubtful() {
			k.must(Resolve{Resolution: events.ResolvedFailed, Override: true, Statement: "APO's support says: ask again"})
		}
		k.w.decideOne(true)
	}
	require.Fail(k.t, "it never settles", "%+v", k.o)
}

func TestWalk_WhateverHappensTheBookAgreesWithAPO(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := startWalk(t)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			k.step(t)
		}
		k.settle(t)
		k.free()
		k.must(Claim{Inquire: true})
		k.carry(t, false)
		agrees(t, k)
	})
}

// agrees holds an order that has settled against APO's book.
func agrees(t require.TestingT, k *walker) {
	o, w := k.o, k.w
	assert.Empty(t, o.Operations())
	assert.Empty(t, o.Held)
	captured := sum(w.captures)
	if w.mode == CaptureNone && (w.state == StateSuccess || w.cancelled > 0) {
		captured = theAmount
	}
	assert.Equal(t, captured, o.Captured+o.Late.Captured, "captured")
	assert.Equal(t, sum(w.refunds), o.Refunded+o.Late.Refunded, "refunded")
	if w.state == StateCancelled {
		assert.Equal(t, Cancelled, o.Status)
	}
	if w.cancelled > 0 && !w.repaid {
		assert.Zero(t, o.Late, "what the cancel undid is not late")
		assert.False(t, hasAnomaly(o, events.LatePayment))
	}
	noDoubleEffect(t, k)
	replayIsLive(t, k.till)
}

// noDoubleEffect: our calls moved no more than the commands that are not definitely failed asked for.
func noDoubleEffect(t require.TestingT, k *walker) {
	var asked, refundAsked int64
	for _, r := range k.log {
		ended := k.o.Command(r.CommandID).Outcome == OutcomeFailed
		switch e := r.Event.(type) {
		case events.CaptureRequested:
			if !ended {
				asked += e.Amount.Minor
			}
		case events.RefundRequested:
			if !ended {
				refundAsked += e.Amount.Minor
			}
		}
	}
	ours := func(ts []*moved) []*moved {
		return slices.DeleteFunc(slices.Clone(ts), func(m *moved) bool { return len(m.request) < 2 || m.request[:2] != "r-" })
	}
	assert.LessOrEqual(t, sum(ours(k.w.captures)), asked)
	assert.LessOrEqual(t, sum(ours(k.w.refunds)), refundAsked)
}

// replayIsLive: the stored bytes, and every prefix that ends at a boundary, fold to what was live.
func replayIsLive(t require.TestingT, x *till) {
	var o Order
	for _, r := range x.log {
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err)
		stored, err := events.DecodeFrame(frame)
		require.NoError(t, err)
		require.NoError(t, Judge(o, stored))
		o = Evolve(o, stored)
		require.Equal(t, r.Head, o.Head())
	}
	require.Equal(t, x.o, o)
	outcomesFollow(t, x)
}

// outcomesFollow: a capture's or refund's command ended as its transfer stands in the book.
func outcomesFollow(t require.TestingT, x *till) {
	for _, r := range x.log {
		p := events.PartsOf(r.Event)
		if p.Stage != events.StageAsked || r.CommandID == "" || p.RequestID == "" {
			continue
		}
		kind := captures
		if p.Transfer == events.TransferRefund {
			kind = refunds
		}
		at, got := x.o.placed(kind, "", p.RequestID), x.o.Command(r.CommandID)
		switch {
		case at < 0 || got.Outcome == OutcomePending || got.Verb == VerbCreate || x.o.book[at].is(transferContradicted):
		case x.o.counted(at):
			require.Equal(t, []any{OutcomeSucceeded, ""}, []any{got.Outcome, got.Code}, "%s counts", p.RequestID)
		default:
			require.Equal(t, OutcomeFailed, got.Outcome, "%s has failed", p.RequestID)
		}
	}
}
