// Package sequences_test plays sequences of commands, answers and notifications to the library and to a rule book kept
// by hand, and holds one against the other after each step.
package sequences_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

func TestMain(m *testing.M) { tilltest.Main(m) }

// letter is one thing that can happen next, to the library and to the book alike.
type letter string

const (
	letterCancel      letter = "cancel"
	letterCapturePart letter = "capture part"
	letterCaptureRest letter = "capture rest"
	letterRefundPart  letter = "refund part"
	letterRefundRest  letter = "refund rest"
	letterPaid        letter = "payment notification"
	letterPaidBefore  letter = "notification of a payment before any cancel"
	letterFailed      letter = "payment failure notification"
	letterCaptured    letter = "capture notification"
	letterRefunded    letter = "refund notification"
	letterRaised      letter = "notification of a raise"
	letterDisputed    letter = "notification of a dispute"
	letterLost        letter = "notification of a lost dispute"
	letterAgain       letter = "redelivery"
	letterS           letter = "answers S"
	letterF           letter = "answers F"
	letterU           letter = "answers U"
)

var letters = []letter{letterCancel, letterCapturePart, letterCaptureRest, letterRefundPart, letterRefundRest,
	letterPaid, letterPaidBefore, letterFailed,
	letterCaptured, letterRefunded, letterRaised, letterDisputed, letterLost,
	letterAgain, letterS, letterF, letterU}

// duet plays letters to the library and to the rule book, and holds one against the other after each.
type duet struct {
	x       *tilltest.Till
	b       *tilltest.Book
	o       order.Order // as the last call returned it: reading it again at every letter would double the walk
	answer  string      // how APO answers commands from now on
	foreign int         // captures and refunds that nobody commanded, so far
	last    *apo.Verified
	retell  func() // the newest notification told to the book again, where it stands as an anomaly only; else nil
}

func newDuet(t testing.TB, mode string) *duet {
	x := tilltest.NewTill(t, memory.New())
	x.Bank.Deaf = true
	c := tilltest.Placing(tilltest.Modes[mode])
	c.PaymentID = tilltest.ThePayment
	placed, err := x.Orders.Create(x.Ctx, c)
	require.NoError(t, err)
	return &duet{x: x, b: tilltest.NewBook(mode, tilltest.TheAmount), o: placed.Order, answer: "S"}
}

// play lets the letter happen to both and returns where they differ.
func (d *duet) play(l letter) error {
	before := d.o
	switch l {
	case letterS, letterF, letterU:
		d.answer = string(l[len(l)-1])
	case letterCancel:
		return d.command(before, "cancel", 0)
	case letterCapturePart:
		return d.command(before, "capture", tilltest.ThePart)
	case letterCaptureRest:
		return d.command(before, "capture", d.b.Authorized-d.b.Captured)
	case letterRefundPart:
		return d.command(before, "refund", tilltest.ThePart)
	case letterRefundRest:
		return d.command(before, "refund", d.b.Captured-d.b.Refunded)
	case letterAgain:
		return d.again(before)
	default:
		d.fact(l)
	}
	return d.compare()
}

func (d *duet) command(before order.Order, verb string, minor int64) error {
	x := d.x
	calls := x.Bank.Wired()
	code := map[string]string{"S": "SUCCESS", "F": "PARAM_ILLEGAL", "U": "UNKNOWN_EXCEPTION"}[d.answer]
	fault := tilltest.Fault{Undone: true, Status: d.answer, Code: code}
	if verb == "cancel" && d.answer == "S" {
		fault.Extra = map[string]any{"paymentId": tilltest.ThePayment, "cancelTime": tilltest.Stamp(tilltest.Dawn())}
	}
	x.Bank.Script = []tilltest.Fault{fault}
	var result tilltape.Result
	var err error
	switch verb {
	case "cancel":
		result, err = x.Cancel()
	case "capture":
		result, err = x.Capture(minor)
	case "refund":
		result, err = x.Refund(minor)
	}
	d.o = result.Order
	x.Bank.Script = nil
	rule := d.b.Command(verb, minor, d.answer)
	sent := x.Bank.Wired() - calls
	var rejected *order.RejectedError
	switch {
	case errors.As(err, &rejected) != (rule == tilltest.Refusal):
		return fmt.Errorf("%s %d: the book says %s, the library %v", verb, minor, rule, err)
	case (sent == 1) != (rule == tilltest.Sends) || sent > 1:
		return fmt.Errorf("%s %d: the book says %s, %d calls were made", verb, minor, rule, sent)
	case rule == tilltest.Refusal && d.o.Version != before.Version:
		return fmt.Errorf("%s %d: refused, and something was appended", verb, minor)
	case rule == tilltest.Refusal && (rejected.Remedy == "" || !strings.Contains(err.Error(), rejected.Remedy)):
		return fmt.Errorf("%s %d: no remedy in %q", verb, minor, err)
	case rule == tilltest.Sends:
		if err := d.outcome(verb, result.Outcome, err); err != nil {
			return err
		}
	}
	return d.compare()
}

