package audit

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
)

// The report's JSON follows docs/reference/json.md: names in camelCase, numbers as digits in a string, what is empty
// left out, money with its minor units and their value.

type reportDocument struct {
	Verdict     string              `json:"verdict"`
	Outcome     Outcome             `json:"outcome"`
	Log         checkpointDocument  `json:"log"`
	Sealed      bool                `json:"sealed,omitempty"`
	Records     string              `json:"records"`
	Missing     string              `json:"missing,omitempty"`
	Orders      string              `json:"orders"`
	Messages    string              `json:"messages"`
	Checkpoints []heldDocument      `json:"checkpoints,omitempty"`
	Levels      []levelDocument     `json:"levels"`
	Findings    []findingDocument   `json:"findings,omitempty"`
	Days        []dayDocument       `json:"days,omitempty"`
	Totals      []dayDocument       `json:"totals,omitempty"`
	Settlement  *settlementDocument `json:"settlement,omitempty"`
}

type checkpointDocument struct {
	Origin string `json:"origin,omitempty"`
	Size   string `json:"size"`
	Root   string `json:"root"`
}

type heldDocument struct {
	checkpointDocument
	State State `json:"state"`
}

type levelDocument struct {
	Level   Level  `json:"level"`
	State   State  `json:"state"`
	Why     string `json:"why,omitempty"`
	Checked string `json:"checked,omitempty"`
	Wrong   string `json:"wrong,omitempty"`
	Unknown string `json:"unknown,omitempty"`
}

type streamDocument struct {
	Category string `json:"category"`
	ID       string `json:"id"`
}

type findingDocument struct {
	Level    Level           `json:"level"`
	Problem  Problem         `json:"problem"`
	Position string          `json:"position,omitempty"`
	Until    string          `json:"until,omitempty"`
	Stream   *streamDocument `json:"stream,omitempty"`
	Detail   string          `json:"detail"`
	Meaning  string          `json:"meaning"`
	Remedy   string          `json:"remedy"`
}

type moneyDocument struct {
	Currency string `json:"currency"`
	Minor    string `json:"minor"`
	Value    string `json:"value,omitempty"`
}

type dayDocument struct {
	Date         string        `json:"date,omitempty"`
	Currency     string        `json:"currency"`
	Authorized   moneyDocument `json:"authorized"`
	Captured     moneyDocument `json:"captured"`
	Refunded     moneyDocument `json:"refunded"`
	Late         moneyDocument `json:"late"`
	LateRefunded moneyDocument `json:"lateRefunded"`
	Disputed     moneyDocument `json:"disputed"`
}

type settlementDocument struct {
	Rows    string `json:"rows"`
	Matched string `json:"matched"`
	From    string `json:"from,omitempty"`
	Until   string `json:"until,omitempty"`
}

// MarshalJSON writes the report as docs/reference/json.md has it, the verdict first.
func (r *Report) MarshalJSON() ([]byte, error) {
	d := reportDocument{Verdict: r.Verdict(), Outcome: r.Outcome(), Log: checkpointOf(r.Seal), Sealed: r.Sealed,
		Records: digits(r.Records), Missing: some(r.Missing), Orders: digits(uint64(r.Orders)), Messages: digits(r.Messages)}
	for _, h := range r.Held {
		d.Checkpoints = append(d.Checkpoints, heldDocument{checkpointOf(h.Checkpoint), h.State})
	}
	for _, l := range Levels() {
		level := r.Level(l)
		d.Levels = append(d.Levels, levelDocument{Level: l, State: level.State, Why: level.Why,
			Checked: some(level.Checked), Wrong: some(level.Wrong), Unknown: some(level.Unknown)})
	}
	for _, f := range r.Findings {
		doc := findingDocument{Level: f.Level, Problem: f.Problem, Position: some(f.Position), Until: some(f.Until),
			Detail: f.Detail, Meaning: f.Meaning(), Remedy: f.Remedy()}
		if f.Stream != (events.Stream{}) {
			doc.Stream = &streamDocument{f.Stream.Category, f.Stream.ID}
		}
		d.Findings = append(d.Findings, doc)
	}
	for i := range r.Days {
		d.Days = append(d.Days, dayOf(&r.Days[i]))
	}
	for i := range r.Totals {
		d.Totals = append(d.Totals, dayOf(&r.Totals[i]))
	}
	if s := r.Settled; s != nil {
		d.Settlement = &settlementDocument{Rows: digits(uint64(s.Rows)), Matched: digits(uint64(s.Matched)),
			From: timeText(s.From), Until: timeText(s.Until)}
	}
	return json.Marshal(d)
}

func checkpointOf(c seal.Checkpoint) checkpointDocument {
	return checkpointDocument{c.Origin, digits(c.Size), c.Root.String()}
}

func dayOf(d *Day) dayDocument {
	of := func(minor int64) moneyDocument {
		value, _ := events.Money{Minor: minor, Currency: d.Currency}.AppendDecimal(nil)
		return moneyDocument{d.Currency, strconv.FormatInt(minor, 10), string(value)}
	}
	return dayDocument{d.Date, d.Currency, of(d.Authorized), of(d.Captured), of(d.Refunded), of(d.Late),
		of(d.LateRefunded), of(d.Disputed)}
}

func digits(n uint64) string { return strconv.FormatUint(n, 10) }

// some is a number, and nothing for none.
func some(n uint64) string {
	if n == 0 {
		return ""
	}
	return digits(n)
}

// timeText is a time as in docs/reference/json.md; nothing for none.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000000Z")
}
