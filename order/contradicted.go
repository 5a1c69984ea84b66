package order

import (
	"math"
	"slices"

	"github.com/tilltape/tilltape/events"
)

// Unaccounted reports whether APO has signed a capture or refund that the amounts cannot have and that is not known to
// have failed: above what there is, in another currency, of another payment, or told so that it cannot be told from
// others; or a payment or a raise in another currency. While one may stand, nothing is cancelled or captured.
func (o Order) Unaccounted() bool { return o.contradicted() != nil }

// contradicted is a capture or refund that APO has signed and the amounts cannot have; nil: none.
func (o *Order) contradicted() *transfer {
	for i := range o.book {
		if o.book[i].is(transferContradicted) {
			return &o.book[i]
		}
	}
	return nil
}

// doubted is a transfer that counts and that APO has told otherwise too; nil: none.
func (o *Order) doubted() *transfer {
	for i := range o.book {
		if t := &o.book[i]; t.is(transferCounted) && t.doubt != 0 {
			return t
		}
	}
	return nil
}

// inDoubt reports whether APO's words on a transfer contradict each other or the amounts.
func (o *Order) inDoubt() bool {
	for i := range o.book {
		if t := &o.book[i]; t.is(transferContradicted) || t.is(transferCounted) && t.doubt != 0 {
			return true
		}
	}
	return false
}

// Doubts returns the records that tell of a payment, captures and refunds in doubt, one each, as [Resolve] names them:
// those that the amounts cannot have, raises in another currency included, and those that APO has called both done and
// failed, or told with two amounts. A raise in the order's currency is never among them: of two words on it the smaller
// amount counts. APO is asked about doubts by itself; what no inquiry tells, a person settles.
func (o Order) Doubts() (records []uint64) {
	if t := o.paymentDoubt(); t != nil {
		records = append(records, uint64(t.doubt))
	}
	for i := range o.book {
		switch t := &o.book[i]; {
		case t.kind == payments:
		case t.is(transferContradicted):
			records = append(records, uint64(t.version))
		case t.is(transferCounted) && t.doubt != 0:
			records = append(records, uint64(t.doubt))
		}
	}
	return records
}

// undecided is the place of the transfer in doubt that is named by a record: the one that it is known by, or the one
// that contradicts it; of 0, of any. -1: none.
func (o *Order) undecided(record uint64) int {
	return slices.IndexFunc(o.book, func(t transfer) bool {
		return (t.is(transferContradicted) || t.is(transferCounted) && t.doubt != 0) &&
			(record == 0 || record == uint64(t.version) || record == uint64(t.doubt))
	})
}

// inquiryOf is the inquiry that tells of what a record stands for: a refund by its intent; the payment, for what is in
// doubt, and by itself where something is that APO has not been asked about since; or else what is outstanding.
func (o *Order) inquiryOf(record uint64) Call {
	p := o.current(record)
	switch {
	case record != 0 && p != nil && p.Kind == CallRefund:
		return o.refundInquiry(p)
	case record != 0, o.unasked(o.known.has(knownHeard)):
		return o.paymentInquiry()
	}
	return o.inquiry()
}

// unasked reports whether something is in doubt that APO has not been asked about since by the newest inquiry, which it
// has answered or not.
func (o *Order) unasked(answered bool) bool {
	for i := range o.book {
		t := &o.book[i]
		doubtful := t.is(transferContradicted) || t.is(transferCounted) && t.doubt != 0
		if doubtful && (!answered || o.Inquiry.Subject != events.SubjectPayment ||
			o.Inquiry.started <= max(t.version, t.doubt)) {
			return true
		}
	}
	return false
}

// spokenFor is what can not be refunded of what was captured and has not gone back: contradicted refunds may have taken
// it, captures may have failed after all, and of money in another currency nobody knows what is left.
func (o *Order) spokenFor() (minor int64) {
	for i := range o.book {
		switch t := &o.book[i]; {
		case t.is(transferContradicted) && (t.has(markForeign) || t.kind != captures && t.minor <= 0):
			return math.MaxInt64
		case t.kind == refunds && t.is(transferCounted) && t.has(markUnequal):
			return math.MaxInt64
		case (t.kind == refunds || t.kind == others) && t.is(transferContradicted):
			minor = plus(minor, t.minor)
		case t.kind == captures && t.is(transferCounted) && t.doubt != 0 && !t.has(markLate):
			minor = plus(minor, t.minor)
		case t.kind == payments:
			minor = plus(minor, o.doubtfulOf(t))
		}
	}
	return minor
}

