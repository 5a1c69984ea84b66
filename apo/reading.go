package apo

import (
	"bytes"
	"path"
	"slices"
	"time"
	"unicode/utf8"
	"unsafe"
)

// Reading is what a kept message says. Nobody has checked who signed it, so it
// proves nothing, and nothing that asks for a [Verified] takes it: it is for
// holding what was recorded beside a message against the message.
type Reading struct {
	// Op is the call answered, by the end of the path that was signed, or the
	// notification, by its type.
	Op Op
	// Status, Code and Message are the result, and Class is what they would prove.
	Status, Code, Message string
	Class                 Class
	// State is the paymentStatus or refundStatus, where the message has one.
	State State
	// Type is the notification's, as it calls itself.
	Type string
	// The ids, amount and time of the message as a whole, as in [Verified].
	PaymentID, PaymentRequestID, TransferID, RequestID string
	Amount                                             Amount
	Time                                               time.Time
	// Facts are what the message would prove, in the order of [Answer.Facts].
	Facts []Told
	// Unread tells that a transaction of an inquiry's answer cannot be read.
	Unread bool
}

// Told is one fact as a message tells it, whoever wrote the message. The fields
// are those of [Verified].
type Told struct {
	Kind                                               Kind
	PaymentID, PaymentRequestID, TransferID, RequestID string
	Amount                                             Amount
	Time, AuthExpiry                                   time.Time
	Code                                               string
	PaidInOneStep                                      bool
	Dispute                                            Dispute
}

// Read decodes a kept message without checking its signature; [Evidence.Verify]
// does that. The error wraps [ErrMalformed], or [ErrUnknownNotification]; what
// could be read of the result, and of a notification its type and ids, is
// returned with it.
func (e Evidence) Read() (Reading, error) {
	e.Body = bytes.Clone(e.Body)
	var r Reader
	var m Reading
	err := r.Read(&e, &m)
	return m, err
}

// Reader reads many kept messages, one after another, and uses its memory again.
// Its zero value is ready. It is not safe for concurrent use.
type Reader struct {
	nodes   object
	strings []stringAt
	forms   forms
	content content
}

// Read is [Evidence.Read] without a copy, into m, whose Facts' room it uses
// again. The strings are parts of the message's body, so they are valid until
// somebody writes to that. It allocates nothing, but for strings with escapes,
// an inquiry's transactions, errors, and room that m does not have.
func (r *Reader) Read(e *Evidence, m *Reading) error {
	*m = Reading{Facts: m.Facts[:0]}
	return r.read(e, m)
}

func (r *Reader) read(e *Evidence, m *Reading) error {
	whole, err := r.parse(e.Body)
	op := Op(path.Base(e.Path))
	if !op.answers() {
		if op = OpNotification; err == nil {
			op, err = notifiedOp(whole)
			names := namesIn(whole)
			m.Type, m.PaymentID, m.PaymentRequestID = typeOf(whole), names.PaymentID, names.PaymentRequestID
			m.TransferID, m.RequestID = names.TransferID, names.RequestID
			if m.Op = op; err != nil {
				return err
			}
		}
	}
	c := &r.content
	m.Op = op
	if err != nil {
		return malformedError(op, "the signed body "+err.Error())
	}
	err = c.read(op, whole)
	m.Status, m.Code, m.Message = c.result.status, c.result.code, c.result.message
	if err != nil {
		return err
	}
	m.Class = Classify(op, m.Status, m.Code)
	d := &c.details
	m.State, m.Amount, m.Time = d.State, d.Amount, d.Time
	m.PaymentID, m.PaymentRequestID, m.TransferID, m.RequestID = d.PaymentID, d.PaymentRequestID, d.TransferID, d.RequestID
	if len(c.transactions) > 0 {
		m.Unread = slices.ContainsFunc(c.transactions, func(line Transaction) bool { return line.problem != nil })
		for _, v := range prove(c, nil) {
			m.Facts = append(m.Facts, v.told())
		}
		return nil
	}
	// As prove tells it, without a Verified, which is large.
	if t := c.told(); t.Kind != 0 && t.named() {
		m.Facts = append(m.Facts, t)
	}
	return nil
}

// parse is parseObject in the Reader's memory.
func (r *Reader) parse(body []byte) (object, error) {
	if !utf8.Valid(body) {
		return nil, errNotJSON
	}
	text := unsafe.String(unsafe.SliceData(body), len(body))
	if nodes, ok := r.forms.fit(text); ok {
		return nodes[1:], nil
	}
	if r.strings == nil {
		r.strings = make([]stringAt, 0, nodesUsual)
	}
	p := parser{text: text, nodes: r.nodes[:0], strings: r.strings[:0]}
	whole, err := p.whole()
	r.nodes, r.strings = p.nodes, p.strings
	if err == nil {
		r.forms.keep(&p)
	}
	return whole, err
}

// told is what the message tells as a whole.
func (c *content) told() Told {
	d, kind := &c.details, c.kind()
	return Told{Kind: kind, PaymentID: d.PaymentID, PaymentRequestID: d.PaymentRequestID, TransferID: d.TransferID,
		RequestID: d.RequestID, Amount: d.Amount, Time: c.timeOf(kind), AuthExpiry: d.AuthExpiry, Code: c.codeOf(kind),
		Dispute: c.dispute}
}

// named is [Verified.named] of what is told.
func (t *Told) named() bool {
	return t.PaymentID != "" || t.PaymentRequestID != "" || t.TransferID != "" || t.RequestID != ""
}

// told is what the fact says, without its proof.
func (v *Verified) told() Told {
	return Told{Kind: v.Kind(), PaymentID: v.PaymentID(), PaymentRequestID: v.PaymentRequestID(),
		TransferID: v.TransferID(), RequestID: v.RequestID(), Amount: v.Amount(), Time: v.Time(),
		AuthExpiry: v.AuthExpiry(), Code: v.Code(), PaidInOneStep: v.PaidInOneStep(),
		Dispute: v.Dispute()}
}
