package order

import (
	"slices"

	"github.com/tilltape/tilltape/events"
)

// A capture or refund that APO lists in a state not known here may have moved its money or not. What is ours and under
// way APO has: it is asked about and not sent again, and a person ends it. Anything else is in doubt until APO's next
// word, or until a person says what became of it; the same state, in every answer from then on, says no more than that.

// unclear reports whether the fact is of a capture or refund in a state not known here.
func (f *Fact) unclear() bool { return f.Kind == CaptureUnclear || f.Kind == RefundUnclear }

// unclearWord reports whether an anomaly tells of one.
func unclearWord(e *events.AnomalyObserved) bool {
	return e.Fact == events.KindCaptureUnresolved || e.Fact == events.KindRefundUnresolved
}

// observeUnclear records that nobody knows what became of a capture or refund, where that is not known otherwise: by
// what is under way, or by a refund that waits for its capture.
func (d *decision) observeUnclear(f *Fact) {
	o, kind := &d.o, f.transfers()
	t := transfer{kind: kind, minor: f.Amount.Minor}
	at := o.unclearAt(kind, digest(f.TransferID), digest(f.RequestID), &t)
	if f.RequestID != "" && f.RequestID == o.Operation.RequestID {
		d.acceptOurs(f)
		return
	}
	switch {
	case o.awaits(kind, f.TransferID, f.RequestID):
		d.awaitOwn(f)
		return
	case at >= 0 && (o.book[at].is(transferContradicted) || o.book[at].doubt != 0) && !o.tellsLarger(at, f) &&
		!o.untold(at),
		at >= 0 && o.book[at].is(transferFailed) && !o.supersedes(&f.Proof, &o.book[at]):
		return
	}
	// its message says that it cannot be read
	d.anomaly(events.StatusContradicts, f, first(f.Message, "APO tells it in a state that is not known here"))
}

// awaits reports whether the rules wait for a capture or refund of those names already: one that was asked for here,
// APO's own, or a refund that is held.
func (o *Order) awaits(kind transferKind, id, request string) bool {
	return o.askedFor(kind.asked(), request) != nil || o.awaitsUnasked(kind, id, request)
}

// awaitsUnasked is awaits of what was not asked for here, or has been done.
func (o *Order) awaitsUnasked(kind transferKind, id, request string) bool {
	return kind == captures && request == "" && o.Gateway == GatewayOutstanding ||
		kind == refunds && o.findHeld(id, request) >= 0
}

// unclearKind is what an unclear word is about.
func unclearKind(e *events.AnomalyObserved) transferKind {
	if e.Fact == events.KindRefundUnresolved {
		return refunds
	}
	return captures
}

// unread reports whether the fact is a notification that could not be read. Of a capture or refund it is a word on it
// as one in a state not known here is, of an amount that nobody can read: it may have moved all there is.
func (f *Fact) unread() bool {
	return f.Kind == NotUnderstood || f.Kind == CaptureUnread || f.Kind == RefundUnread
}

// unreadOfHeld reports whether an anomaly is such a notification of a refund that is held: that ends by its own word.
// What was asked for here stands beside the operation: its F may be older than this word. So does it beside APO's own
// capture, since nobody knows whether it is of that, or of another one that may stand when APO's own has failed.
func (o *Order) unreadOfHeld(e *events.AnomalyObserved) bool {
	return e.Reason == events.NotUnderstood && unclearKind(e) == refunds && o.findHeld(e.TransferID, e.RequestID) >= 0
}

// asUnnamed reports whether a transfer was told of a capture without a name and so that nobody could read it. Once all
// there is has been captured of a payment that APO captures by itself, it was of that, whichever was told first.
func (t *transfer) asUnnamed() bool {
	return t.kind == captures && t.has(markUnclear) && t.minor <= 0 && t.id == 0 && t.request == 0 &&
		(t.is(transferContradicted) || t.is(transferCovered))
}

// coverUnnamed has such words stand in nobody's way while all is captured, and in everybody's while it is not: what was
// captured may be taken back, or be of less, and a raise leaves more to capture.
func (o *Order) coverUnnamed() {
	to := transferContradicted
	if o.CaptureMode == CaptureAutomatic && !o.movedWhole() && max(o.Captured, o.Late.Captured) >= o.fullAmount() {
		to = transferCovered
	}
	moves := func(t transfer) bool { return t.asUnnamed() && !t.is(to) }
	if !slices.ContainsFunc(o.book, moves) {
		return
	}
	o.book = slices.Clone(o.book)
	for i := range o.book {
		if moves(o.book[i]) {
			o.book[i].standing = to
		}
	}
	o.known.set(knownBared, to == transferContradicted)
}

// retireUndecided drops what was told of a refund before anybody knew that it was done, and which is held now. What had
// failed before, which a command may have come to, stays until it is known what became of it.
func (o *Order) retireUndecided(e *events.RefundHeld) {
	if !o.any(refunds) {
		return
	}
	id, request := digest(e.RefundID), digest(e.RefundRequestID)
	undecided := func(t transfer) bool {
		return t.kind == refunds && t.is(transferContradicted) && t.has(markPending|markUnclear) && t.doubt == 0 &&
			t.named(id, request)
	}
	if slices.ContainsFunc(o.book, undecided) {
		o.book = slices.DeleteFunc(slices.Clone(o.book), undecided)
	}
}

// unclearAt is the place of what such a line is about; -1: it is not on record. One without a name is of what counts
// without one, or what was told so before.
func (o *Order) unclearAt(kind transferKind, id, request uint64, t *transfer) int {
	at := o.find(kind, id, request)
	if at >= 0 || id != 0 || request != 0 {
		return at
	}
	if kind == captures {
		if own := o.unnamedOwn(); own >= 0 && t.minor == o.book[own].minor {
			return own
		}
	}
	return slices.IndexFunc(o.book, func(k transfer) bool {
		return k.kind == kind && k.has(markUnclear) && k.id == 0 && k.request == 0 && k.alike(t)
	})
}

// saidUnclear reports whether a person has said what became of a transfer, and APO tells it in that state still.
func (o *Order) saidUnclear(at int, e *events.AnomalyObserved) bool {
	return at >= 0 && o.book[at].has(markUnclear) && !o.book[at].is(transferContradicted) && o.book[at].doubt == 0 &&
		slices.Contains(o.contradiction, contradictionDigest(*e))
}

// foldUnclear remembers that of a transfer which counts nobody knows any more whether it does.
func (o *Order) foldUnclear(r *events.Record, e *events.AnomalyObserved) {
	unread := e.Reason == events.NotUnderstood
	if !unclearWord(e) || !unread && e.Reason != events.StatusContradicts || o.unreadOfHeld(e) {
		return
	}
	t := transfer{kind: unclearKind(e), minor: e.Amount.Minor}
	at := o.unclearAt(t.kind, digest(e.TransferID), digest(e.RequestID), &t)
	if !o.counted(at) || o.book[at].doubt != 0 || o.saidUnclear(at, e) {
		return
	}
	o.doubt(at, uint32(r.Version))
	o.book[at].set(markUnclear, true)
	o.book[at].at = r.Recorded.UnixNano()
	o.watchSoon(r)
}
