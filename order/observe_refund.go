package order

import (
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// observeRefund records a refund that APO proved, ours or foreign. Without an identifier it cannot be told from others.
func (d *decision) observeRefund(f *Fact) {
	o := &d.o
	id, request := digest(f.TransferID), digest(f.RequestID)
	if id == 0 && request == 0 {
		d.anomaly(events.TransferContradicts, f, "a refund without an identifier cannot be told from others")
		return
	}
	if p := o.askedFor(CallRefund, f.RequestID); p != nil && f.Amount != p.Amount {
		d.anomaly(events.TransferContradicts, f, fmt.Sprintf("%s refunded, we asked for %s", f.Amount, p.Amount))
		return
	}
	a, b := o.placeOfRefund(f.TransferID, ""), o.placeOfRefund("", f.RequestID)
	if a >= 0 && b >= 0 && a != b && !o.heldAndFailed(min(a, b), max(a, b)) && !d.uniteRefunds(f, a, b) {
		if held := len(o.Held); a >= held && b >= held && one(&o.book[a-held], &o.book[b-held], f.Amount.Minor) {
			d.emitRefund(f)
		} else {
			d.anomaly(events.TransferContradicts, f, twoAreOne)
		}
		return
	}
	if i := o.findHeld(f.TransferID, f.RequestID); i >= 0 {
		d.heldAgain(f, o.Held[i])
		return
	}
	at := o.findRefund(id, request, f.Amount.Minor)
	if o.counted(at) {
		if !d.settle(f, at) {
			d.seenAgain(f, &o.book[at], id, request)
		}
		return
	}
	if o.movedOnRecord(at, f) || d.observeEither(f, at, id, request) || d.observeOtherwise(f, at) {
		return
	}
	revived := at >= 0 && o.book[at].is(transferFailed)
	kind := o.classifyRefund(f.Amount.Minor)
	switch cell := o.cell(kind); cell.Effect {
	case law.Contradicts:
		d.anomaly(events.BeyondAuthorized, f,
			fmt.Sprintf("%s refunded, %s of %s remain", f.Amount, o.money(o.left()), o.money(o.Captured)))
		return
	case law.Held:
		if o.neverFits(f.Amount.Minor) {
			d.anomaly(events.BeyondAuthorized, f,
				fmt.Sprintf("%s refunded, %s was authorized", f.Amount, o.money(o.fullAmount())))
			return
		}
		d.emit(events.RefundHeld{RefundID: f.TransferID, RefundRequestID: f.RequestID, PaymentID: f.PaymentID,
			Amount: f.Amount, At: f.At,
			Due: d.waitDue(0), Proof: f.Proof})
	default:
		d.emitRefund(f)
		if cell.Effect == law.AppliedAnomaly {
			d.anomaly(events.StatusContradicts, f, cancelledToo)
		}
	}
	if revived {
		d.anomaly(events.TransferContradicts, f, "the refund had failed")
	}
	d.settleLateMoney()
}

// heldAndFailed reports whether two refunds on record, by their places, are one that is held under one of its names and
// had failed under the other.
func (o *Order) heldAndFailed(first, second int) bool {
	held := len(o.Held)
	return first < held && second >= held && o.book[second-held].is(transferFailed)
}

// heldAgain is seenAgain for a refund that is held. Of two amounts the newest word counts.
func (d *decision) heldAgain(f *Fact, h HeldRefund) {
	newest := d.o.newestOfHeld(&f.Proof, &h)
	if h.Minor != f.Amount.Minor {
		d.anomaly(events.TransferContradicts, f, fmt.Sprintf("%s now, %s before", f.Amount, d.o.money(h.Minor)))
	}
	switch {
	case h.Minor != f.Amount.Minor && !newest:
	case h.Minor != f.Amount.Minor, h.doubt != 0 && newest,
		h.RefundID == "" && f.TransferID != "" || h.RefundRequestID == "" && f.RequestID != "", d.o.namesPayment(f),
		d.o.failedRefund(f.TransferID, f.RequestID) >= 0 && newest:
		d.emit(events.RefundHeld{RefundID: f.TransferID, RefundRequestID: f.RequestID, PaymentID: f.PaymentID,
			Amount: f.Amount, At: f.At,
			Due: d.o.WatchDue, Proof: f.Proof})
	}
	if _, told := d.o.openAnomaly(uint64(h.doubt)); told && newest && h.Minor == f.Amount.Minor {
		d.emit(events.AnomalyCleared{Anomaly: uint64(h.doubt), Reason: doneAfterAll})
	}
}

// newestOfHeld reports whether a word on a refund that is held is newer than what it is known by.
func (o *Order) newestOfHeld(p *events.Proof, h *HeldRefund) bool {
	return o.supersedes(p, &transfer{version: uint32(h.Version), doubt: h.doubt})
}

// failedRefund is the place of a refund that is known to have failed; -1: none is.
func (o *Order) failedRefund(id, request string) int {
	if at := o.placed(refunds, id, request); at >= 0 && o.book[at].is(transferFailed) {
		return at
	}
	return -1
}

// cancelledToo: the cancel gave back what the refund gives back too.
const cancelledToo = "the payment was cancelled"

// placeOfRefund tells refunds on record apart, held or not; -1: not on record.
func (o *Order) placeOfRefund(id, request string) int {
	if i := o.findHeld(id, request); i >= 0 {
		return i
	}
	if i := o.placed(refunds, id, request); i >= 0 {
		return len(o.Held) + i
	}
	return -1
}

// refundFits reports whether there is money that a refund can be of, and its row then.
func (o *Order) refundFits(minor int64) (kind law.Fact, fits bool) {
	if o.Status == Cancelled && minor <= o.Late.owed() {
		return law.RefundOfLateMoney, true
	}
	return law.RefundSucceeded, minor <= o.left()
}

// classifyRefund splits a refund by the amounts, as the table needs it.
func (o *Order) classifyRefund(minor int64) law.Fact {
	if kind, fits := o.refundFits(minor); fits {
		return kind
	}
	switch {
	case minor <= minus(max(o.Authorized-o.Refunded, o.Late.Authorized-o.Late.Refunded), o.heldMinor()):
		return law.RefundAhead
	case o.Status == Refunded && o.Authorized == 0 && !o.paymentKnown(): // by a person's word alone: nobody knows of what
		return law.RefundAhead
	}
	return law.RefundBeyond
}

func (d *decision) observeRefundFailed(f *Fact) {
	o := &d.o
	d.uniteNamed(f)
	at := o.placed(refunds, f.TransferID, f.RequestID)
	waiting := o.findHeld(f.TransferID, f.RequestID)
	held := waiting >= 0
	newest := held && o.newestOfHeld(&f.Proof, &o.Held[waiting])
	kind := o.failure(refunds, at, &f.Proof)
	switch {
	case !newest && o.failedBefore(at, &f.Proof), f.TransferID == "" && f.RequestID == "":
		return
	case held && o.counted(at):
		d.anomaly(events.TransferContradicts, f, twoAreOne)
		return
	case held: // never counted, so nothing has to be taken back
		kind = law.HeldRefundFailed
	}
	switch o.cell(kind).Effect {
	case law.AppliedAnomaly, law.LateMoney:
		doubt := o.book[at].doubt
		d.emitRefundFailed(f)
		d.tellReversal(f, doubt, "a refund that had succeeded failed")
	case law.Noted, law.Ends, law.Released:
		d.emitRefundFailed(f)
		if held {
			d.anomaly(events.TransferContradicts, f, "the refund had succeeded, and waited for its capture")
		}
	default: // whatever the status, a refund that is known to have succeeded cannot fail unseen
		d.anomaly(events.Reversal, f, "a refund that had succeeded failed")
	}
}

func (d *decision) emitRefundFailed(f *Fact) {
	d.emit(events.RefundFailed{RefundID: f.TransferID, RefundRequestID: f.RequestID, Code: f.Code,
		Message: clip(f.Message), At: f.At, Proof: f.Proof})
}

// applyHeld gives held refunds their place once there is money they can be of, and tells of those that cannot have one.
// Any fact may make that room: a capture, more of one, a refund that failed after all or was of less. One
// that the same answer calls failed takes none.
func (d *decision) applyHeld() {
	for i := 0; i < len(d.o.Held); {
		h := &d.o.Held[i]
		kind, fits := d.o.refundFits(h.Minor)
		if !fits && !d.o.neverFits(h.Minor) || d.toHear(h) { // as mostly, which must not cost a search of the book for each
			i++
			continue
		}
		f := Fact{Kind: RefundSucceeded, TransferID: h.RefundID, RequestID: h.RefundRequestID, Amount: d.o.money(h.Minor),
			At: h.At}
		at := d.o.placed(refunds, h.RefundID, h.RefundRequestID)
		switch {
		case d.o.counted(at) && d.o.book[at].minor != h.Minor: // as a person has settled it: it stays reserved
			i++
		case fits:
			cell := d.o.cell(kind)
			d.emitRefund(&f)
			if cell.Effect == law.AppliedAnomaly {
				d.anomaly(events.StatusContradicts, &f, cancelledToo)
			}
			d.settleLateMoney()
			i = 0 // less is left to refund: the first may be beyond it now
		default:
			d.heldBeyond(&f)
		}
	}
}

// toHear reports whether the answer that is heard says what became of a refund which is held, and that is recorded yet:
// that it has failed, or, of one in doubt or of another amount, that it was done. By that word it has its place then,
// and no doubt.
func (d *decision) toHear(held *HeldRefund) bool {
	if len(d.heard.facts) == 0 {
		return false
	}
	fails := d.o.cell(law.HeldRefundFailed).Effect.Recorded()
	doubted := held.doubt != 0 || d.o.failedRefund(held.RefundID, held.RefundRequestID) >= 0
	of := Fact{TransferID: held.RefundID, RequestID: held.RefundRequestID}
	for i := range d.heard.facts { // by its place: a fact is large to copy
		f := &d.heard.facts[i]
		done := f.Kind == RefundSucceeded && (doubted || f.Amount.Minor != held.Minor)
		if !f.split && f.names(&of) && (done || fails && f.Kind == RefundFailed) {
			return true
		}
	}
	return false
}

// neverFits reports whether no capture still to come could make room for a refund: the payment is known, and it was
// less.
func (o *Order) neverFits(minor int64) bool {
	return o.paymentKnown() && minor > minus(max(o.Authorized, o.Late.Authorized), plus(o.Refunded, o.Late.Refunded))
}

func (d *decision) heldBeyond(f *Fact) {
	d.emit(events.AnomalyObserved{Reason: events.BeyondAuthorized, Fact: events.KindRefundHeld, TransferID: f.TransferID,
		RequestID: f.RequestID, Amount: f.Amount, At: f.At,
		Detail: fmt.Sprintf("%s refunded, %s was authorized", f.Amount, d.o.money(d.o.fullAmount()))})
}

// heldQuietly is how long a refund waits for its capture before a person is told: many times what a notification is
// late.
const heldQuietly = 24 * time.Hour

// showHeld tells of refunds that an inquiry found without their capture after all that time, once each. They go on
// waiting; it is an inquiry that tells, because what stands in a head must follow from the log and not from a reader's
// clock.
func (d *decision) showHeld(proof events.Proof) {
	for _, h := range d.o.Held {
		if d.env.Now.Sub(h.Since) >= heldQuietly {
			f := Fact{Kind: RefundSucceeded, TransferID: h.RefundID, RequestID: h.RefundRequestID, Amount: d.o.money(h.Minor),
				At: h.At, Proof: proof}
			d.anomaly(events.BeyondAuthorized, &f, "refunded, and a day later no capture of it is known")
		}
	}
}
