package order

import (
	"slices"

	"github.com/tilltape/tilltape/events"
)

// A transfer that one message names by its id alone and another by its request alone stands in the book twice, until a
// message names both: that proves the two are one, whatever else it says of it. Its anomaly makes them one entry, since
// what counted twice may have been acted on, and the message is judged by what is left.

// twoAreOne: each identifier was taken for a transfer of its own before a message named both.
const twoAreOne = "two transfers on record are one by this"

// bothNames is what a message says that names a transfer by both of its identifiers: that it was done, or failed.
type bothNames struct {
	id, request string
	done        bool
	proof       *events.Proof
}

func (f *Fact) bothNames() *bothNames {
	return &bothNames{f.TransferID, f.RequestID, !f.fails(), &f.Proof}
}

// fit reports whether the names of two entries, found by the one and the other, are not others than these.
func (w *bothNames) fit(byID, byRequest *transfer) bool {
	return (byID.request == 0 || byID.request == digest(w.request)) && (byRequest.id == 0 || byRequest.id == digest(w.id))
}

// unite makes one of the two at these places of the book, where a fact that names both proves that. It reports whether
// it does.
func (d *decision) unite(f *Fact, a, b int) bool {
	if !d.o.areOne(a, b, f.bothNames()) {
		return false
	}
	d.tellUnited(f)
	return true
}

// uniteRefunds is unite for refunds, by their places among the held and all others.
func (d *decision) uniteRefunds(f *Fact, a, b int) bool {
	held := len(d.o.Held)
	if a >= held && b >= held {
		return d.unite(f, a-held, b-held)
	}
	if f.split || !d.o.unitesHeld(a, b, f.bothNames()) { // two amounts of one answer say of neither which it is
		return false
	}
	d.tellUnited(f)
	return true
}

// uniteTold makes one of what any fact of an answer names together, before it is told what became of each: what counts
// twice leaves no room for what is there. Of two amounts that it tells each proves it.
func (d *decision) uniteTold(facts []Fact, proof events.Proof) {
	for i := 0; i < len(facts) && len(d.o.book)+len(d.o.Held) > 1; i++ {
		f := facts[i]
		f.Proof, f.At = proof, keepable(f.At)
		if d.o.ofAnother(&f) == "" && !(f.split && f.fails()) {
			d.uniteNamed(&f)
		}
	}
}

// uniteNamed makes one of two that a capture or refund names together, done or failed.
func (d *decision) uniteNamed(f *Fact) {
	if f.TransferID == "" || f.RequestID == "" || len(d.o.book)+len(d.o.Held) < 2 || f.unclear() {
		return
	}
	switch f.transfers() {
	case captures:
		if a, b := d.o.placed(captures, f.TransferID, ""), d.o.placed(captures, "", f.RequestID); a >= 0 && b >= 0 && a != b {
			d.unite(f, a, b)
		}
	case refunds:
		if a, b := d.o.placeOfRefund(f.TransferID, ""), d.o.placeOfRefund("", f.RequestID); a >= 0 && b >= 0 && a != b {
			d.uniteRefunds(f, a, b)
		}
	}
}

func (d *decision) tellUnited(f *Fact) {
	if d.unproven == "" {
		d.unproven = d.o.provesUnited(&f.Proof)
	}
	d.emit(f.anomaly(events.TransferContradicts, twoAreOne))
	if d.o.Status == Cancelled && !d.o.Late.IsZero() {
		d.lateMoney(f)
	}
	d.settleLateMoney()
}

// areOne reports whether two entries, found by the id and by the request that one message names, are one: both stand
// alike, and what counts does in one account; or the message says that it was done, where the other had failed, or
// where this is the newest word. Neither has another name already that the message contradicts.
func (o *Order) areOne(byID, byRequest int, w *bothNames) bool {
	a, b := &o.book[byID], &o.book[byRequest]
	if !w.fit(a, b) {
		return false
	}
	if b.standing < a.standing {
		a, b = b, a
	}
	switch newest := o.supersedes(w.proof, a) && o.supersedes(w.proof, b); {
	case a.is(transferFailed):
		return w.done
	case a.is(transferContradicted):
		return newest || b.is(transferContradicted) && a.alike(b)
	case b.is(transferCounted):
		return a.has(markLate) == b.has(markLate)
	case b.is(transferFailed):
		return w.done
	default:
		return newest
	}
}

