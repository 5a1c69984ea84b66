package main

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/store"
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
	what  string // "record"
	total uint64 // of how many there are, for at; 0: nobody knows
	clock func() time.Time
	began time.Time // the work
	pass  time.Time // the pass that it is in: what is read twice is counted twice
	done  uint64    // in this pass
	shown time.Time // zero: nothing is
}

// meter begins to measure work on what is counted in those, one of which is named.
func (t *terminal) meter(what string) *meter {
	clock := t.clock
	if clock == nil {
		clock = time.Now
	}
	now := clock()
	return &meter{t: t, what: what, clock: clock, began: now, pass: now}
}

// shownOn, in a context, is the terminal of the command that runs in it: sources are opened by what has no other.
type shownOn struct{}

// meterIn begins to measure work on the terminal of a command's context; nothing is shown where there is none.
func meterIn(ctx context.Context, what string) *meter {
	t, _ := ctx.Value(shownOn{}).(*terminal)
	if t == nil {
		t = &terminal{}
	}
	return t.meter(what)
}

// meterOf begins to measure work on all records of a source, as far as it knows at once how many it has.
func (t *terminal) meterOf(ctx context.Context, s *source) *meter {
	m := t.meter("record")
	m.total = s.records(ctx)
	return m
}

// meterUpTo begins to measure work on the records up to a point.
func (t *terminal) meterUpTo(ctx context.Context, s *source, at audit.Point) *meter {
	m := t.meterOf(ctx, s)
	if at.Position != 0 {
		m.total = min(m.total, at.Position)
	}
	return m
}

// of tells that so many of so many are done; a total of 0 is one that is not known. Call it as often as is handy.
func (m *meter) of(done, total uint64) {
	now := m.clock()
	if done < m.done {
		m.pass = now
	}
	m.done = done
	if !m.t.liveErr || now.Sub(m.began) < meterAfter || now.Sub(m.shown) < meterEvery {
		return
	}
	m.shown = now
	text, of := grouped(done), done
	if total > 0 {
		text, of = text+" of "+grouped(total), total
	}
	text += " " + words.Plural(of, m.what)
	rate := 0.0
	if took := now.Sub(m.pass); took >= meterEvery { // of less nobody can tell
		rate = float64(done) / took.Seconds()
		text += fmt.Sprintf(", %s a second", grouped(uint64(rate)))
	}
	if total > done && rate > 0 {
		text += ", " + span(time.Duration(float64(total-done)/rate*float64(time.Second))) + " left"
	}
	fmt.Fprintf(m.t.err, "\r\x1b[K%s", text)
}

// watched is a log whose stored records are measured as they are read, for work that tells nothing of itself.
type watched struct {
	store.Reader
	frames store.Framer
	meter  *meter
}

// watch measures how far a log is read. What is returned hands out stored records where the log does.
func (m *meter) watch(log store.Reader) store.Reader {
	if frames, ok := log.(store.Framer); ok {
		return &watched{log, frames, m}
	}
	return log
}

// Frames implements [store.Framer].
func (w *watched) Frames(ctx context.Context, from store.Cursor) iter.Seq2[store.Frame, error] {
	return func(yield func(store.Frame, error) bool) {
		for f, err := range w.frames.Frames(ctx, from) {
			if err == nil {
				w.meter.at(f.Record.Position)
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// Write implements [io.Writer] for bytes that are on their way elsewhere.
func (m *meter) Write(b []byte) (int, error) {
	m.at(m.done + uint64(len(b)))
	return len(b), nil
}

// at is of, of as many as the meter was made for.
func (m *meter) at(done uint64) { m.of(done, m.total) }

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
