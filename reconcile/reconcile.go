package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

const (
	// DefaultPerMinute is how many orders a minute are asked about at most, and PerMinuteMax what can be
	// asked for. An order may take more than one inquiry.
	DefaultPerMinute = 120
	PerMinuteMax     = 6000
	// SilentMax is how many orders in a row APO may leave unanswered before it is taken for unreachable.
	SilentMax = 20
)

var (
	// ErrConfig: the span or the rate makes no sense.
	ErrConfig = errors.New("unusable configuration of a reconciliation")
	// ErrSilent: APO has answered nothing about [SilentMax] orders in a row.
	ErrSilent = errors.New("APO does not answer")
)

// Asker asks APO about one order and records what it proves; [*tilltape.Orders] does.
type Asker interface {
	Reconcile(ctx context.Context, id string) (tilltape.Reconciliation, error)
}

// Config says what to reconcile, and how fast.
type Config struct {
	// From and Until are the span: an order is in it that has a record of something that happened at From or later, and
	// before Until. Both have to be given.
	From, Until time.Time
	PerMinute   int // orders asked about at most; 0: [DefaultPerMinute]
	// Resume is what an earlier call with the same span returned beside its error: this one goes on there, in the same
	// report.
	Resume *Report
	// Each, unless nil, gets every order's line as it is known, those that are as APO says too. An error of it ends the
	// reconciliation.
	Each func(Line) error
	// Progress, unless nil, is told how many orders are done, and how far in the log that is.
	Progress func(orders, position uint64)
	Now      func() time.Time // nil: time.Now
	// Wait, unless nil, waits in the place of a timer, until ctx ends.
	Wait func(ctx context.Context, d time.Duration) error
}

func (c *Config) check() error {
	switch {
	case c.From.IsZero() || c.Until.IsZero() || !c.From.Before(c.Until):
		return fmt.Errorf("%w: from %s until %s; give the beginning of the span, and a later end", ErrConfig,
			c.From.Format(time.RFC3339), c.Until.Format(time.RFC3339))
	case c.PerMinute < 0 || c.PerMinute > PerMinuteMax:
		return fmt.Errorf("%w: %d inquiries a minute; give 1 to %d, or 0 for %d", ErrConfig, c.PerMinute, PerMinuteMax,
			DefaultPerMinute)
	case c.Resume != nil && !(c.Resume.From.Equal(c.From) && c.Resume.Until.Equal(c.Until)):
		return fmt.Errorf("%w: the report to go on with is of another span, from %s until %s; give that one, or begin anew",
			ErrConfig, c.Resume.From.Format(time.RFC3339), c.Resume.Until.Format(time.RFC3339))
	}
	return nil
}

