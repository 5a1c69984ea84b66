package apo

import (
	"errors"
	"fmt"
	"time"
)

// State is how far a payment, refund or transaction has come, in APO's words.
type State string

// The states. A refund knows the first three; a payment whose time ran out is
// StateFail, since APO has no state for "expired".
const (
	StateSuccess    State = "SUCCESS"
	StateFail       State = "FAIL"
	StateProcessing State = "PROCESSING"
	StateCancelled  State = "CANCELLED"
	StatePending    State = "PENDING"
)

// TransactionType is what one line of an inquiry's transactions is.
type TransactionType string

// The transaction types.
const (
	TransactionPayment       TransactionType = "PAYMENT"
	TransactionRefund        TransactionType = "REFUND"
	TransactionCapture       TransactionType = "CAPTURE"
	TransactionCancel        TransactionType = "CANCEL"
	TransactionAuthorization TransactionType = "AUTHORIZATION"
	TransactionVoid          TransactionType = "VOID"
	TransactionIncremental   TransactionType = "INCREMENTAL"
)

// Transaction is one line of an inquiry's transactions, as APO gave it: its
// type and state may be words that this version does not know.
type Transaction struct {
	Type      TransactionType
	State     State
	ID        string // transactionId
	RequestID string // transactionRequestId
	Amount    Amount
	Time      time.Time // UTC; zero if absent or unreadable

	problem error // why the rest of it cannot be read; its type is then "unread" at least
}

// transactionUnread is a line of which not even the type can be read.
const transactionUnread TransactionType = "unread"

// result is what every message says of itself.
type result struct{ status, code, message string }

// details are the fields of a message, in one shape for all operations.
type details struct {
	NotifyType       string
	PaymentID        string
	PaymentRequestID string
	TransferID       string // captureId, refundId or disputeId
	RequestID        string // captureRequestId, refundRequestId or updateRequestId
	Amount           Amount
	Time             time.Time
	AuthExpiry       time.Time
	State            State  // paymentStatus or refundStatus
	StateCode        string // paymentResultCode
}

// shape names the fields in which the operations differ; "" is not read.
type shape struct{ transferID, requestID, amount, time, state string }

func shapeOf(op Op) shape {
	switch op {
	case OpCancel:
		return shape{time: "cancelTime"}
	case OpCapture, OpNotifyCapture:
		return shape{transferID: "captureId", requestID: "captureRequestId", amount: "captureAmount", time: "captureTime"}
	case OpRefund:
		return shape{transferID: "refundId", requestID: "refundRequestId", amount: "refundAmount", time: "refundTime"}
	case OpNotifyRefund, OpInquireRefund:
		return shape{transferID: "refundId", requestID: "refundRequestId", amount: "refundAmount", time: "refundTime",
			state: "refundStatus"}
	case OpNotifyDispute: // whose time depends on what it tells
		return shape{transferID: "disputeId", amount: "disputeAmount"}
	case OpInquirePayment:
		return shape{amount: "paymentAmount", time: "paymentTime", state: "paymentStatus"}
	}
	return shape{amount: "paymentAmount", time: "paymentTime"}
}

// content is a verified message, read.
type content struct {
	op           Op
	result       result
	details      details
	dispute      Dispute
	transactions []Transaction
	body         object // all of it, for what only some answers have
}

// readContent decodes a verified body. Its error wraps [ErrMalformed]; what
// could be read of the result comes with it, for the report.
func readContent(op Op, body []byte) (content, error) {
	whole, err := parseObject(body)
	if err != nil {
		return content{op: op}, malformedError(op, "the signed body "+err.Error())
	}
	var c content
	err = c.read(op, whole)
	return c, err
}

// read takes what an operation has out of a body that was decoded. Errors as in [readContent].
func (c *content) read(op Op, whole object) error {
	*c = content{op: op}
	r := &reader{from: whole}
	outcome, ok := r.object("result")
	if !ok && op != OpNotifyDispute {
		return malformedError(op, "the signed body has no result")
	}
	c.result.status, c.result.code = outcome.code("resultStatus"), outcome.code("resultCode")
	c.result.message = clip(outcome.text("resultMessage"), resultTextMax)
	if outcome.err != nil {
		return malformedError(op, outcome.err.Error())
	}
	s, d := shapeOf(op), &c.details
	d.NotifyType = r.code(fieldNotifyType)
	if op == OpNotifyPayment && d.NotifyType == notifyUpdateResult {
		s = shape{requestID: "updateRequestId", amount: "paymentAmount"} // its paymentTime is the authorization's
	}
	d.PaymentID, d.PaymentRequestID = r.id("paymentId"), r.id("paymentRequestId")
	d.TransferID, d.RequestID = r.id(s.transferID), r.id(s.requestID)
	d.Amount, d.Time = r.amount(s.amount), r.time(s.time)
	r.text("paymentCreateTime") // no fact has it; see createTime
	d.AuthExpiry = r.time("authExpiryTime")
	d.State, d.StateCode = State(r.code(s.state)), r.code("paymentResultCode")
	switch op {
	case OpInquirePayment:
		c.transactions = r.transactions()
	case OpNotifyDispute:
		c.readDispute(r)
	}
	if r.err != nil {
		return malformedError(op, r.err.Error())
	}
	c.body = whole
	return nil
}

// createTime is the paymentCreateTime of a message that could be read.
func (c *content) createTime() time.Time { return (&reader{from: c.body}).time("paymentCreateTime") }

func (r *reader) transactions() []Transaction {
	var lines []Transaction
	list, inside := r.value("transactions")
	if list.kind != jsonList {
		if list.kind != jsonNull {
			r.fail("transactions", "is not a list")
		}
		return nil
	}
	for len(inside) > 0 {
		if len(lines) == TransactionsMax {
			r.fail("transactions", fmt.Sprintf("has more than %d entries", TransactionsMax))
			return nil
		}
		entry, fields := inside[0], inside[1:inside[0].size]
		inside = inside[entry.size:]
		lines = append(lines, readTransaction(entry.kind, fields))
	}
	return lines
}

// readTransaction reads one line. What can be read of it is kept where not all can: the other lines are no worse.
func readTransaction(kind jsonKind, fields object) Transaction {
	line := &reader{from: fields}
	if kind != jsonObject {
		line.err = errors.New("it is not an object")
	}
	t := Transaction{
		Type: TransactionType(line.code("transactionType")), State: State(line.code("transactionStatus")),
		ID: line.id("transactionId"), RequestID: line.id("transactionRequestId"),
		Amount: line.amount("transactionAmount"), Time: line.time("transactionTime"),
	}
	if t.Type == "" {
		line.fail("transactionType", "is missing")
		t.Type = transactionUnread
	}
	t.problem = line.err
	return t
}

func malformedError(op Op, reason string) error {
	return newError(ErrMalformed, string(op), reason,
		"it proves nothing: "+inquireWith(op)+", and show APO's support the body")
}
