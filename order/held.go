package order

import (
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// A refund that is held waits for a capture of which APO may never tell. Then a person says what became of it.

// heldAt is the place of the held refund that a record tells of; -1: none.
func (o *Order) heldAt(record uint64) int {
	return slices.IndexFunc(o.Held, func(h HeldRefund) bool { return record != 0 && h.Version == record })
}

// foldHeldResolved takes a person's word on a refund that is held: it was done, of money of which APO has not told, or
// it has failed.
func (o *Order) foldHeldResolved(r *events.Record, e *events.TransferResolved) {
	i := o.heldAt(e.Record)
	if i < 0 {
		return
	}
	h, done := o.Held[i], e.Resolution == events.ResolvedSucceeded
	p := o.askedFor(CallRefund, h.RefundRequestID)
	t := transfer{kind: refunds, id: digest(h.RefundID), request: digest(h.RefundRequestID), minor: h.Minor,
		version: uint32(r.Version), standing: transferFailed, owner: o.ownerOf(p, h.RefundRequestID, CallRefund)}
	at := o.find(refunds, t.id, t.request)
	outcome, code := OutcomeFailed, CodeResolved
	switch {
	case done:
		outcome, code = OutcomeSucceeded, ""
		cell := o.cell(o.settledRow(refunds))
		t.standing, t.marks = transferCounted, markSettled
		t.set(markLate, cell.Effect == law.LateMoney)
		if at >= 0 {
			o.revise(o.book[at].version, outcome, code)
		}
		o.enter(at, &t)
		o.move(Status(cell.To), r)
		o.rememberSettled(r, refunds)
	case !o.counted(at): // what a person has settled under its name stays
		o.enter(at, &t)
	}
	o.dropHeld(r, h.RefundID, h.RefundRequestID, outcome, code)
	if p != nil {
		o.endTransfer(r, p.Intent, refunds, t.request, outcome, code)
	}
}

// dropHeld lets go of a refund that is held, also where it is under each of its names. A command that waited with it,
// since it had failed and the refund may have been done after all, ends as its entry does and is that entry's; where
// there is none yet, this record makes it.
func (o *Order) dropHeld(r *events.Record, id, request string, outcome Outcome, code string) {
	for i := o.findHeld(id, request); i >= 0; i = o.findHeld(id, request) {
		record := uint32(o.Held[i].Version)
		o.Held = slices.Delete(slices.Clone(o.Held), i, i+1)
		if o.commandOf(record) < 0 {
			continue
		}
		now := uint32(r.Version)
		if at := o.placed(refunds, id, request); at >= 0 {
			o.revise(record, outcome, code)
			now = o.book[at].version
		}
		o.follow(record, now)
	}
}

func (o *Order) findHeld(id, request string) int {
	return slices.IndexFunc(o.Held, func(h HeldRefund) bool {
		return id != "" && h.RefundID == id || request != "" && h.RefundRequestID == request
	})
}