// unitesHeld is areOne for two refunds of which one is held, by their places among the held and all others: the other
// is held too, or counts, or may stand and this is the newest word on both. A failure that names them says so only by
// the newest word, and ends both of two of which none counts.
func (o *Order) unitesHeld(byID, byRequest int, w *bothNames) bool {
	held := len(o.Held)
	first, second := min(byID, byRequest), max(byID, byRequest)
	if first >= held || !w.fit(o.refundAt(byID), o.refundAt(byRequest)) {
		return false
	}
	if second < held {
		return w.done
	}
	t := &o.book[second-held]
	newest := o.newestOfHeld(w.proof, &o.Held[first]) && o.supersedes(w.proof, t)
	return t.is(transferCounted) && (w.done || newest) || t.is(transferContradicted) && w.done && newest
}

// refundAt is a refund by its place among the held and all others.
func (o *Order) refundAt(place int) *transfer {
	if held := len(o.Held); place >= held {
		return &o.book[place-held]
	}
	h := &o.Held[place]
	return &transfer{id: digest(h.RefundID), request: digest(h.RefundRequestID)}
}

// foldWords remembers what an anomaly says of a capture or refund.
func (o *Order) foldWords(r *events.Record, e *events.AnomalyObserved) {
	merged, newest := o.foldUnited(r, e)
	if !merged {
		o.foldContradicted(r, e)
	}
	o.foldReversed(r, e)
	if !newest { // or else the fact that follows says of which amount
		o.foldUnequal(r, e)
	}
	o.foldUnclear(r, e)
	o.foldFailedApart(r, e)
}

// namesBoth is what an anomaly says that names a capture or refund by both of its identifiers; the kind is 0 where it
// says nothing of that.
func namesBoth(e *events.AnomalyObserved) (kind transferKind, w bothNames) {
	if e.Reason != events.TransferContradicts || e.TransferID == "" || e.RequestID == "" {
		return 0, w
	}
	w = bothNames{e.TransferID, e.RequestID, true, &e.Proof}
	switch e.Fact {
	case events.KindCaptureSucceeded:
		return captures, w
	case events.KindCaptureFailed:
		w.done = false
		return captures, w
	case events.KindRefundSucceeded:
		return refunds, w
	case events.KindRefundFailed:
		w.done = false
		return refunds, w
	}
	return 0, w
}

// judgeUnited demands, of an anomaly that makes two entries one, APO's own word: what is kept of it names both.
func (o *Order) judgeUnited(e *events.AnomalyObserved) string {
	kind, w := namesBoth(e)
	if kind == 0 || len(o.book)+len(o.Held) < 2 {
		return ""
	}
	a, b := o.placed(kind, w.id, ""), o.placed(kind, "", w.request)
	unites := a >= 0 && b >= 0 && a != b && o.areOne(a, b, &w)
	if kind == refunds && !unites {
		a, b = o.placeOfRefund(w.id, ""), o.placeOfRefund("", w.request)
		unites = a >= 0 && b >= 0 && a != b && o.unitesHeld(a, b, &w)
	}
	if !unites {
		return ""
	}
	return o.provesUnited(&e.Proof)
}

// provesUnited says why a word cannot make two entries one; "": it can.
func (o *Order) provesUnited(p *events.Proof) string {
	switch p.Via {
	case events.ViaAnswer, events.ViaNotification:
		return when(p.Evidence == nil, "makes two entries one by a message that was not kept")
	case events.ViaInquiry:
		return when(!o.asksNow(p) && p.Evidence == nil, "makes two entries one by no inquiry under way")
	}
	return "makes two entries one without a word of APO's that names both"
}

// foldUnited makes one entry of two that a message has named together. It reports whether it has, and whether the
// message is the newest word on both.
func (o *Order) foldUnited(r *events.Record, e *events.AnomalyObserved) (merged, newest bool) {
	kind, both := namesBoth(e)
	if kind == 0 {
		return false, false
	}
	w := &both
	held := kind == refunds && len(o.Held) > 0 && o.foldHeldUnited(r, w)
	a, b := o.placed(kind, w.id, ""), o.placed(kind, "", w.request)
	if a < 0 || b < 0 || a == b || !o.areOne(a, b, w) {
		return held, held
	}
	if o.book[b].standing < o.book[a].standing {
		a, b = b, a
	}
	newest = o.supersedes(w.proof, &o.book[a]) && o.supersedes(w.proof, &o.book[b])
	o.merge(r, a, b, newest)
	return true, newest
}

