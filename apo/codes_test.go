package apo

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// documentedCodes is section 2 of the protocol's facts, written down a second
// time and by hand: operation, status, code, class.
const documentedCodes = `
cancel SUCCESS S succeeded
cancel PROCESS_FAIL F wrong picture
cancel ORDER_STATUS_INVALID F wrong picture
cancel CANCEL_WINDOW_EXCEED F wrong picture
cancel ORDER_NOT_EXIST F wrong picture
cancel ORDER_IS_CLOSED F wrong picture
cancel PAYMENT_METHOD_NOT_SUPPORTED F failed
cancel ACCESS_DENIED F failed
cancel PARAM_ILLEGAL F failed
cancel INVALID_CONTRACT F failed
cancel MERCHANT_BALANCE_NOT_ENOUGH F failed
cancel REQUEST_TRAFFIC_EXCEED_LIMIT U unknown
cancel UNKNOWN_EXCEPTION U unknown
capture SUCCESS S succeeded
capture CAPTURE_IN_PROCESS U accepted
capture UNKNOWN_EXCEPTION U unknown
capture ACCESS_DENIED F failed
capture AUTH_CANCELLED F wrong picture
capture AUTH_EXPIRED F wrong picture
capture AUTH_NOT_FOUND F wrong picture
capture CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT F failed
capture CURRENCY_NOT_SUPPORT F failed
capture INVALID_CONTRACT F failed
capture NO_PAY_OPTIONS F failed
capture MULTI_CAPTURE_NOT_SUPPORTED F failed
capture ORDER_IS_CANCELED F wrong picture
capture ORDER_STATUS_INVALID F wrong picture
capture PARAM_ILLEGAL F failed
capture PAYMENT_COUNT_EXCEED_LIMIT F failed
capture PROCESS_FAIL F wrong picture
capture REPEAT_REQ_INCONSISTENT F wrong picture
capture RISK_REJECT F failed
capture USER_AMOUNT_EXCEED_LIMIT F failed
capture USER_BALANCE_NOT_ENOUGH F failed
capture USER_NOT_EXIST F failed
capture USER_STATUS_ABNORMAL F failed
refund SUCCESS S accepted
refund REFUND_IN_PROCESS U accepted
refund UNKNOWN_EXCEPTION U unknown
refund REQUEST_TRAFFIC_EXCEED_LIMIT U unknown
refund REFUND_NOT_SUPPORTED F failed
refund PARTIAL_REFUND_NOT_SUPPORTED F failed
refund MULTIPLE_REFUNDS_NOT_SUPPORTED F failed
refund REFUND_AMOUNT_EXCEED F failed
refund REFUND_WINDOW_EXCEED F failed
refund MERCHANT_BALANCE_NOT_ENOUGH F failed
refund ORDER_NOT_EXIST F wrong picture
refund ORDER_STATUS_INVALID F wrong picture
refund ORDER_IS_CLOSED F wrong picture
refund REPEAT_REQ_INCONSISTENT F wrong picture
refund CURRENCY_NOT_SUPPORT F failed
refund ACCESS_DENIED F failed
refund PROCESS_FAIL F wrong picture
refund PARAM_ILLEGAL F failed
refund RISK_REJECT F failed
inquiryPayment SUCCESS S succeeded
inquiryPayment ORDER_NOT_EXIST F does not exist
inquiryRefund SUCCESS S succeeded
inquiryRefund REFUND_NOT_EXIST F does not exist
pay SUCCESS S succeeded
pay PAYMENT_IN_PROCESS U accepted
pay UNKNOWN_EXCEPTION U unknown
pay USER_BALANCE_NOT_ENOUGH F failed
pay PROCESS_FAIL F failed
pay REPEAT_REQ_INCONSISTENT F wrong picture
pay ORDER_STATUS_INVALID F wrong picture
pay ORDER_IS_CLOSED F wrong picture
pay ORDER_IS_CANCELED F wrong picture
`

func TestEveryDocumentedCodeHasItsClass(t *testing.T) {
	documented := map[Op]map[string]bool{}
	for line := range strings.Lines(strings.TrimSpace(documentedCodes)) {
		row := strings.SplitN(strings.TrimSpace(line), " ", 4)
		op, code, status, class := Op(row[0]), row[1], row[2], row[3]
		t.Run(string(op)+" "+code, func(t *testing.T) {
			assert.Equal(t, class, Classify(op, status, code).String())
		})
		if documented[op] == nil {
			documented[op] = map[string]bool{}
		}
		documented[op][code] = true
	}
	for op, codes := range failures {
		for code := range codes {
			assert.True(t, documented[op][code], "%s %s is classified and not documented here", op, code)
		}
	}
}

func TestStatusComesFirstAndCodeSecond(t *testing.T) {
	for _, row := range []struct {
		op           Op
		status, code string
		want         Class
	}{
		{OpCancel, "S", "PROCESS_FAIL", Succeeded},
		{OpCancel, "S", "NEVER_SEEN", Succeeded},
		{OpRefund, "S", "NEVER_SEEN", Accepted},
		{OpCancel, "U", "PROCESS_FAIL", Unknown},
		{OpCancel, "U", "CAPTURE_IN_PROCESS", Unknown},
		{OpCancel, "U", "", Unknown},
		{OpCapture, "U", "REFUND_IN_PROCESS", Unknown},
		{OpCapture, "F", "CAPTURE_IN_PROCESS", UnknownFailure},
		{OpCancel, "F", "SUCCESS", UnknownFailure},
		{OpCancel, "F", "NEVER_SEEN", UnknownFailure},
		{OpCancel, "F", "", UnknownFailure},
		{OpCapture, "F", "ORDER_NOT_EXIST", UnknownFailure},
		{OpRefund, "F", "INVALID_SIGNATURE", UnknownFailure},
		{OpInquirePayment, "F", "ACCESS_DENIED", Unknown},
		{OpInquirePayment, "F", "REFUND_NOT_EXIST", Unknown},
		{OpInquirePayment, "U", "UNKNOWN_EXCEPTION", Unknown},
		{OpCancel, "", "SUCCESS", Unknown},
		{OpCancel, "s", "SUCCESS", Unknown},
		{Op("other"), "F", "SUCCESS", UnknownFailure},
		{OpPay, "F", "NEVER_SEEN", Failed},
	} {
		assert.Equal(t, row.want, Classify(row.op, row.status, row.code), "%s %s %s", row.op, row.status, row.code)
	}
	assert.Equal(t, Unknown, Class(0), "whatever was forgotten proves nothing")
}

func TestEveryClassHasAName(t *testing.T) {
	seen := map[string]bool{}
	for class := Unknown; class <= NotSent; class++ {
		assert.False(t, seen[class.String()], class)
		seen[class.String()] = true
	}
	assert.Equal(t, "unknown", (NotSent + 1).String())
}
