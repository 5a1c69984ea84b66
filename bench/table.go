package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// table is one part of the report.
type table struct {
	title string
	note  string // what has to be known to read it
	head  []string
	rows  [][]string
	words int // columns that are words; the others are numbers, and stand to the right
}

// column gap and rule of the terminal's form.
const gap = "  "

func (t table) text(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s\n", t.title)
	if t.note != "" {
		fmt.Fprintf(b, "%s\n", t.note)
	}
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, v := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(v))
		}
	}
	for _, row := range append([][]string{t.head}, t.rows...) {
		var line strings.Builder
		for i, v := range row {
			fill := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(v))
			if i < t.words {
				v += fill
			} else {
				v = fill + v
			}
			line.WriteString(gap + v)
		}
		fmt.Fprintln(b, strings.TrimRight(line.String(), " "))
	}
}

func (t table) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "### %s\n\n", t.title)
	if t.note != "" {
		fmt.Fprintf(b, "%s\n\n", t.note)
	}
	rule := make([]string, len(t.head))
	for i := range rule {
		rule[i] = "---:"
		if i < t.words {
			rule[i] = "---"
		}
	}
	for _, row := range append([][]string{t.head, rule}, t.rows...) {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
	b.WriteString("\n")
}

// thousand is where a number becomes too long to be read digit by digit.
const thousand = 1e3

// count is a rate or a number of things with three digits that matter.
func count(n float64) string {
	switch {
	case n >= thousand*thousand:
		return fmt.Sprintf("%.2f M", n/thousand/thousand)
	case n >= 10*thousand:
		return fmt.Sprintf("%.1f k", n/thousand)
	}
	return fmt.Sprintf("%.0f", n)
}

// short is a duration with three digits that matter.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.3g ms", d.Seconds()*thousand)
	case d >= time.Microsecond:
		return fmt.Sprintf("%.3g µs", d.Seconds()*thousand*thousand)
	}
	return fmt.Sprintf("%d ns", d.Nanoseconds())
}

// times is a ratio, "–" where there is nothing to compare with.
func times(a, b float64) string {
	if a == 0 || b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", a/b)
}

// bytesEach is a number of bytes, "–" where it is not known.
func bytesEach(n float64) string {
	if n < 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", n)
}
