package order

import (
	"fmt"
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// APO's newest word on a transfer is what it says: what was signed as done and is said to have failed by an inquiry
// that was begun later is taken back, out of the amounts.

// failure is the row of a capture's or refund's failure, of the transfer at that place.
func (o *Order) failure(kind transferKind, at int, p *events.Proof) law.Fact {
	switch {
	case !o.counted(at) && kind == captures:
		return law.CaptureFailed
	case !o.counted(at):
		return law.RefundFailed
	case !o.supersedes(p, &o.book[at]) && kind == captures:
		return law.CaptureReversed
	case !o.supersedes(p, &o.book[at]):
		return law.RefundReversed
	case kind == captures && (o.Status != Captured || o.others(at) || o.movedWhole()):
		return law.CaptureTakenBack
	case kind == refunds && (o.Status != Refunded || o.others(at)):
		return law.RefundTakenBack
	case !o.paymentKnown() && (kind == captures || o.Captured == 0):
		return law.UnpaidTakenBack
	case kind == captures:
		return law.OnlyCaptureTakenBack
	case o.Captured == 0:
		return law.HeldMoneyTakenBack
	case o.CaptureMode == CaptureNone && o.paymentKnown():
		return law.PaidRefundTakenBack
	}
	return law.OnlyRefundTakenBack
}

// others reports whether the book has another transfer of the kind that counts: of captures one that moved something,
// since a last one of zero only gave up what was left.
func (o *Order) others(at int) bool {
	for i := range o.book {
		t := &o.book[i]
		moves := t.minor > 0 || t.kind == refunds
		if i != at && moves && t.kind == o.book[at].kind && t.is(transferCounted) && !t.has(markLate) {
			return true
		}
	}
	return false
}

// counts enters a transfer that is proven. One that was known to have failed is in doubt, until an inquiry tells which
// of the two words is the newer; the inquiry that was begun after both ends the doubt.
func (o *Order) counts(r *events.Record, at int, t *transfer, p *events.Proof) {
	if at < 0 {
		o.enter(at, t)
		o.retire(t)
		return
	}
	newest := o.supersedes(p, &o.book[at])
	revived := o.book[at].is(transferFailed)
	o.revise(o.book[at].version, OutcomeSucceeded, "")
	o.enter(at, t)
	switch {
	case revived && !newest:
		o.doubt(at, t.version)
		o.watchSoon(r)
	case newest && o.book[at].doubt != 0:
		o.doubt(at, 0)
	}
	now := *t
	now.version = o.book[at].version
	o.retire(&now)
}

// takeBack takes a transfer that counts out of the amounts, and says so of the command that asked for it.
func (o *Order) takeBack(r *events.Record, at int, code string) {
	cell := o.cell(o.failure(o.book[at].kind, at, &events.Proof{Via: events.ViaOperator}))
	was := o.book[at]
	t := was
	t.name(r)
	t.standing, t.doubt, t.version, t.marks = transferFailed, 0, uint32(r.Version), markTakenBack
	if _, person := r.Event.(events.TransferResolved); person { // whose word on a line of a kind not known here holds
		t.marks |= was.marks & (markUnknown | markUnclear)
	}
	o.revise(was.version, OutcomeFailed, code)
	o.enter(at, &t)
	o.move(Status(cell.To), r)
	if !o.Late.IsZero() && o.released() > 0 { // of what was let go: CANCELLED after that is not the old cancel
		o.known.set(knownStood, true)
	}
	if was.kind == captures {
		o.reopenGateway(r, was.owner == ownerGateway)
	}
	o.watchSoon(r)
}

// reopenGateway says what becomes of APO's own capture once one is taken back. Its own has failed. Where it was
// another's that had left nothing to capture, or the failure names a request, which APO's own has none of, nobody
// knows, and APO goes on capturing.
func (o *Order) reopenGateway(r *events.Record, own bool) {
	if e, failed := r.Event.(events.CaptureFailed); failed && e.CaptureRequestID != "" {
		own = false
	}
	switch {
	case o.CaptureMode != CaptureAutomatic || o.Gateway != GatewayNone:
	case own:
		o.Gateway = o.Gateway.after(law.EventTakenBack)
	case o.paymentKnown() && o.Status != Cancelled && !o.movedWhole() && o.Captured < o.fullAmount():
		o.openGateway(r, r.Recorded)
	}
}

// openGateway begins APO's own capture. APO's times are its own: what it dates into the future would be waited for
// that much longer, so it begins at the latest when it is recorded.
func (o *Order) openGateway(r *events.Record, at time.Time) {
	o.Gateway = o.Gateway.after(law.EventOpened)
	at = earlier(at, r.Recorded)
	o.gateway, o.gatewayAt = uint32(r.Version), at.UnixNano()
}

// A command whose transfer is in the book is remembered by the record that the transfer is known by: so it ends as the
// book says, however often APO changes its word.

// endTransfer ends the operation that asked for a capture or refund under that request. Where an earlier word stands on
// it, its transfer is known by that and not by this record.
func (o *Order) endTransfer(r *events.Record, intent uint64, kind transferKind, request uint64, outcome Outcome,
	code string) {
	before := len(o.commands)
	o.endOperation(r, intent, outcome, code)
	if len(o.commands) == before {
		return
	}
	if at := o.find(kind, 0, request); at >= 0 && o.book[at].version != uint32(r.Version) {
		o.commands[before].transfer = o.book[at].version
	}
}

// revise corrects how the command of the transfer that is known by a record ended.
func (o *Order) revise(record uint32, outcome Outcome, code string) {
	if at := o.commandOf(record); at >= 0 && o.commands[at].outcome != outcome {
		o.commands = slices.Clone(o.commands)
		o.commands[at].outcome, o.commands[at].code = outcome, code
	}
}

// follow keeps a command with its transfer, which is known by another record from now on.
func (o *Order) follow(was, now uint32) {
	if at := o.commandOf(was); at >= 0 && was != now {
		o.commands = slices.Clone(o.commands)
		o.commands[at].version, o.commands[at].transfer = uint64(now), 0
	}
}

// commandOf is the place of the command whose transfer is known by a record; -1: nobody gave one.
func (o *Order) commandOf(record uint32) int {
	return slices.IndexFunc(o.commands, func(m memory) bool {
		known := m.version == uint64(record) || m.transfer == record && record != 0
		return known && (m.verb == VerbCapture || m.verb == VerbRefund || m.verb == VerbCompensate)
	})
}

// foldTransferResolved takes a person's word on a transfer in doubt.
func (o *Order) foldTransferResolved(r *events.Record, e *events.TransferResolved) {
	o.rememberCommand(r, VerbResolve, resolveContent(e.Resolution, false, e.Statement, e.Record))
	at := o.undecided(e.Record)
	if at < 0 {
		o.foldOwnCapture(r, e)
		o.foldHeldResolved(r, e)
		o.foldRuled(r, e)
		return
	}
	t := o.book[at]
	p := o.findOperation(func(p *Operation) bool {
		return p.Kind == t.kind.asked() && t.request != 0 && digest(p.RequestID) == t.request
	})
	if p != nil { // what was asked for ends by the same word, and its command is remembered by this record
		defer func(intent uint64) {
			outcome, code := OutcomeSucceeded, ""
			if e.Resolution != events.ResolvedSucceeded {
				outcome, code = OutcomeFailed, CodeResolved
			}
			o.endTransfer(r, intent, t.kind, t.request, outcome, code)
		}(p.Intent)
		t.version, t.owner = uint32(r.Version), ownerOurs
	}
	t.set(markPending, false) // nobody waits for it any more
	switch done := e.Resolution == events.ResolvedSucceeded; {
	case t.kind == payments:
		o.foldPaymentResolved(r, t, done)
	case done && t.is(transferCounted):
		o.doubt(at, 0)
		o.book[at].set(markUnclear, t.has(markUnclear))
	case t.is(transferCounted):
		o.takeBack(r, at, CodeResolved)
	case done:
		if t.kind == others { // it took its money
			t.kind = refunds
			t.set(markUnknown, true)
		}
		cell := o.cell(o.settledRow(t.kind))
		t.standing, t.doubt = transferCounted, 0
		t.set(markLate, cell.Effect == law.LateMoney)
		t.set(markSettled, true)
		o.revise(t.version, OutcomeSucceeded, "")
		o.enter(at, &t)
		o.move(Status(cell.To), r)
		o.rememberSettled(r, t.kind)
	default:
		t.standing, t.doubt = transferFailed, 0
		o.enter(at, &t)
	}
}

// rememberSettled remembers the record behind what is refused from now on.
func (o *Order) rememberSettled(r *events.Record, kind transferKind) {
	if kind == captures {
		o.captureMark = markOf(r, "")
	} else {
		o.refundMark = markOf(r, "")
	}
}

// settledRow is the row of a transfer that a person says was done. What is only held can still be captured, or end,
// whatever went back.
func (o *Order) settledRow(kind transferKind) law.Fact {
	switch {
	case kind == captures:
		return law.CaptureSettled
	case o.Status == Authorized:
		return law.HeldRefundSettled
	}
	return law.RefundSettled
}

// captureRow is the row of a capture that is new.
func (o *Order) captureRow() law.Fact {
	if o.Status == Authorized && o.Refunded > 0 {
		return law.CaptureAfterRefund
	}
	return law.CaptureSucceeded
}

// doneAfterAll is why the anomaly about a doubt is closed.
const doneAfterAll = "APO's newest word is that it was done"

// settle takes APO's newest word on a transfer that counts: that it was done, which ends a doubt and closes the anomaly
// about it, and of which amount, where that fits.
func (d *decision) settle(f *Fact, at int) bool {
	t := d.o.book[at]
	same := f.Amount.Minor == t.minor
	if !d.o.supersedes(&f.Proof, &t) || same && t.doubt == 0 ||
		!same && f.Amount.Minor-t.minor > d.o.roomFor(&t) {
		return false
	}
	if f.Kind == CaptureSucceeded {
		d.emitCapture(f)
	} else {
		d.emitRefund(f)
	}
	switch _, told := d.o.openAnomaly(uint64(t.doubt)); {
	case same && told:
		d.emit(events.AnomalyCleared{Anomaly: uint64(t.doubt), Reason: doneAfterAll})
	case !same && !told:
		d.anomaly(events.TransferContradicts, f, fmt.Sprintf("%s now, %s before", f.Amount, d.o.money(t.minor)))
	}
	if more := f.Amount.Minor > t.minor; !same && t.has(markLate) && more == (t.kind == captures) && !d.o.Late.IsZero() {
		d.lateMoney(f) // of more than a person may have looked at
	}
	d.settleLateMoney()
	return true
}

// roomFor is what a transfer that counts could be more than it is.
func (o *Order) roomFor(t *transfer) int64 {
	switch late := t.has(markLate); {
	case t.kind == captures && late:
		return o.fullAmount() - o.Late.Captured
	case t.kind == captures:
		return o.fullAmount() - o.Captured
	case late:
		return o.Late.owed()
	}
	return o.left()
}

// tellReversal opens the anomaly of a transfer that counted and was taken back, unless the one about its doubt is open.
func (d *decision) tellReversal(f *Fact, doubt uint32, detail string) {
	if _, told := d.o.openAnomaly(uint64(doubt)); !told {
		d.anomaly(events.Reversal, f, detail)
	}
	if d.o.Status == Cancelled && !d.o.Late.IsZero() {
		d.lateMoney(f)
	}
	d.settleLateMoney()
}