// merge makes one entry of two, which stands as the first does. Of two amounts it has the larger; the newest word says
// which it was, and until then it is in doubt, as is one that failed under its other name. What it is known by is the
// newer record, so that an inquiry is the newest word only where it was begun after both.
func (o *Order) merge(r *events.Record, at, other int, newest bool) {
	t, was := o.book[at], o.book[other]
	captured := o.Captured + o.Late.Captured
	unequal := false
	t.id, t.request = max(t.id, was.id), max(t.request, was.request)
	if was.is(t.standing) {
		unequal = was.minor != t.minor
		t.minor, t.marks, t.doubt = max(t.minor, was.minor), t.marks|was.marks, max(t.doubt, was.doubt)
	}
	if t.owner != ownerOurs && was.owner != ownerForeign {
		t.owner = was.owner
	}
	if t.version < was.version {
		o.follow(t.version, was.version)
		t.version = was.version
	}
	if t.is(transferCounted) {
		o.revise(was.version, OutcomeSucceeded, "")
		if !newest && (unequal || was.is(transferFailed)) {
			t.doubt = uint32(r.Version)
			t.set(markUnequal, unequal || t.has(markUnequal))
			o.watchSoon(r)
		}
	}
	o.follow(was.version, t.version)
	o.book = slices.Clone(o.book)
	o.book[at] = t
	o.book = slices.Delete(o.book, other, other+1)
	o.total()
	if t.kind == captures && o.Captured+o.Late.Captured < captured {
		o.reopenGateway(r, false)
	}
}

// foldHeldUnited is the same where one of the two is held: one that counts has its place, what may stand does not stand
// beside one that waits, and of two that are held one waits, for the larger of their amounts. It reports whether the
// message is the newest word on both: the fact that follows says then of which amount.
func (o *Order) foldHeldUnited(r *events.Record, w *bothNames) (newest bool) {
	a, b := o.placeOfRefund(w.id, ""), o.placeOfRefund("", w.request)
	if a < 0 || b < 0 || a == b || !o.unitesHeld(a, b, w) {
		return false
	}
	held := len(o.Held)
	first, second := min(a, b), max(a, b)
	was := o.Held[first]
	newest = o.newestOfHeld(w.proof, &was)
	if second >= held && o.book[second-held].is(transferContradicted) { // by the newest word, which has the amount
		o.Held = slices.Clone(o.Held)
		o.Held[first].RefundID, o.Held[first].RefundRequestID = w.id, w.request
		o.follow(o.book[second-held].version, uint32(was.Version))
		o.book = slices.Delete(slices.Clone(o.book), second-held, second-held+1)
		return true
	}
	o.Held = slices.Delete(slices.Clone(o.Held), first, first+1)
	if second < held {
		h := &o.Held[second-1]
		newest = newest && o.newestOfHeld(w.proof, h)
		unequal := h.Minor != was.Minor
		o.follow(uint32(min(h.Version, was.Version)), uint32(max(h.Version, was.Version)))
		h.RefundID, h.RefundRequestID = w.id, w.request
		h.Minor, h.Since, h.Version = max(h.Minor, was.Minor), earlier(h.Since, was.Since), max(h.Version, was.Version)
		if h.doubt = max(h.doubt, was.doubt); unequal && !newest {
			h.doubt = uint32(r.Version)
			o.watchSoon(r)
		}
		return newest
	}
	o.book = slices.Clone(o.book)
	t := &o.book[second-held]
	newest = newest && o.supersedes(w.proof, t)
	t.id, t.request = digest(w.id), digest(w.request)
	o.revise(uint32(was.Version), OutcomeSucceeded, "")
	o.follow(uint32(was.Version), t.version)
	if w.done && t.minor != was.Minor && !newest {
		t.doubt = uint32(r.Version)
		t.set(markUnequal, true)
		o.watchSoon(r)
	}
	return newest
}
