package reconcile

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tilltape/tilltape/internal/reports"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// MarshalJSON writes the report as docs/reference/json.md has it.
func (r *Report) MarshalJSON() ([]byte, error) {
	form := reports.Reconciliation{From: reports.Time{Time: r.From}, Until: reports.Time{Time: r.Until},
		Reach: reports.Seconds(r.Reach), Began: reports.Time{Time: r.Began}, Ended: reports.Time{Time: r.Ended},
		Whole: r.Whole, ReadOnly: r.ReadOnly, Done: r.Done.String(), Orders: r.Orders, Same: r.Same,
		Differing: r.Differing, Unanswered: r.Unanswered}
	for _, s := range r.Sums {
		form.Sums = append(form.Sums, reports.Sum{Fact: s.Fact, Wrong: s.Wrong, Count: s.Count,
			Amount: amountForm(order.Money{Minor: s.Minor, Currency: s.Currency})})
	}
	for i := range r.Lines {
		form.Lines = append(form.Lines, lineForm(&r.Lines[i]))
	}
	return json.Marshal(form)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Report) UnmarshalJSON(text []byte) error {
	var form reports.Reconciliation
	if err := json.Unmarshal(text, &form); err != nil {
		return err
	}
	done, err := store.ParseCursor(form.Done)
	if err != nil {
		return fmt.Errorf("how far it came: %w", err)
	}
	*r = Report{From: form.From.Time, Until: form.Until.Time, Reach: time.Duration(form.Reach), Began: form.Began.Time,
		Ended: form.Ended.Time, Whole: form.Whole, ReadOnly: form.ReadOnly, Done: done, Orders: form.Orders,
		Same: form.Same, Differing: form.Differing, Unanswered: form.Unanswered}
	for _, s := range form.Sums {
		amount := amountOf(s.Amount)
		r.Sums = append(r.Sums, Sum{Fact: s.Fact, Wrong: s.Wrong, Currency: amount.Currency, Count: s.Count,
			Minor: amount.Minor})
	}
	for _, l := range form.Lines {
		line := Line{Order: l.Order, PaymentID: l.PaymentID, Outcome: Outcome(l.Outcome),
			Status: l.Status, Problem: l.Problem, Again: l.Again}
		for _, d := range l.Differences {
			line.Differences = append(line.Differences, Difference{Fact: d.Fact, ID: d.ID, Amount: amountOf(d.Amount),
				At: d.At.Time, Wrong: d.Wrong, Text: d.Text})
		}
		r.Lines = append(r.Lines, line)
	}
	return nil
}

// MarshalJSON writes an order's line as it stands in a report.
func (l Line) MarshalJSON() ([]byte, error) { return json.Marshal(lineForm(&l)) }

func lineForm(l *Line) reports.Line {
	form := reports.Line{Order: l.Order, PaymentID: l.PaymentID, Outcome: string(l.Outcome),
		Status: l.Status, Problem: l.Problem, Again: l.Again}
	for _, d := range l.Differences {
		form.Differences = append(form.Differences, reports.Difference{Fact: d.Fact, ID: d.ID,
			Amount: amountForm(d.Amount), At: reports.Time{Time: d.At}, Wrong: d.Wrong, Text: d.Text})
	}
	return form
}

// amountForm is an amount; nil where a fact has none.
func amountForm(m order.Money) *reports.Money {
	if m == (order.Money{}) {
		return nil
	}
	form := reports.MoneyOf(m)
	return &form
}

func amountOf(form *reports.Money) order.Money {
	if form == nil {
		return order.Money{}
	}
	return form.Amount()
}
