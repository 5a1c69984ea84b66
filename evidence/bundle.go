// Package evidence gathers what is on record of an order's dealings with APO, for a support case: [Of] makes a
// [Bundle], and [Bundle.WriteTo] writes it as JSON.
package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
)

// Format names the JSON form of a [Bundle]. Fields may be added to it; one whose fields mean something else has
// another name.
const Format = "tilltape.evidence.v1"

// Bundle is what APO support needs to find out what became of an order: every call that was made or perhaps made, with
// what it asked for, and every message that APO signed, as it was signed. It holds what APO was told and what APO said,
// with our ids and times: no key, no actor, and no reason but one that was sent. A signed message can hold personal
// data, see SECURITY.md.
type Bundle struct {
	Format    string      `json:"format"` // [Format]
	Made      Time        `json:"made"`
	Order     Order       `json:"order"`
	Open      []Operation `json:"open,omitempty"`      // what APO was asked for and has not decided; nil: nothing
	Anomalies []Anomaly   `json:"anomalies,omitempty"` // open ones, oldest first
	Calls     []Call      `json:"calls"`               // in the order in which they were claimed
	Messages  []Message   `json:"messages"`            // in the order in which they came
	Facts     []Fact      `json:"facts"`               // the order's whole history
}

// Order is the order as its facts tell it.
type Order struct {
	ID               string `json:"id"`
	Version          uint64 `json:"version,string"` // of the newest record
	Status           string `json:"status"`
	Since            Time   `json:"since"`
	PaymentRequestID string `json:"paymentRequestId"`
	PaymentID        string `json:"paymentId,omitempty"`
	MerchantAccount  string `json:"merchantAccountId,omitempty"`
	Method           string `json:"method"`
	CaptureMode      string `json:"captureMode"`
	Amount           Amount `json:"amount"`
	Authorized       Amount `json:"authorized"`
	Captured         Amount `json:"captured"`
	Refunded         Amount `json:"refunded"`
}

// Amount is money, in minor units. In JSON it is as docs/reference/json.md has it: the minor units that APO writes, and
// what they come to where the currency's decimals are known.
type Amount struct {
	Currency string
	Minor    int64
}

type amountForm struct {
	Currency string `json:"currency"`
	Minor    int64  `json:"minor,string"`
	Value    string `json:"value,omitempty"`
}

// MarshalJSON writes the amount.
func (a Amount) MarshalJSON() ([]byte, error) {
	form := amountForm{Currency: a.Currency, Minor: a.Minor}
	if value, known := (events.Money{Minor: a.Minor, Currency: a.Currency}).AppendDecimal(nil); known {
		form.Value = string(value)
	}
	return json.Marshal(form)
}

// UnmarshalJSON reads what MarshalJSON wrote; the minor units count.
func (a *Amount) UnmarshalJSON(b []byte) error {
	var form amountForm
	err := json.Unmarshal(b, &form)
	*a = Amount{form.Currency, form.Minor}
	return err
}

// Time is a time. In JSON it is as docs/reference/json.md has it: in UTC, with nine decimals.
type Time struct{ time.Time }

// stamp is Time's form.
const stamp = "2006-01-02T15:04:05.000000000Z"

// MarshalJSON writes the time.
func (t Time) MarshalJSON() ([]byte, error) { return json.Marshal(t.UTC().Format(stamp)) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Time) UnmarshalJSON(b []byte) (err error) {
	var text string
	if err = json.Unmarshal(b, &text); err == nil {
		t.Time, err = time.Parse(stamp, text)
	}
	return err
}

// Operation is an operation without an outcome.
type Operation struct {
	Operation string  `json:"operation"` // "cancel", "capture", "refund", "compensate"
	CommandID string  `json:"commandId"`
	Phase     string  `json:"phase"`
	Since     Time    `json:"since"`
	Attempts  uint64  `json:"attempts,string"`
	Code      string  `json:"code,omitempty"` // APO's newest
	Parked    Time    `json:"parked,omitzero"`
	AskAgain  Time    `json:"askAgain,omitzero"`
	Request   Request `json:"request"`
}

// Anomaly is a contradiction that stands open.
type Anomaly struct {
	Version uint64 `json:"version,string"` // of the record, and its name
	Reason  string `json:"reason"`
	At      Time   `json:"at"`
}

