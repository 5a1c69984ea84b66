package order

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// Decide says which facts a command makes of an order. It is pure: no I/O, no clock, no randomness but env's. The facts
// are to be appended together, after o.Version, or not at all; [Records] makes the records. nil, nil means that the
// command is in effect already and nothing is to be appended.
//
// Errors: *[RejectedError] for a command that is not legal now, *[FailedError] for one whose recorded outcome is a
// failure, *[MismatchError], *[InvalidError]; [ErrUnknownOrder] where no order is on record; [ErrNotDue] for a Claim
// with nothing to claim, or while APO has been asked too often.
func Decide(o Order, c Command, env Env) ([]events.Event, error) {
	env.Now = env.Now.Round(0) // times are compared as they will stand on record, without the process's own clock
	if create, ok := c.(Create); ok {
		return decideCreate(&o, &create, &env)
	}
	if o.Status == Unplaced && Describe(c).Verb != VerbCreate {
		return nil, ErrUnknownOrder
	}
	switch c := c.(type) {
	case Cancel:
		return decideCancel(&o, &c, &env)
	case Capture:
		return decideCapture(&o, &c, &env)
	case Refund:
		return decideRefund(&o, &c, &env)
	case Resolve:
		return decideResolve(&o, &c, &env)
	case ClearAnomaly:
		return decideClear(&o, &c, &env)
	case Compensate:
		return decideCompensate(&o, &c, &env)
	case Observe:
		d := newDecision(&o, &env, "")
		d.observe(c.Fact)
		return d.signed("observe")
	case Claim:
		return decideClaim(&o, c, &env)
	case RecordAnswer:
		return decideAnswer(&o, &c, &env)
	case RecordInquiry:
		return decideInquiry(&o, &c, &env)
	}
	return nil, &InvalidError{OrderID: o.ID, Command: fmt.Sprintf("%T", c), Field: "command",
		Problem: "is not one of this package's; give one of its commands, as a value"}
}

// decision collects facts, each folded into the order before the next is decided.
type decision struct {
	o         Order
	env       Env
	commandID string
	events    []events.Event
	heard     heard  // what the inquiry that is heard says as a whole
	unproven  string // why two entries cannot be one by what was given; "": they can
}

func newDecision(o *Order, env *Env, commandID string) *decision {
	d := &decision{o: *o, env: *env, commandID: commandID}
	d.o.own()
	return d
}

func (d *decision) emit(e events.Event) {
	d.events = append(d.events, e)
	d.o.fold(&events.Record{Stream: events.OrderStream(d.o.ID), Version: d.o.Version + 1, Recorded: d.env.Now,
		Occurred: occurred(e, d.env.Now), CommandID: d.commandID, Event: e})
}

// signed returns what was decided, unless it cancels the order, or makes two transfers one, on nobody's signed word: no
// mapping of APO's messages makes such a fact.
func (d *decision) signed(command string) ([]events.Event, error) {
	if d.unproven != "" {
		return nil, &InvalidError{OrderID: d.o.ID, Command: command, Field: "proof",
			Problem: d.unproven + "; give the message as evidence"}
	}
	for _, e := range d.events {
		if c, ok := e.(events.CancelSucceeded); ok &&
			(c.Proof.Evidence == nil || c.Proof.Via == events.ViaSelf || c.Proof.Via == events.ViaOperator) {
			return nil, &InvalidError{OrderID: d.o.ID, Command: command, Field: "proof",
				Problem: "carries nothing that APO signed; give the message as evidence"}
		}
	}
	return d.events, nil
}

// again answers a command whose id is on record: in effect already (nil), failed, or somebody else's.
func (o *Order) again(id string, m memory, content uint64) error {
	switch {
	case m.content != content:
		return &MismatchError{OrderID: o.ID, CommandID: id}
	case m.outcome == OutcomeFailed:
		return &FailedError{OrderID: o.ID, CommandID: id, Command: m.verb, Code: m.code, Version: m.version}
	}
	return nil
}

