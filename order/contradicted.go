package order

import (
	"math"
	"slices"

	"github.com/tilltape/tilltape/events"
)

// Unaccounted reports whether APO has signed a capture or refund that the amounts cannot have and that is not known to
// have failed: above what there is, in another currency, of another payment, or told so that it cannot be told from
// others. While one may stand, nothing is cancelled or captured.
func (o Order) Unaccounted() bool { return o.contradicted() != nil }

// contradicted is a capture or refund that APO has signed and the amounts cannot have; nil: none.
func (o *Order) contradicted() *transfer {
	for i := range o.book {
		if o.book[i].is(transferContradicted) {
			return &o.book[i]
		}
	}
	return nil
}

// reserved is what contradicted refunds may have taken: all there is, where one has no amount or another currency.
func (o *Order) reserved() (minor int64) {
	for i := range o.book {
		switch t := &o.book[i]; {
		case t.kind != refunds || !t.is(transferContradicted):
		case t.has(markForeign) || t.minor <= 0:
			return math.MaxInt64
		default:
			minor = plus(minor, t.minor)
		}
	}
	return minor
}

// strange is a transfer as an anomaly tells it, and its place in the book, -1: none yet. ok is false where the anomaly tells nothing of a transfer, or of one that the rules know otherwise.
func (o *Order) strange(e *events.AnomalyObserved) (t transfer, at int, ok bool) {
	switch e.Reason {
	case events.LatePayment, events.PaymentRevived, events.LateAnswer, events.KeyTaken:
		return t, -1, false
	}
	t = transfer{kind: captures, minor: e.Amount.Minor, standing: transferContradicted}
	t.set(markForeign, e.Amount.Currency != "" && e.Amount.Currency != o.Amount.Currency)
	switch e.Fact {
	case events.KindCaptureSucceeded, events.KindInquiryAnswered:
	case events.KindCaptureFailed:
		t.standing = transferFailed
	case events.KindRefundSucceeded, events.KindRefundHeld:
		t.kind = refunds
		// A held one waits for its capture, which the rules ask for by itself.
		if e.Fact == events.KindRefundSucceeded && o.findHeld(e.TransferID, e.RequestID) >= 0 {
			return t, -1, false
		}
	case events.KindRefundFailed:
		t.standing, t.kind = transferFailed, refunds
	default:
		return t, -1, false
	}
	t.id, t.request = digest(e.TransferID), digest(e.RequestID)
	switch {
	case e.Fact == events.KindCaptureSucceeded:
		at = o.findCapture(t.id, t.request, t.minor)
	default:
		at = o.find(t.kind, t.id, t.request)
	}
	if at < 0 && t.id == 0 && t.request == 0 {
		at = slices.IndexFunc(o.book, func(k transfer) bool {
			return k.kind == t.kind && k.is(transferContradicted) && k.id == 0 && k.request == 0 && k.minor == t.minor &&
				k.has(markForeign) == t.has(markForeign)
		})
	}
	return t, at, !o.counted(at) && (at >= 0 || !t.is(transferFailed))
}

// tellsMore reports whether an anomaly that was told before tells more now: of a transfer that may stand again, or by
// an inquiry that one which counts has failed after all.
func (o *Order) tellsMore(e *events.AnomalyObserved) bool {
	if e.Reason == events.Reversal {
		at := o.reversed(e)
		return e.Proof.Via == events.ViaInquiry && at >= 0 && !o.book[at].has(markRefuted)
	}
	t, at, ok := o.strange(e)
	return ok && t.is(transferContradicted) && (at < 0 || !o.book[at].is(transferContradicted))
}

// foldContradicted remembers what an anomaly tells of a capture or refund that the amounts cannot have: it may stand,
// and the rules ask for it.
func (o *Order) foldContradicted(r *events.Record, e *events.AnomalyObserved) {
	t, at, ok := o.strange(e)
	switch {
	case !ok:
		return
	case t.is(transferFailed):
		o.foldRefuted(r, at, t, e.Proof.Via)
		return
	}
	t.version = uint32(r.Version)
	t.set(markRefuted, at >= 0 && (o.book[at].is(transferFailed) || o.book[at].has(markRefuted)))
	o.enter(at, t)
	o.watchSoon(r)
}

// reversed is the place of the transfer that counts and that an anomaly says has failed since.
func (o *Order) reversed(e *events.AnomalyObserved) int {
	kind := captures
	if e.Fact == events.KindRefundFailed {
		kind = refunds
	}
	if at := o.find(kind, digest(e.TransferID), digest(e.RequestID)); o.counted(at) {
		return at
	}
	return -1
}

// foldReversed remembers that there are two words on a transfer that counts: an inquiry tells which is the newer.
func (o *Order) foldReversed(r *events.Record, e *events.AnomalyObserved) {
	at := o.reversed(e)
	if at < 0 {
		return
	}
	o.book = slices.Clone(o.book)
	t := &o.book[at]
	t.set(markRefuted, true)
	t.version = uint32(r.Version)
	o.watchSoon(r)
}

// believe ends the doubt about a transfer that counts, with its anomaly.
func (o *Order) believe(anomaly uint64) {
	at := slices.IndexFunc(o.book, func(t transfer) bool {
		return t.is(transferCounted) && t.has(markRefuted) && uint64(t.version) == anomaly
	})
	if at >= 0 {
		o.book = slices.Clone(o.book)
		o.book[at].set(markRefuted, false)
	}
}

// doneAfterAll closes the anomaly of a transfer that counts and was said to have failed, where an inquiry says that it
// was done.
func (d *decision) doneAfterAll(f *Fact, t *transfer) {
	if !t.has(markRefuted) || f.Proof.Via != events.ViaInquiry || f.Amount.Minor != t.minor {
		return
	}
	if slices.ContainsFunc(d.o.Anomalies, func(a Anomaly) bool { return a.Version == uint64(t.version) }) {
		d.emit(events.AnomalyCleared{Anomaly: uint64(t.version), Reason: "APO's newest word is that it was done"})
	}
}

// foldRefuted remembers that a transfer failed. Of one that APO has signed as done there are two words then that
// contradict each other, in whichever order they came: an inquiry tells which is the newer.
func (o *Order) foldRefuted(r *events.Record, at int, t transfer, via events.Channel) {
	if at >= 0 && o.book[at].is(transferContradicted) && via != events.ViaInquiry {
		was := o.book[at]
		was.id, was.request = t.id, t.request
		was.set(markRefuted, true)
		o.enter(at, was)
		o.watchSoon(r)
		return
	}
	t.version = uint32(r.Version)
	o.enter(at, t)
	o.retire(t.id, t.request)
}

// one reports whether two transfers that a message names together are one that counts with this amount, and the other
// was told apart from it until now.
func one(a, b *transfer, minor int64) bool {
	if b.is(transferCounted) {
		a, b = b, a
	}
	return a.is(transferCounted) && a.minor == minor && b.is(transferContradicted) && b.minor == minor && !b.has(markForeign)
}

// retire drops what may have stood under one of the identifiers: it is known now what became of it, or that two told
// apart are one.
func (o *Order) retire(id, request uint64) {
	if o.contradicted() == nil {
		return
	}
	known := func(t transfer) bool { return t.is(transferContradicted) && t.named(id, request) }
	if slices.ContainsFunc(o.book, known) {
		o.book = slices.DeleteFunc(slices.Clone(o.book), known)
	}
}

// watchSoon has the payment inquired about at once.
func (o *Order) watchSoon(r *events.Record) {
	if o.WatchDue.IsZero() || o.WatchDue.After(r.Recorded) {
		o.WatchDue = r.Recorded
	}
}
