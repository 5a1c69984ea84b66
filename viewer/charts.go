package viewer

import (
	"fmt"
	"time"
)

// Measures of a chart, in the units of its drawing, which is as wide as its place.
const (
	barWidth    = 10
	barGap      = 2
	chartHeight = 48
)

// chart is what happened in each hour, as bars.
type chart struct {
	Title string
	Total uint64
	Says  string // all of it in words
	Bars  []bar
	Width int
}

type bar struct{ X, Y, Height int }

// kinds are the charts, in order.
var kinds = []struct {
	title string
	of    func(*hour) uint64
}{
	{"Orders placed", func(h *hour) uint64 { return h.placed }},
	{"Paid or authorized", func(h *hour) uint64 { return h.paid }},
	{"Cancelled", func(h *hour) uint64 { return h.cancelled }},
	{"Refunds", func(h *hour) uint64 { return h.refunded }},
	{"Commands refused", func(h *hour) uint64 { return h.refused }},
	{"Outcome not known", func(h *hour) uint64 { return h.unknown }},
}

// chartsOf draws hours, oldest first, the newest of which ends at that time.
func chartsOf(hours []hour, ends time.Time) (all []chart) {
	for _, k := range kinds {
		c := chart{Title: k.title, Width: len(hours)*(barWidth+barGap) - barGap}
		var most uint64
		peak := 0
		for i := range hours {
			n := k.of(&hours[i])
			c.Total += n
			if n > most {
				most, peak = n, i
			}
		}
		for i := range hours {
			n := k.of(&hours[i])
			if n == 0 {
				continue
			}
			height := max(2, int(n*chartHeight/most))
			c.Bars = append(c.Bars, bar{i * (barWidth + barGap), chartHeight - height, height})
		}
		c.Says = "none"
		if most > 0 {
			from := ends.Add(time.Duration(peak-len(hours)) * time.Hour)
			c.Says = fmt.Sprintf("most in the hour from %s: %s", from.Format("15:04"), grouped(most))
		}
		all = append(all, c)
	}
	return all
}

// part is a piece of an amount bar.
type part struct {
	Class, Title, Amount string
	X, Width             int // in thousandths of the bar
}

// amountBar is an amount by what has become of it.
type amountBar struct {
	Title, Whole string
	Parts        []part
}

const barWhole = 1000

// piece is a part before it is drawn.
type piece struct {
	class, title string
	minor        int64
}

// barOf draws pieces of an amount; those of nothing are left out. What is of little still shows.
func barOf(title, currency string, whole int64, pieces []piece) *amountBar {
	b := &amountBar{Title: title, Whole: minorWords(whole, currency)}
	var sum float64
	for _, p := range pieces {
		sum += float64(max(p.minor, 0))
	}
	scale := max(sum, float64(whole), 1)
	at := 0.0
	for _, p := range pieces {
		if p.minor <= 0 {
			continue
		}
		width := max(float64(p.minor)/scale*barWhole, 4)
		b.Parts = append(b.Parts, part{p.class, p.title, minorWords(p.minor, currency), int(at), int(width)})
		at += float64(p.minor) / scale * barWhole
	}
	return b
}
