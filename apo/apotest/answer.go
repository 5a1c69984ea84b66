package apotest

import (
	"encoding/json"
	"fmt"
	"maps"
)

// The result codes that this simulator gives.
const (
	codeSuccess           = "SUCCESS"
	codeUnknown           = "UNKNOWN_EXCEPTION"
	codeParamIllegal      = "PARAM_ILLEGAL"
	codeAccessDenied      = "ACCESS_DENIED"
	codeProcessFail       = "PROCESS_FAIL"
	codeStatusInvalid     = "ORDER_STATUS_INVALID"
	codeWindowExceed      = "CANCEL_WINDOW_EXCEED"
	codeOrderNotExist     = "ORDER_NOT_EXIST"
	codeOrderClosed       = "ORDER_IS_CLOSED"
	codeOrderCanceled     = "ORDER_IS_CANCELED"
	codeMethodUnsupported = "PAYMENT_METHOD_NOT_SUPPORTED"
	codeInconsistent      = "REPEAT_REQ_INCONSISTENT"
	codeCurrency          = "CURRENCY_NOT_SUPPORT"
	codeAuthNotFound      = "AUTH_NOT_FOUND"
	codeAuthExpired       = "AUTH_EXPIRED"
	codeAuthCancelled     = "AUTH_CANCELLED"
	codeCaptureExceed     = "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT"
	codeMultiCapture      = "MULTI_CAPTURE_NOT_SUPPORTED"
	codeCaptureInProcess  = "CAPTURE_IN_PROCESS"
	codePaymentInProcess  = "PAYMENT_IN_PROCESS"
	codeRefundInProcess   = "REFUND_IN_PROCESS"
	codeRefundExceed      = "REFUND_AMOUNT_EXCEED"
	codeRefundWindow      = "REFUND_WINDOW_EXCEED"
	codeRefundUnsupported = "REFUND_NOT_SUPPORTED"
	codeRefundPartial     = "PARTIAL_REFUND_NOT_SUPPORTED"
	codeRefundMultiple    = "MULTIPLE_REFUNDS_NOT_SUPPORTED"
	codeRefundNotExist    = "REFUND_NOT_EXIST"
	codeIncremental       = "INCREMENTAL_NOT_SUPPORT"
)

// result is what an answer says of itself.
type result struct{ status, code string }

// answer is an answer before it is signed.
type answer struct {
	result
	fields map[string]any
}

func done(fields map[string]any) answer { return answer{result{"S", codeSuccess}, fields} }

func failed(code string) answer { return answer{result: result{"F", code}} }

func undecided(code string, fields map[string]any) answer { return answer{result{"U", code}, fields} }

// wire is a result as a message carries it.
func (r result) wire() map[string]any {
	return map[string]any{"resultStatus": r.status, "resultCode": r.code, "resultMessage": messageOf(r)}
}

func messageOf(r result) string {
	switch r.status {
	case "S":
		return "success"
	case "U":
		return "not decided: " + r.code
	}
	return "refused: " + r.code
}

// encode makes the bytes of a message. Names come sorted, so that the same
// message always has the same bytes.
func encode(r result, fields map[string]any, stringScalars bool) []byte {
	whole := map[string]any{"result": r.wire()}
	maps.Copy(whole, fields)
	return encodeFields(whole, stringScalars)
}

// encodeFields writes a message that need not have a result.
func encodeFields(whole map[string]any, stringScalars bool) []byte {
	var tree any = whole
	if stringScalars {
		tree = stringify(whole)
	}
	body, err := json.Marshal(tree)
	if err != nil {
		// Only strings, booleans, maps and lists of them are ever put in.
		panic(fmt.Sprintf("apotest: a message cannot be encoded: %v", err))
	}
	return body
}

// stringify turns every scalar into a JSON string.
func stringify(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for name, inner := range value {
			out[name] = stringify(inner)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, inner := range value {
			out[i] = stringify(inner)
		}
		return out
	case string:
		return value
	}
	return fmt.Sprint(value)
}
