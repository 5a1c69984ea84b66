package apo

// Op names one of APO's operations, as in the last part of its path, or one of
// its notifications.
type Op string

// The operations this package calls.
const (
	OpCancel         Op = "cancel"
	OpCapture        Op = "capture"
	OpRefund         Op = "refund"
	OpInquirePayment Op = "inquiryPayment"
	OpInquireRefund  Op = "inquiryRefund"

	// OpPay and OpCreatePaymentSession begin a payment.
	OpPay                  Op = "pay"
	OpCreatePaymentSession Op = "createPaymentSession"
)

// The notifications APO sends.
const (
	OpNotifyPayment Op = "notifyPayment"
	OpNotifyCapture Op = "notifyCapture"
	OpNotifyRefund  Op = "notifyRefund"
	OpNotifyDispute Op = "notifyDispute"
	// OpNotification is one of a type that is not known here.
	OpNotification Op = "notification"
)

// Class says what an answer proves. The zero value is Unknown, so whatever was
// forgotten or failed on the way proves nothing.
type Class uint8

// answers reports whether a signed answer to it can prove something.
func (op Op) answers() bool {
	switch op {
	case OpPay, OpCancel, OpCapture, OpRefund, OpInquirePayment, OpInquireRefund:
		return true
	}
	return false
}

const (
	// Unknown: not proven either way; it may have been done. Ask again with the
	// same ids, or inquire.
	Unknown Class = iota
	// Succeeded: APO signed that it is done; for an inquiry, that its picture is
	// in the answer.
	Succeeded
	// Accepted: taken on and not decided; a notification or inquiry will tell.
	Accepted
	// Failed: APO signed a definite no for this attempt.
	Failed
	// WrongPicture: a no whose code says that the payment is not as we thought, or
	// that an earlier attempt worked. Inquire before believing anything.
	WrongPicture
	// UnknownFailure: a no with a code in no table. Inquire; never plainly retry.
	UnknownFailure
	// NotExist: an inquiry's answer that there is no such payment or refund.
	NotExist
	// NotSent: refused here, with an error wrapping [ErrInvalidRequest]; nothing
	// left the process.
	NotSent
)

// String names the class in lower case.
func (c Class) String() string {
	switch c {
	case Succeeded:
		return "succeeded"
	case Accepted:
		return "accepted"
	case Failed:
		return "failed"
	case WrongPicture:
		return "wrong picture"
	case UnknownFailure:
		return "unknown failure"
	case NotExist:
		return "does not exist"
	case NotSent:
		return "not sent"
	}
	return "unknown"
}

// The result statuses.
const (
	statusDone    = "S"
	statusFailed  = "F"
	statusUnknown = "U"
)

// The codes that code here must tell apart.
const (
	codeOrderNotExist      = "ORDER_NOT_EXIST"
	codeRefundNotExist     = "REFUND_NOT_EXIST"
	codePaymentInProcess   = "PAYMENT_IN_PROCESS"
	codeProcessFail        = "PROCESS_FAIL"
	codeOrderStatus        = "ORDER_STATUS_INVALID"
	codeOrderClosed        = "ORDER_IS_CLOSED"
	codeOrderCanceled      = "ORDER_IS_CANCELED"
	codeRepeatInconsistent = "REPEAT_REQ_INCONSISTENT"
)

// inProcess holds, for each operation, the code of a U that means accepted.
var inProcess = map[Op]string{
	OpPay:     codePaymentInProcess,
	OpCapture: "CAPTURE_IN_PROCESS",
	OpRefund:  "REFUND_IN_PROCESS",
}

