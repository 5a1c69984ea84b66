package order

import (
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// Judge says whether a record may follow the ones that made the order: by the same tables that decided it when it was
// written, but without the policy of that day (windows, methods with several captures), which is not in the log. The
// error is an *[IllegalError]. It is how an auditor finds a record that our rules cannot have written. Cost: like
// [Evolve].
func Judge(o Order, r events.Record) error { return o.legal(&r) }

func (o *Order) legal(r *events.Record) error {
	problem := o.judge(r)
	if problem == "" {
		return nil
	}
	id := o.ID
	if id == "" {
		id = r.Stream.ID
	}
	kind := events.Kind("a record without a fact")
	if r.Event != nil {
		kind = r.Event.Kind()
	}
	return &IllegalError{OrderID: id, Version: r.Version, Kind: kind, Problem: problem}
}

func (o *Order) judge(r *events.Record) string {
	_, created := r.Event.(events.OrderCreated)
	switch {
	case r.Event == nil:
		return "carries no fact"
	case r.Stream.Category != events.CategoryOrder:
		return "stands in category " + r.Stream.Category
	case r.Version != o.Version+1:
		return fmt.Sprintf("follows version %d", o.Version)
	case created != (o.Status == Unplaced):
		return "does not fit: an order begins with order.created, once"
	case !created && r.Stream.ID != o.ID:
		return "stands in the stream of order " + r.Stream.ID
	}
	switch e := r.Event.(type) {
	case events.OrderCreated:
		return when(e.Amount.Minor <= 0, "has no amount")
	case events.CancelRequested:
		ours := e.By == events.Identifier{PaymentID: o.PaymentID} || o.PaymentID == "" &&
			e.By == events.Identifier{PaymentRequestID: o.PaymentRequestID}
		return first(o.judgeCancel(r, &e), when(!ours, "names another payment"), judgeLease(r, e.Lease))
	case events.CaptureRequested:
		return first(o.judgeCommand(r, &question{verb: VerbCapture, amount: e.Amount, last: e.Last}),
			o.judgeRequest(captures, e.CaptureRequestID, e.PaymentID), judgeLease(r, e.Lease))
	case events.RefundRequested:
		return first(o.judgeRefund(r, &e), o.judgeRequest(refunds, e.RefundRequestID, e.PaymentID), judgeLease(r, e.Lease))
	case events.AttemptStarted:
		return first(o.judgeAttempt(r, &e), judgeLease(r, e.Lease))
	case events.CancelUnresolved:
		return o.judgeAnswer(CallCancel, e.Attempt, law.StepUnresolved)
	case events.CaptureUnresolved:
		return o.judgeAnswer(CallCapture, e.Attempt, law.StepUnresolved)
	case events.RefundUnresolved:
		return o.judgeAnswer(CallRefund, e.Attempt, law.StepUnresolved)
	case events.CaptureAccepted:
		if e.CaptureRequestID == "" {
			return o.judgeAwaited(&e)
		}
		return first(o.judgeAnswer(CallCapture, e.Attempt, law.StepAccepted),
			when(e.CaptureRequestID != o.Operation.RequestID, "names another request"))
	case events.RefundAccepted:
		return first(o.judgeAnswer(CallRefund, e.Attempt, law.StepAccepted),
			when(e.RefundRequestID != o.Operation.RequestID, "names another request"))
	case events.CancelFailed:
		return when(o.Operation.Kind != CallCancel, "ends a cancel that nobody asked for")
	case events.InquiryStarted:
		return first(o.judgeInquiry(r, &e), judgeLease(r, e.Lease))
	case events.InquiryAnswered:
		return when(!o.Inquiry.Open || e.Number != o.Inquiry.Number || e.Subject != o.Inquiry.Subject,
			"answers no inquiry under way")
	case events.OperationParked:
		p := o.current(e.Intent)
		if p == nil {
			return "parks nothing that is outstanding"
		}
		_, ok := p.Phase.next(law.StepParked)
		return when(!ok, "parks what is parked")
	case events.OperationResolved:
		return o.judgeCommand(r, &question{verb: VerbResolve, resolution: e.Resolution, override: e.Override,
			record: e.Intent})
	case events.TransferResolved:
		q := question{verb: VerbResolve, resolution: e.Resolution, record: e.Record}
		return first(when(e.Record == 0, "resolves no record"), o.judgeCommand(r, &q))
	case events.AnomalyCleared:
		return o.judgeCommand(r, &question{verb: VerbClearAnomaly, anomaly: e.Anomaly})
	case events.AnomalyObserved:
		return o.judgeUnited(&e)
	case events.CommandRefused:
		return "belongs to the category refusal"
	}
	return o.judgeFact(r)
}

// judgeRequest holds what a capture or refund asks under against what is on record.
func (o *Order) judgeRequest(kind transferKind, request, paymentID string) string {
	known := o.placed(kind, "", request) >= 0 || o.askedFor(kind.asked(), request) != nil
	return first(when(known, "asks under an identifier that is closed"),
		when(paymentID != o.PaymentID, "names another payment"))
}

// judgeLease: a claim that gave no time to answer would let another ask at once.
func judgeLease(r *events.Record, lease time.Time) string {
	return when(!lease.After(r.Recorded), "claims no time to answer")
}

func when(bad bool, problem string) string {
	if bad {
		return problem
	}
	return ""
}

// judgeCommand holds what a command left on record against the rules that decided it, all but those of the policy.
func (o *Order) judgeCommand(r *events.Record, q *question) string {
	if permit, _ := o.permits(q.verb); permit != law.Allowed {
		return "is not legal for an order that is " + o.Status.String()
	}
	return o.judgeRules(r, q)
}

func (o *Order) judgeRules(r *events.Record, q *question) string {
	if rejected := o.objection(q, r.Recorded.Round(0), nil); rejected != nil {
		return fmt.Sprintf("is no legal %s: %s", q.verb, rejected.Why())
	}
	return ""
}

func (o *Order) judgeCancel(r *events.Record, e *events.CancelRequested) string {
	if e.Compensates == 0 {
		return o.judgeCommand(r, &question{verb: VerbCancel})
	}
	return first(o.judgeCommand(r, &question{verb: VerbCompensate}), o.judgeCompensated(e.Compensates),
		when(o.Late.returnable() > 0, "cancels late money that is not merely held"))
}

func (o *Order) judgeRefund(r *events.Record, e *events.RefundRequested) string {
	if e.Compensates == 0 {
		return o.judgeCommand(r, &question{verb: VerbRefund, amount: e.Amount})
	}
	owed := o.Late.returnable()
	return first(o.judgeCommand(r, &question{verb: VerbCompensate}), o.judgeCompensated(e.Compensates),
		when(owed <= 0 || e.Amount != o.money(owed), "gives back another amount than the late money that moved"))
}

func (o *Order) judgeCompensated(record uint64) string {
	return when(o.lateRecord().Version != record, "compensates by a record that tells of no late money")
}

func (o *Order) judgeAttempt(r *events.Record, e *events.AttemptStarted) string {
	p := &o.Operation
	_, ok := p.Phase.next(law.StepAttempt)
	switch {
	case !ok:
		return "attempts an operation that is " + p.Phase.String()
	case e.Attempt != p.Attempt+1:
		return fmt.Sprintf("claims attempt %d after attempt %d", e.Attempt, p.Attempt)
	case o.claimed(r.Recorded):
		return "claims while another claim is in force"
	}
	switch again, _, rejected := o.askedAnew(p, r.Recorded.Round(0)); {
	case again:
		return ""
	case rejected == nil:
		return "gives late money back again, and not as it is now"
	default:
		return fmt.Sprintf("sends again what is no legal %s: %s", rejected.Command, rejected.Why())
	}
}

func (o *Order) judgeAnswer(op CallKind, attempt uint64, step law.Step) string {
	p := &o.Operation
	_, ok := p.Phase.next(step)
	switch {
	case p.Kind != op:
		return fmt.Sprintf("answers no %s under way", op)
	case !ok:
		return "cannot follow while the operation is " + p.Phase.String()
	case attempt > p.Attempt:
		return fmt.Sprintf("answers attempt %d, which was never started", attempt)
	case attempt != 0 && p.Answered&attemptBit(attempt) != 0:
		return fmt.Sprintf("answers attempt %d again", attempt)
	}
	return ""
}

func (o *Order) judgeInquiry(r *events.Record, e *events.InquiryStarted) string {
	switch {
	case e.Number != o.Inquiry.Number+1:
		return fmt.Sprintf("claims inquiry %d after inquiry %d", e.Number, o.Inquiry.Number)
	case o.claimed(r.Recorded):
		return "claims while another claim is in force"
	case e.Subject == events.SubjectRefund && (o.current(e.Intent) == nil || o.current(e.Intent).Kind != CallRefund):
		return "asks about a refund that nobody asked for"
	}
	return ""
}

// judgeFact holds a proven fact against the status table. A fact that is known already may stand once more where it
// names something that was not known: another identifier of a transfer, or the paymentId.
func (o *Order) judgeFact(r *events.Record) string {
	kind, again := o.factOf(r.Event)
	if problem := o.judgeMoney(r.Event); problem != "" || again {
		return problem
	}
	cell := o.cell(kind)
	if c, ok := r.Event.(events.CancelSucceeded); ok {
		if problem := first(o.judgeCancelled(&c), o.judgeLocal(r, &c)); problem != "" {
			return problem
		}
	}
	if e, ok := r.Event.(events.CancelDated); ok && o.Status == Cancelled {
		return o.judgeDated(&e)
	}
	if !cell.Effect.Recorded() {
		return fmt.Sprintf("cannot follow for an order that is %s (%s: %s)", o.Status, kind, cell.Effect)
	}
	if e, ok := r.Event.(events.CaptureSucceeded); ok {
		return when(e.Amount.Minor > o.uncaptured(cell.Effect), "captures more than there is")
	}
	_, held := r.Event.(events.RefundHeld)
	switch {
	case held && cell.Effect != law.Held:
		return "holds a refund that has its place"
	case !held && cell.Effect == law.Held:
		return "refunds what is not captured"
	}
	return ""
}

// judgeMoney holds a fact's identity and amount against what is on record: Decide makes an anomaly of what differs.
func (o *Order) judgeMoney(e events.Event) string {
	p := events.PartsOf(e)
	problem := when(p.PaymentID != "" && o.PaymentID != "" && p.PaymentID != o.PaymentID, "names another payment")
	failed, refund := p.Stage == events.StageFailed, p.Transfer == events.TransferRefund
	switch {
	case problem != "":
		return problem
	case p.Transfer == events.TransferPayment:
		if p.Stage != events.StageSucceeded {
			return ""
		}
		return o.judgeAmount(e, &p)
	case p.Transfer == events.TransferRaise:
		return o.judgeRaise(p.TransferID, p.RequestID, p.Amount, failed)
	case p.Transfer == events.TransferCapture && failed:
		return o.judgeReversal(captures, &p)
	case p.Transfer == events.TransferCapture:
		return o.judgeTransfer(captures, &p)
	case p.Transfer == events.TransferDispute:
		return o.judgeDispute(e)
	case refund && failed:
		return o.judgeReversal(refunds, &p)
	case refund:
		return first(o.judgeHeld(&p),
			o.judgeTransfer(refunds, &p))
	}
	return ""
}

func (o *Order) judgeTransfer(kind transferKind, told *events.Parts) string {
	id, request, m := told.TransferID, told.RequestID, told.Amount
	at, op := o.toldOf(kind, id, request, m.Minor), kind.asked()
	p := o.askedFor(op, request)
	switch {
	case m.Minor <= 0 && !(op == CallCapture && m == o.money(0) && o.askedForNothing(id, request)),
		m.Currency != o.Amount.Currency:
		return "moves no money of the order's currency"
	case p != nil && m != p.Amount:
		return fmt.Sprintf("moves %s where %s was asked for", m, p.Amount)
	case o.counted(at) && o.book[at].minor != m.Minor && (!o.supersedes(&told.Proof, &o.book[at]) ||
		m.Minor-o.book[at].minor > o.roomFor(&o.book[at])):
		return fmt.Sprintf("moves %s under an identifier that moved %s", m, o.money(o.book[at].minor))
	}
	return ""
}

// toldOf is the place of the capture or refund that a message is about, also where that counts without a name; -1: it
// is not on record.
func (o *Order) toldOf(kind transferKind, id, request string, minor int64) int {
	switch {
	case !o.any(kind):
		return -1
	case kind == captures:
		return o.findCapture(digest(id), digest(request), minor)
	}
	return o.findRefund(digest(id), digest(request), minor)
}

func (o *Order) judgeHeld(p *events.Parts) string {
	i := o.findHeld(p.TransferID, p.RequestID)
	return when(i >= 0 && o.Held[i].Minor != p.Amount.Minor && !(p.Stage == events.StageHeld &&
		o.newestOfHeld(&p.Proof, &o.Held[i])), "has another amount than the refund that is held")
}

// judgeReversal: only the newest word takes back what was done.
func (o *Order) judgeReversal(kind transferKind, p *events.Parts) string {
	at := o.failing(kind, p.TransferID, p.RequestID)
	return when(o.counted(at) && !o.supersedes(&p.Proof, &o.book[at]), "fails what had succeeded")
}

// judgeCancelled demands evidence: APO's signed answer, an inquiry under way, or a failed payment.
func (o *Order) judgeCancelled(c *events.CancelSucceeded) string {
	switch {
	case c.Proof.Via == events.ViaAnswer, c.Proof.Via == events.ViaNotification:
		return when(c.Proof.Evidence == nil, "is proven by a message that was not kept")
	case c.Proof.Via == events.ViaInquiry:
		return when(!o.Inquiry.Open && c.Proof.Evidence == nil, "refers to no inquiry under way")
	case c.Cause == events.CausePaymentFailed && (o.Status == Failed || c.Proof.Evidence != nil):
		return ""
	}
	return "has no evidence: only APO's signed word, an inquiry or a failed payment cancels an order"
}

// judgeLocal holds a cancel that was done without APO against the rules that a command has to keep.
func (o *Order) judgeLocal(r *events.Record, c *events.CancelSucceeded) string {
	permit, _ := o.permits(VerbCancel)
	if permit != law.Local || c.Proof.Via != events.ViaSelf || c.Proof.Evidence != nil {
		return ""
	}
	return o.judgeRules(r, &question{verb: VerbCancel})
}

// factOf says which row of the status table an event stands for; again marks one whose fact is on record and that only
// names it better.
func (o *Order) factOf(e events.Event) (kind law.Fact, again bool) {
	switch e := e.(type) {
	case events.PaymentPending:
		return law.PaymentPending, false
	case events.PaymentAuthorized:
		kind = o.heldOrMoved(o.payment(law.PaymentAuthorized, e.At), &e.Proof)
		return kind, o.authorizedAnew(&e)
	case events.PaymentPaid:
		kind = o.heldOrMoved(o.payment(law.PaymentPaid, e.At), &e.Proof)
		return kind, o.paidAnew(&e, kind)
	case events.PaymentFailed:
		return o.paymentFailure(&e.Proof), o.known.has(knownFailure) && o.PaymentID == "" && e.PaymentID != ""
	case events.PaymentRaised:
		return o.raiseOf(&e)
	case events.RaiseFailed:
		return law.RaiseFailed, false
	case events.CancelDated:
		return law.CancelDated, false
	case events.CancelSucceeded:
		if o.fellAgain(e.At, &e.Proof) || o.releasable() {
			return law.LateMoneyReleased, false
		}
		return o.cancelledAnyway(&e.Proof), false
	case events.CaptureSucceeded:
		if !o.any(captures) {
			return o.captureRow(), false
		}
		at := o.findCapture(digest(e.CaptureID), digest(e.CaptureRequestID), e.Amount.Minor)
		again = o.counted(at) && (o.book[at].minor == e.Amount.Minor || o.supersedes(&e.Proof, &o.book[at]))
		return o.captureRow(), again
	case events.CaptureFailed:
		return o.failure(captures, o.failing(captures, e.CaptureID, e.CaptureRequestID), &e.Proof), false
	case events.RefundSucceeded:
		if i := o.findHeld(e.RefundID, e.RefundRequestID); i >= 0 {
			return o.classifyRefund(o.Held[i].Minor), false
		}
		if !o.any(refunds) {
			return o.classifyRefund(e.Amount.Minor), false
		}
		at := o.findRefund(digest(e.RefundID), digest(e.RefundRequestID), e.Amount.Minor)
		again = o.counted(at) && (o.book[at].minor == e.Amount.Minor || o.supersedes(&e.Proof, &o.book[at]))
		return o.classifyRefund(e.Amount.Minor), again
	case events.RefundFailed:
		if o.findHeld(e.RefundID, e.RefundRequestID) >= 0 {
			return law.HeldRefundFailed, false
		}
		return o.failure(refunds, o.placed(refunds, e.RefundID, e.RefundRequestID), &e.Proof), false
	case events.RefundHeld:
		i := o.findHeld(e.RefundID, e.RefundRequestID)
		return o.classifyRefund(e.Amount.Minor), i >= 0 && (o.Held[i].Minor == e.Amount.Minor ||
			o.newestOfHeld(&e.Proof, &o.Held[i]))
	}
	return disputeRow(e), false
}