// asksNow reports whether a word is of the inquiry that is under way.
func (o *Order) asksNow(p *events.Proof) bool {
	return p.Via == events.ViaInquiry && o.Inquiry.Open && p.Inquiry == o.Inquiry.Number
}

// supersedes reports whether a word on a transfer is newer than every other on record: an inquiry's that was begun
// after them, or a person's, who has asked.
func (o *Order) supersedes(p *events.Proof, t *transfer) bool {
	return p.Via == events.ViaOperator || o.asksNow(p) && o.Inquiry.started > max(t.version, t.doubt)
}

// strange is a transfer as an anomaly tells it, and its place in the book, -1: none yet. ok is false where the anomaly
// tells nothing of a transfer, or of one that the rules know otherwise.
func (o *Order) strange(e *events.AnomalyObserved) (t transfer, at int, ok bool) {
	accepted := e.Fact == events.KindCaptureAccepted || e.Fact == events.KindRefundAccepted
	switch accepted = accepted && e.Reason == events.LateAnswer; {
	case accepted: // it may be under way after all
	case e.Reason == events.LatePayment, e.Reason == events.PaymentRevived, e.Reason == events.LateAnswer,
		e.Reason == events.KeyTaken, e.Reason == events.NoResult:
		return t, -1, false
	}
	t = transfer{kind: captures, minor: e.Amount.Minor, standing: transferContradicted}
	t.set(markForeign, o.isForeign(e.Amount))
	switch e.Fact {
	case events.KindCaptureSucceeded, events.KindCaptureAccepted, events.KindCaptureUnresolved:
	case events.KindInquiryAnswered:
		t.kind = others
	case events.KindPaymentAuthorized, events.KindPaymentPaid: // of the order's currency the payment's own entry tells
		if !t.has(markForeign) {
			return t, -1, false
		}
	case events.KindPaymentRaised: // of the order's currency raiseContradicted tells
		if t.kind = raises; !t.has(markForeign) {
			return t, -1, false
		}
	case events.KindRaiseFailed: // so it is of a failure, and without a name it is of no raise that is known
		if t.standing, t.kind = transferFailed, raises; !t.has(markForeign) || e.TransferID == "" && e.RequestID == "" ||
			o.isAnother(e.PaymentID) {
			return t, -1, false
		}
	case events.KindCaptureFailed:
		t.standing = transferFailed
	case events.KindRefundSucceeded, events.KindRefundHeld, events.KindRefundAccepted, events.KindRefundUnresolved:
		t.kind = refunds
		// A held one waits for its capture, which the rules ask for by itself.
		if e.Fact == events.KindRefundSucceeded && o.findHeld(e.TransferID, e.RequestID) >= 0 {
			return t, -1, false
		}
	case events.KindRefundFailed:
		t.standing, t.kind = transferFailed, refunds
	default:
		return t, -1, false
	}
	t.id, t.request = digest(e.TransferID), digest(e.RequestID)
	switch {
	case e.Fact == events.KindCaptureSucceeded:
		at = o.findCapture(t.id, t.request, t.minor)
	case unclearWord(e):
		at = o.unclearAt(t.kind, t.id, t.request, &t)
		if o.saidUnclear(at, e) || o.unreadOfHeld(e) {
			return t, at, false
		}
		if at >= 0 && t.minor <= 0 { // the amount that is on record is known still
			t.larger(&o.book[at])
		}
	default:
		at = o.find(t.kind, t.id, t.request)
	}
	t.set(markPerhaps, e.Reason == events.TransferContradicts && t.is(transferContradicted) &&
		o.either(t.kind, t.id, t.request, t.minor))
	if t.kind == others && !o.strangeOther(e, &t, &at) {
		return t, at, false
	}
	if at < 0 && t.id == 0 && t.request == 0 {
		at = slices.IndexFunc(o.book, func(k transfer) bool {
			return k.kind == t.kind && k.is(transferContradicted) && k.id == 0 && k.request == 0 && k.minor == t.minor &&
				k.has(markForeign) == t.has(markForeign)
		})
	}
	if at < 0 && o.settledNameless(&t) >= 0 || o.settledRaise(at, &t) { // which each answer tells again
		return t, at, false
	}
	return t, at, !o.counted(at) && (at >= 0 || !t.is(transferFailed))
}

