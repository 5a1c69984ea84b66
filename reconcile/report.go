package reconcile

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Outcome is what became of one order.
type Outcome string

const (
	Same       Outcome = "same"       // the log is as APO says
	Differs    Outcome = "differs"    // APO proved what the log did not have; it has it now
	Unanswered Outcome = "unanswered" // APO did not say, or somebody else was asking at that moment: ask again
)

// Difference is one thing that APO proved and the log did not have.
type Difference struct {
	Fact   string      // its kind, such as "refund.succeeded.v1"
	ID     string      // APO's of the transfer, or the request's
	Amount order.Money // zero where the fact has none
	At     time.Time   // by APO's word, or when it was recorded
	Wrong  string      // what contradicts the log and needs a person; empty: it was missing
	Text   string      // all of it for people
}

// Line is one order.
type Line struct {
	Order     string
	PaymentID string // what APO's statements have the order by; empty as long as it is not known
	Outcome   Outcome
	Status    string // in words, as the order stands now
	Problem   string // why APO said nothing, or not all
	// Again: its turn did not come, or was cut off. It is asked about once more at the end, or by the next run.
	Again       bool
	busy        bool // somebody else was asking: that is no silence of APO's
	Differences []Difference
}

// Sum is what the differences of one kind of fact in one currency come to.
type Sum struct {
	Fact     string
	Wrong    bool // of those that contradict the log
	Currency string
	Count    uint64
	Minor    int64 // in minor units; the largest int64 where it is more
}

// Report is what a reconciliation found. Its JSON, which docs/reference/json.md tells, can be read back and gone on
// with.
type Report struct {
	From       time.Time
	Until      time.Time
	Reach      time.Duration // see Config
	Began      time.Time
	Ended      time.Time
	Whole      bool         // every order of the span was asked about
	ReadOnly   bool         // what was missing is not booked: see the function ReadOnly
	Done       store.Cursor // how far in the log that is so
	Orders     uint64
	Same       uint64
	Differing  uint64
	Unanswered uint64
	Sums       []Sum  // by fact, then currency
	Lines      []Line // of all orders that are not the same, in the order of the log; fewer with Config.SumsOnly
}

func (r *Report) clone() *Report {
	out := *r
	out.Sums, out.Lines = slices.Clone(r.Sums), slices.Clone(r.Lines)
	return &out
}

// add counts an order, and keeps its line where that is wanted and there is something to tell.
func (r *Report) add(line Line, keep bool) {
	r.Orders++
	*r.count(line.Outcome)++
	if keep && line.Outcome != Same {
		r.Lines = append(r.Lines, line)
	}
	for _, d := range line.Differences {
		r.sum(d)
	}
}

// count is the number of orders that ended so.
func (r *Report) count(o Outcome) *uint64 {
	switch o {
	case Differs:
		return &r.Differing
	case Unanswered:
		return &r.Unanswered
	}
	return &r.Same
}

// replace has what came of asking about an order again in the place of what came of it before. What was booked then
// stands in the log now, and APO says the same: it stays a difference.
func (r *Report) replace(i int, line Line) Line {
	was := r.Lines[i]
	for _, d := range line.Differences {
		r.sum(d)
	}
	line.Differences = slices.Concat(was.Differences, line.Differences)
	if len(line.Differences) > 0 {
		line.Outcome = Differs
	}
	*r.count(was.Outcome)--
	*r.count(line.Outcome)++
	r.Lines[i] = line
	return line
}

// settle takes the lines out of orders that are as APO says, now that their turn came.
func (r *Report) settle() {
	r.Lines = slices.DeleteFunc(r.Lines, func(l Line) bool { return l.Outcome == Same })
}

func (r *Report) sum(d Difference) {
	of := Sum{Fact: d.Fact, Wrong: d.Wrong != "", Currency: d.Amount.Currency}
	at, found := slices.BinarySearchFunc(r.Sums, of, func(a, b Sum) int {
		return cmp.Or(strings.Compare(a.Fact, b.Fact), cmp.Compare(toInt(a.Wrong), toInt(b.Wrong)),
			strings.Compare(a.Currency, b.Currency))
	})
	if !found {
		r.Sums = slices.Insert(r.Sums, at, of)
	}
	s := &r.Sums[at]
	s.Count++
	s.Minor += min(d.Amount.Minor, math.MaxInt64-s.Minor)
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func decimal(m order.Money) string {
	text, _ := m.AppendDecimal(nil)
	return string(text)
}

// day is how the text shows times.
const day = "2006-01-02 15:04:05"

// WriteText writes the report for people: a verdict, the sums, and every order that is not the same.
func (r *Report) WriteText(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, r.verdict())
	fmt.Fprintf(out, "From %s until %s UTC, asked from %s until %s UTC.\n", r.From.Format(day), r.Until.Format(day),
		r.Began.Format(day), r.Ended.Format(day))
	fmt.Fprintf(out, "Orders with no record from %s until then were not asked about.\n",
		r.From.Add(-r.Reach).Format(day))
	if len(r.Sums) > 0 {
		fmt.Fprint(out, "\nDIFFERENCE\tCOUNT\tAMOUNT\t\n")
	}
	for _, s := range r.Sums {
		fmt.Fprintf(out, "%s\t%d\t%s\t%s\n", words.Plain(factWords(s.Fact)), s.Count, words.Plain(s.amount()),
			s.words(r.ReadOnly))
	}
	if len(r.Lines) > 0 {
		fmt.Fprint(out, "\nORDER\tPAYMENT\tSTATUS\tWHAT APO SAYS\n")
	}
	for i := range r.Lines {
		for _, row := range r.Lines[i].texts() {
			fmt.Fprintln(out, strings.Join(row[:], "\t"))
		}
	}
	return out.Flush()
}

func (s Sum) amount() string {
	if s.Currency == "" {
		return ""
	}
	return order.Money{Currency: s.Currency, Minor: s.Minor}.String()
}

func (s Sum) words(readOnly bool) string {
	switch {
	case s.Wrong:
		return "contradicts the log: a person has to look"
	case readOnly:
		return "is missing in the log"
	}
	return "was missing and is booked now"
}

// verdict is the report in one sentence.
func (r *Report) verdict() string {
	text := fmt.Sprintf("%s: %d as APO says, %d differ, %d unanswered.", words.Counted(r.Orders, "order"), r.Same,
		r.Differing, r.Unanswered)
	if !r.Whole {
		return text + " NOT WHOLE: it was cut off; go on with this report."
	}
	return text
}

func factWords(kind string) string {
	name, _, _ := strings.Cut(kind, ".v")
	return name
}

// WriteCSV writes one row for each difference and each unanswered order, as RFC 4180 has it, with a header. A text that
// a spreadsheet would take for a formula begins with an apostrophe. Import the ids as text: a spreadsheet rounds a
// paymentId that is all digits.
func (r *Report) WriteCSV(w io.Writer) error { return writeTable(w, r.Lines, true) }