func decideCreate(o *Order, c *Create, env *Env) ([]events.Event, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	e := events.OrderCreated{PaymentRequestID: c.PaymentRequestID, PaymentID: c.PaymentID, Amount: c.Amount,
		Method:   c.Method,
		Acquirer: c.Acquirer, CaptureMode: c.CaptureMode, PayBy: c.PayBy.UTC(), MerchantAccountID: c.MerchantAccountID}
	if c.PayBy.IsZero() { // UTC turns the zero time into another one
		e.PayBy = time.Time{}
	}
	e.Due = (&Order{CreatedAt: env.Now, PayBy: e.PayBy}).payDeadline(env)
	if m, known := o.recall(c.CommandID); known {
		return nil, o.again(c.CommandID, m, createContent(&e))
	}
	if o.Status != Unplaced && o.placedAs(&e) {
		return nil, nil
	}
	if _, rejected := o.permit(&question{verb: VerbCreate}, env); rejected != nil {
		return nil, rejected
	}
	return []events.Event{e}, nil
}

// placedAs reports whether the order was created with this content. A paymentId that was learnt since does not count,
// nor that APO has only authorized what was placed as paid in one step.
func (o *Order) placedAs(e *events.OrderCreated) bool {
	return o.PaymentRequestID == e.PaymentRequestID && (e.PaymentID == "" || e.PaymentID == o.PaymentID) &&
		o.Amount == e.Amount && o.Method == e.Method && o.Acquirer == e.Acquirer && o.PayBy.Equal(e.PayBy) &&
		o.MerchantAccountID == e.MerchantAccountID &&
		(o.CaptureMode == e.CaptureMode || o.CaptureMode == CaptureAutomatic && e.CaptureMode == CaptureNone)
}

func createContent(e *events.OrderCreated) uint64 {
	var b [17]byte
	b[0] = byte(e.CaptureMode)
	binary.BigEndian.PutUint64(b[1:], uint64(e.Amount.Minor))
	if !e.PayBy.IsZero() {
		binary.BigEndian.PutUint64(b[9:], uint64(e.PayBy.UnixNano()))
	}
	return digestOf("create", e.PaymentRequestID, e.PaymentID, string(b[:]), e.Amount.Currency, e.Method, e.Acquirer,
		e.MerchantAccountID)
}

func decideCancel(o *Order, c *Cancel, env *Env) ([]events.Event, error) {
	if err := checkText(o.ID, "cancel", "reason", c.Reason); err != nil {
		return nil, err
	}
	if err := checkAuthor(o.ID, "cancel", c.CommandID, c.Actor); err != nil {
		return nil, err
	}
	if m, known := o.recall(c.CommandID); known {
		return nil, o.again(c.CommandID, m, contentOf(VerbCancel, Money{}, false, ""))
	}
	permit, rejected := o.permit(&question{verb: VerbCancel}, env)
	switch {
	case rejected != nil:
		return nil, rejected
	case permit == law.Already:
		return nil, nil
	case permit == law.Local:
		return []events.Event{events.CancelSucceeded{Cause: events.CausePaymentFailed, PaymentID: o.PaymentID,
			Due: newDecision(o, env, "").paidAfterAllDue()}}, nil
	}
	return []events.Event{events.CancelRequested{By: o.identifier(), Reason: c.Reason,
		Lease: env.Now.Add(env.Policy.lease()), Trace: env.Trace}}, nil
}

func decideCapture(o *Order, c *Capture, env *Env) ([]events.Event, error) {
	if err := checkAuthor(o.ID, "capture", c.CommandID, c.Actor); err != nil {
		return nil, err
	}
	if m, known := o.recall(c.CommandID); known {
		return nil, o.again(c.CommandID, m, contentOf(VerbCapture, c.Amount, c.Last, ""))
	}
	if _, rejected := o.permit(&question{verb: VerbCapture, amount: c.Amount, last: c.Last}, env); rejected != nil {
		return nil, rejected
	}
	id, err := o.mint(env, "capture", captures)
	if err != nil {
		return nil, err
	}
	return []events.Event{events.CaptureRequested{CaptureRequestID: id, PaymentID: o.PaymentID, Amount: c.Amount,
		Last: c.Last, Lease: env.Now.Add(env.Policy.lease()), Trace: env.Trace}}, nil
}

