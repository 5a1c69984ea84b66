package order

import (
	"slices"

	"github.com/tilltape/tilltape/events"
)

// What counts without any name was told so by APO, as its own full capture may be, or settled by a person, whose word
// has none. A message with a name that is on record nowhere is about it, or the same money would be counted twice, and
// no later word of APO's could correct a person's.

// unnamed is the place of the transfer that counts without a name and that one under this request is: of the same
// amount, and of APO's own capture also one of another amount, where a person has settled it or no request is named.
// What is under way under a request of ours is another one, unless all is captured at once. -1: there is none.
func (o *Order) unnamed(kind transferKind, request uint64, minor int64) int {
	at, own := -1, -1
	for i := range o.book {
		switch t := &o.book[i]; {
		case t.kind != kind || !t.is(transferCounted) || t.id != 0 || t.request != 0 || kind == refunds && t.letGo(),
			t.has(markUnknown):
		case kind == captures && t.minor == minor && minor == o.fullAmount():
			return i
		case t.minor == minor && at < 0:
			at = i
		case kind == captures && t.owner == ownerGateway && (request == 0 || t.has(markSettled)):
			own = i
		}
	}
	if at < 0 {
		at = own
	}
	if at >= 0 && request != 0 && o.findOperation(func(p *Operation) bool {
		return p.Kind == kind.asked() && digest(p.RequestID) == request
	}) != nil {
		return -1
	}
	return at
}

// findRefund looks a refund up by its identifiers, or as what a person has settled without any.
func (o *Order) findRefund(id, request uint64, minor int64) int {
	at := o.find(refunds, id, request)
	if at >= 0 && !o.book[at].perhaps() {
		return at
	}
	if adopted := o.adopted(refunds, id, request, minor); adopted >= 0 {
		return adopted
	}
	return at
}

// adopted is the place of what counts without a name and is named now; -1: nothing is. A refund that is held is on
// record under its name, and what may be ours is not told yet from what counts.
func (o *Order) adopted(kind transferKind, id, request uint64, minor int64) int {
	at := o.unnamed(kind, request, minor)
	if at < 0 || o.perhapsOurs(kind, id, request, minor) || kind == refunds && o.holdsUnder(id, request) {
		return -1
	}
	return at
}

// settledNameless is the place of what was told without a name and a person has said of what became of it, whichever
// that was; -1: it is not on record. Nothing but its amount tells it from others.
func (o *Order) settledNameless(t *transfer) int {
	if t.id != 0 || t.request != 0 || !t.is(transferContradicted) {
		return -1
	}
	return slices.IndexFunc(o.book, func(k transfer) bool {
		return k.kind == t.kind && (k.kind == captures || k.kind == refunds) && k.id == 0 && k.request == 0 && k.alike(t) &&
			!k.letGo() && !k.has(markTakenBack) && !k.is(transferContradicted) && !k.ownFailure()
	})
}

// perhapsOurs reports whether a name without a request may be of a command of ours that is under way for that amount.
// Of all there is, there is one capture.
func (o *Order) perhapsOurs(kind transferKind, id, request uint64, minor int64) bool {
	return id != 0 && request == 0 && (kind != captures || minor != o.fullAmount()) &&
		o.findOperation(func(p *Operation) bool { return p.Kind == kind.asked() && p.Amount.Minor == minor }) != nil
}

// either reports whether a name is of one of two that nothing tells apart yet: what counts without a name, and ours.
func (o *Order) either(kind transferKind, id, request uint64, minor int64) bool {
	return o.perhapsOurs(kind, id, request, minor) && o.unnamed(kind, request, minor) >= 0
}

// observeEither puts in doubt what is either, and is not on record otherwise. It reports whether that is so.
func (d *decision) observeEither(f *Fact, at int, id, request uint64) bool {
	if at >= 0 && !d.o.book[at].perhaps() || !d.o.either(f.transfers(), id, request, f.Amount.Minor) {
		return false
	}
	d.anomaly(events.TransferContradicts, f, "it is what counts without a name, or ours that is under way")
	return true
}

// perhaps reports whether a transfer is in doubt because it was either.
func (t *transfer) perhaps() bool { return t.is(transferContradicted) && t.has(markPerhaps) }

// holdsUnder reports whether a refund is held under one of these names.
func (o *Order) holdsUnder(id, request uint64) bool {
	for i := range o.Held {
		h := &o.Held[i]
		if id != 0 && digest(h.RefundID) == id || request != 0 && digest(h.RefundRequestID) == request {
			return true
		}
	}
	return false
}

// failing is the place of the transfer that a failure is about. One that names no request may be of APO's own capture,
// of which there is one, where that counts without a name.
func (o *Order) failing(kind transferKind, id, request string) int {
	at := o.placed(kind, id, request)
	if at >= 0 || kind != captures || request != "" {
		return at
	}
	return o.unnamedOwn()
}

// unnamedOwn is the place of APO's own capture where it counts without a name; -1: it does not.
func (o *Order) unnamedOwn() int {
	for i := range o.book {
		if t := &o.book[i]; t.kind == captures && t.owner == ownerGateway && t.is(transferCounted) && t.id == 0 &&
			t.request == 0 {
			return i
		}
	}
	return -1
}

// failingNow is failing for a message that is heard: one without any name that has failed already is told again, unless
// it is the newest word on one that counts.
func (o *Order) failingNow(f *Fact) int {
	at := o.failing(captures, f.TransferID, f.RequestID)
	if f.TransferID != "" || f.RequestID != "" || o.counted(at) && o.supersedes(&f.Proof, &o.book[at]) {
		return at
	}
	for i := range o.book {
		if t := &o.book[i]; t.kind == captures && t.is(transferFailed) && t.id == 0 && t.request == 0 && !t.failedOther(f) {
			return i
		}
	}
	return at
}

// name gives a transfer the names that a record has, where it has none.
func (t *transfer) name(r *events.Record) {
	p := events.PartsOf(r.Event)
	if t.id == 0 && t.request == 0 {
		t.id, t.request = digest(p.TransferID), digest(p.RequestID)
	}
}