// outcome holds the end of a command that was sent against APO's answer.
func (d *duet) outcome(verb string, told tilltape.Outcome, err error) error {
	want := map[string]error{"S": nil, "F": order.ErrFailed, "U": tilltape.ErrUnresolved}[d.answer]
	if want == nil && err != nil || want != nil && !errors.Is(err, want) {
		return fmt.Errorf("%s answered %s: %v", verb, d.answer, err)
	}
	if accepted := verb == "refund" && d.answer == "S"; accepted != (told == tilltape.Accepted) {
		return fmt.Errorf("%s answered %s: %s", verb, d.answer, told)
	}
	return nil
}

// fact lets a notification arrive. It is about our own capture or refund where one is outstanding.
func (d *duet) fact(l letter) {
	x, p := d.x, tilltest.Op(d.o)
	n := tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest, Minor: tilltest.TheAmount,
		At: tilltest.Dawn()}
	var v apo.Verified
	var tell func()
	switch l {
	case letterPaid:
		v, tell = tilltest.PaymentNotice(n), func() { d.b.PaymentSucceeds(false) }
	case letterPaidBefore:
		n.At = n.At.Add(-time.Second)
		v, tell = tilltest.PaymentNotice(n), func() { d.b.PaymentSucceeds(true) }
	case letterFailed:
		n.Minor, n.Code = 0, "ORDER_IS_CLOSED"
		v, tell = tilltest.PaymentNotice(n), d.b.PaymentFails
	case letterRaised:
		n.Request, n.Minor = "raise-1", tilltest.TheAmount+tilltest.ThePart
		v, tell = tilltest.RaiseNotice(n), func() { d.b.Raised(n.Minor) }
	case letterCaptured:
		ours := p.Kind == order.CallCapture
		d.foreign++
		n.Minor, n.Transfer, n.PaymentRequest = tilltest.ThePart, fmt.Sprint("cap-", d.foreign), ""
		if ours {
			n.Minor, n.Request = p.Amount.Minor, p.RequestID
		}
		v, tell = tilltest.CaptureNotice(n), func() { d.b.CaptureSucceeds(n.Transfer, n.Minor, ours) }
	case letterRefunded:
		if ours := p.Kind == order.CallRefund; ours {
			v = tilltest.RefundNotice(tilltest.Notice{Transfer: "ref-" + p.RequestID, Request: p.RequestID,
				Minor: p.Amount.Minor, At: tilltest.Dawn()})
			tell = func() { d.b.RefundSucceeds(p.RequestID, p.Amount.Minor, true) }
			break
		}
		d.foreign++
		id := fmt.Sprint("ref-", d.foreign)
		v = tilltest.DashboardRefund(id, tilltest.ThePart)
		tell = func() { d.b.RefundSucceeds(id, tilltest.ThePart, false) }
	}
	if l == letterDisputed || l == letterLost {
		v, tell = d.dispute(l)
	}
	d.o = x.Observe(v)
	d.last = &v
	before := *d.b
	tell()
	d.retell = nil
	if before.Trouble++; fmt.Sprint(before) == fmt.Sprint(*d.b) {
		d.retell = tell
	}
}

// dispute is APO's word on one: a further one that is opened, or the end of the first that is open, or of one that
// nobody has told of.
func (d *duet) dispute(l letter) (apo.Verified, func()) {
	id := d.b.OpenDispute()
	if l == letterDisputed || id == "" {
		d.foreign++
		id = fmt.Sprint("dispute-", d.foreign)
	}
	n := tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest, Transfer: id,
		Minor: tilltest.ThePart}
	if l == letterDisputed {
		return tilltest.DisputeNotice("DISPUTE_CREATED", n, nil), func() { d.b.IsDisputed(id, tilltest.ThePart) }
	}
	return tilltest.LostDispute(n), func() { d.b.LosesDispute(id, tilltest.ThePart) }
}

// again delivers the newest notification once more: nothing may come of it, whatever happened meanwhile. One that
// stands as an anomaly only may find its place by now.
func (d *duet) again(before order.Order) error {
	if d.last == nil {
		return nil
	}
	d.o = d.x.Observe(*d.last)
	if d.retell != nil {
		d.retell()
	} else if d.o.Version != before.Version {
		return fmt.Errorf("a redelivery of %v appended", *d.last)
	}
	return d.compare()
}

func (d *duet) compare() error {
	if diff := d.b.Differs(d.o); diff != "" {
		return errors.New(diff)
	}
	return nil
}

// end holds what is left to hold after the last letter.
func (d *duet) end() error {
	troubled, last := false, uint64(0)
	for _, r := range d.x.History() {
		troubled = troubled || r.Event.Kind() == events.KindAnomalyObserved
		last = r.Version
	}
	if last != d.o.Version {
		return fmt.Errorf("the log ends at version %d, the last call returned %d", last, d.o.Version)
	}
	if troubled != (d.b.Trouble > 0) {
		return fmt.Errorf("the book knows of %d contradictions, the log of some: %t", d.b.Trouble, troubled)
	}
	return d.x.Lawful()
}

