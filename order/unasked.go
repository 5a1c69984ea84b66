package order

import (
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// A capture or refund that somebody else asked for, and that APO works on, may move money any moment: it stands in the
// book as what may stand, and APO is asked until it has said what became of it.

// observeUnasked records that APO works on a capture or refund which nobody here asked for, as far as its names tell:
// one without a request may be ours, and if so it ends as ours does; until then nothing is sent again beside it. While
// APO captures by itself one without a request is that, and until the payment is known nobody knows whether it does;
// what has ended by another word is told once more.
func (d *decision) observeUnasked(f *Fact) {
	o, kind := &d.o, f.inProcess()
	at := o.failing(kind, f.TransferID, f.RequestID)
	switch {
	case o.awaits(kind, f.TransferID, f.RequestID),
		at >= 0 && (!o.book[at].is(transferFailed) || !o.supersedes(&f.Proof, &o.book[at])) && !o.tellsLarger(at, f):
		return
	}
	d.anomaly(events.StatusContradicts, f, "APO works on it, and nobody here has asked for it")
}

// inProcess is what a fact says that APO works on; 0: nothing.
func (f *Fact) inProcess() transferKind {
	switch f.Kind {
	case CapturePending:
		return captures
	case RefundPending:
		return refunds
	}
	return 0
}

// tellsEndOf reports whether the answer tells too what became of a capture or refund that the fact names.
func (h *heard) tellsEndOf(kind transferKind, f *Fact) bool {
	return h.tells(f, func(other *Fact) bool { return other.transfers() == kind })
}

// tellsDone reports whether the answer tells too that what is in process was done.
func (h *heard) tellsDone(f *Fact) bool {
	kind := f.inProcess()
	return h.tells(f, func(other *Fact) bool { return other.transfers() == kind && !other.fails() })
}

// names reports whether two facts name one transfer.
func (f *Fact) names(other *Fact) bool {
	return f.TransferID != "" && f.TransferID == other.TransferID || f.RequestID != "" && f.RequestID == other.RequestID
}

// pending is the place of what APO works on unasked and a fact tells the end of; -1: none.
func (o *Order) pending(f *Fact) int {
	if len(o.book) == 0 || f.transfers() == 0 {
		return -1
	}
	at := o.placed(f.transfers(), f.TransferID, f.RequestID)
	if at < 0 || !o.book[at].has(markPending) {
		return -1
	}
	return at
}

// endPending closes the anomaly of what APO worked on unasked, by its record, once it is known what became of that, or
// what it is.
func (d *decision) endPending(record uint32, reason string) {
	for i := range d.o.book {
		if t := &d.o.book[i]; t.version == record && t.has(markPending) {
			return
		}
	}
	if _, told := d.o.openAnomaly(uint64(record)); told {
		d.emit(events.AnomalyCleared{Anomaly: uint64(record), Reason: reason})
	}
}

// asOwn reports whether a transfer that APO works on may be its own capture: it has no request.
func (t *transfer) asOwn() bool {
	return t.kind == captures && t.is(transferContradicted) && t.has(markPending) && t.request == 0
}

// ownAfterAll is why the anomaly about what turns out to be APO's own capture is closed: nothing is known of its end.
const ownAfterAll = "the payment is authorized, and this is APO's own capture of it"

// ownFailed is why the anomaly about the failure of a capture is closed that turns out to be APO's own.
const ownFailed = "the payment is authorized, and APO's own capture of it has failed"

// emitAuthorized records an authorization, and closes the anomalies of what is APO's own capture by it.
func (d *decision) emitAuthorized(e events.PaymentAuthorized) {
	var own []uint32
	for i := range d.o.book {
		if t := &d.o.book[i]; t.asOwn() || t.failedApart() && t.minor == e.Amount.Minor {
			own = append(own, t.version)
		}
	}
	d.emit(e)
	why := ownAfterAll
	if d.o.Gateway == GatewayFailed {
		why = ownFailed
	}
	for _, record := range own {
		d.endPending(record, why)
	}
}

// retireOwn drops what was told of APO's own capture before anybody knew that there would be one.
func (o *Order) retireOwn() {
	if slices.ContainsFunc(o.book, func(t transfer) bool { return t.asOwn() }) {
		o.book = slices.DeleteFunc(slices.Clone(o.book), func(t transfer) bool { return t.asOwn() })
	}
}

// APO's own capture may never be told the end of. A day later a person may say what became of it, after an inquiry.

// ownCapture reports whether a record stands for APO's own capture, under way for so long that a person may settle it.
func (o *Order) ownCapture(record uint64, now time.Time) bool {
	return record != 0 && record == uint64(o.gateway) && o.Gateway == GatewayOutstanding &&
		now.Sub(time.Unix(0, o.gatewayAt)) >= heldQuietly
}

// foldOwnCapture takes a person's word on APO's own capture: it was done, of all that was not captured yet, or it has
// failed, and the capture is ours to make.
func (o *Order) foldOwnCapture(r *events.Record, e *events.TransferResolved) {
	if !o.ownCapture(e.Record, r.Recorded) {
		return
	}
	if e.Resolution != events.ResolvedSucceeded {
		o.Gateway = o.Gateway.after(law.EventFailed)
		return
	}
	cell := o.cell(law.CaptureSettled)
	t := transfer{kind: captures, version: uint32(r.Version), owner: ownerGateway, marks: markSettled,
		minor: o.uncaptured(cell.Effect)}
	t.set(markLate, cell.Effect == law.LateMoney)
	o.enter(-1, &t)
	o.Gateway = o.Gateway.after(law.EventCaptured)
	o.move(Status(cell.To), r)
	o.rememberSettled(r, captures)
}
