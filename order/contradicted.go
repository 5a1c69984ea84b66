package order

import (
	"math"
	"slices"

	"github.com/tilltape/tilltape/events"
)

// standing is how APO's word on a transfer stands beside the order's amounts. In this order one of several that a
// message can mean is taken.
type standing uint8

const (
	transferCounted      standing = iota // it is in the amounts
	transferContradicted                 // APO has signed it, and the amounts cannot have it: it may stand
	transferFailed                       // it is known to have failed
)

// Unaccounted reports whether APO has signed a capture or refund that the amounts cannot have and that is not known to
// have failed: above what there is, in another currency, of another payment, or told so that it cannot be told from
// others. While one may stand, nothing is cancelled or captured.
func (o Order) Unaccounted() bool { return o.contradicted() != nil }

// contradicted is a capture or refund that APO has signed and the amounts cannot have; nil: none.
func (o *Order) contradicted() *transfer {
	for _, ts := range [...][]transfer{o.captures, o.refunds} {
		for i := range ts {
			if ts[i].is(transferContradicted) {
				return &ts[i]
			}
		}
	}
	return nil
}

// reserved is what contradicted refunds may have taken: all there is, where one has no amount or another currency.
func (o *Order) reserved() (minor int64) {
	for i := range o.refunds {
		switch t := &o.refunds[i]; {
		case !t.is(transferContradicted):
		case t.foreign || t.minor <= 0:
			return math.MaxInt64
		default:
			minor += min(t.minor, math.MaxInt64-minor)
		}
	}
	return minor
}

// strange is a transfer as an anomaly tells it, in the list where it belongs and at its place there, -1: none yet. ok
// is false where the anomaly tells nothing of a transfer, or of one that the rules know otherwise.
func (o *Order) strange(e *events.AnomalyObserved) (t transfer, list *[]transfer, at int, ok bool) {
	switch e.Reason {
	case events.LatePayment, events.PaymentRevived, events.LateAnswer, events.KeyTaken:
		return t, nil, -1, false
	}
	t = transfer{minor: e.Amount.Minor, standing: transferContradicted,
		foreign: e.Amount.Currency != "" && e.Amount.Currency != o.Amount.Currency}
	list = &o.captures
	switch e.Fact {
	case events.KindCaptureSucceeded, events.KindInquiryAnswered:
	case events.KindCaptureFailed:
		t.standing = transferFailed
	case events.KindRefundSucceeded, events.KindRefundHeld:
		list = &o.refunds
		// A held one waits for its capture, which the rules ask for by itself.
		if e.Fact == events.KindRefundSucceeded && o.findHeld(e.TransferID, e.RequestID) >= 0 {
			return t, nil, -1, false
		}
	case events.KindRefundFailed:
		t.standing, list = transferFailed, &o.refunds
	default:
		return t, nil, -1, false
	}
	t.id, t.request = digest(e.TransferID), digest(e.RequestID)
	switch {
	case e.Fact == events.KindCaptureSucceeded:
		at = o.findCapture(t.id, t.request, t.minor)
	default:
		at = find(*list, t.id, t.request)
	}
	if at < 0 && t.id == 0 && t.request == 0 {
		at = slices.IndexFunc(*list, func(k transfer) bool {
			return k.is(transferContradicted) && k.id == 0 && k.request == 0 && k.minor == t.minor && k.foreign == t.foreign
		})
	}
	known := at >= 0
	return t, list, at, !(known && (*list)[at].is(transferCounted)) && (known || !t.is(transferFailed))
}

// tellsMore reports whether an anomaly that was told before tells more now: of a transfer that may stand again, or by
// an inquiry that one which counts has failed after all.
func (o *Order) tellsMore(e *events.AnomalyObserved) bool {
	if e.Reason == events.Reversal {
		list, at := o.reversed(e)
		return e.Proof.Via == events.ViaInquiry && at >= 0 && !(*list)[at].refuted
	}
	t, list, at, ok := o.strange(e)
	return ok && t.is(transferContradicted) && (at < 0 || !(*list)[at].is(transferContradicted))
}