// Request is what a call names and asks for. The ids that it does not carry are empty.
type Request struct {
	PaymentID        string  `json:"paymentId,omitempty"`
	PaymentRequestID string  `json:"paymentRequestId,omitempty"`
	CaptureRequestID string  `json:"captureRequestId,omitempty"`
	RefundRequestID  string  `json:"refundRequestId,omitempty"`
	MerchantAccount  string  `json:"merchantAccountId,omitempty"`
	Amount           *Amount `json:"amount,omitempty"`
	IsLastCapture    bool    `json:"isLastCapture,omitempty"`
	Reason           string  `json:"reason,omitempty"`
}

// Call is a call that was claimed, and so perhaps made.
type Call struct {
	Call      string  `json:"call"` // as APO names it
	CommandID string  `json:"commandId,omitempty"`
	Attempt   uint64  `json:"attempt,string,omitempty"` // of an operation's call
	Inquiry   uint64  `json:"inquiry,string,omitempty"` // of an inquiry
	Version   uint64  `json:"version,string"`           // of the claim's record
	Claimed   Time    `json:"claimed"`                  // it was made afterwards, if at all,
	Until     Time    `json:"until"`                    // … and was over by then
	Request   Request `json:"request"`
	Answer    *Answer `json:"answer,omitempty"` // nil: none is on record
}

// Answer is what came of a call.
type Answer struct {
	Version uint64 `json:"version,string"` // of its record; the message of that version is APO's answer, if there is one
	At      Time   `json:"at"`
	Fact    string `json:"fact"` // what it was recorded as
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	Problem string `json:"problem,omitempty"` // our words, where there was no usable answer
}

// Message is a message that APO signed. The signature covers every byte of the body.
type Message struct {
	Version    uint64 `json:"version,string"` // of the record that keeps it
	Via        string `json:"via"`            // "answer", "notification", "inquiry"
	Method     string `json:"method"`
	Path       string `json:"path"`
	ClientID   string `json:"clientId"`
	Time       string `json:"time"`
	KeyVersion string `json:"keyVersion,omitempty"`
	Signature  string `json:"signature"`
	Body       []byte `json:"body"` // in JSON in base64: the exact bytes
	// Decoded is the body for people, where it is JSON that all readers take alike; see package jsonform.
	Decoded Decoded `json:"message,omitempty"`
}

// Decoded is a message's body as JSON without spaces. It proves nothing: the signature is over the body.
type Decoded []byte

// MarshalJSON writes it as it is.
func (d Decoded) MarshalJSON() ([]byte, error) { return d, nil }

// UnmarshalJSON takes the indentation out that [Bundle.WriteTo] gave it.
func (d *Decoded) UnmarshalJSON(b []byte) error {
	var text bytes.Buffer
	err := json.Compact(&text, b)
	*d = text.Bytes()
	return err
}

// Evidence is the message in the form that can be verified against the key of APO that was valid then.
func (m Message) Evidence() apo.Evidence {
	return apo.Evidence{Method: m.Method, Path: m.Path, ClientID: m.ClientID, Time: m.Time, KeyVersion: m.KeyVersion,
		Signature: m.Signature, Body: m.Body}
}

// Fact is one record of the order's history.
type Fact struct {
	Version   uint64 `json:"version,string"`
	Recorded  Time   `json:"recorded"`
	Occurred  Time   `json:"occurred"`
	Fact      string `json:"fact"`
	CommandID string `json:"commandId,omitempty"`
	Status    string `json:"status"` // after it
	Phase     string `json:"phase"`
}

// WriteTo writes the bundle as JSON, indented, with a new line at its end. The same bundle is always the same bytes. An
// order's id may have slashes and dots, so whoever names a file by it escapes it ([net/url.PathEscape]).
func (b Bundle) WriteTo(w io.Writer) (int64, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // it is read by people
	e.SetIndent("", "  ")
	if err := e.Encode(b); err != nil {
		return 0, fmt.Errorf("evidence of order %q: %w", b.Order.ID, err)
	}
	n, err := w.Write(text.Bytes())
	if err != nil {
		err = fmt.Errorf("evidence of order %q: writing it: %w", b.Order.ID, err)
	}
	return int64(n), err
}
