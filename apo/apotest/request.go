package apotest

import (
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

// text is a scalar that may come as a JSON string or as its natural type.
type text string

// UnmarshalJSON keeps a number's or boolean's own spelling.
func (t *text) UnmarshalJSON(raw []byte) error {
	switch {
	case string(raw) == "null":
		return nil
	case raw[0] == '"':
		return json.Unmarshal(raw, (*string)(t))
	case raw[0] == '{', raw[0] == '[':
		return errors.New("not a scalar")
	}
	*t = text(raw)
	return nil
}

type wireAmount struct {
	Currency text `json:"currency"`
	Value    text `json:"value"`
}

// amount reads money: three capital letters and a positive decimal count.
func (w wireAmount) amount() (Amount, bool) {
	minor, err := strconv.ParseInt(string(w.Value), 10, 64)
	a := Amount{Currency: string(w.Currency), Minor: minor}
	return a, err == nil && valid(a)
}

// zero reports an amount of nothing, in something like a currency.
func (w wireAmount) zero() bool {
	return w.Value == "0" && valid(Amount{Currency: string(w.Currency), Minor: 1})
}

// truth reads a boolean, whether it came as one or as a string; one that is missing is false.
func (t text) truth() (is, ok bool) { return t == "true", t == "" || t == "true" || t == "false" }

// valid reports a positive amount in something like a currency.
func valid(a Amount) bool {
	if len(a.Currency) != 3 || a.Minor <= 0 {
		return false
	}
	for _, c := range a.Currency {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// request is the fields of all operations; each reads its own.
type request struct {
	PaymentRequestID text       `json:"paymentRequestId"`
	PaymentID        text       `json:"paymentId"`
	PaymentAmount    wireAmount `json:"paymentAmount"`
	PaymentMethod    struct {
		Type text `json:"paymentMethodType"`
	} `json:"paymentMethod"`
	PaymentFactor struct {
		IsAuthorization text `json:"isAuthorization"`
		CaptureMode     text `json:"captureMode"`
	} `json:"paymentFactor"`
	PaymentExpiryTime text `json:"paymentExpiryTime"`
	PaymentNotifyURL  text `json:"paymentNotifyUrl"`
	MerchantAccountID text `json:"merchantAccountId"`

	CaptureRequestID text       `json:"captureRequestId"`
	CaptureAmount    wireAmount `json:"captureAmount"`
	CaptureID        text       `json:"captureId"`
	IsLastCapture    text       `json:"isLastCapture"`

	RefundRequestID text       `json:"refundRequestId"`
	RefundID        text       `json:"refundId"`
	RefundAmount    wireAmount `json:"refundAmount"`
	RefundReason    text       `json:"refundReason"`
	RefundNotifyURL text       `json:"refundNotifyUrl"`
}

// capture is who captures what a pay call asks to authorize, "" where it asks for no authorization or leaves it to the
// method. A card is authorized whatever isAuthorization says; of every other method, isAuthorization alone makes it two
// steps, and a captureMode without it is let through unread. ok is false where isAuthorization is no boolean.
func (r request) capture() (mode CaptureMode, ok bool) {
	mode = CaptureMode(r.PaymentFactor.CaptureMode)
	asked, ok := r.PaymentFactor.IsAuthorization.truth()
	switch {
	case carriesCard(string(r.PaymentMethod.Type)):
		return mode, ok
	case asked && mode == "":
		return Automatic, ok
	case !asked:
		return "", ok
	}
	return mode, ok
}

const (
	reasonMax = 256  // characters of a refund's reason
	urlMax    = 1024 // characters of a notify URL
)

// parseRequest decodes a body and checks what holds for every operation: one
// JSON object, ids within their bound.
func parseRequest(body []byte) (request, bool) {
	var r request
	if !utf8.Valid(body) || json.Unmarshal(body, &r) != nil || len(body) == 0 {
		return request{}, false
	}
	for _, id := range []text{
		r.PaymentRequestID, r.PaymentID, r.CaptureRequestID, r.CaptureID, r.RefundRequestID, r.RefundID,
		r.MerchantAccountID,
	} {
		if id != "" && badID(string(id)) != "" {
			return request{}, false
		}
	}
	for _, url := range []text{r.PaymentNotifyURL, r.RefundNotifyURL} {
		if utf8.RuneCountInString(string(url)) > urlMax {
			return request{}, false
		}
	}
	return r, utf8.RuneCountInString(string(r.RefundReason)) <= reasonMax
}

// requestID is the merchant's id of the operation itself, where it has one.
func (r request) requestID(op Op) string {
	switch op {
	case OpCapture:
		return string(r.CaptureRequestID)
	case OpRefund, OpInquireRefund:
		return string(r.RefundRequestID)
	}
	return ""
}

// names reports whether the request carries the id, in any role.
func (r request) names(id string) bool {
	for _, own := range []text{r.PaymentRequestID, r.PaymentID, r.CaptureRequestID, r.RefundRequestID, r.RefundID} {
		if string(own) == id {
			return true
		}
	}
	return false
}