// All inquires about every order of a span of time, in the order in which the log first tells of them in it, and
// returns what was found. Where it ends early, by ctx or an error, the report says how far it came, and [Config.Resume]
// goes on with it. The error wraps [ErrConfig], [ErrSilent], ctx's error, the log's, or is Each's.
//
// Cost: one read of the log, which goes on while APO is asked, one or two inquiries an order, and some forty bytes of
// memory for each order of the span.
func All(ctx context.Context, log store.Reader, asker Asker, cfg *Config) (*Report, error) {
	if cfg == nil {
		cfg = &Config{}
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	w := newWalk(asker, cfg)
	err := w.walk(ctx, log)
	w.report.Ended = w.now().UTC()
	w.report.Whole = err == nil
	return w.report, err
}

// walk is one reconciliation under way.
type walk struct {
	cfg    *Config
	asker  Asker
	report *Report
	seen   map[string]struct{}
	silent int       // orders in a row that APO told nothing of
	next   time.Time // when the next inquiry may be made
	every  time.Duration
}

func newWalk(asker Asker, cfg *Config) *walk {
	w := &walk{cfg: cfg, asker: asker, seen: map[string]struct{}{}}
	rate := cfg.PerMinute
	if rate == 0 {
		rate = DefaultPerMinute
	}
	w.every = time.Minute / time.Duration(rate)
	w.report = &Report{From: cfg.From.UTC(), Until: cfg.Until.UTC(), Began: w.now().UTC()}
	if cfg.Resume != nil {
		w.report = cfg.Resume.clone()
	}
	_, w.report.ReadOnly = asker.(*onlooker)
	return w
}

func (w *walk) now() time.Time {
	if w.cfg.Now != nil {
		return w.cfg.Now()
	}
	return time.Now()
}

// walk reads the log from its beginning, after an interruption too: which orders were met before its place is not kept.
func (w *walk) walk(ctx context.Context, log store.Reader) error {
	for r, err := range log.All(ctx, store.Start()) {
		if err != nil {
			return err
		}
		in := r.Stream.Category == events.CategoryOrder && !r.Occurred.Before(w.cfg.From) && r.Occurred.Before(w.cfg.Until)
		if _, met := w.seen[r.Stream.ID]; !in || met {
			continue
		}
		w.seen[strings.Clone(r.Stream.ID)] = struct{}{} // its own text would keep the record's frame
		if r.Position <= w.report.Done.Position() {
			continue
		}
		if err := w.ask(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// ask reconciles one order and adds its line.
func (w *walk) ask(ctx context.Context, r events.Record) error {
	if err := w.pace(ctx); err != nil {
		return err
	}
	found, err := w.asker.Reconcile(ctx, r.Stream.ID)
	if ctx.Err() != nil && err != nil {
		return store.CheckContext(ctx, "go on reconciling")
	}
	line, err := lineOf(r.Stream.ID, found, err)
	if err != nil {
		return err
	}
	w.report.add(line)
	w.report.Done = store.After(r)
	if w.cfg.Each != nil {
		if err := w.cfg.Each(line); err != nil {
			return err
		}
	}
	if w.cfg.Progress != nil {
		w.cfg.Progress(w.report.Orders, r.Position)
	}
	if line.Outcome != Unanswered {
		w.silent = 0
		return nil
	}
	if w.silent++; w.silent >= SilentMax {
		return fmt.Errorf("%w: nothing about %d orders in a row, the last %s: %s; see to the connection, then go on with "+
			"this report", ErrSilent, w.silent, line.Order, line.Problem)
	}
	return nil
}

// pace waits until the next inquiry may be made.
func (w *walk) pace(ctx context.Context) error {
	now := w.now()
	if wait := w.next.Sub(now); wait > 0 {
		if err := w.wait(ctx, wait); err != nil {
			return err
		}
		now = w.next
	}
	w.next = now.Add(w.every)
	return store.CheckContext(ctx, "go on reconciling")
}

func (w *walk) wait(ctx context.Context, d time.Duration) error {
	if w.cfg.Wait != nil {
		return w.cfg.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return store.CheckContext(ctx, "go on reconciling")
	}
}

// lineOf tells what became of an order. An error that is not about this order alone comes back.
func lineOf(id string, found tilltape.Reconciliation, err error) (Line, error) {
	line := Line{Order: id, Outcome: Same}
	switch {
	case errors.Is(err, tilltape.ErrUnresolved), errors.Is(err, order.ErrNotDue):
		line.Outcome, line.Problem = Unanswered, err.Error()
	case err != nil:
		return line, err
	}
	if found.Order.ID != "" { // else nobody has looked at it
		line.Status = found.Order.Words()
	}
	for _, d := range found.Differences {
		line.Outcome = Differs
		line.Differences = append(line.Differences, Difference{Fact: string(d.Fact),
			ID: cmp.Or(d.TransferID, d.RequestID), Amount: d.Amount, At: d.At, Wrong: wrong(d), Text: d.String()})
	}
	return line, nil
}

// wrong is what is wrong with a difference, in words; empty: it was only missing, and is booked now.
func wrong(d order.Difference) string {
	switch {
	case d.Anomaly == 0:
		return ""
	case d.Detail == "":
		return d.Anomaly.String()
	}
	return d.Anomaly.String() + ": " + d.Detail
}
