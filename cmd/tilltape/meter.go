package main

import (
	"fmt"
	"strconv"
	"time"
)

const (
	// meterAfter is how long work takes before it is told how far it is.
	meterAfter = time.Second
	// meterEvery is how long what is told stands at least.
	meterEvery = 100 * time.Millisecond
)

// meter tells on a terminal how far long work is, on one line of standard error that is gone at the end. It is told
// nothing where standard error is no terminal, or the work takes no second. Make one with terminal.meter; it is for one
// goroutine.
type meter struct {
	t     *terminal
	what  string // "records"
	clock func() time.Time
	began time.Time
	shown time.Time // zero: nothing is
}

// meter begins to measure work on what is counted in those.
func (t *terminal) meter(what string) *meter {
	return &meter{t: t, what: what, clock: time.Now, began: time.Now()}
}

// of tells that so many of so many are done; a total of 0 is one that is not known. Call it as often as is handy.
func (m *meter) of(done, total uint64) {
	now := m.clock()
	if !m.t.liveErr || now.Sub(m.began) < meterAfter || now.Sub(m.shown) < meterEvery {
		return
	}
	m.shown = now
	rate := float64(done) / now.Sub(m.began).Seconds()
	text := grouped(done)
	if total > 0 {
		text += " of " + grouped(total)
	}
	text += fmt.Sprintf(" %s, %s a second", m.what, grouped(uint64(rate)))
	if total > done && rate > 0 {
		text += ", " + span(time.Duration(float64(total-done)/rate*float64(time.Second))) + " left"
	}
	fmt.Fprintf(m.t.err, "\r\x1b[K%s", text)
}

// at is of where nobody knows how many there are.
func (m *meter) at(done uint64) { m.of(done, 0) }

// end takes away what is shown.
func (m *meter) end() {
	if !m.shown.IsZero() {
		fmt.Fprint(m.t.err, "\r\x1b[K")
		m.shown = time.Time{}
	}
}

// grouped writes a number with a space between thousands.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + " " + digits[at:]
	}
	return digits
}