// The bounds of the exhaustive walk over sequences.
const (
	sequenceMax      = 4
	sequenceShortMax = 3
	sequenceEveryday = 15 // one of so many is walked
)

func TestLaw_EveryBoundedSequenceAgreesWithTheRuleBook(t *testing.T) {
	longest, step := sequenceMax, 1
	if !long.Walks() {
		longest, step = sequenceShortMax, sequenceEveryday
	}
	for mode := range tilltest.Modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			walked := 0
			sequence := make([]letter, longest)
			var walk func(int)
			walk = func(n int) {
				if n < longest {
					for _, l := range letters {
						sequence[n] = l
						walk(n + 1)
					}
					return
				}
				if walked++; walked%step != 0 {
					return
				}
				d := newDuet(t, mode)
				for i, l := range sequence {
					if err := d.play(l); err != nil {
						require.NoError(t, err, "after %q", sequence[:i+1])
					}
				}
				require.NoError(t, d.end(), "after %q", sequence)
			}
			walk(0)
			t.Logf("%d sequences of %d", walked, longest)
		})
	}
}

func TestLaw_LongSequencesAgreeWithTheRuleBook(t *testing.T) {
	for mode := range tilltest.Modes {
		t.Run(mode, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				d := newDuet(t, mode)
				var played []letter
				for range rapid.IntRange(1, 30).Draw(r, "length") {
					l := rapid.SampledFrom(letters).Draw(r, "letter")
					played = append(played, l)
					if err := d.play(l); err != nil {
						r.Fatalf("%v after %q", err, played)
					}
				}
				if err := d.end(); err != nil {
					r.Fatalf("%v after %q", err, played)
				}
			})
		})
	}
}

// Any order of the same facts, however often each is delivered, comes to the same amounts, and without a cancellation
// to the same status.
func TestLaw_FactsConvergeInAnyOrder(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		cancelled := rapid.Bool().Draw(r, "cancelled")
		facts := []apo.Verified{
			tilltest.PaymentNotice(tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest,
				Minor: tilltest.TheAmount, At: tilltest.Dawn()}),
			tilltest.CaptureNotice(tilltest.Notice{Payment: tilltest.ThePayment, Transfer: "cap-1", Minor: 600,
				At: tilltest.Dawn()}),
			tilltest.CaptureNotice(tilltest.Notice{Payment: tilltest.ThePayment, Transfer: "cap-2", Minor: 300,
				At: tilltest.Dawn()}),
			tilltest.DashboardRefund("ref-1", 500), tilltest.DashboardRefund("ref-2", 250),
			tilltest.DisputeNotice("DISPUTE_CREATED", tilltest.Notice{PaymentRequest: tilltest.TheRequest, Transfer: "dispute-1",
				Minor: 100, At: tilltest.Dawn()}, nil),
			tilltest.DisputeNotice("DEFENSE_SUPPLIED", tilltest.Notice{PaymentRequest: tilltest.TheRequest,
				Transfer: "dispute-1", Minor: 100}, nil),
			tilltest.LostDispute(tilltest.Notice{Payment: tilltest.ThePayment, Transfer: "dispute-1", Minor: 100}),
		}
		if cancelled {
			facts = append(facts, tilltest.CancelAnswer(tilltest.ThePayment))
		}
		delivered := rapid.Permutation(append(facts, facts...)).Draw(r, "deliveries")
		x := tilltest.NewTill(t, memory.New())
		c := tilltest.Placing(order.CaptureManual)
		c.PaymentID = tilltest.ThePayment
		_, err := x.Orders.Create(x.Ctx, c)
		require.NoError(t, err)
		var o order.Order
		for _, v := range delivered {
			if o, err = x.Orders.Observe(x.Ctx, v); err != nil {
				r.Fatal(err)
			}
		}
		if o.Captured+o.Late.Captured != 900 || o.Refunded+o.Late.Refunded != 750 || len(o.Held) != 0 {
			r.Fatalf("captured %d, refunded %d, late %v, held %v after %v", o.Captured, o.Refunded, o.Late, o.Held, delivered)
		}
		left := int64(50)
		if o.Status == order.Cancelled || tilltest.Refuted(o) {
			left = 0 // to be refunded: it is to be compensated, or may have been given back by the cancel
		}
		if o.Disputed != 100 || o.Refundable() != left || len(o.Disputes()) != 1 || !o.Disputes()[0].Closed {
			r.Fatalf("disputed %d, refundable %d, %+v after %v", o.Disputed, o.Refundable(), o.Disputes(), delivered)
		}
		if o.Status != order.Refunded && !(cancelled && o.Status == order.Cancelled) {
			r.Fatalf("status %s after %v", o.Status, delivered)
		}
		if o.Status == order.Cancelled && len(o.Anomalies) == 0 {
			r.Fatalf("money on a cancelled order is silent after %v", delivered)
		}
		if err := x.Lawful(); err != nil {
			r.Fatal(err)
		}
	})
}
