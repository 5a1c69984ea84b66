package jsonform

import (
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/money"
	"github.com/tilltape/tilltape/order"
)

// The words of the enumerations that orders have, as these say them.
var (
	statuses        = vocabulary[order.Status]()
	phases          = vocabulary[order.Phase]()
	gatewayCaptures = vocabulary[order.GatewayCapture]()
	callKinds       = vocabulary[order.CallKind]()
	transfers       = vocabulary[events.Transfer]()
)

// orderDoc is what a document tells of an order. It is read back by tests alone: an order is made of its facts, and a
// document of it could say anything.
type orderDoc struct {
	ID             string
	Version        uint64
	Status         order.Status
	StatusSince    time.Time
	Words          string
	CancelCause    events.CancelCause
	CaptureMode    events.CaptureMode
	GatewayCapture order.GatewayCapture

	PaymentRequestID, PaymentID         string
	Amount                              money.Amount
	Method, Acquirer, MerchantAccountID string
	CreatedAt, PayBy                    time.Time
	PaymentAt, Expires                  time.Time

	Authorized, Captured, Refunded, Disputed money.Amount
	Capturable, Refundable                   money.Amount
	Late                                     late

	Due, WatchDue time.Time
	Watches       uint64
	Operations    []operation
	Inquiry       inquiry
	Anomalies     []order.Anomaly
	Held          []heldRefund
	Doubts        []uint64
	Disputes      []order.Dispute
	Book          []order.Entry
}

// late is the account of money that arrived on a cancelled order.
type late struct{ Authorized, Captured, Refunded, Disputed money.Amount }

// operation is what APO was asked for and has not decided.
type operation struct {
	Kind                           order.CallKind
	Phase                          order.Phase
	CommandID                      string
	Intent                         uint64
	Since                          time.Time
	By                             events.Identifier
	RequestID, PaymentID           string
	Amount                         money.Amount
	Last                           bool
	Reason                         string
	Compensates                    uint64
	Attempt                        uint64
	Answered                       []uint64 // which attempts have been
	Lease, AskedAt                 time.Time
	Due                            time.Time
	Code                           string
	Refusals, Waits, Unanswered    uint64
	Inquire, Cleared, AfterRefusal bool
	ParkedAt                       time.Time
}

// inquiry is the newest one.
type inquiry struct {
	Subject         events.Subject
	Number          uint64
	Intent          uint64
	Open            bool
	Lease, Answered time.Time
}

type heldRefund struct {
	Version                   uint64
	RefundID, RefundRequestID string
	Amount                    money.Amount
	At, Since                 time.Time
}

// AppendOrder appends an order as one JSON object, without a line break, and returns the longer slice; where it fails,
// dst as it was. It tells the order's amounts, its book, what is under way, what stands open, and what is due. Nothing
// reads it back: an order is made of its facts. The error is a *[ValueError]. Cost: some microseconds, and a few
// allocations.
func AppendOrder(dst []byte, o order.Order) ([]byte, error) {
	doc := docOf(&o)
	f := begin(dst)
	orderMembers(f, &doc)
	return f.end(dst)
}

func docOf(o *order.Order) orderDoc {
	of := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: o.Amount.Currency} }
	d := orderDoc{ID: o.ID, Version: o.Version, Status: o.Status, StatusSince: o.StatusSince, Words: o.Words(),
		CancelCause: o.CancelCause, CaptureMode: o.CaptureMode, GatewayCapture: o.Gateway,
		PaymentRequestID: o.PaymentRequestID, PaymentID: o.PaymentID, Amount: o.Amount, Method: o.Method,
		Acquirer: o.Acquirer, MerchantAccountID: o.MerchantAccountID, CreatedAt: o.CreatedAt, PayBy: o.PayBy,
		PaymentAt: o.PaymentAt, Expires: o.Expires, Authorized: of(o.Authorized), Captured: of(o.Captured),
		Refunded: of(o.Refunded), Disputed: of(o.Disputed), Capturable: of(o.Capturable()), Refundable: of(o.Refundable()),
		Due: o.NextDue(), WatchDue: o.WatchDue, Watches: uint64(o.Watches), Anomalies: o.Anomalies, Doubts: o.Doubts(),
		Disputes: o.Disputes(), Book: o.Book()}
	if o.Late != (order.Late{}) {
		d.Late = late{of(o.Late.Authorized), of(o.Late.Captured), of(o.Late.Refunded), of(o.Late.Disputed)}
	}
	for _, p := range o.Operations() {
		d.Operations = append(d.Operations, operationOf(&p))
	}
	if i := &o.Inquiry; i.Number != 0 {
		d.Inquiry = inquiry{Subject: i.Subject, Number: i.Number, Intent: i.Intent, Open: i.Open, Lease: i.Lease,
			Answered: i.Answered}
	}
	for _, h := range o.Held {
		d.Held = append(d.Held, heldRefund{h.Version, h.RefundID, h.RefundRequestID, of(h.Minor), h.At, h.Since})
	}
	return d
}

func operationOf(p *order.Operation) operation {
	d := operation{Kind: p.Kind, Phase: p.Phase, CommandID: p.CommandID, Intent: p.Intent, Since: p.Since, By: p.By,
		RequestID: p.RequestID, PaymentID: p.PaymentID, Amount: p.Amount, Last: p.Last, Reason: p.Reason,
		Compensates: p.Compensates, Attempt: p.Attempt, Lease: p.Lease, AskedAt: p.AskedAt, Due: p.Due, Code: p.Code,
		Refusals: uint64(p.Refusals), Waits: uint64(p.Waits), Unanswered: uint64(p.Unanswered), Inquire: p.Inquire,
		Cleared: p.Cleared, AfterRefusal: p.AfterF, ParkedAt: p.ParkedAt}
	for attempt := range uint64(order.AttemptsMax) {
		if p.Answered&(1<<attempt) != 0 {
			d.Answered = append(d.Answered, attempt+1)
		}
	}
	return d
}

