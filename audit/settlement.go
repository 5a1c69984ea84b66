package audit

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/money"
	"github.com/tilltape/tilltape/store"
)

// SettlementRowsMax is how many rows of a settlement are read.
const SettlementRowsMax = 1 << 20

// SettlementColumns says where in a CSV file a settlement has what. What is empty is as in the zero value, which reads
//
//	type,transactionId,currency,amount,time
//	CAPTURE,202611291940108001001880001,USD,100.00,2026-11-29T12:00:00Z
//	REFUND,202611291940108001001880002,USD,25.00,2026-11-30
type SettlementColumns struct {
	// The names of columns in the file's first line. Others may stand beside them.
	Type, ID, Currency, Amount, Time string
	// Types are the words of the type column: [events.TransferPayment] for money that moved with the payment itself,
	// [events.TransferCapture] and [events.TransferRefund]. nil: PAYMENT, CAPTURE and REFUND.
	Types map[string]events.Transfer
	// Ignore are other words of that column, whose rows are passed over: fees, say. Any other word is an error.
	Ignore []string
	// Minor says that amounts are in minor units; otherwise they have the decimals of their currency.
	Minor bool
	// Comma separates columns; zero: a comma.
	Comma rune
}

func (c SettlementColumns) filled() SettlementColumns {
	c.Type, c.ID = cmp.Or(c.Type, "type"), cmp.Or(c.ID, "transactionId")
	c.Currency, c.Amount, c.Time = cmp.Or(c.Currency, "currency"), cmp.Or(c.Amount, "amount"), cmp.Or(c.Time, "time")
	if c.Types == nil {
		c.Types = map[string]events.Transfer{"PAYMENT": events.TransferPayment, "CAPTURE": events.TransferCapture,
			"REFUND": events.TransferRefund}
	}
	c.Comma = cmp.Or(c.Comma, ',')
	return c
}

// Settlement is what a settlement file says has moved.
type Settlement struct {
	// The log's movements of this time have to be in it, by APO's time of them. [ReadSettlement] sets the whole UTC days
	// from its first row to its last; narrow or widen it before it is used.
	From, Until time.Time
	rows        []settledRow
}

// settledRow is one movement as a settlement has it.
type settledRow struct {
	line   int
	kind   events.Transfer
	id     string
	amount events.Money
}

// SettlementError is a place in a settlement file that cannot be read.
type SettlementError struct {
	Line    int    // counted from 1
	Column  string // empty: the whole line
	Problem string // with the remedy
}

// Error names the place, the problem and the remedy.
func (e *SettlementError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("settlement, line %d: %s", e.Line, e.Problem)
	}
	return fmt.Sprintf("settlement, line %d, column %q: %s", e.Line, e.Column, e.Problem)
}

// Unwrap returns [store.ErrInvalid].
func (e *SettlementError) Unwrap() error { return store.ErrInvalid }

// ReadSettlement reads a CSV file (RFC 4180, UTF-8) whose first line names its columns. Every row counts or is an
// error: a *[SettlementError] with the line and the column. An id is captureId or refundId, or the id of the request
// for it, and paymentId of money that moved with the payment. An amount is without a sign, but that of a refund may
// have a minus. A time is RFC 3339, or a date, which is the day in UTC. columns may be nil.
func ReadSettlement(from io.Reader, columns *SettlementColumns) (*Settlement, error) {
	if columns == nil {
		columns = &SettlementColumns{}
	}
	c := columns.filled()
	lines := csv.NewReader(from)
	lines.Comma = c.Comma
	header, err := lines.Read()
	if err != nil {
		return nil, lineError(lines, 1, err)
	}
	header = slices.Clone(header)
	p := &settlementReader{columns: c, header: header, at: map[string]int{}, seen: map[settledKey]int{}}
	for _, name := range []string{c.Type, c.ID, c.Currency, c.Amount, c.Time} {
		i := slices.Index(header, name)
		if i < 0 || slices.Contains(header[i+1:], name) {
			return nil, &SettlementError{Line: 1, Column: name,
				Problem: "is not there, or there twice; name the file's own column"}
		}
		p.at[name] = i
	}
	for line := 2; ; line++ {
		row, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return p.done(), nil
		}
		if err != nil {
			return nil, lineError(lines, line, err)
		}
		line, _ = lines.FieldPos(0)
		if err := p.row(line, row); err != nil {
			return nil, err
		}
	}
}

