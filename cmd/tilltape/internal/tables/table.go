// Package tables makes tables for people of a log: what an accountant opens in a spreadsheet. A table proves nothing;
// an export does (package export).
package tables

import (
	"time"

	"github.com/tilltape/tilltape/internal/formula"
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

// shown is the cell's text in a table.
func (c Cell) shown() string {
	if c.number {
		return c.text
	}
	return formula.Safe(c.text)
}
