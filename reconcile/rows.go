package reconcile

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/tilltape/tilltape/internal/formula"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/order"
)

// Form is how [Rows] are written.
type Form int

const (
	RowsText  Form = iota // for people, in columns
	RowsCSV               // as [Report.WriteCSV]
	RowsJSONL             // a line's JSON on a line of its own, and the report without its lines as the last
)

// Rows writes what a reconciliation finds while it is found: every order that is not the same has its rows as soon as
// nothing of them changes any more, and what sums them up comes at the end. An order that is asked about again has its
// rows then, so not in the order of the log. Make one with [NewRows]; it is for one reconciliation, and not for
// concurrent use.
type Rows struct {
	out    io.Writer
	form   Form
	resume *Report // whose lines are still to be written
	any    bool    // a row was written
	err    error   // the first that was met: nothing is written after it
}

// NewRows makes one that writes to out, each line by one Write. Where the reconciliation goes on with a report,
// [Config.Resume], give that: its lines come first. Otherwise nil.
func NewRows(out io.Writer, form Form, resume *Report) *Rows {
	return &Rows{out: out, form: form, resume: resume}
}

// Line writes an order's rows; give it to [Config.Each]. The error is out's.
func (r *Rows) Line(l Line) error {
	r.resumed()
	if l.Outcome != Same && !l.Again {
		r.write([]Line{l}, false)
	}
	return r.err
}

// resumed writes what the earlier run has found for good.
func (r *Rows) resumed() {
	if r.resume == nil {
		return
	}
	var lines []Line
	for _, l := range r.resume.Lines {
		if !l.Again && l.Outcome != Same { // it may have come out the same when it was asked about again
			lines = append(lines, l)
		}
	}
	r.resume = nil
	r.write(lines, false)
}

// End writes what is left: the orders that are still to be asked about again, then the sums and the verdict. The report
// is what [All] returned. The error is out's.
func (r *Rows) End(report *Report) error {
	r.resumed()
	var left []Line
	for _, l := range report.Lines {
		if l.Again {
			left = append(left, l)
		}
	}
	r.write(left, r.form == RowsCSV) // a table without rows has its header
	sums := *report
	sums.Lines = nil
	switch {
	case r.err != nil || r.form == RowsCSV:
	case r.form == RowsJSONL:
		r.document(&sums)
	default:
		if r.any {
			_, r.err = fmt.Fprintln(r.out)
		}
		if r.err == nil {
			r.err = sums.WriteText(r.out)
		}
	}
	return r.err
}

// write writes lines, with what stands above the first. Bare has that written without a line, too.
func (r *Rows) write(lines []Line, bare bool) {
	if r.err != nil || len(lines) == 0 && !(bare && !r.any) {
		return
	}
	first := !r.any
	r.any = true
	switch r.form {
	case RowsJSONL:
		for _, l := range lines {
			r.document(l)
		}
	case RowsCSV:
		r.err = writeTable(r.out, lines, first)
	default:
		var text []byte
		if first {
			text = appendColumns(text, [4]string{"ORDER", "PAYMENT", "STATUS", "WHAT APO SAYS"})
		}
		for _, l := range lines {
			for _, row := range l.texts() {
				text = appendColumns(text, row)
			}
		}
		_, r.err = r.out.Write(text)
	}
}

func (r *Rows) document(of any) {
	if r.err != nil {
		return
	}
	var text []byte
	if text, r.err = json.Marshal(of); r.err == nil {
		_, r.err = r.out.Write(append(text, '\n'))
	}
}

// appendColumns writes a row at widths that hold what is usual: nobody knows yet how long the next row's texts are.
func appendColumns(dst []byte, row [4]string) []byte {
	return fmt.Appendf(dst, "%-16s  %-30s  %-18s  %s\n", row[0], row[1], row[2], row[3])
}

// texts are an order's rows for people, by columns: one for each difference, and one where APO did not answer.
func (l *Line) texts() (rows [][4]string) {
	add := func(what string) {
		rows = append(rows, [4]string{words.Plain(l.Order), words.Plain(l.PaymentID), words.Plain(l.Status), what})
	}
	if l.Outcome == Unanswered {
		add("unanswered: " + words.Plain(l.Problem))
	}
	for _, d := range l.Differences {
		add(words.Plain(d.Text) + " at " + d.At.UTC().Format(day))
	}
	return rows
}

// csvHeader is the first row of the table.
var csvHeader = []string{"order", "outcome", "status", "fact", "id", "currency", "amount", "minor", "at", "wrong",
	"problem", "paymentId"}

// writeTable writes lines as RFC 4180 has them.
func writeTable(w io.Writer, lines []Line, header bool) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	var rows [][]string
	if header {
		rows = append(rows, csvHeader)
	}
	for i := range lines {
		rows = append(rows, lines[i].cells()...)
	}
	for _, row := range rows {
		for i := range row {
			row[i] = formula.Safe(row[i])
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// cells are an order's rows of the table.
func (l *Line) cells() (rows [][]string) {
	if l.Outcome == Unanswered {
		rows = append(rows, []string{l.Order, string(l.Outcome), l.Status, "", "", "", "", "", "", "", l.Problem,
			l.PaymentID})
	}
	for _, d := range l.Differences {
		row := []string{l.Order, string(l.Outcome), l.Status, d.Fact, d.ID, d.Amount.Currency, decimal(d.Amount), "",
			d.At.UTC().Format(time.RFC3339Nano), d.Wrong, "", l.PaymentID}
		if d.Amount != (order.Money{}) {
			row[7] = strconv.FormatInt(d.Amount.Minor, 10)
		}
		rows = append(rows, row)
	}
	return rows
}