func decideRefund(o *Order, c *Refund, env *Env) ([]events.Event, error) {
	if err := c.checkReason(o.ID); err != nil {
		return nil, err
	}
	if err := checkAuthor(o.ID, "refund", c.CommandID, c.Actor); err != nil {
		return nil, err
	}
	if m, known := o.recall(c.CommandID); known {
		return nil, o.again(c.CommandID, m, contentOf(VerbRefund, c.Amount, false, c.Reason))
	}
	if _, rejected := o.permit(&question{verb: VerbRefund, amount: c.Amount}, env); rejected != nil {
		return nil, rejected
	}
	id, err := o.mint(env, "refund", refunds)
	if err != nil {
		return nil, err
	}
	return []events.Event{events.RefundRequested{RefundRequestID: id, PaymentID: o.PaymentID, Amount: c.Amount,
		Reason: c.Reason, Lease: env.Now.Add(env.Policy.lease()), Trace: env.Trace}}, nil
}

// mint makes the request id that an intent freezes. APO would answer an id that it knows with the old outcome, and move
// nothing.
func (o *Order) mint(env *Env, command string, kind transferKind) (string, error) {
	id := env.NewID()
	if o.placed(kind, "", id) >= 0 || o.askedFor(kind.asked(), id) != nil {
		return "", &InvalidError{OrderID: o.ID, Command: command, Field: "NewID",
			Problem: fmt.Sprintf("returned %q again; it must never give an id twice", id)}
	}
	if err := events.CheckID("request id", id); err != nil {
		return "", &InvalidError{OrderID: o.ID, Command: command, Field: "NewID",
			Problem: "returned an unusable id: it " + problemOf(err), Err: err}
	}
	return id, nil
}

// decideResolve ends a parked operation on an operator's word. The fact that ends it carries that word as its proof. An
// order is never cancelled so: only APO's signed word, an inquiry or a failed payment does that.
func decideResolve(o *Order, c *Resolve, env *Env) ([]events.Event, error) {
	if c.Statement == "" {
		return nil, &InvalidError{OrderID: o.ID, Command: "resolve", Field: "statement",
			Problem: "is empty; say who at APO said what, and where it is filed"}
	}
	if err := checkText(o.ID, "resolve", "statement", c.Statement); err != nil {
		return nil, err
	}
	if err := checkAuthor(o.ID, "resolve", c.CommandID, c.Actor); err != nil {
		return nil, err
	}
	if c.Resolution != events.ResolvedSucceeded && c.Resolution != events.ResolvedFailed {
		return nil, &InvalidError{OrderID: o.ID, Command: "resolve", Field: "resolution",
			Problem: "is neither succeeded nor failed; give events.ResolvedSucceeded or events.ResolvedFailed"}
	}
	if m, known := o.recall(c.CommandID); known {
		return nil, o.again(c.CommandID, m, o.resolvedAlike(c, m))
	}
	if c.Override && o.parked(c.Record) == nil && (o.settled(c.Record) || o.ownCapture(c.Record, env.Now)) {
		return nil, &InvalidError{OrderID: o.ID, Command: "resolve", Field: "override",
			Problem: fmt.Sprintf("overrules APO's answer about an operation that is parked, and record %d tells of none; "+
				"leave it out", c.Record)}
	}
	q := question{verb: VerbResolve, resolution: c.Resolution, override: c.Override, record: c.Record}
	if _, rejected := o.permit(&q, env); rejected != nil {
		return nil, rejected
	}
	d := newDecision(o, env, c.CommandID)
	p := o.parked(c.Record)
	if p == nil {
		d.resolveTransfer(c)
		return d.events, nil
	}
	d.emit(events.OperationResolved{Intent: p.Intent, Resolution: c.Resolution, Statement: c.Statement,
		Override: c.Override})
	d.resolve(p, c.Resolution)
	return d.events, nil
}