func orderMembers(f *form, d *orderDoc) {
	f.mustText("id", &d.ID)
	f.mustNumber("version", &d.Version)
	word(f, "status", statuses, &d.Status)
	f.moment("statusSince", &d.StatusSince)
	f.mustText("words", &d.Words)
	maybeWord(f, "cancelCause", cancelCauses, &d.CancelCause)
	word(f, "captureMode", captureModes, &d.CaptureMode)
	word(f, "gatewayCapture", gatewayCaptures, &d.GatewayCapture)
	f.text("paymentRequestId", &d.PaymentRequestID)
	f.text("paymentId", &d.PaymentID)
	f.money("amount", &d.Amount)
	f.text("method", &d.Method)
	f.text("acquirer", &d.Acquirer)
	f.text("merchantAccountId", &d.MerchantAccountID)
	f.moment("createdAt", &d.CreatedAt)
	f.moment("payBy", &d.PayBy)
	f.moment("paymentAt", &d.PaymentAt)
	f.moment("expires", &d.Expires)
	f.money("authorized", &d.Authorized)
	f.money("captured", &d.Captured)
	f.money("refunded", &d.Refunded)
	f.money("disputed", &d.Disputed)
	f.money("capturable", &d.Capturable)
	f.money("refundable", &d.Refundable)
	part(f, "late", &d.Late, lateMembers)
	f.moment("due", &d.Due)
	f.moment("watchDue", &d.WatchDue)
	f.number("watches", &d.Watches)
	list(f, "operations", &d.Operations, operationMembers)
	part(f, "inquiry", &d.Inquiry, inquiryMembers)
	list(f, "anomalies", &d.Anomalies, anomalyMembers)
	list(f, "held", &d.Held, heldMembers)
	f.numbers("doubts", &d.Doubts)
	list(f, "disputes", &d.Disputes, disputeMembers)
	list(f, "book", &d.Book, entryMembers)
}

func lateMembers(f *form, l *late) {
	f.money("authorized", &l.Authorized)
	f.money("captured", &l.Captured)
	f.money("refunded", &l.Refunded)
	f.money("disputed", &l.Disputed)
}

func operationMembers(f *form, p *operation) {
	word(f, "kind", callKinds, &p.Kind)
	word(f, "phase", phases, &p.Phase)
	f.text("commandId", &p.CommandID)
	f.number("intent", &p.Intent)
	f.moment("since", &p.Since)
	f.identifier("by", &p.By)
	f.text("requestId", &p.RequestID)
	f.text("paymentId", &p.PaymentID)
	f.money("amount", &p.Amount)
	f.flag("last", &p.Last)
	f.text("reason", &p.Reason)
	f.number("compensates", &p.Compensates)
	f.number("attempt", &p.Attempt)
	f.numbers("answered", &p.Answered)
	f.moment("lease", &p.Lease)
	f.moment("askedAt", &p.AskedAt)
	f.moment("due", &p.Due)
	f.text("code", &p.Code)
	f.number("refusals", &p.Refusals)
	f.number("waits", &p.Waits)
	f.number("unanswered", &p.Unanswered)
	f.flag("inquire", &p.Inquire)
	f.flag("cleared", &p.Cleared)
	f.flag("afterRefusal", &p.AfterRefusal)
	f.moment("parkedAt", &p.ParkedAt)
}

func inquiryMembers(f *form, i *inquiry) {
	word(f, "subject", subjects, &i.Subject)
	f.number("number", &i.Number)
	f.number("intent", &i.Intent)
	f.flag("open", &i.Open)
	f.moment("lease", &i.Lease)
	f.moment("answered", &i.Answered)
}

func anomalyMembers(f *form, a *order.Anomaly) {
	f.mustNumber("version", &a.Version)
	word(f, "reason", anomalyReasons, &a.Reason)
	f.moment("at", &a.At)
}

func heldMembers(f *form, h *heldRefund) {
	f.mustNumber("version", &h.Version)
	f.text("refundId", &h.RefundID)
	f.text("refundRequestId", &h.RefundRequestID)
	f.money("amount", &h.Amount)
	f.moment("at", &h.At)
	f.moment("since", &h.Since)
}

func disputeMembers(f *form, d *order.Dispute) {
	f.mustNumber("version", &d.Version)
	f.money("amount", &d.Amount)
	f.moment("defendBy", &d.DefendBy)
	f.flag("defended", &d.Defended)
	f.flag("undefendable", &d.Undefendable)
	f.flag("closed", &d.Closed)
	f.money("lost", &d.Lost)
}

func entryMembers(f *form, e *order.Entry) {
	word(f, "transfer", transfers, &e.Transfer)
	f.number("record", &e.Record)
	f.number("doubt", &e.Doubt)
	f.money("amount", &e.Amount)
	f.flag("asked", &e.Asked)
	f.flag("accepted", &e.Accepted)
	f.flag("held", &e.Held)
	f.flag("counted", &e.Counted)
	f.flag("contradicted", &e.Contradicted)
	f.flag("failed", &e.Failed)
	f.flag("ours", &e.Ours)
	f.flag("gateway", &e.Gateway)
	f.flag("oneStep", &e.OneStep)
	f.flag("last", &e.Last)
	f.flag("late", &e.Late)
	f.flag("takenBack", &e.TakenBack)
	f.flag("settled", &e.Settled)
	f.flag("unequal", &e.Unequal)
	f.flag("refuted", &e.Refuted)
}
