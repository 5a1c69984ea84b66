package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/documents"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/order"
)

// rows prints a list while it is found: the first row at once, the others in large pieces. Make one with terminal.rows.
type rows struct {
	out    *bufio.Writer
	format string
	n      int
	doc    []byte // of a row for programs, used again
	meter  *meter // nil: nobody sees how far it is
}

// metered has the rows counted on standard error, where they themselves go elsewhere than to a terminal.
func (r *rows) metered(t *terminal, what string) *rows {
	if !t.liveOut {
		r.meter = t.meter(what)
	}
	return r
}

func (t *terminal) rows(format string) *rows {
	return &rows{out: bufio.NewWriter(t.out), format: format}
}

// text prints a row for people, of one line or several.
func (r *rows) text(lines string) error { return r.put([]byte(lines), "\n", "") }

// document prints a row for programs: a line of its own in jsonl, an element of one array in json.
func (r *rows) document(appendTo func([]byte) ([]byte, error)) error {
	doc, err := appendTo(r.doc[:0])
	if err != nil {
		return err
	}
	r.doc = doc
	switch {
	case r.format == formatJSONL:
		return r.put(doc, "\n", "")
	case r.n == 0:
		return r.put(doc, "", "[\n")
	}
	return r.put(doc, "", ",\n")
}

func (r *rows) put(row []byte, after, before string) error {
	_, err := r.out.WriteString(before)
	if err == nil {
		_, err = r.out.Write(row)
	}
	if err == nil {
		_, err = r.out.WriteString(after)
	}
	if r.n++; r.n == 1 && err == nil {
		err = r.out.Flush()
	}
	if r.meter != nil {
		r.meter.at(uint64(r.n))
	}
	return printError(err)
}

// end prints what is left. Without it the list is cut off.
func (r *rows) end() error {
	if r.meter != nil {
		r.meter.end()
	}
	var err error
	switch {
	case r.format == formatJSON && r.n == 0:
		_, err = r.out.WriteString("[]\n")
	case r.format == formatJSON:
		_, err = r.out.WriteString("\n]\n")
	}
	return printError(errors.Join(err, r.out.Flush()))
}

func printError(err error) error {
	if err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

// one prints the only document of a command: on one line in jsonl, indented in json.
func (t *terminal) one(format string, doc []byte) error {
	if format == formatJSON {
		var b bytes.Buffer
		if err := json.Indent(&b, doc, "", "  "); err != nil {
			return err
		}
		doc = b.Bytes()
	}
	_, err := t.out.Write(append(doc, '\n'))
	return printError(err)
}

// marshal is encoding/json's without the escapes for web pages.
func marshal(v any) ([]byte, error) { return documents.Marshal(v) }

// plain is a foreign text as a terminal may have it: nothing in it moves the cursor, or turns the direction of writing.
func plain(text string) string { return words.Plain(text) }

// decimals is an amount in minor units with its currency.
func decimals(minor int64, currency string) string {
	return order.Money{Minor: minor, Currency: currency}.String()
}

// What docs/reference/json.md tells of amounts and calls.
type (
	moneyDocument = documents.Money
	callDocument  = documents.Call
)

// moneyOf is an amount for programs; nil where there is none.
func moneyOf(m order.Money) *moneyDocument { return documents.MoneyOf(m) }

// digits is a number as docs/reference/json.md has it; empty for 0.
func digits(n uint64) string { return documents.Digits(n) }

func callOf(c order.Call) *callDocument { return documents.CallOf(c) }

// callWords is "cancel, attempt 2" or "inquiryPayment 3".
func callWords(c order.Call) string {
	switch {
	case c.IsInquiry() && c.Number > 0:
		return fmt.Sprintf("%s %d", c.Kind, c.Number)
	case c.IsInquiry():
		return c.Kind.String()
	}
	return fmt.Sprintf("%s, attempt %d", c.Kind, c.Attempt)
}

// viaWords says how a fact reached us; empty for what we did ourselves.
func viaWords(via events.Channel) string {
	switch via {
	case events.ViaAnswer:
		return "by APO's answer"
	case events.ViaNotification:
		return "by APO's notification"
	case events.ViaInquiry:
		return "by an inquiry"
	case events.ViaOperator:
		return "by a person's word"
	}
	return ""
}
