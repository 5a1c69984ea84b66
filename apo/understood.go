package apo

import (
	"errors"
	"fmt"
	"strings"
)

// fieldNotifyType and fieldDisputeType tell notifications apart. Of one that has neither, the first field whose name
// ends like one of these does.
const (
	fieldNotifyType  = "notifyType"
	fieldDisputeType = "disputeNotificationType"
)

// IsNotification reports whether it is a message that APO sends by itself.
func (op Op) IsNotification() bool {
	switch op {
	case OpNotifyPayment, OpNotifyCapture, OpNotifyRefund, OpNotifyDispute, OpNotification:
		return true
	}
	return false
}

// notifiedOp tells the notifications apart. The dispute's has its type in a field of its own.
func notifiedOp(whole object) (Op, error) {
	r := &reader{from: whole}
	kind, dispute := r.code(fieldNotifyType), r.code(fieldDisputeType)
	if r.err != nil {
		return OpNotification, malformedError(OpNotification, r.err.Error())
	}
	switch kind {
	case notifyPaymentResult, notifyPaymentPending, notifyUpdateResult:
		return OpNotifyPayment, nil
	case notifyCaptureResult:
		return OpNotifyCapture, nil
	case notifyRefundResult:
		return OpNotifyRefund, nil
	}
	if dispute != "" {
		return OpNotifyDispute, nil
	}
	return OpNotification, newError(ErrUnknownNotification, string(OpNotification),
		fmt.Sprintf("is of type %q, which is not known here", typeOf(whole)), "upgrade, or look at it by hand")
}

// typeOf is what a notification calls itself; empty: it does not say.
func typeOf(whole object) string {
	said := func(name string) string {
		r := &reader{from: whole}
		if kind := r.code(name); r.err == nil {
			return kind
		}
		return ""
	}
	if kind := said(fieldNotifyType); kind != "" {
		return kind
	}
	for i := 0; i < len(whole); i += int(whole[i].size) {
		name := strings.ToLower(whole[i].name)
		if strings.HasSuffix(name, "notifytype") || strings.HasSuffix(name, "notificationtype") {
			if kind := said(whole[i].name); kind != "" {
				return kind
			}
		}
	}
	return ""
}

// understand says what a verified notification proves. One that cannot be understood is a fact too, of the kind
// [NotUnderstood], so that it is kept with the order that it names.
func understand(whole object, evidence *Evidence) Verified {
	op, err := notifiedOp(whole)
	var read content
	if err == nil {
		err = read.read(op, whole)
	}
	if err == nil {
		if facts := prove(&read, evidence); len(facts) > 0 {
			return facts[0]
		}
		err = noFactError(op, read.result)
	}
	v := Verified{kind: NotUnderstood, op: op, details: namesIn(whole), code: typeOf(whole), evidence: evidence}
	if !errors.As(err, &v.problem) { // every error of this package is one
		v.problem = newError(ErrMalformed, string(op), err.Error(), "")
	}
	return v
}

// namesIn are the ids that a message has, whatever else is wrong with it: one that cannot be an id is left out.
func namesIn(whole object) (d details) {
	id := func(names ...string) string {
		for _, name := range names {
			r := &reader{from: whole}
			if id := r.id(name); id != "" && r.err == nil {
				return id
			}
		}
		return ""
	}
	d.PaymentID, d.PaymentRequestID = id("paymentId"), id("paymentRequestId")
	d.TransferID = id("captureId", "refundId", "disputeId")
	d.RequestID = id("captureRequestId", "refundRequestId")
	return d
}

// Err says why a fact of the kind [NotUnderstood] is not understood: it wraps [ErrUnknownNotification], [ErrMalformed]
// or [ErrNoFact]. Of a line of an inquiry's transactions it says what of that cannot be read; those are of the kinds
// [CaptureUnclear], [RefundUnclear] and [OtherTransaction]. It is nil otherwise.
func (v Verified) Err() error {
	if v.problem == nil {
		return nil
	}
	return v.problem
}