// lineError says what package csv found, or a reader's own error.
func lineError(lines *csv.Reader, line int, err error) error {
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		return &SettlementError{Line: parse.Line, Problem: parse.Err.Error() + "; give a file as RFC 4180 has it"}
	}
	if errors.Is(err, io.EOF) {
		return &SettlementError{Line: line, Problem: "the file is empty; its first line names the columns"}
	}
	return fmt.Errorf("settlement, line %d: %w", line, err)
}

// settledKey names a movement.
type settledKey struct {
	kind events.Transfer
	id   string
}

// settlementReader is a file that is being read.
type settlementReader struct {
	columns     SettlementColumns
	header      []string
	at          map[string]int
	seen        map[settledKey]int // by line
	out         Settlement
	first, last time.Time
}

func (p *settlementReader) row(line int, row []string) error {
	c := &p.columns
	cell := func(name string) string { return row[p.at[name]] }
	wrong := func(column, problem string) error {
		return &SettlementError{Line: line, Column: column, Problem: problem}
	}
	word := cell(c.Type)
	kind, known := c.Types[word]
	switch {
	case !known && slices.Contains(c.Ignore, word):
		return nil
	case !known:
		return wrong(c.Type, fmt.Sprintf("%.40q is no type that is known; name it in SettlementColumns.Types or Ignore",
			word))
	case len(p.out.rows) == SettlementRowsMax:
		return &SettlementError{Line: line, Problem: fmt.Sprintf("the file has more than %d rows; give it in parts",
			SettlementRowsMax)}
	case cell(c.ID) == "" || len(cell(c.ID)) > events.IDMax:
		return wrong(c.ID, fmt.Sprintf("an id has 1 to %d bytes; give the movement's own", events.IDMax))
	}
	key := settledKey{kind, cell(c.ID)}
	if earlier, twice := p.seen[key]; twice {
		return wrong(c.ID, fmt.Sprintf("%q stands in line %d already; add the two up", key.id, earlier))
	}
	p.seen[key] = line
	amount, problem := p.amount(cell(c.Currency), cell(c.Amount), kind)
	if problem != "" {
		return wrong(c.Amount, problem)
	}
	at, ok := settledTime(cell(c.Time))
	if !ok {
		return wrong(c.Time, "is neither RFC 3339 nor a date like 2026-11-29")
	}
	if p.first.IsZero() || at.Before(p.first) {
		p.first = at
	}
	if at.After(p.last) {
		p.last = at
	}
	p.out.rows = append(p.out.rows, settledRow{line, kind, key.id, amount})
	return nil
}

// amount reads an amount; a problem where it is none.
func (p *settlementReader) amount(currency, text string, kind events.Transfer) (events.Money, string) {
	if kind == events.TransferRefund {
		text = strings.TrimPrefix(text, "-")
	}
	if !p.columns.Minor {
		amount, err := money.Parse(currency + " " + text)
		if err != nil || strings.ContainsAny(text, " -+") {
			return events.Money{}, "is no amount with the decimals of its currency; write it like 100.00"
		}
		return amount, ""
	}
	minor, err := strconv.ParseInt(text, 10, 64)
	if err != nil || minor < 0 || strconv.FormatInt(minor, 10) != text {
		return events.Money{}, "is no whole number of minor units; write it like 10000"
	}
	amount, err := money.New(minor, currency)
	if err != nil {
		return events.Money{}, "is in no currency of ISO 4217; write it like USD"
	}
	return amount, ""
}

func settledTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

func (p *settlementReader) done() *Settlement {
	if len(p.out.rows) > 0 {
		p.out.From = time.Unix(floorDay(p.first)*daySeconds, 0).UTC()
		p.out.Until = time.Unix((floorDay(p.last)+1)*daySeconds, 0).UTC()
	}
	return &p.out
}
