package order

import (
	"fmt"
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// raisedTo is the largest total that APO has signed for a raise of the authorization; 0: it was not raised, or nothing
// was held that could be. A raise only goes up, so that the largest is the newest, in whichever order messages came.
func (o *Order) raisedTo() (minor int64) {
	if o.movedWhole() {
		return 0
	}
	for i := range o.book {
		if t := &o.book[i]; t.kind == raises && t.is(transferCounted) {
			minor = max(minor, t.minor)
		}
	}
	return minor
}

// wasHeld reports whether an authorization held that amount, as APO signed it or after one of its raises: a message
// about the payment that says so tells nothing else than is on record.
func (o *Order) wasHeld(minor int64) bool {
	if o.paymentKnown() && o.signed == minor {
		return true
	}
	raised := false
	for i := range o.book {
		if t := &o.book[i]; t.kind == raises && t.is(transferCounted) {
			raised = true
			if t.minor == minor {
				return true
			}
		}
	}
	return raised && minor == o.Amount.Minor
}

// signedFor is what APO has signed for the payment by itself, whatever it was raised to; zero: nothing yet.
func (o *Order) signedFor() Money {
	if o.paymentKnown() {
		return o.money(o.signed)
	}
	return Money{}
}

// findRaise looks a raise up; one that no message has named is known by its total, in the order's currency or another.
func (o *Order) findRaise(id, request string, total Money) int {
	if id != "" || request != "" {
		return o.placed(raises, id, request)
	}
	other := transfer{minor: total.Minor}
	other.set(markForeign, o.isForeign(total))
	return slices.IndexFunc(o.book, func(t transfer) bool {
		return t.kind == raises && t.id == 0 && t.request == 0 && t.alike(&other)
	})
}

// raise is the row of a raise that APO signed as done, at its place in the book. On a cancelled order it belongs to its
// authorization, however late its message comes: a cancel lets go of all of it. Only one that APO dates after the
// cancel cannot have been let go. Of two words on one raise an inquiry has the newer.
func (o *Order) raise(at int, minor int64, on time.Time, p *events.Proof) law.Fact {
	known := at >= 0 && (o.book[at].is(transferFailed) || o.book[at].minor != minor || o.book[at].has(markForeign))
	switch {
	case known && (!o.supersedes(p, &o.book[at]) || o.counted(at)):
		return law.RaiseContradicts
	case o.Status != Cancelled:
		return law.PaymentRaised
	case o.Late.Authorized > 0 || o.known.has(knownLate):
		return law.PaymentRaised
	case o.counted(at): // told again: that came before the cancel's record
	case o.known.has(knownCancelTime) && !on.IsZero() && on.Unix() > time.Unix(0, o.endMark.nanos).Unix():
		return law.RaiseContradicts
	}
	return law.RaiseUndone
}

// observeRaised records that somebody raised the authorization: what can be captured is the new total.
func (d *decision) observeRaised(f *Fact) {
	o := &d.o
	at := o.findRaise(f.TransferID, f.RequestID, f.Amount)
	again := o.counted(at) && o.book[at].minor == f.Amount.Minor
	if again && !o.namesMore(at, f.TransferID, f.RequestID) && !o.namesPayment(f) {
		return
	}
	held := o.signedFor()
	kind := o.raise(at, f.Amount.Minor, f.At, &f.Proof)
	cell := o.cell(kind)
	switch {
	case kind == law.RaiseContradicts:
		d.anomaly(events.TransferContradicts, f, o.raiseProblem(at, f))
		return
	case cell.Effect == law.Contradicts && !again:
		d.anomaly(events.StatusContradicts, f, "nothing is held to be raised: the order is "+o.Status.String())
		return
	}
	e := events.PaymentRaised{UpdateRequestID: f.RequestID, TransactionID: f.TransferID, PaymentID: f.PaymentID,
		Amount: f.Amount, At: f.At, Proof: f.Proof}
	if !o.paymentKnown() {
		e.Due = d.waitDue(0)
	}
	d.emit(e)
	switch {
	case again:
	case cell.Effect == law.LateMoney && !d.o.Late.IsZero():
		d.lateMoney(f)
	case held == o.Amount && f.Amount.Minor <= held.Minor: // by the rules of updateAmount it can only go up
		d.anomaly(events.TransferContradicts, f, fmt.Sprintf("raised to %s, and %s was held", f.Amount, held))
	}
}

// raiseProblem says what is wrong with a raise that contradicts what is on record.
func (o *Order) raiseProblem(at int, f *Fact) string {
	switch {
	case at < 0:
		return "raised after it was cancelled"
	case o.book[at].is(transferFailed):
		return "the raise had failed"
	case o.book[at].has(markForeign):
		return fmt.Sprintf("raised to %s now, and in another currency before", f.Amount)
	}
	return fmt.Sprintf("raised to %s now, to %s before", f.Amount, o.money(o.book[at].minor))
}

// namesMore reports whether a message names an entry of the book in a way that is not on record.
func (o *Order) namesMore(at int, id, request string) bool {
	t := &o.book[at]
	return t.id == 0 && id != "" || t.request == 0 && request != ""
}

// observeRaiseFailed records that the authorization was not raised. It takes nothing away, unless APO had said before
// that this raise was done.
func (d *decision) observeRaiseFailed(f *Fact) {
	o := &d.o
	at := o.placed(raises, f.TransferID, f.RequestID)
	switch {
	case f.TransferID == "" && f.RequestID == "", !o.counted(at) && o.failedBefore(at, &f.Proof):
		return // nothing to note it by, or known
	case o.counted(at):
		d.anomaly(events.TransferContradicts, f, fmt.Sprintf("it had been raised to %s", o.money(o.book[at].minor)))
	default:
		d.emit(events.RaiseFailed{UpdateRequestID: f.RequestID, TransactionID: f.TransferID, PaymentID: f.PaymentID,
			Code: f.Code, At: f.At, Proof: f.Proof})
	}
}

func (o *Order) foldRaised(r *events.Record, e *events.PaymentRaised) {
	o.learn(e.PaymentID)
	o.enter(o.findRaise(e.TransactionID, e.UpdateRequestID, e.Amount), &transfer{kind: raises,
		id: digest(e.TransactionID), request: digest(e.UpdateRequestID), minor: e.Amount.Minor, version: uint32(r.Version)})
	if !e.Due.IsZero() && !o.paymentKnown() && (o.WatchDue.IsZero() || o.WatchDue.After(e.Due)) {
		o.WatchDue, o.Watches = e.Due, 0
	}
}

func (o *Order) foldRaiseFailed(r *events.Record, e *events.RaiseFailed) {
	o.learn(e.PaymentID)
	o.foldRefuted(r, o.placed(raises, e.TransactionID, e.UpdateRequestID), &transfer{kind: raises,
		id: digest(e.TransactionID), request: digest(e.UpdateRequestID), standing: transferFailed,
		version: uint32(r.Version)}, &e.Proof)
}

// raiseContradicted is what an anomaly makes of a raise that is on record, and its place: the stricter of two words,
// until an inquiry has the newer. ok is false where it changes nothing.
func (o *Order) raiseContradicted(e *events.AnomalyObserved) (t transfer, at int, ok bool) {
	foreign := o.isForeign(e.Amount)
	switch named := e.TransferID != "" || e.RequestID != ""; {
	case e.Fact != events.KindPaymentRaised && e.Fact != events.KindRaiseFailed:
		return t, -1, false
	case e.Reason == events.TransferContradicts && !foreign:
	case e.Reason != events.PaymentContradicts || !foreign || !named || o.isAnother(e.PaymentID):
		return t, -1, false
	}
	if at = o.findRaise(e.TransferID, e.RequestID, e.Amount); !o.counted(at) {
		return t, at, false
	}
	t = o.book[at]
	switch {
	case e.Fact == events.KindRaiseFailed:
		t.standing = transferFailed
	case foreign: // which of the two it is, nobody knows until APO's newest word is in the order's again
		t.standing, t.minor = transferContradicted, e.Amount.Minor
		t.set(markForeign, true)
	case o.supersedes(&e.Proof, &t):
		t.minor = e.Amount.Minor
	default:
		t.minor = min(t.minor, e.Amount.Minor)
	}
	return t, at, t != o.book[at]
}

// foldRaiseContradicted takes the stricter of two words on a raise, and has APO asked which is the newer.
func (o *Order) foldRaiseContradicted(r *events.Record, e *events.AnomalyObserved) {
	if e.Fact != events.KindPaymentRaised && e.Fact != events.KindRaiseFailed || o.isAnother(e.PaymentID) {
		return
	}
	at := o.findRaise(e.TransferID, e.RequestID, e.Amount)
	if at < 0 {
		return
	}
	newest := o.supersedes(&e.Proof, &o.book[at])
	t, _, ok := o.raiseContradicted(e)
	if !ok {
		t = o.book[at]
	}
	t.version = uint32(r.Version) // the newest word on it
	o.book = slices.Clone(o.book)
	o.book[at] = t
	o.total()
	if !newest {
		o.watchSoon(r)
	}
}

// settledRaise reports whether what tells of a raise in another currency is of one that a person has called not done,
// or that counts in the order's.
func (o *Order) settledRaise(at int, t *transfer) bool {
	if t.kind == raises && at < 0 && t.id == 0 && t.request == 0 {
		at = slices.IndexFunc(o.book, func(k transfer) bool {
			return k.kind == raises && k.id == 0 && k.request == 0 && k.alike(t)
		})
	}
	if t.kind != raises || at < 0 {
		return false
	}
	was := &o.book[at] // a person's word leaves the currency, which a failure by itself has not
	return was.is(transferCounted) || was.is(transferFailed) && was.has(markForeign)
}

// judgeRaise holds a raise against what is on record: Decide makes an anomaly of what differs.
func (o *Order) judgeRaise(id, request string, m Money, failed bool) string {
	at := o.placed(raises, id, request)
	switch {
	case failed:
		return first(when(id == "" && request == "", "names no raise"), when(o.counted(at), "fails what had succeeded"))
	case m.Minor <= 0 || m.Currency != o.Amount.Currency:
		return "raises to nothing in the order's currency"
	case o.counted(at) && o.book[at].minor != m.Minor:
		return fmt.Sprintf("raises to %s under an identifier that raised to %s", m, o.money(o.book[at].minor))
	}
	return ""
}

// raiseOf is the row of a raise that stands on record; again marks one that only names it better.
func (o *Order) raiseOf(e *events.PaymentRaised) (kind law.Fact, again bool) {
	at := o.findRaise(e.TransactionID, e.UpdateRequestID, e.Amount)
	kind = o.raise(at, e.Amount.Minor, e.At, &e.Proof)
	return kind, o.counted(at) && o.book[at].minor == e.Amount.Minor && kind != law.RaiseContradicts
}