// foldContradicted remembers what an anomaly tells of a capture or refund that the amounts cannot have: it may stand,
// and the rules ask for it.
func (o *Order) foldContradicted(r *events.Record, e *events.AnomalyObserved) {
	t, list, at, ok := o.strange(e)
	switch {
	case !ok:
		return
	case t.is(transferFailed):
		o.foldRefuted(r, list, at, t, e.Proof.Via)
		return
	}
	t.version = uint32(r.Version)
	t.refuted = at >= 0 && ((*list)[at].is(transferFailed) || (*list)[at].refuted)
	*list = remember(*list, at, t)
	o.watchSoon(r)
}

// reversed is the transfer that counts and that an anomaly says has failed since.
func (o *Order) reversed(e *events.AnomalyObserved) (list *[]transfer, at int) {
	list = &o.captures
	if e.Fact == events.KindRefundFailed {
		list = &o.refunds
	}
	at = find(*list, digest(e.TransferID), digest(e.RequestID))
	if at >= 0 && !(*list)[at].is(transferCounted) {
		at = -1
	}
	return list, at
}

// foldReversed remembers that there are two words on a transfer that counts: an inquiry tells which is the newer.
func (o *Order) foldReversed(r *events.Record, e *events.AnomalyObserved) {
	list, at := o.reversed(e)
	if at < 0 {
		return
	}
	*list = slices.Clone(*list)
	t := &(*list)[at]
	t.refuted, t.version = true, uint32(r.Version)
	o.watchSoon(r)
}

// believe ends the doubt about a transfer that counts, with its anomaly.
func (o *Order) believe(anomaly uint64) {
	for _, list := range [...]*[]transfer{&o.captures, &o.refunds} {
		at := slices.IndexFunc(*list, func(t transfer) bool {
			return t.is(transferCounted) && t.refuted && uint64(t.version) == anomaly
		})
		if at >= 0 {
			*list = slices.Clone(*list)
			(*list)[at].refuted = false
		}
	}
}

// doneAfterAll closes the anomaly of a transfer that counts and was said to have failed, where an inquiry says that it
// was done.
func (d *decision) doneAfterAll(f *Fact, t *transfer) {
	if !t.refuted || f.Proof.Via != events.ViaInquiry || f.Amount.Minor != t.minor {
		return
	}
	if slices.ContainsFunc(d.o.Anomalies, func(a Anomaly) bool { return a.Version == uint64(t.version) }) {
		d.emit(events.AnomalyCleared{Anomaly: uint64(t.version), Reason: "APO's newest word is that it was done"})
	}
}

// foldRefuted remembers that a transfer failed. Of one that APO has signed as done there are two words then that
// contradict each other, in whichever order they came: an inquiry tells which is the newer.
func (o *Order) foldRefuted(r *events.Record, list *[]transfer, at int, t transfer, via events.Channel) {
	if at >= 0 && (*list)[at].is(transferContradicted) && via != events.ViaInquiry {
		was := (*list)[at]
		was.id, was.request, was.refuted = t.id, t.request, true
		*list = remember(*list, at, was)
		o.watchSoon(r)
		return
	}
	t.version = uint32(r.Version)
	*list = remember(*list, at, t)
	o.retire(t.id, t.request)
}

// one reports whether two transfers that a message names together are one that counts with this amount, and the other
// was told apart from it until now.
func one(a, b *transfer, minor int64) bool {
	if b.is(transferCounted) {
		a, b = b, a
	}
	return a.is(transferCounted) && a.minor == minor && b.is(transferContradicted) && b.minor == minor && !b.foreign
}

// retire drops what may have stood under one of the identifiers: it is known now what became of it, or that two told
// apart are one.
func (o *Order) retire(id, request uint64) {
	if o.contradicted() == nil {
		return
	}
	for _, list := range [...]*[]transfer{&o.captures, &o.refunds} {
		known := func(t transfer) bool { return t.is(transferContradicted) && t.named(id, request) }
		if slices.ContainsFunc(*list, known) {
			*list = slices.DeleteFunc(slices.Clone(*list), known)
		}
	}
}

// watchSoon has the payment inquired about at once.
func (o *Order) watchSoon(r *events.Record) {
	if o.WatchDue.IsZero() || o.WatchDue.After(r.Recorded) {
		o.WatchDue = r.Recorded
	}
}
