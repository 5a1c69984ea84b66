package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// said is an error of the log in the words of whoever gives commands on orders. A program matches what the log said.
type said struct {
	text string
	err  error
}

func (e *said) Error() string { return e.text }
func (e *said) Unwrap() error { return e.err }

// Say tells an error of a log in other words, which speak of orders, payments and commands; err stays in the chain. The
// words of the log that are for people follow them.
func Say(err error, doing string) error {
	return &said{text: doing + ": " + cause(err), err: err}
}

// cause is what the log said, without its view of it: which record it was, of which stream.
func cause(err error) string {
	var invalid *events.InvalidError
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded.Error()
	case errors.Is(err, store.ErrInvalid) && errors.As(err, &invalid):
		if invalid.Field == fieldRecordID {
			return invalid.Error() + ", and see to it that Config.NewID gives 1 to 64 printable bytes"
		}
		return invalid.Error()
	}
	return err.Error()
}

// fieldRecordID is the one identifier that no command has: NewID mints it.
const fieldRecordID = "record id"

// subject is what a drive wants on record, in the words of who gave the command.
func (d *Drive) subject() string {
	what := order.Describe(d.command).Verb.String()
	switch d.command.(type) {
	case order.Claim:
		what = "the next question to APO"
	case order.RecordAnswer:
		what = "APO's answer"
	case order.RecordInquiry:
		what = "APO's answer to the inquiry"
	case order.Observe:
		what = "what APO told"
	}
	return fmt.Sprintf("order %s: %s", d.stream.ID, what)
}

// notRecorded is the error of an append that has not happened.
func (d *Drive) notRecorded(err error) error { return Say(err, d.subject()+" was not recorded") }

// takenError is the error of an append with an identifier that belongs to another order.
func (d *Drive) takenError(err *store.KeyTakenError) error {
	name, value, _ := strings.Cut(string(err.Key), ":")
	remedy := "find out which of the two orders it is about"
	switch {
	case name == events.KeyCaptureRequestID || name == events.KeyRefundRequestID:
		remedy = "Config.NewID minted it, and must never give an id twice"
	case d.o.Version == 0:
		remedy = "one payment is one order: place this one with ids of its own, or go on with that one"
	}
	return &said{err: err, text: fmt.Sprintf("%s was not recorded: the %s %q belongs to order %q already; %s", d.subject(),
		name, value, err.Owner.ID, remedy)}
}
