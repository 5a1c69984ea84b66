// Package documents has the JSON that the command line and the viewer both tell beside what package jsonform has: how
// an order stands with what may be done, and what happened to it. docs/reference/json.md tells the members.
package documents

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/money"
	"github.com/tilltape/tilltape/order"
)

// stamp is how a time is written: in UTC, with nine decimals, always as long.
const stamp = "2006-01-02T15:04:05.000000000Z"

// Time is a time as the page has it; empty for none.
func Time(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(stamp)
}

// Digits is a number as the page has it; empty for 0.
func Digits(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// Money is an amount.
type Money struct {
	Currency string `json:"currency"`
	Minor    string `json:"minor"`
	Value    string `json:"value,omitempty"`
}

// MoneyOf is an amount for programs; nil where there is none.
func MoneyOf(m order.Money) *Money {
	if m.Currency == "" {
		return nil
	}
	doc := &Money{Currency: m.Currency, Minor: strconv.FormatInt(m.Minor, 10)}
	if _, known := money.Digits(m.Currency); known {
		_, doc.Value, _ = strings.Cut(m.String(), " ")
	}
	return doc
}

// Call is a call that APO was asked, or is owed.
type Call struct {
	Call    string `json:"call"`
	Attempt string `json:"attempt,omitempty"`
	Inquiry string `json:"inquiry,omitempty"`
}

// CallOf is a call for programs; nil where there is none.
func CallOf(c order.Call) *Call {
	if c.Kind == order.CallNone {
		return nil
	}
	return &Call{Call: c.Kind.String(), Attempt: Digits(c.Attempt), Inquiry: Digits(c.Number)}
}

// Action is what an order says of a command.
type Action struct {
	Command string `json:"command"`
	Legal   bool   `json:"legal,omitempty"`
	Done    bool   `json:"done,omitempty"`
	Max     *Money `json:"max,omitempty"` // of a capture or refund
	Reason  string `json:"reason,omitempty"`
	Why     string `json:"why,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
	Record  string `json:"record,omitempty"` // the version of the record behind it
	LegalAt string `json:"legalAt,omitempty"`
}

// Done tells a command that is legal because it is done already, and given again does nothing.
func Done(o *order.Order, a *order.Action) bool {
	return a.Legal && a.Verb == order.VerbCancel && o.Status == order.Cancelled
}

// Order is how an order stands.
type Order struct {
	Order   json.RawMessage `json:"order"`
	Actions []Action        `json:"actions"`
}

// OrderOf is an order with what it says of each command. The error is jsonform's.
func OrderOf(o order.Order, actions []order.Action) (Order, error) {
	whole, err := jsonform.AppendOrder(nil, o)
	if err != nil {
		return Order{}, err
	}
	doc := Order{Order: whole, Actions: []Action{}}
	for _, a := range actions {
		d := Action{Command: a.Verb.String(), Legal: a.Legal, Done: Done(&o, &a)}
		if a.Legal {
			d.Max = MoneyOf(a.Max)
		}
		if e := a.Rejected; e != nil {
			d.Reason, d.Why, d.Remedy, d.Record = e.Reason.String(), e.Why(), e.Remedy, Digits(e.Cause.Version)
			d.LegalAt = Time(e.LegalAt)
		}
		doc.Actions = append(doc.Actions, d)
	}
	return doc, nil
}

// Entry is one thing that happened to an order.
type Entry struct {
	At         string          `json:"at"`
	What       string          `json:"what"`
	Who        string          `json:"who,omitempty"`
	Why        string          `json:"why,omitempty"`
	Refused    bool            `json:"refused,omitempty"`
	Via        string          `json:"via"`
	Call       *Call           `json:"call,omitempty"`
	Code       string          `json:"code,omitempty"`
	UnknownFor string          `json:"unknownFor,omitempty"` // seconds
	Then       string          `json:"then"`                 // the order's words after it
	Record     json.RawMessage `json:"record"`
}

// EntryOf is an entry for programs. The error is jsonform's.
func EntryOf(e *audit.Entry) (Entry, error) {
	record, err := jsonform.AppendRecord(nil, e.Record)
	if err != nil {
		return Entry{}, err
	}
	doc := Entry{At: e.Record.Recorded.UTC().Format(stamp), What: e.What, Who: e.Record.Actor, Why: e.Why,
		Refused: e.Refused, Via: e.Via.String(), Call: CallOf(e.Call), Code: e.Code, Then: e.Order.Words(), Record: record}
	if e.Unknown > 0 {
		doc.UnknownFor = fmt.Sprintf("%d.%09d", e.Unknown/time.Second, e.Unknown%time.Second)
	}
	return doc, nil
}

// Marshal is encoding/json's without the escapes for web pages.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
