// Package tables makes tables for people of a log: what an accountant opens in a spreadsheet. A table proves nothing;
// an export does (package export).
package tables

import (
	"strings"
	"time"

	"github.com/tilltape/tilltape/money"
)

// Table is rows under the names of their columns.
type Table struct {
	Name    string
	Columns []string
	Rows    [][]Cell // each as long as Columns
}

// Cell is one value. Make it with Text, Number, Time or Amount; the zero Cell is empty.
type Cell struct {
	text     string
	decimals int
	number   bool // an amount, or a count
}

// Text is a text, or an id, which stays one however many digits it has.
func Text(s string) Cell { return Cell{text: s} }

// timeForm sorts as time does, and is read by every spreadsheet.
const timeForm = "2006-01-02 15:04:05"

// Time is a time in UTC, to the second; empty where it is not set.
func Time(t time.Time) Cell {
	if t.IsZero() {
		return Cell{}
	}
	return Cell{text: t.UTC().Format(timeForm)}
}

// Amount is an amount with its currency's decimals; empty where it is of no currency. One in a currency that nobody
// knows the decimals of is told in words.
func Amount(m money.Amount) Cell {
	if m.Currency == "" {
		return Cell{}
	}
	digits, known := m.AppendDecimal(nil)
	if !known {
		return Cell{text: m.String()}
	}
	decimals, _ := money.Digits(m.Currency)
	return Cell{text: string(digits), decimals: decimals, number: true}
}

// formulaStarts are what a cell begins with that some spreadsheet takes for a formula: OWASP's list, the line feed that
// spreadsheets skip, and the wide forms that some take for the narrow ones.
const formulaStarts = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"

// Safe is what is shown of a text: with an apostrophe before what a spreadsheet could run.
func Safe(text string) string {
	if text != "" && strings.ContainsAny(firstOf(text), formulaStarts) {
		return "'" + text
	}
	return text
}

func firstOf(text string) string {
	for _, r := range text {
		return string(r)
	}
	return ""
}

// shown is the cell's text in a table.
func (c Cell) shown() string {
	if c.number {
		return c.text
	}
	return Safe(c.text)
}