// tellsMore reports whether an anomaly that was told before tells more now: of a transfer that may stand again, or that
// one which counts is in doubt again.
func (o *Order) tellsMore(e *events.AnomalyObserved) bool {
	switch {
	case e.Reason == events.LatePayment: // told beside a fact that is new, and only where none is open
		return true
	case e.Reason == events.PaymentRevived && o.undone() && o.newestOnPayment(&e.Proof): // it was let go since
		return true
	case e.Reason == events.NotUnderstood: // a message delivered again
		return false
	}
	if e.Reason == events.Reversal {
		at := o.reversed(e)
		return e.Proof.Via == events.ViaInquiry && at >= 0 && o.book[at].doubt == 0
	}
	if _, at, ok := o.raiseContradicted(e); ok && o.supersedes(&e.Proof, &o.book[at]) {
		return true
	}
	switch t, at, ok := o.strange(e); {
	case !ok:
		return false
	case t.is(transferFailed): // and nothing says so any more that is newer
		return o.book[at].is(transferContradicted) && o.supersedes(&e.Proof, &o.book[at])
	default:
		return at < 0 || !o.book[at].is(transferContradicted) || o.untold(at)
	}
}

// foldContradicted remembers what an anomaly tells of a capture or refund that the amounts cannot have: it may stand,
// and the rules ask for it.
func (o *Order) foldContradicted(r *events.Record, e *events.AnomalyObserved) {
	t, at, ok := o.strange(e)
	switch {
	case !ok:
		return
	case t.is(transferFailed):
		o.foldRefuted(r, at, &t, &e.Proof)
		return
	}
	if e.Reason == events.NotUnderstood && at >= 0 && o.book[at].is(transferContradicted) {
		was := o.book[at] // nothing is known of it that was not, but that there is a newer word
		was.doubt = uint32(r.Version)
		o.enter(at, &was)
		o.watchSoon(r)
		return
	}
	t.version = uint32(r.Version)
	t.set(markUnclear, unclearWord(e))
	t.set(markPending, e.Reason == events.StatusContradicts && (unclearWord(e) ||
		e.Fact == events.KindCaptureAccepted || e.Fact == events.KindRefundAccepted))
	if t.has(markUnclear | markPending) {
		t.at = r.Recorded.UnixNano()
	}
	if at >= 0 && (o.book[at].is(transferFailed) || o.book[at].doubt != 0) {
		t.doubt = t.version
	}
	if at >= 0 && o.book[at].is(transferContradicted) && !o.supersedes(&e.Proof, &o.book[at]) {
		t.larger(&o.book[at])
	}
	if at >= 0 && o.book[at].is(transferFailed) {
		o.foldOwnFailure(at, o.book[at].version, o.book[at].minor)
	}
	o.enter(at, &t)
	o.watchSoon(r)
}

// reversed is the place of the transfer that counts and that an anomaly says has failed since; -1: it says nothing of
// the kind.
func (o *Order) reversed(e *events.AnomalyObserved) int {
	if e.Reason != events.Reversal {
		return -1
	}
	kind := captures
	if e.Fact == events.KindRefundFailed {
		kind = refunds
	}
	if at := o.failing(kind, e.TransferID, e.RequestID); o.counted(at) {
		return at
	}
	return -1
}

// foldReversed remembers that there are two words on a transfer that counts: an inquiry tells which is the newer.
func (o *Order) foldReversed(r *events.Record, e *events.AnomalyObserved) {
	if at := o.reversed(e); at >= 0 {
		o.doubt(at, uint32(r.Version))
		o.watchSoon(r)
	}
}

// doubt names the record that contradicts a transfer; 0 ends the doubt.
func (o *Order) doubt(at int, record uint32) {
	o.book = slices.Clone(o.book)
	t := &o.book[at]
	t.doubt = record
	t.set(markUnequal, record != 0 && t.has(markUnequal))
	t.set(markUnclear, record != 0 && t.has(markUnclear))
}

