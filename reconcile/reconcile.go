package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

const (
	// DefaultPerMinute is how many inquiries a minute are made at most, and PerMinuteMax what can be asked for.
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
	// Reach is for how long before From an order may have been silent: one whose last record is in that time is asked
	// about too, since something may have happened to it in the span at APO alone. Give it the time for which a payment
	// can be refunded to find every refund whose notification was lost. 0: only orders with a record in the span.
	Reach     time.Duration
	PerMinute int // inquiries made at most, counted as they are recorded; 0: [DefaultPerMinute]
	// Resume is what an earlier call with the same span returned beside its error: this one goes on there, in the same
	// report.
	Resume *Report
	// SumsOnly has the report keep counts and sums, and of the lines only those that are to be asked about again: Each is
	// given them all, and memory does not grow with what differs. Such a report can be gone on with; what its lines were
	// is then with whom Each told.
	SumsOnly bool
	// Each, unless nil, gets every order's line as it is known, those that are as APO says too; a second one of an order
	// that is asked about again at the end ([Line].Again). An error of it ends the reconciliation.
	Each func(Line) error
	// Keep, unless nil, is given the report as it stands, not whole, after every order. What it writes down can be gone on
	// with by Resume, even where this call comes to no end. The report is its own until it returns; an error of it ends
	// the reconciliation.
	Keep func(*Report) error
	// Progress, unless nil, is told how many orders are done, and how far in the log that is.
	Progress func(orders, position uint64)
	Now      func() time.Time // nil: time.Now
	// Wait, unless nil, waits in the place of a timer, until ctx ends.
	Wait func(ctx context.Context, d time.Duration) error
}

func (c *Config) check(readOnly bool) error {
	switch {
	case c.From.IsZero() || c.Until.IsZero() || !c.From.Before(c.Until):
		return fmt.Errorf("%w: from %s until %s; give the beginning of the span, and a later end", ErrConfig,
			c.From.Format(time.RFC3339), c.Until.Format(time.RFC3339))
	case c.Reach < 0:
		return fmt.Errorf("%w: a reach of %v; give for how long before the span an order may have been silent", ErrConfig,
			c.Reach)
	case c.PerMinute < 0 || c.PerMinute > PerMinuteMax:
		return fmt.Errorf("%w: %d inquiries a minute; give 1 to %d, or 0 for %d", ErrConfig, c.PerMinute, PerMinuteMax,
			DefaultPerMinute)
	case c.Resume != nil && !(c.Resume.From.Equal(c.From) && c.Resume.Until.Equal(c.Until)):
		return fmt.Errorf("%w: the report to go on with is of another span, from %s until %s; give that one, or begin anew",
			ErrConfig, c.Resume.From.Format(time.RFC3339), c.Resume.Until.Format(time.RFC3339))
	case c.Resume != nil && c.Resume.Reach != c.Reach:
		return fmt.Errorf("%w: the report to go on with has a reach of %v; give that one, or begin anew", ErrConfig,
			c.Resume.Reach)
	case c.Resume != nil && c.Resume.ReadOnly != readOnly:
		return fmt.Errorf("%w: the report to go on with is of an asker that books what it finds where this one does not, "+
			"or the other way round; go on with the same, or begin anew", ErrConfig)
	}
	return nil
}

// All inquires about every order of a span of time, in the order in which the log first tells of them in it, and
// returns what was found. Where it ends early, by ctx or an error, the report says how far it came, and [Config.Resume]
// goes on with it. The error wraps [ErrConfig], [ErrSilent], ctx's error, the log's, or is Each's.
//
// Cost: one read of the log, which goes on while APO is asked, one or two inquiries an order, some forty bytes of
// memory for each order of the span, and the report's line for each that is not the same, unless [Config.SumsOnly] is
// set.
func All(ctx context.Context, log store.Reader, asker Asker, cfg *Config) (*Report, error) {
	if cfg == nil {
		cfg = &Config{}
	}
	_, readOnly := asker.(*onlooker)
	if err := cfg.check(readOnly); err != nil {
		return nil, err
	}
	w := newWalk(asker, cfg)
	w.report.ReadOnly = readOnly
	err := w.walk(ctx, log)
	if err == nil {
		err = w.again(ctx)
	}
	w.letGo()
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
	w.report = &Report{From: cfg.From.UTC(), Until: cfg.Until.UTC(), Reach: cfg.Reach, Began: w.now().UTC()}
	if cfg.Resume != nil {
		w.report = cfg.Resume.clone()
		w.letGo()
	}
	return w
}

