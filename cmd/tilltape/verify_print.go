package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
)

// verifyPrinter writes a report for people.
type verifyPrinter struct {
	t      *terminal
	source string
	b      strings.Builder
}

func (p *verifyPrinter) text(r *audit.Report) string {
	p.line("source", plain(p.source))
	if r.Seal.Origin != "" {
		p.line("log", plain(r.Seal.Origin))
	}
	p.line("records", fmt.Sprintf("%s of %s, %s", counted(r.Records, "record"), counted(uint64(r.Orders), "order"),
		counted(r.Messages, "message")+" of APO's"))
	p.line("root", fmt.Sprintf("%s over %s", r.Seal.Root, counted(r.Seal.Size, "record")))
	for _, h := range r.Held {
		p.line("checkpoint", fmt.Sprintf("%s over %s of %s", p.state(h.State), counted(h.Checkpoint.Size, "record"),
			plain(h.Checkpoint.Origin)))
	}
	p.b.WriteByte('\n')
	for _, l := range audit.Levels() {
		p.level(l, r.Level(l))
	}
	p.money(r)
	for _, f := range r.Findings {
		p.finding(&f)
	}
	p.b.WriteString("\n" + p.t.paint(bold, "verdict:") + " " + wrap(r.Verdict(), textWidth-len("verdict: ")) + "\n")
	return p.b.String()
}

// verifyLabel is how wide what stands before a line is.
const verifyLabel = 12

func (p *verifyPrinter) line(label, text string) {
	fmt.Fprintf(&p.b, "%s%s\n", p.t.paint(bold, fmt.Sprintf("%-*s", verifyLabel, label)), text)
}

func (p *verifyPrinter) state(s audit.State) string {
	switch s {
	case audit.StateProven:
		return p.t.paint(green, s.String())
	case audit.StateWrong:
		return p.t.paint(red, s.String())
	}
	return p.t.paint(yellow, s.String())
}

func (p *verifyPrinter) level(l audit.Level, of audit.LevelReport) {
	text := p.state(of.State)
	what := "record"
	if l == audit.LevelEvidence {
		what = "signature"
	}
	if of.Checked > 0 {
		text += ", " + counted(of.Checked, what) + " good"
	}
	if of.Wrong > 0 {
		text += ", " + counted(of.Wrong, "finding")
	}
	if of.Unknown > 0 {
		text += ", " + grouped(of.Unknown) + " not known"
	}
	if of.Why != "" {
		indent := "\n" + strings.Repeat(" ", verifyLabel)
		text += indent + strings.ReplaceAll(wrap(of.Why, textWidth-verifyLabel), "\n", indent)
	}
	p.line(l.String(), text)
}

// money prints the days as a table, a row for each that has moved, and the sums.
func (p *verifyPrinter) money(r *audit.Report) {
	if len(r.Days) == 0 {
		return
	}
	rows := [][]string{{"day", "", "authorized", "captured", "refunded", "late", "late back", "disputed"}}
	row := func(d *audit.Day, name string) {
		cells := []string{name, d.Currency}
		for _, minor := range []int64{d.Authorized, d.Captured, d.Refunded, d.Late, d.LateRefunded, d.Disputed} {
			cells = append(cells, inDecimals(minor, d.Currency))
		}
		rows = append(rows, cells)
	}
	for i := range r.Days {
		row(&r.Days[i], r.Days[i].Date)
	}
	for i := range r.Totals {
		row(&r.Totals[i], "in all")
	}
	widths := make([]int, len(rows[0]))
	for _, cells := range rows {
		for i, cell := range cells {
			widths[i] = max(widths[i], len(cell))
		}
	}
	p.b.WriteByte('\n')
	for _, cells := range rows {
		fmt.Fprintf(&p.b, "%-*s %-*s", widths[0], cells[0], widths[1], cells[1])
		for i := 2; i < len(cells); i++ {
			fmt.Fprintf(&p.b, "  %*s", widths[i], cells[i])
		}
		p.b.WriteByte('\n')
	}
	if s := r.Settled; s != nil {
		fmt.Fprintf(&p.b, "\n%d of %s of the settlement fit the log\n", s.Matched, counted(uint64(s.Rows), "row"))
	}
}

// inDecimals is an amount with its currency's decimals; "-" for none.
func inDecimals(minor int64, currency string) string {
	if minor == 0 {
		return "-"
	}
	b, known := events.Money{Minor: minor, Currency: currency}.AppendDecimal(nil)
	if !known {
		return strconv.FormatInt(minor, 10) + " minor"
	}
	return string(b)
}

func (p *verifyPrinter) finding(f *audit.Finding) {
	where := ""
	switch {
	case f.Until != 0 && f.Until != f.Position:
		where = fmt.Sprintf(" within positions %d to %d", f.Position, f.Until)
	case f.Position != 0:
		where = fmt.Sprintf(" at position %d", f.Position)
	}
	if f.Stream.ID != "" {
		where += fmt.Sprintf(", %s %s", plain(f.Stream.Category), plain(f.Stream.ID))
	}
	fmt.Fprintf(&p.b, "\n%s%s\n", p.t.paint(red, f.Problem.String()), where)
	for _, text := range []string{plain(f.Detail), "It means: " + f.Meaning() + ".", "Do: " + f.Remedy() + "."} {
		p.b.WriteString("  " + strings.ReplaceAll(wrap(text, textWidth-2), "\n", "\n  ") + "\n")
	}
}
