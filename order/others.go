package order

import "github.com/tilltape/tilltape/events"

// A transaction of a kind not known here may have moved money, and nobody can say which way: nothing is cancelled or
// captured beside it, and its amount is not given back, until a person says that it took its money or that it did not.

// toldAsIt reports whether a fact is such a transaction that the same answer tells as a capture or refund, too: it is
// that, and the line is told once more each time.
func (h *heard) toldAsIt(f *Fact) bool {
	return f.Kind == OtherTransaction && (h.tellsEndOf(captures, f) || h.tellsEndOf(refunds, f))
}

// strangeOther completes a transaction of a kind not known here, at its place, and reports whether it says anything.
// One that a person has called not done is in every answer from then on, and says no more than it did; and one that is
// on record as what it is, a capture or refund, says only that it was done, where that had failed before this answer.
func (o *Order) strangeOther(e *events.AnomalyObserved, t *transfer, at *int) bool {
	if *at >= 0 {
		was := &o.book[*at]
		return !was.is(transferFailed) || was.minor != t.minor || was.has(markForeign) != t.has(markForeign)
	}
	for _, kind := range []transferKind{captures, refunds} {
		if is := o.find(kind, t.id, t.request); is >= 0 {
			t.kind, *at = kind, is
			return o.book[is].is(transferFailed) && o.supersedes(&e.Proof, &o.book[is])
		}
	}
	return true
}