// letGo takes out of the report what it need not keep: lines that Each has been told, or an earlier run.
func (w *walk) letGo() {
	if w.cfg.SumsOnly {
		w.report.Lines = slices.DeleteFunc(w.report.Lines, func(l Line) bool { return !l.Again })
	}
}

func (w *walk) now() time.Time {
	if w.cfg.Now != nil {
		return w.cfg.Now()
	}
	return time.Now()
}

// walk reads the log from its beginning, after an interruption too: which orders were met before its place is not kept.
func (w *walk) walk(ctx context.Context, log store.Reader) error {
	from := w.cfg.From.Add(-w.cfg.Reach)
	for r, err := range log.All(ctx, store.Start()) {
		if err != nil {
			return err
		}
		in := r.Stream.Category == events.CategoryOrder && !r.Occurred.Before(from) && r.Occurred.Before(w.cfg.Until)
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
	line, err := w.lineFor(ctx, r.Stream.ID)
	if line.Order == "" {
		return err
	}
	w.report.add(line, line.Again || !w.cfg.SumsOnly)
	w.report.Done = store.After(r)
	return errors.Join(err, w.tell(line, r.Position))
}

// again asks once more about the orders whose turn did not come: somebody else was busy with them, or the run before
// this one ended amid them. Each of them has its line, so that a report that is gone on with has them too.
func (w *walk) again(ctx context.Context) error {
	for i := range w.report.Lines {
		was := w.report.Lines[i]
		if !was.Again {
			continue
		}
		line, err := w.lineFor(ctx, was.Order)
		if line.Order == "" {
			return err
		}
		line.Again = err != nil // otherwise this was the second time, whatever came of it
		line = w.report.replace(i, line)
		if err := errors.Join(err, w.tell(line, w.report.Done.Position())); err != nil {
			return err
		}
	}
	w.report.settle()
	return nil
}

// lineFor asks about one order. Where the error is not about this order alone, the line is empty, unless something was
// booked before it.
func (w *walk) lineFor(ctx context.Context, id string) (Line, error) {
	if err := w.pace(ctx); err != nil {
		return Line{}, err
	}
	found, err := w.asker.Reconcile(ctx, id)
	w.next = w.next.Add(time.Duration(max(found.Inquiries-1, 0)) * w.every)
	line, failed := lineOf(id, found, err)
	if err != nil && ctx.Err() != nil {
		failed = store.CheckContext(ctx, "go on reconciling")
		line.Again, line.Problem = true, failed.Error()
	}
	if failed != nil && len(line.Differences) == 0 {
		return Line{}, failed
	}
	return line, failed
}

// tell tells of a line, and ends a reconciliation that nobody answers.
func (w *walk) tell(line Line, position uint64) error {
	if w.cfg.Each != nil {
		if err := w.cfg.Each(line); err != nil {
			return err
		}
	}
	if w.cfg.Keep != nil {
		w.report.Ended, w.report.Whole = w.now().UTC(), false
		if err := w.cfg.Keep(w.report); err != nil {
			return err
		}
	}
	if w.cfg.Progress != nil {
		w.cfg.Progress(w.report.Orders, position)
	}
	switch {
	case line.Outcome != Unanswered:
		w.silent = 0
		return nil
	case line.busy:
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
func lineOf(id string, found tilltape.Reconciliation, err error) (line Line, failed error) {
	line = Line{Order: id, Outcome: Same}
	switch {
	case errors.Is(err, tilltape.ErrContended), errors.Is(err, order.ErrNotDue):
		line.Outcome, line.Problem, line.Again, line.busy = Unanswered, err.Error(), true, true
	case errors.Is(err, tilltape.ErrUnresolved):
		line.Outcome, line.Problem = Unanswered, err.Error()
	case err != nil: // what was booked before it is told all the same
		line.Problem, line.Again, failed = err.Error(), true, err
	}
	if found.Order.ID != "" { // else nobody has looked at it
		line.Status, line.PaymentID = found.Order.Words(), found.Order.PaymentID
	}
	for _, d := range found.Differences {
		line.Outcome = Differs
		line.Differences = append(line.Differences, Difference{Fact: string(d.Fact),
			ID: cmp.Or(d.TransferID, d.RequestID), Amount: d.Amount, At: d.At, Wrong: wrong(d), Text: d.String()})
	}
	return line, failed
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
