package order

import (
	"slices"

	"github.com/tilltape/tilltape/events"
)

// A transaction of a kind not known here may have moved money, and nobody can say which way: nothing is cancelled or
// captured beside it, and its amount is not given back, until a person says that it took its money or that it did not.

// toldAsIt reports whether a fact is such a transaction that the same answer tells as a capture or refund, too, by one
// of its names or by another one that is on record: it is that, and the line is told once more each time.
func (d *decision) toldAsIt(f *Fact) bool {
	if f.Kind != OtherTransaction {
		return false
	}
	return d.toldAs(captures, f) || d.toldAs(refunds, f)
}

func (d *decision) toldAs(kind transferKind, f *Fact) bool {
	if d.heard.tellsEndOf(kind, f) {
		return true
	}
	at := d.o.placed(kind, f.TransferID, f.RequestID)
	if at < 0 {
		return false
	}
	for i := range d.heard.namesakes(&d.o.book[at]) {
		if other := &d.heard.facts[i]; other.transfers() == kind &&
			d.o.placed(kind, other.TransferID, other.RequestID) == at {
			return true
		}
	}
	return false
}

// strangeOther completes a transaction of a kind not known here, at its place, and reports whether it says anything.
// One that a person has called not done is in every answer from then on, and says no more than it did; and one that is
// on record as what it is, a capture or refund, says only that it was done, where that had failed before this answer.
func (o *Order) strangeOther(e *events.AnomalyObserved, t *transfer, at *int) bool {
	if *at < 0 && t.id == 0 && t.request == 0 {
		*at = o.unnamedOther(t)
	}
	if *at >= 0 {
		t.as(&o.book[*at])
		return !o.book[*at].is(transferFailed) || !t.alike(&o.book[*at])
	}
	for _, kind := range []transferKind{captures, refunds} {
		if is := o.find(kind, t.id, t.request); is >= 0 {
			was := &o.book[is]
			t.as(was)
			*at = is
			if was.has(markUnknown) {
				return was.is(transferFailed) && !t.alike(was)
			}
			return was.is(transferFailed) && o.supersedes(&e.Proof, was)
		}
	}
	return true
}

// as takes what such a line is on record as.
func (t *transfer) as(was *transfer) {
	t.kind = was.kind
	t.set(markUnknown, was.has(markUnknown))
}

// alike reports whether two are of the same amount.
func (t *transfer) alike(other *transfer) bool {
	return t.minor == other.minor && t.has(markForeign) == other.has(markForeign)
}

// unnamedOther is the place of a line without a name that is on record, whatever a person has said of it; -1: it is
// not. Nothing but its amount tells it from others.
func (o *Order) unnamedOther(t *transfer) int {
	return slices.IndexFunc(o.book, func(k transfer) bool {
		return (k.kind == others || k.kind == refunds && k.has(markUnknown)) && k.id == 0 && k.request == 0 && k.alike(t)
	})
}

// unequalOther is the place of such a line that counts by a person's word, and that is told again; -1: it does not.
func (o *Order) unequalOther(id, request uint64) int {
	if at := o.find(refunds, id, request); o.counted(at) && o.book[at].has(markUnknown) {
		return at
	}
	return -1
}