// foldUnequal remembers that APO has told a transfer that counts with another amount: an inquiry tells which is the
// newer.
func (o *Order) foldUnequal(r *events.Record, e *events.AnomalyObserved) {
	at := -1
	switch {
	case e.Amount.Currency != o.Amount.Currency:
		return
	case e.Reason == events.StatusContradicts && e.Fact == events.KindInquiryAnswered:
		at = o.unequalOther(digest(e.TransferID), digest(e.RequestID))
	case e.Reason != events.TransferContradicts:
		return
	case e.Fact == events.KindRefundSucceeded && o.foldHeldUnequal(r, e):
		return
	case e.Fact == events.KindRefundSucceeded:
		at = o.placed(refunds, e.TransferID, e.RequestID)
	case e.Fact == events.KindCaptureSucceeded:
		at = o.findCapture(digest(e.TransferID), digest(e.RequestID), e.Amount.Minor)
	}
	if !o.counted(at) || o.book[at].minor == e.Amount.Minor || e.Amount.Minor <= 0 {
		return
	}
	o.doubt(at, uint32(r.Version))
	o.book[at].set(markUnequal, true)
	o.watchSoon(r)
}

// foldRefuted remembers that a transfer failed. Of one that APO has signed as done there are two words then that
// contradict each other, in whichever order they came: an inquiry tells which is the newer.
func (o *Order) foldRefuted(r *events.Record, at int, t *transfer, p *events.Proof) {
	t.version = uint32(r.Version)
	doubtful := at >= 0 && o.book[at].is(transferContradicted) && !o.book[at].has(markPending)
	if doubtful && !o.supersedes(p, &o.book[at]) {
		was := o.book[at]
		was.id, was.request, was.doubt = t.id, t.request, t.version
		o.enter(at, &was)
		o.watchSoon(r)
		return
	}
	t.set(markForeign, t.has(markForeign) && t.kind != raises) // see settledRaise
	o.enter(at, t)
	o.retire(t)
}

// one reports whether two transfers that a message names together are one that counts with this amount, and the other
// was told apart from it until now.
func one(a, b *transfer, minor int64) bool {
	if b.is(transferCounted) {
		a, b = b, a
	}
	return a.is(transferCounted) && a.minor == minor && b.is(transferContradicted) && b.minor == minor &&
		!b.has(markForeign)
}

// retire drops what may have stood under one of a transfer's identifiers: it is known now what became of it, or that
// two told apart are one. The command of the other is the one's.
func (o *Order) retire(t *transfer) {
	if o.contradicted() == nil {
		return
	}
	known := func(k transfer) bool {
		return k.is(transferContradicted) && k.named(t.id, t.request) && t.mayBe(k.kind)
	}
	if !slices.ContainsFunc(o.book, known) {
		return
	}
	for i := range o.book {
		if other := o.book[i].version; known(o.book[i]) && t.is(transferCounted) {
			o.revise(other, OutcomeSucceeded, "")
			o.follow(other, t.version)
		}
	}
	o.book = slices.DeleteFunc(slices.Clone(o.book), known)
}

// mayBe reports whether a transfer may be what was told under the same names as one of the kind: of a transaction of a
// kind not known here nobody knows which it is, but that it is no raise.
func (t *transfer) mayBe(kind transferKind) bool {
	return t.kind == kind || (t.kind == others || kind == others) && t.kind != raises && kind != raises
}

// watchSoon has the payment inquired about at once, until APO has answered. What an inquiry about it tells by itself
// was asked about already.
func (o *Order) watchSoon(r *events.Record) {
	if o.WatchDue.IsZero() || o.WatchDue.After(r.Recorded) {
		o.WatchDue = r.Recorded
	}
	asking := o.Inquiry.Open && o.Inquiry.Subject == events.SubjectPayment
	if p := events.PartsOf(r.Event).Proof; asking && p.Via == events.ViaInquiry && p.Inquiry == o.Inquiry.Number {
		return
	}
	o.known.set(knownNews, true)
	o.known.set(knownMissed, asking)
}

// foldHeard ends what APO was to be asked about by an inquiry about the payment that it has answered, but for what was
// told during that.
func (o *Order) foldHeard(e *events.InquiryAnswered) {
	if e.Subject == events.SubjectPayment && e.Outcome != events.InquiryUnknown {
		o.known.set(knownNews, o.known.has(knownMissed))
	}
	o.known.set(knownMissed, false)
}
