package order

import "github.com/tilltape/tilltape/events"

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
		case t.kind != kind || !t.is(transferCounted) || t.id != 0 || t.request != 0 || kind == refunds && t.letGo():
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
	if at := o.find(refunds, id, request); at >= 0 {
		return at
	}
	return o.unnamed(refunds, request, minor)
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
		if t := &o.book[i]; t.kind == captures && t.is(transferFailed) && t.id == 0 && t.request == 0 {
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
