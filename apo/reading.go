package apo

import (
	"path"
	"time"
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
	// The ids, amount and time of the message as a whole, as in [Verified].
	PaymentID, PaymentRequestID, TransferID, RequestID string
	Amount                                             Amount
	Time                                               time.Time
	// Facts are what the message would prove, in the order of [Answer.Facts].
	Facts []Told
}

// Told is one fact as a message tells it, whoever wrote the message. The fields
// are those of [Verified].
type Told struct {
	Kind                                               Kind
	PaymentID, PaymentRequestID, TransferID, RequestID string
	Amount                                             Amount
	Time, AuthExpiry                                   time.Time
	Code                                               string
}

// Read decodes a kept message without checking its signature; [Evidence.Verify]
// does that. The error wraps [ErrMalformed], or [ErrUnknownNotification]; what
// could be read of the result is returned with it.
func (e Evidence) Read() (Reading, error) {
	whole, err := parseObject(e.Body)
	op := Op(path.Base(e.Path))
	switch op {
	case OpPay, OpCancel, OpCapture, OpRefund, OpInquirePayment, OpInquireRefund:
	default:
		if op = "notification"; err != nil {
			break
		}
		if op, err = notifiedOp(whole); err != nil {
			return Reading{}, err
		}
	}
	if err != nil {
		return Reading{Op: op}, malformedError(op, "the signed body "+err.Error())
	}
	c, err := contentOf(op, whole)
	r := Reading{Op: op, Status: c.result.status, Code: c.result.code, Message: c.result.message,
		Class: Classify(op, c.result.status, c.result.code)}
	if err != nil {
		r.Class = Unknown
		return r, err
	}
	d := &c.details
	r.State, r.Amount, r.Time = d.State, d.Amount, d.Time
	r.PaymentID, r.PaymentRequestID, r.TransferID, r.RequestID = d.PaymentID, d.PaymentRequestID, d.TransferID, d.RequestID
	if len(c.transactions) == 0 { // as prove has it, without a slice of facts
		if v := c.whole(); v.kind != 0 && v.named() {
			r.Facts = []Told{v.told()}
		}
		return r, nil
	}
	for _, v := range prove(c, nil) {
		r.Facts = append(r.Facts, v.told())
	}
	return r, nil
}

// told is what the fact says, without its proof.
func (v *Verified) told() Told {
	return Told{Kind: v.Kind(), PaymentID: v.PaymentID(), PaymentRequestID: v.PaymentRequestID(),
		TransferID: v.TransferID(), RequestID: v.RequestID(), Amount: v.Amount(), Time: v.Time(),
		AuthExpiry: v.AuthExpiry(), Code: v.Code()}
}
