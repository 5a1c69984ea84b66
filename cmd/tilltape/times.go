package main

import (
	"fmt"
	"time"
)

// The words of --time.
const (
	timeISO      = "iso"      // to the second
	timeRelative = "relative" // how long ago
	timeRaw      = "raw"      // to the nanosecond, as the log has it
)

// stamp is how times are shown: to the second, since people read them.
const stamp = "2006-01-02 15:04:05"

// rawStamp is as docs/reference/json.md has it.
const rawStamp = "2006-01-02T15:04:05.000000000Z"

// when shows a time as --time says; "-" where there is none. Times of one style are equally long, but relative ones.
func (t *terminal) when(at time.Time) string {
	switch {
	case at.IsZero():
		return "-"
	case t.times == timeRaw:
		return at.UTC().Format(rawStamp)
	case t.times == timeRelative:
		return ago(t.now().Sub(at))
	}
	return at.UTC().Format(stamp)
}

// ago is "3 h ago" or "in 3 h".
func ago(d time.Duration) string {
	if d < 0 {
		return "in " + span(-d)
	}
	return span(d) + " ago"
}

const day = 24 * time.Hour

// span is a length of time in its two largest units: "2 d 3 h", "4 min 5 s", "250 ms".
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + span(-d)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return two(d, time.Minute, "min", time.Second, "s")
	case d < day:
		return two(d, time.Hour, "h", time.Minute, "min")
	}
	return two(d, day, "d", time.Hour, "h")
}

func two(d, large time.Duration, name string, small time.Duration, less string) string {
	text := fmt.Sprintf("%d %s", d/large, name)
	if rest := d % large / small; rest > 0 {
		text += fmt.Sprintf(" %d %s", rest, less)
	}
	return text
}
