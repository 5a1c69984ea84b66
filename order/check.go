package order

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/money"
)

// check refuses what no order could be. Nothing is appended or sent for it.
func (c *Create) check() error {
	invalid := func(field, problem string, err error) error {
		return &InvalidError{OrderID: c.OrderID, Command: "create", Field: field, Problem: problem, Err: err}
	}
	for _, f := range []struct {
		field, id string
		optional  bool
	}{
		{"order id", c.OrderID, false}, {"paymentRequestId", c.PaymentRequestID, false}, {"paymentId", c.PaymentID, true},
		{"method", c.Method, false}, {"acquirer", c.Acquirer, true},
		{"merchantAccountId", c.MerchantAccountID, true}, {"command id", c.CommandID, true}, {"actor", c.Actor, true},
	} {
		if f.id == "" && f.optional {
			continue
		}
		if err := events.CheckID(f.field, f.id); err != nil {
			return invalid(f.field, problemOf(err), err)
		}
	}
	if err := money.CheckCurrency(c.Amount.Currency); err != nil {
		return invalid("currency",
			fmt.Sprintf("is %.20q; give an ISO 4217 code in capitals, for instance USD", c.Amount.Currency), err)
	}
	if c.Amount.Minor <= 0 {
		return invalid("amount", fmt.Sprintf("is %s; an order needs more than zero", c.Amount), nil)
	}
	if !c.PayBy.IsZero() && (keepable(c.PayBy).IsZero() || keepable(c.PayBy.Add(WaitMax)).IsZero()) { // and with a margin
		return invalid("payBy", "lies outside the years 1678 to 2262; leave it zero where it is not known", nil)
	}
	if carriesCard(c.Method) && c.CaptureMode == CaptureNone {
		return invalid("capture mode",
			"is none, but a card is only authorized when it is paid; say automatic (APO's default) or manual", nil)
	}
	if c.CaptureMode > CaptureManual {
		return invalid("capture mode", "is not known; give CaptureNone, CaptureAutomatic or CaptureManual", nil)
	}
	return nil
}

// carriesCard reports whether a method is a card, or a wallet that hands one on, in whatever case it is spelt.
func carriesCard(method string) bool {
	return slices.ContainsFunc([]string{MethodCard, "APPLEPAY", "GOOGLEPAY"}, func(m string) bool {
		return strings.EqualFold(m, method)
	})
}

// problemOf is what [events.CheckID] found, without the name that stands before it.
func problemOf(err error) string {
	if invalid, is := errors.AsType[*events.InvalidError](err); is {
		return invalid.Problem
	}
	return err.Error()
}

func checkAuthor(order, command, id, actor string) error {
	for _, f := range []struct{ field, id string }{{"command id", id}, {"actor", actor}} {
		if f.id == "" {
			continue
		}
		if err := events.CheckID(f.field, f.id); err != nil {
			return &InvalidError{OrderID: order, Command: command, Field: f.field, Problem: problemOf(err), Err: err}
		}
	}
	return nil
}

// checkText refuses what no record can hold.
func checkText(order, command, field, text string) error {
	switch {
	case len(text) > events.TextMax:
		return &InvalidError{OrderID: order, Command: command, Field: field,
			Problem: fmt.Sprintf("has %d bytes; give at most %d", len(text), events.TextMax)}
	case !utf8.ValidString(text):
		return &InvalidError{OrderID: order, Command: command, Field: field, Problem: "is not UTF-8; give text"}
	}
	return nil
}

// checkReason refuses a refund's reason that APO would not take. A record holds every other one.
func (c *Refund) checkReason(order string) error {
	if n := utf8.RuneCountInString(c.Reason); n > RefundReasonMax {
		return &InvalidError{OrderID: order, Command: "refund", Field: "reason",
			Problem: fmt.Sprintf("has %d characters; give at most %d", n, RefundReasonMax)}
	}
	return checkText(order, "refund", "reason", c.Reason)
}
