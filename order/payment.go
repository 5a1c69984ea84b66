package order

import (
	"math"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// The payment follows the law of the book too: what contradicts its entry is in doubt until an inquiry that was begun
// later has told which word is the newer. The doubt stands in the book, as an entry of its own that most orders never
// have: refuted where APO has also called the payment failed or cancelled, unequal where it has told another amount. So
// does what a person has said of a doubt, and a payment that was taken back.

// paymentWord is that entry's place; -1: nothing contradicts the payment.
func (o *Order) paymentWord() int {
	for i := range o.book {
		if o.book[i].kind == payments {
			return i
		}
	}
	return -1
}

// paymentDoubt is what is in doubt of the payment; nil: nothing is.
func (o *Order) paymentDoubt() *transfer {
	if at := o.paymentWord(); at >= 0 && o.book[at].doubt != 0 {
		return &o.book[at]
	}
	return nil
}

// paymentDoubted is the record that tells of it; 0: none does.
func (o *Order) paymentDoubted() uint32 {
	if t := o.paymentDoubt(); t != nil {
		return t.doubt
	}
	return 0
}

// sureOf is what captures can come to, of the authorized amount, beyond doubt: of two amounts the smaller one, of a
// payment that may have failed, or that may have moved its money by itself, no more than there are.
func (o *Order) sureOf() int64 {
	switch t := o.paymentDoubt(); {
	case t == nil || o.known.has(knownLate):
		return o.Authorized
	case t.has(markRefuted | markHeld):
		return min(o.Authorized, o.Captured)
	default:
		return min(o.Authorized, max(t.minor, o.raisedTo(), o.Captured))
	}
}

// doubtfulOf is what of the captured amount is in doubt with its payment.
func (o *Order) doubtfulOf(t *transfer) int64 {
	switch {
	case t.doubt == 0:
		return 0
	case t.has(markRefuted | markHeld):
		return math.MaxInt64
	}
	return minus(o.Captured, max(t.minor, o.raisedTo()))
}

// paymentStands reports whether the order has money by its payment's success, known or inferred from what moved of it,
// a refund that is held included: then a failure contradicts that.
func (o *Order) paymentStands() bool {
	switch o.Status {
	case Authorized, Paid, Captured, Refunded:
		return true
	case Cancelled:
		return !o.Late.IsZero() || len(o.Held) > 0
	}
	return len(o.Held) > 0
}

// newestOnPayment reports whether a word on the payment is newer than every other on it, on what moved of it and on a
// dispute of it.
func (o *Order) newestOnPayment(p *events.Proof) bool {
	return mayBeNewest(p) && o.newerThanAll(p)
}

// mayBeNewest reports whether a word can be newer than another one at all: most are not.
func mayBeNewest(p *events.Proof) bool {
	return p.Via == events.ViaInquiry || p.Via == events.ViaOperator
}

func (o *Order) newerThanAll(p *events.Proof) bool {
	return o.supersedes(p, &transfer{version: o.newestWord()})
}

// newestWord is the record of the newest word on the payment, on what moved of it or on a dispute of it.
func (o *Order) newestWord() uint32 {
	on := uint32(o.paymentMark.version)
	for i := range o.book {
		if t := &o.book[i]; !t.is(transferAwaited) {
			on = max(on, t.version, t.doubt)
		}
	}
	for i := range o.Held {
		on = max(on, uint32(o.Held[i].Version))
	}
	return on
}

// paymentFailure is the row of the payment's failure.
func (o *Order) paymentFailure(p *events.Proof) law.Fact {
	switch {
	case !o.paymentStands():
		return law.PaymentFailed
	case o.newestOnPayment(p):
		return law.PaymentTakenBack
	}
	return law.PaymentReversed
}

// cancelledAnyway is the row of a cancellation of the payment as a whole.
func (o *Order) cancelledAnyway(p *events.Proof) law.Fact {
	if (o.Status == Captured || o.Status == Refunded) && o.newestOnPayment(p) {
		return law.CapturedCancelled
	}
	return law.PaymentCancelled
}

// corrects reports whether an amount is another than the payment has, and can be its: by the newest word on it. Money
// that a cancel gave back, or of which some was let go, has no amount any more that could be another.
func (o *Order) corrects(m Money, p *events.Proof) bool {
	switch {
	case !o.paymentKnown() || m.Minor <= 0 || m.Currency != o.Amount.Currency, !o.newestOnPayment(p),
		o.Status == Cancelled && (!o.known.has(knownLate) || o.any(releases)):
		return false
	case m == o.paymentAmount() || o.wasHeld(m.Minor):
		return false
	}
	return o.fitsWhatMoved(m.Minor)
}

// fitsWhatMoved reports whether a payment of that amount covers what is captured and refunded of it.
func (o *Order) fitsWhatMoved(minor int64) bool {
	var moved account
	for i := range o.book {
		if t := &o.book[i]; t.is(transferCounted) && t.has(markLate) == o.known.has(knownLate) {
			moved.take(t)
		}
	}
	return max(minor, o.raisedTo()) >= max(moved.by[captures], moved.by[refunds])
}

// settlesPayment reports whether a success is the newest word on a payment that APO has contradicted, or on its amount.
func (o *Order) settlesPayment(m Money, p *events.Proof) bool {
	return o.paymentKnown() && o.newestOnPayment(p) && (o.paymentDoubt() != nil || o.corrects(m, p))
}

// correctPayment takes the amount of a payment whose success is on record, where it is another one by the newest word.
// The amount that was on record until then is no news if it is told again.
func (o *Order) correctPayment(e events.Event, m Money, p *events.Proof) {
	if o.corrects(m, p) {
		told := events.AnomalyObserved{Reason: events.PaymentContradicts, Fact: e.Kind(),
			PaymentID: events.PartsOf(e).PaymentID, Amount: o.signedFor()}
		o.contradiction = append(o.contradiction, contradictionDigest(told))
		o.signed = m.Minor
		o.total()
		o.endGateway(max(o.Captured, o.Late.Captured)) // which may be all of less
	}
}

// foldPaymentWord takes a success as the word on the payment that it is: the newest one ends every doubt, and any other
// one, after a failure, is in doubt itself.
func (o *Order) foldPaymentWord(r *events.Record, p *events.Proof, revived, newest bool) {
	switch {
	case newest:
		o.known.set(knownFailure, false)
		o.endPaymentDoubt()
	case revived && o.paymentStands() && o.paymentDoubt() == nil:
		o.doubtPayment(r, markRefuted, 0)
	}
	if len(o.book) > 0 {
		o.reviveMoved(r, p)
	}
}

// reviveMoved remembers, of a payment that stands after all, what was taken back with it: nothing has said of that by
// itself that it failed, so it may stand, as long as the payment does. It is in doubt from then on, unless it is an
// inquiry that says so, which tells of it too.
func (o *Order) reviveMoved(r *events.Record, p *events.Proof) {
	back := func(t *transfer) bool { return t.is(transferFailed) && t.has(markWithPayment) && t.kind != raises }
	first := 0
	for first < len(o.book) && !back(&o.book[first]) {
		first++
	}
	if first == len(o.book) || !o.paymentStands() {
		return
	}
	o.book = slices.Clone(o.book)
	for i := range o.book {
		if t := &o.book[i]; back(t) {
			t.standing = transferContradicted
			t.set(markTakenBack, false)
			if !o.asksNow(p) {
				t.doubt = uint32(r.Version)
			}
		}
	}
	o.watchSoon(r)
}

// endPaymentDoubt drops what contradicts the payment, what a person said of that, and that it was taken back.
func (o *Order) endPaymentDoubt() {
	if at := o.paymentWord(); at >= 0 {
		o.book = slices.Delete(slices.Clone(o.book), at, at+1)
		o.total()
	}
}

// doubtPayment remembers what a record says against the payment, and has APO asked which word is the newer. Of several
// other amounts the smallest is kept.
func (o *Order) doubtPayment(r *events.Record, against marks, other int64) {
	t := transfer{kind: payments, version: uint32(o.paymentMark.version), doubt: uint32(r.Version), marks: against,
		minor: other}
	if !o.paymentKnown() {
		t.version = t.doubt
	}
	if was := o.paymentDoubt(); was != nil {
		t.marks |= was.marks
		if was.has(markUnequal) && (other == 0 || was.minor < other) {
			t.minor = was.minor
		}
	}
	o.setPaymentWord(&t)
	o.watchSoon(r)
}

// setPaymentWord puts what is said against the payment in the place of what was.
func (o *Order) setPaymentWord(t *transfer) {
	at := o.paymentWord()
	o.book = slices.Clone(o.book)
	if at < 0 {
		o.book = append(o.book, *t)
	} else {
		o.book[at] = *t
	}
	o.total()
}

// foldPaymentContradicted remembers what an anomaly tells against the payment: that it failed, that it was cancelled
// though some is captured, or another amount than counts.
func (o *Order) foldPaymentContradicted(r *events.Record, e *events.AnomalyObserved) {
	if e.PaymentID != "" && o.PaymentID != "" && e.PaymentID != o.PaymentID {
		return // of another payment
	}
	switch {
	case e.Reason == events.StatusContradicts && e.Fact == events.KindPaymentFailed:
		if o.paymentStands() {
			o.doubtPayment(r, markRefuted, 0)
		}
	case e.Reason == events.StatusContradicts && e.Fact == events.KindCancelSucceeded:
		f := Fact{Kind: PaymentCancelled, TransferID: e.TransferID, RequestID: e.RequestID, Amount: e.Amount}
		if (o.Status == Captured || o.Status == Refunded) && !o.releasesPart(&f) {
			o.doubtPayment(r, markRefuted, 0)
		}
	case e.Reason == events.StatusContradicts && e.Fact == events.KindPaymentAuthorized:
		if o.paymentKnown() && o.movedWhole() { // it may be only held
			o.doubtPayment(r, markHeld, 0)
		}
	case e.Reason == events.StatusContradicts && e.Fact == events.KindPaymentPaid: // one answer with both
		if o.paymentKnown() && !o.movedWhole() {
			o.doubtPayment(r, markHeld, 0)
		}
	case e.Reason == events.TransferContradicts: // one answer with two amounts
		payment := e.Fact == events.KindPaymentAuthorized || e.Fact == events.KindPaymentPaid
		if payment && o.paymentKnown() && e.Amount.Minor > 0 && e.Amount.Currency == o.Amount.Currency {
			o.doubtPayment(r, markUnequal, e.Amount.Minor)
		}
	case e.Reason != events.PaymentContradicts, !o.paymentKnown(), o.corrects(e.Amount, &e.Proof),
		e.Amount.Minor <= 0 || e.Amount.Currency != o.Amount.Currency,
		o.Status == Cancelled && o.Late.IsZero():
	case e.Fact == events.KindPaymentAuthorized || e.Fact == events.KindPaymentPaid:
		if e.Amount != o.paymentAmount() && !o.wasHeld(e.Amount.Minor) {
			o.doubtPayment(r, markUnequal, e.Amount.Minor)
		}
	}
}

// foldPaymentFailed takes the payment's failure: of one that has succeeded, and all that moved of it, it is the newest
// word.
func (o *Order) foldPaymentFailed(r *events.Record, e *events.PaymentFailed) {
	o.learn(e.PaymentID)
	o.known.set(knownFailure, true)
	// Told once more after another try has succeeded, it is no news, and no contradiction either.
	o.contradiction = append(o.contradiction, contradictionDigest(events.AnomalyObserved{
		Reason: events.StatusContradicts, Fact: events.KindPaymentFailed, PaymentID: e.PaymentID, Code: e.Code}))
	switch {
	case o.paymentStands():
		o.takePaymentBack(r, e.Code)
	case o.cell(law.PaymentFailed).Effect == law.Applied:
		o.move(Failed, r)
		o.endMark = markOf(r, e.Code)
	}
}

// takePaymentBack takes the payment out of the amounts, and with it what moved of it: there was none of it to move.
func (o *Order) takePaymentBack(r *events.Record, code string) {
	cell := o.cell(law.PaymentTakenBack)
	late := o.Status == Cancelled
	back := transfer{kind: payments, minor: o.signed, standing: transferFailed, version: uint32(r.Version),
		marks: markTakenBack}
	back.set(markLate, late)
	o.setPaymentWord(&back)
	for _, m := range []Money{{}, o.money(o.signed)} { // told again, that it was done is no news
		o.contradiction = append(o.contradiction, successDigest(m))
	}
	for _, h := range o.Held {
		t := transfer{kind: refunds, id: digest(h.RefundID), request: digest(h.RefundRequestID), minor: h.Minor,
			version: uint32(h.Version), standing: transferFailed, marks: markTakenBack | markWithPayment,
			owner: o.ownerOf(o.askedFor(CallRefund, h.RefundRequestID), h.RefundRequestID, CallRefund)}
		t.set(markLate, late)
		at := o.find(refunds, t.id, t.request)
		if at < 0 || o.book[at].is(transferFailed) {
			o.enter(at, &t)
		}
		if at >= 0 {
			o.follow(uint32(h.Version), o.book[at].version)
		}
	}
	o.Held = nil
	for i := range o.book {
		t := &o.book[i]
		of := t.kind == raises || (t.kind == captures || t.kind == refunds) && t.has(markLate) == late
		if !of || !t.is(transferCounted) && !(t.is(transferContradicted) && t.has(markWithPayment)) {
			continue
		}
		o.revise(t.version, OutcomeFailed, code)
		t.standing, t.doubt = transferFailed, 0
		t.marks = t.marks&(markLate|markLast) | markTakenBack | markWithPayment
	}
	o.signed = 0
	o.known.set(knownPayment|knownMoved|knownLate, false)
	o.Gateway = o.Gateway.after(law.EventVoided)
	o.endAwaited()
	o.total()
	if o.move(Status(cell.To), r); !late {
		o.endMark = markOf(r, code)
	}
	o.watchSoon(r)
}

// foldPaymentResolved takes a person's word on a payment in doubt: it stands as it counts; or it does not, and then it
// failed, or it is of the other amount, or where APO has called it held and made in one step, the other of these.
func (o *Order) foldPaymentResolved(r *events.Record, t transfer, done bool) {
	switch {
	case !done && t.has(markRefuted):
		o.takePaymentBack(r, CodeResolved)
		return
	case !done && t.has(markHeld):
		o.foldOtherWay(r, &t)
	case !done:
		o.signed = t.minor
	}
	o.setPaymentWord(&transfer{kind: payments, version: uint32(r.Version), marks: markSettled})
	o.endGateway(max(o.Captured, o.Late.Captured)) // which may be all of less
}

// foreignPayment reports whether an anomaly tells of the payment in another currency than the order's: it found the
// order by its paymentRequestId, and what moves of it will name the paymentId.
func (o *Order) foreignPayment(e *events.AnomalyObserved) bool {
	return e.Reason == events.PaymentContradicts && e.Amount.Currency != "" && e.Amount.Currency != o.Amount.Currency &&
		(e.Fact == events.KindPaymentAuthorized || e.Fact == events.KindPaymentPaid)
}

// onRecord reports whether a success says no more than the payment that was taken back had said: a message that is
// delivered again is not a payment that succeeded after all.
func (o *Order) onRecord(f *Fact) bool {
	if f.Kind != PaymentAuthorized && f.Kind != PaymentPaid || o.paymentKnown() || o.newestOnPayment(&f.Proof) {
		return false
	}
	sameTime := f.At.IsZero() || o.known.has(knownPaymentTime) && f.At.Equal(o.PaymentAt)
	return sameTime && len(o.contradiction) > 0 && slices.Contains(o.contradiction, successDigest(f.Amount))
}

// successDigest names the success of a payment that was taken back, of which that amount was told.
func successDigest(m Money) uint64 {
	return contradictionDigest(events.AnomalyObserved{Reason: events.PaymentRevived, Fact: events.KindPaymentAuthorized,
		Amount: m})
}

// movedOnRecord reports whether a capture or refund says no more than the one at that place had said that was taken
// back with its payment: a message that is delivered again brings no payment back.
func (o *Order) movedOnRecord(at int, f *Fact) bool {
	return at >= 0 && o.book[at].is(transferFailed) && o.book[at].has(markWithPayment) &&
		o.book[at].minor == f.Amount.Minor && !o.supersedes(&f.Proof, &o.book[at])
}
