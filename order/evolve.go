package order

import (
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// Evolve folds one record into the order. It trusts history: the record was legal when it was written ([Judge] checks
// that). It copies what it adds to, so that orders that came from the same prefix share their past safely. Cost: no
// allocation and well under a microsecond where the record adds no identifier. Records of other categories than
// [events.CategoryOrder] leave the order as it is.
func Evolve(o Order, r events.Record) Order {
	o.own()
	o.fold(&r)
	return o
}

// own cuts off the room that the order's lists have left, which copies of it share as they share its past: the next
// entry copies its list, and those after it have room. Whoever folds into a copy of an order begins with it. The lists
// are those that one answer can make long.
func (o *Order) own() {
	o.book, o.contradiction, o.Anomalies = slices.Clip(o.book), slices.Clip(o.contradiction), slices.Clip(o.Anomalies)
}

func (o *Order) fold(r *events.Record) {
	if _, refusal := r.Event.(events.CommandRefused); refusal {
		return
	}
	o.Version = r.Version
	switch e := r.Event.(type) {
	case events.OrderCreated:
		o.foldCreated(r, &e)
	case events.PaymentPending:
		o.learn(e.PaymentID)
		o.known.set(knownPending, true)
	case events.PaymentAuthorized:
		o.foldAuthorized(r, &e)
	case events.PaymentPaid:
		o.foldPaid(r, &e)
	case events.PaymentFailed:
		o.foldPaymentFailed(r, &e)
	case events.PaymentRaised:
		o.foldRaised(r, &e)
	case events.RaiseFailed:
		o.foldRaiseFailed(r, &e)
	case events.CaptureSucceeded:
		o.foldCaptured(r, &e)
	case events.CaptureFailed:
		o.foldCaptureFailed(r, &e)
	case events.RefundSucceeded:
		o.foldRefunded(r, &e)
	case events.RefundFailed:
		o.foldRefundFailed(r, &e)
	case events.RefundHeld:
		o.foldHeld(r, &e)
	case events.CancelSucceeded:
		o.foldCancelled(r, &e)
	case events.CancelDated:
		o.foldDated(r, &e)
	case events.DisputeOpened, events.DisputeDue, events.DisputeDefended, events.DisputeClosed:
		o.foldDispute(r)
	case events.AnomalyObserved:
		o.foldAnomaly(r, &e)
	case events.AnomalyCleared:
		o.Anomalies = slices.DeleteFunc(slices.Clone(o.Anomalies), func(a Anomaly) bool { return a.Version == e.Anomaly })
		o.rememberCommand(r, VerbClearAnomaly, contentOf(VerbClearAnomaly, Money{Minor: int64(e.Anomaly)}, false, ""))
	default:
		o.foldOperation(r)
	}
	if len(o.book) > 0 && !o.paymentStands() && o.paymentDoubt() != nil {
		o.endPaymentDoubt() // nothing is left that it could be about
	}
	if o.known.has(knownBared) {
		o.known.set(knownBared, false)
		o.watchSoon(r)
	}
	if !o.WatchDue.IsZero() && !o.watching() {
		o.WatchDue = zeroTime
	}
}

func (o *Order) foldCreated(r *events.Record, e *events.OrderCreated) {
	o.ID = r.Stream.ID
	o.PaymentRequestID, o.PaymentID = e.PaymentRequestID, e.PaymentID
	o.Amount, o.Method, o.Acquirer, o.CaptureMode = e.Amount, e.Method, e.Acquirer, e.CaptureMode
	o.CreatedAt, o.PayBy, o.WatchDue, o.MerchantAccountID = r.Recorded, e.PayBy, e.Due, e.MerchantAccountID
	o.move(Created, r)
	o.rememberCommand(r, VerbCreate, createContent(e))
}

// move changes the status, and its since when it is another one.
func (o *Order) move(to Status, r *events.Record) {
	if o.Status != to {
		o.Status, o.StatusSince = to, r.Recorded
	}
}

func (o *Order) learn(paymentID string) {
	if o.PaymentID == "" {
		o.PaymentID = paymentID
	}
}

// watching reports whether the payment has to be looked at apart from the operation: while its money can still move.
func (o *Order) watching() bool {
	switch o.Status {
	case Created, Authorized, Failed: // another card may work, and its notification be lost
		return true
	case Paid, Captured, Refunded:
		if o.left() > 0 {
			return true
		}
	case Cancelled:
		if !o.paymentKnown() || !o.Late.IsZero() {
			return true
		}
	}
	return o.Gateway == GatewayOutstanding || len(o.Held) > 0 || o.inDoubt()
}

// watchFrom begins the schedule of the payment's inquiries anew, but never puts off or drops the one that a held refund
// waits for, or that may tell what became of money which the amounts cannot have.
func (o *Order) watchFrom(due time.Time) {
	if !o.WatchDue.IsZero() && (len(o.Held) > 0 || o.inDoubt()) && (due.IsZero() || o.WatchDue.Before(due)) {
		return
	}
	o.WatchDue, o.Watches = due, 0
}

func (o *Order) foldCaptured(r *events.Record, e *events.CaptureSucceeded) {
	o.learn(e.PaymentID)
	id, request := digest(e.CaptureID), digest(e.CaptureRequestID)
	at := o.findCapture(id, request, e.Amount.Minor)
	known := o.counted(at)
	less := known && e.Amount.Minor < o.book[at].minor
	p := o.askedFor(CallCapture, e.CaptureRequestID)
	cell := o.cell(o.captureRow())
	m := lateMark(cell)
	if p != nil && p.Last {
		m |= markLast
	}
	o.counts(r, at, &transfer{kind: captures, id: id, request: request, minor: e.Amount.Minor,
		version: uint32(r.Version), owner: o.ownerOf(p, e.CaptureRequestID, CallCapture), marks: m}, &e.Proof)
	switch {
	case !known:
		o.captured(r, e, cell)
	case cell.Effect == law.LateMoney:
		o.endGateway(o.Late.Captured)
	default:
		o.endGateway(o.Captured)
		if less {
			o.reopenGateway(r, false)
		}
	}
	if p != nil {
		if p.Last && o.Status != Cancelled { // that mark is the cancel's
			o.endMark = markOf(r, first(e.CaptureID, e.CaptureRequestID))
		}
		o.endTransfer(r, p.Intent, captures, request, OutcomeSucceeded, "")
	}
}

// lateMark is the mark of a transfer that came when the order was cancelled.
func lateMark(cell law.Cell) marks {
	if cell.Effect == law.LateMoney {
		return markLate
	}
	return 0
}

// ownerOf says whose a transfer is that carries this request's id, which p asks for, unless nil.
func (o *Order) ownerOf(p *Operation, request string, kind CallKind) owner {
	if p != nil {
		return ownerOurs
	}
	if kind == CallCapture && request == "" && o.CaptureMode == CaptureAutomatic {
		return ownerGateway
	}
	return ownerForeign
}

// endGateway ends APO's own capture once all is captured: by one that is new, or that is of more by the newest word.
func (o *Order) endGateway(captured int64) {
	if o.Gateway != GatewayNone && captured >= o.fullAmount() {
		o.Gateway = o.Gateway.after(law.EventCaptured)
		o.endAwaited()
	}
}

// captured is what follows from a capture that is new to the book.
func (o *Order) captured(r *events.Record, e *events.CaptureSucceeded, cell law.Cell) {
	captured := o.Captured
	newest := o.newestOnPayment(&e.Proof)
	if cell.Effect == law.LateMoney {
		captured = o.Late.Captured
		if o.Authorized == 0 && o.PaymentAt.IsZero() {
			o.PaymentAt = r.Occurred
		}
	} else {
		o.move(Status(cell.To), r)
		if e.Amount.Minor > 0 { // a last capture may capture nothing
			o.captureMark = markOf(r, first(e.CaptureID, e.CaptureRequestID))
		}
	}
	o.endGateway(captured)
	o.foldPaymentWord(r, &e.Proof, o.known.has(knownFailure) && !newest, false)
	if o.Gateway != GatewayOutstanding {
		o.watchFrom(e.Due)
	}
}

func (o *Order) foldCaptureFailed(r *events.Record, e *events.CaptureFailed) {
	o.learn(e.PaymentID)
	id, request := digest(e.CaptureID), digest(e.CaptureRequestID)
	p := o.askedFor(CallCapture, e.CaptureRequestID)
	whose := o.ownerOf(p, e.CaptureRequestID, CallCapture)
	if e.CaptureRequestID == "" && o.awaitsGateway() {
		whose = ownerGateway
	}
	switch at := o.failing(captures, e.CaptureID, e.CaptureRequestID); {
	case o.counted(at):
		o.takeBack(r, at, e.Code)
	case id != 0 || request != 0 || o.awaitsGateway():
		o.foldRefuted(r, at, &transfer{kind: captures, id: id, request: request, standing: transferFailed, owner: whose},
			&e.Proof)
		if e.CaptureRequestID == "" && at >= 0 {
			o.foldOwnFailure(at, uint32(r.Version), 0)
		}
	}
	if p != nil {
		o.endTransfer(r, p.Intent, captures, request, OutcomeFailed, e.Code)
		return
	}
	// Nobody asks APO for its own capture, so one that names a request was somebody else's: APO goes on capturing, and to
	// cancel beside that is what must not be.
	if e.CaptureRequestID == "" {
		o.Gateway = o.Gateway.after(law.EventFailed)
		o.doubtAwaited(r)
	}
}

func (o *Order) foldRefunded(r *events.Record, e *events.RefundSucceeded) {
	o.learn(e.PaymentID)
	id, request := digest(e.RefundID), digest(e.RefundRequestID)
	at := o.findRefund(id, request, e.Amount.Minor)
	known := o.counted(at)
	p := o.askedFor(CallRefund, e.RefundRequestID)
	cell := o.cell(o.classifyRefund(e.Amount.Minor))
	o.counts(r, at, &transfer{kind: refunds, id: id, request: request, minor: e.Amount.Minor,
		version: uint32(r.Version), owner: o.ownerOf(p, e.RefundRequestID, CallRefund), marks: lateMark(cell)}, &e.Proof)
	o.carryDoubt(r, e)
	o.dropHeld(r, e.RefundID, e.RefundRequestID, OutcomeSucceeded, "")
	if !known {
		if cell.Effect == law.Applied {
			o.move(Status(cell.To), r)
		}
		o.refundMark = markOf(r, first(e.RefundID, e.RefundRequestID))
	}
	if p != nil {
		o.endTransfer(r, p.Intent, refunds, request, OutcomeSucceeded, "")
	}
}

func (o *Order) foldRefundFailed(r *events.Record, e *events.RefundFailed) {
	id, request := digest(e.RefundID), digest(e.RefundRequestID)
	p := o.askedFor(CallRefund, e.RefundRequestID)
	switch at := o.find(refunds, id, request); {
	case o.counted(at):
		o.takeBack(r, at, e.Code)
	case id != 0 || request != 0:
		o.foldRefuted(r, at, &transfer{kind: refunds, id: id, request: request, standing: transferFailed,
			owner: o.ownerOf(p, e.RefundRequestID, CallRefund)}, &e.Proof)
	}
	o.dropHeld(r, e.RefundID, e.RefundRequestID, OutcomeFailed, e.Code)
	if p != nil {
		o.endTransfer(r, p.Intent, refunds, request, OutcomeFailed, e.Code)
	}
}

func (o *Order) foldHeld(r *events.Record, e *events.RefundHeld) {
	o.learn(e.PaymentID)
	o.WatchDue = earlier(o.WatchDue, e.Due)
	i := o.findHeld(e.RefundID, e.RefundRequestID)
	if i < 0 {
		o.Held = append(slices.Clip(o.Held),
			HeldRefund{e.RefundID, e.RefundRequestID, e.Amount.Minor, e.At, r.Recorded, r.Version, 0})
		o.retireUndecided(e)
		if o.known.has(knownFailure) { // of a payment that has failed: of two words APO has the newer
			o.watchSoon(r)
		}
		return
	}
	newest := o.newestOfHeld(&e.Proof, &o.Held[i])
	for at := o.failedRefund(e.RefundID, e.RefundRequestID); newest && at >= 0; {
		o.follow(o.book[at].version, uint32(o.Held[i].Version))
		o.book = slices.Delete(slices.Clone(o.book), at, at+1) // the newest word is that it was done
		at = o.failedRefund(e.RefundID, e.RefundRequestID)
	}
	o.Held = slices.Clone(o.Held)
	h := &o.Held[i]
	h.RefundID, h.RefundRequestID = first(h.RefundID, e.RefundID), first(h.RefundRequestID, e.RefundRequestID)
	if newest {
		h.Minor, h.doubt = e.Amount.Minor, 0
	}
}

func (o *Order) foldCancelled(r *events.Record, e *events.CancelSucceeded) {
	o.learn(e.PaymentID)
	o.foldEndedBy(e)
	if o.Status == Cancelled { // recorded again for one thing only: the late money is released
		o.foldReleased(r, e)
		o.Gateway = o.Gateway.after(law.EventVoided)
		o.endAwaited()
	}
	kind := law.PaymentCancelled
	if o.Status == Captured || o.Status == Refunded {
		kind = law.CapturedCancelled
	}
	if cell := o.cell(kind); cell.Effect == law.Applied || cell.Effect == law.AppliedAnomaly {
		o.move(Status(cell.To), r)
		if o.paymentDoubt() != nil { // whatever of the words held, nothing is left of it
			o.endPaymentDoubt()
		}
		o.CancelCause = e.Cause
		o.known.set(knownCancelTime, undoes(e))
		o.endMark = markOf(r, "")
		o.Gateway = o.Gateway.after(law.EventVoided)
		o.endAwaited()
		o.watchFrom(e.Due)
	}
	switch {
	case o.Operation.Kind == CallCancel:
		o.endOperation(r, o.Operation.Intent, OutcomeSucceeded, "")
	case e.Proof.Via == events.ViaSelf:
		o.rememberCommand(r, VerbCancel, contentOf(VerbCancel, Money{}, false, ""))
	}
}

func (o *Order) foldAnomaly(r *events.Record, e *events.AnomalyObserved) {
	o.Anomalies = append(o.Anomalies, Anomaly{r.Version, e.Reason, r.Recorded})
	defer func() { // the folds ask whether it was told before
		o.contradiction = append(o.contradiction, contradictionDigest(*e))
	}()
	// by order of records, not by the clock: what APO said before speaks of another picture
	switch e.Reason {
	case events.LatePayment:
		o.Inquiry.Answered = zeroTime
	case events.NotUnderstood: // APO does not tell it again, and an inquiry may say what it was about
		o.watchSoon(r)
	case events.PaymentContradicts, events.StatusContradicts: // of two words on the payment APO has the newer
		switch e.Fact {
		case events.KindPaymentAuthorized, events.KindPaymentPaid, events.KindPaymentFailed, events.KindCancelSucceeded:
			if o.paymentKnown() || o.Captured > 0 {
				o.watchSoon(r)
			}
		}
	}
	if e.Fact == events.KindRefundHeld {
		o.dropHeld(r, e.TransferID, e.RequestID, OutcomeFailed, "")
	}
	if o.foreignPayment(e) {
		o.learn(e.PaymentID)
	}
	o.foldWords(r, e)
	o.foldRaiseContradicted(r, e)
	o.foldPaymentContradicted(r, e)
	o.foldCancelRevived(r, e)
	if e.Fact == events.KindPaymentFailed && o.Operation.Kind == CallCancel {
		o.Operation.Inquire = true
	}
}

// foldReleased books what a cancel let go of the late money: what was held, and of a payment in one step what had
// moved, as of one of which APO's newest word is that it was cancelled.
func (o *Order) foldReleased(r *events.Record, e *events.CancelSucceeded) {
	late, all := o.Late, o.CaptureMode == CaptureNone || o.fellAgain(e.At, &e.Proof)
	o.known.set(knownStood, false)
	t := transfer{owner: ownerGateway, marks: markLate, version: uint32(r.Version)}
	if t.kind, t.minor = releases, late.held(); t.minor > 0 {
		o.enter(-1, &t)
	}
	if t.kind, t.minor = refunds, late.owed(); t.minor > 0 && all {
		o.enter(-1, &t)
	}
}

// rememberCommand keeps a command that is done at once. A record that only belongs to a command under way, or one that
// has ended, says nothing about how that one ends.
func (o *Order) rememberCommand(r *events.Record, v Verb, content uint64) {
	if r.CommandID == "" {
		return
	}
	if _, known := o.recall(r.CommandID); !known {
		o.commands = o.remembering(memory{id: digest(r.CommandID), content: content, version: r.Version, verb: v,
			outcome: OutcomeSucceeded})
	}
}
