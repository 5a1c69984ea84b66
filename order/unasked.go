package order

import "github.com/tilltape/tilltape/events"

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
	case o.awaits(kind, f.TransferID, f.RequestID):
		d.awaitOwn(f)
		return
	case at >= 0 && (!o.book[at].is(transferFailed) || !o.supersedes(&f.Proof, &o.book[at])) && !o.tellsLarger(at, f) &&
		!o.untold(at):
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
