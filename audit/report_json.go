package audit

import (
	"encoding/json"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/reports"
	"github.com/tilltape/tilltape/seal"
)

// MarshalJSON writes the report as docs/reference/json.md has it, the verdict first.
func (r *Report) MarshalJSON() ([]byte, error) {
	d := reports.Verification{Verdict: r.Verdict(), Outcome: r.Outcome().String(), Log: treeOf(r.Seal), Sealed: r.Sealed,
		Records: r.Records, Missing: r.Missing, Orders: uint64(r.Orders), Messages: r.Messages}
	for _, h := range r.Held {
		d.Checkpoints = append(d.Checkpoints, reports.Held{Tree: treeOf(h.Checkpoint), State: h.State.String()})
	}
	for _, l := range Levels() {
		level := r.Level(l)
		d.Levels = append(d.Levels, reports.Level{Level: l.String(), State: level.State.String(), Why: level.Why,
			Checked: level.Checked, Wrong: level.Wrong, Unknown: level.Unknown})
	}
	for _, f := range r.Findings {
		doc := reports.Finding{Level: f.Level.String(), Problem: f.Problem.String(), Position: f.Position,
			Until: f.Until, Detail: f.Detail, Meaning: f.Meaning(), Remedy: f.Remedy()}
		if f.Stream != (events.Stream{}) {
			doc.Stream = &reports.Stream{Category: f.Stream.Category, ID: f.Stream.ID}
		}
		d.Findings = append(d.Findings, doc)
	}
	for i := range r.Days {
		d.Days = append(d.Days, reports.Day{Date: r.Days[i].Date, Total: totalOf(&r.Days[i])})
	}
	for i := range r.Totals {
		d.Totals = append(d.Totals, totalOf(&r.Totals[i]))
	}
	if s := r.Settled; s != nil {
		d.Settlement = &reports.Settlement{Rows: uint64(s.Rows), Matched: uint64(s.Matched),
			From: reports.Time{Time: s.From}, Until: reports.Time{Time: s.Until}}
	}
	return json.Marshal(d)
}

func treeOf(c seal.Checkpoint) reports.Tree {
	return reports.Tree{Origin: c.Origin, Size: c.Size, Root: c.Root.String()}
}

func totalOf(d *Day) reports.Total {
	of := func(minor int64) reports.Money {
		return reports.MoneyOf(events.Money{Minor: minor, Currency: d.Currency})
	}
	return reports.Total{Currency: d.Currency, Authorized: of(d.Authorized), Captured: of(d.Captured),
		Refunded: of(d.Refunded), Late: of(d.Late), LateRefunded: of(d.LateRefunded), Disputed: of(d.Disputed)}
}