// resolveTransfer settles a transfer in doubt. What stood waits for it goes on.
func (d *decision) resolveTransfer(c *Resolve) {
	resolved := events.TransferResolved{Record: c.Record, Resolution: c.Resolution, Statement: c.Statement}
	at := d.o.undecided(c.Record)
	if at < 0 { // a dispute, which moves no status, a refund that is held, or APO's own capture
		d.emit(resolved)
		if d.o.Status == Cancelled && !d.o.Late.IsZero() {
			d.lateMoney(&Fact{Kind: CaptureSucceeded, Proof: events.Proof{Via: events.ViaOperator}})
		}
		d.settleLateMoney()
		d.applyHeld()
		d.endCancelOnMoney()
		return
	}
	t := d.o.book[at]
	f := Fact{Kind: CaptureSucceeded, Amount: d.o.money(t.minor), Proof: events.Proof{Via: events.ViaOperator}}
	switch t.kind {
	case refunds, others:
		f.Kind = RefundSucceeded
	case payments:
		f.Kind = PaymentAuthorized
	}
	d.emit(resolved)
	if d.o.Status == Cancelled && !d.o.Late.IsZero() {
		d.lateMoney(&f)
	}
	d.settleLateMoney()
	d.applyHeld()
	d.endCancelOnMoney()
}

// resolve makes the fact that ends an operation as an operator says it ended.
func (d *decision) resolve(p *Operation, r events.Resolution) {
	f := Fact{RequestID: p.RequestID, Amount: p.Amount, Proof: events.Proof{Via: events.ViaOperator}}
	switch {
	case r != events.ResolvedSucceeded:
		d.failOperation(p, CodeResolved, "", f.Proof)
	case p.Kind == CallCapture:
		f.Kind, f.Code = CaptureSucceeded, CodeResolved
		d.observe(f)
	case p.Kind == CallRefund:
		f.Kind, f.Code = RefundSucceeded, CodeResolved
		d.observe(f)
	}
}

func decideClear(o *Order, c *ClearAnomaly, env *Env) ([]events.Event, error) {
	if err := checkText(o.ID, "clear anomaly", "reason", c.Reason); err != nil {
		return nil, err
	}
	if err := checkAuthor(o.ID, "clear anomaly", c.CommandID, c.Actor); err != nil {
		return nil, err
	}
	if m, known := o.recall(c.CommandID); known {
		return nil, o.again(c.CommandID, m, contentOf(VerbClearAnomaly, Money{Minor: int64(c.Anomaly)}, false, ""))
	}
	if _, rejected := o.permit(&question{verb: VerbClearAnomaly, anomaly: c.Anomaly}, env); rejected != nil {
		return nil, rejected
	}
	return []events.Event{events.AnomalyCleared{Anomaly: c.Anomaly, Reason: c.Reason}}, nil
}

func decideClaim(o *Order, c Claim, env *Env) ([]events.Event, error) {
	lease := env.Now.Add(env.Policy.lease())
	call, due := o.Due(env.Now)
	due = due || c.Inquire && o.free(env.Now)
	if due && c.Inquire {
		call = o.inquiryOf(c.Record)
	}
	if !due {
		return nil, ErrNotDue
	}
	if call.IsInquiry() {
		started := events.InquiryStarted{Subject: events.SubjectPayment, Number: call.Number, Lease: lease}
		if call.Kind == CallInquireRefund {
			started.Subject, started.Intent = events.SubjectRefund, call.Intent
		}
		return []events.Event{started}, nil
	}
	return []events.Event{events.AttemptStarted{Attempt: call.Attempt, Lease: lease}}, nil
}
