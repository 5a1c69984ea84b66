package order

import (
	"fmt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// What is recorded beside a payment's result.

// tellPayment tells what of a payment's success, which was just recorded, nobody expected of an order of that status,
// and of its late money.
func (d *decision) tellPayment(f *Fact, kind law.Fact, effect law.Effect, status Status, late bool) {
	switch {
	case kind == law.PaidWhole && effect == law.AppliedAnomaly && status != Failed:
		d.anomaly(events.StatusContradicts, f, "placed to be captured, and APO says that it was paid in one step")
	case kind == law.PaidAfterAll && effect == law.AppliedAnomaly && status != Failed:
		d.anomaly(events.StatusContradicts, f, "told as only held, and APO's newest word is that it was paid in one step")
	case kind == law.PaidBesideCaptures:
		d.anomaly(events.StatusContradicts, f, "captures of it were told before, and APO says that it was paid in one step")
		if late {
			d.lateMoney(f)
		}
	case holds(kind):
		d.anomaly(events.StatusContradicts, f, "told as paid in one step, and APO's newest word is that it is only held")
		if !d.o.Late.IsZero() {
			d.lateMoney(f)
		}
	case effect == law.AppliedAnomaly:
		d.anomaly(events.PaymentRevived, f, "the payment had failed")
	case late && !d.o.Late.IsZero():
		d.lateMoney(f)
	case kind == law.PaymentUndone:
		d.settleLateMoney()
	}
}

// failPayment records that the payment has failed, by the newest word, though its success is on record.
func (d *decision) failPayment(f *Fact) {
	doubt := d.o.paymentDoubted()
	d.emitPayment(f, false)
	d.tellReversal(f, doubt, "a payment that had succeeded failed")
}

// cancelCaptured records that the payment was cancelled, by the newest word, though money of it is captured.
func (d *decision) cancelCaptured(f *Fact) {
	o := &d.o
	was, doubt := o.Status, o.paymentDoubted()
	d.emit(events.CancelSucceeded{Cause: o.causeOf(f), PaymentID: f.PaymentID, At: f.At, Due: d.paidAfterAllDue(),
		Proof: f.Proof})
	if _, told := d.o.openAnomaly(uint64(doubt)); !told {
		d.anomaly(events.StatusContradicts, f, fmt.Sprintf("the order was %s", was))
	}
}

// tellAmount tells of a payment's amount that is not what was ordered, or not what it was until now, before the fact
// that has it.
func (d *decision) tellAmount(f *Fact) {
	o := &d.o
	switch {
	case f.Kind != PaymentAuthorized && f.Kind != PaymentPaid, f.Amount == Money{}:
	case o.corrects(f.Amount, &f.Proof):
		d.anomaly(events.PaymentContradicts, f, fmt.Sprintf("amount %s, the payment's was %s", f.Amount, o.paymentAmount()))
	case !o.paymentKnown() && f.Amount != o.Amount && !o.wasHeld(f.Amount.Minor):
		d.anomaly(events.PaymentContradicts, f, fmt.Sprintf("amount %s, ordered were %s", f.Amount, o.Amount))
	}
}

// paymentWas is what the payment was before a fact; the order itself is large to copy.
type paymentWas struct {
	doubt        uint32
	signed, late int64
	known, moved bool
}

// clearPaymentDoubt closes what was told of a doubt that the newest word has just ended as it began.
func (d *decision) clearPaymentDoubt(was *paymentWas) {
	const reason = "APO's newest word is that the payment was done"
	if was.doubt == 0 || d.o.paymentDoubt() != nil {
		return
	}
	if was.known && (was.signed != d.o.signed || was.moved && !d.o.movedWhole()) {
		return
	}
	if _, told := d.o.openAnomaly(uint64(was.doubt)); told {
		d.emit(events.AnomalyCleared{Anomaly: uint64(was.doubt), Reason: reason})
	}
	if a, told := d.o.anomalyFor(events.PaymentRevived); told {
		d.emit(events.AnomalyCleared{Anomaly: a.Version, Reason: reason})
	}
}