// failures holds what each operation's F codes mean. APO's lists are never
// closed: a code that is missing here is an unknown failure.
var failures = map[Op]map[string]Class{
	OpCancel: {
		codeProcessFail:                WrongPicture, // refunded, or a captured card
		codeOrderStatus:                WrongPicture,
		"CANCEL_WINDOW_EXCEED":         WrongPicture,
		codeOrderNotExist:              WrongPicture, // perhaps not arrived yet
		codeOrderClosed:                WrongPicture,
		"PAYMENT_METHOD_NOT_SUPPORTED": Failed,
		"ACCESS_DENIED":                Failed,
		"PARAM_ILLEGAL":                Failed,
		"INVALID_CONTRACT":             Failed,
		"MERCHANT_BALANCE_NOT_ENOUGH":  Failed,
	},
	OpCapture: {
		"AUTH_CANCELLED":                   WrongPicture,
		"AUTH_EXPIRED":                     WrongPicture,
		"AUTH_NOT_FOUND":                   WrongPicture,
		codeOrderCanceled:                  WrongPicture,
		codeOrderStatus:                    WrongPicture,
		codeProcessFail:                    WrongPicture,
		codeRepeatInconsistent:             WrongPicture, // this id carried another amount before
		"ACCESS_DENIED":                    Failed,
		"CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT": Failed,
		"CURRENCY_NOT_SUPPORT":             Failed,
		"INVALID_CONTRACT":                 Failed,
		"NO_PAY_OPTIONS":                   Failed,
		"MULTI_CAPTURE_NOT_SUPPORTED":      Failed,
		"PARAM_ILLEGAL":                    Failed,
		"PAYMENT_COUNT_EXCEED_LIMIT":       Failed,
		"RISK_REJECT":                      Failed,
		"USER_AMOUNT_EXCEED_LIMIT":         Failed,
		"USER_BALANCE_NOT_ENOUGH":          Failed,
		"USER_NOT_EXIST":                   Failed,
		"USER_STATUS_ABNORMAL":             Failed,
	},
	OpRefund: {
		codeOrderNotExist:                WrongPicture,
		codeOrderStatus:                  WrongPicture,
		codeOrderClosed:                  WrongPicture,
		codeProcessFail:                  WrongPicture,
		codeRepeatInconsistent:           WrongPicture,
		"REFUND_NOT_SUPPORTED":           Failed,
		"PARTIAL_REFUND_NOT_SUPPORTED":   Failed,
		"MULTIPLE_REFUNDS_NOT_SUPPORTED": Failed,
		"REFUND_AMOUNT_EXCEED":           Failed,
		"REFUND_WINDOW_EXCEED":           Failed,
		"MERCHANT_BALANCE_NOT_ENOUGH":    Failed,
		"CURRENCY_NOT_SUPPORT":           Failed,
		"ACCESS_DENIED":                  Failed,
		"PARAM_ILLEGAL":                  Failed,
		"RISK_REJECT":                    Failed,
	},
	OpInquirePayment: {codeOrderNotExist: NotExist},
	OpInquireRefund:  {codeRefundNotExist: NotExist},
	OpPay: {
		codeOrderStatus:        WrongPicture,
		codeOrderClosed:        WrongPicture,
		codeOrderCanceled:      WrongPicture,
		codeRepeatInconsistent: WrongPicture, // the earlier request of this id may be paid
	},
}

// Classify says what a signed result proves: by status first, by code second. A
// success is one whatever its code, except that APO only accepts a refund. For
// an inquiry the class speaks of the query, not of the payment: Succeeded,
// NotExist or Unknown. A payment is declined with many codes, so for [OpPay]
// every F is Failed but those that say the payment is not as thought.
func Classify(op Op, status, code string) Class {
	switch status {
	case statusDone:
		if op == OpRefund {
			return Accepted
		}
		return Succeeded
	case statusUnknown:
		if code != "" && code == inProcess[op] {
			return Accepted
		}
		return Unknown
	case statusFailed:
		if class, known := failures[op][code]; known {
			return class
		}
		switch op {
		case OpPay:
			return Failed
		case OpInquirePayment, OpInquireRefund:
			return Unknown
		}
		return UnknownFailure
	}
	return Unknown
}
