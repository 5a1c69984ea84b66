package otel

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Bounds of a collection.
const (
	// CountMax is up to how many orders are counted for one value: a gauge that says so many means so many or more.
	CountMax = 10_000
	// AskTimeout is how long the log is asked what stands open. Then nothing of it is told: a log that hangs must not pile
	// up collections.
	AskTimeout = 5 * time.Second
	// UnknownsMax is how many orders are read for the age of the oldest unknown: one of which APO has also accepted
	// something stands in the index since that. After so many the index is believed.
	UnknownsMax = 64
)

// standing is what a log is asked at each collection.
type standing struct {
	log      store.Reader
	reader   *tilltape.Reader
	measured store.Measured // nil: the log does not count what it does
	now      func() time.Time

	unresolved, attention, appends, records, within, waiting, size, position metric.Int64Observable
	unresolvedAge, overdue, attentionAge, took                               metric.Float64Observable
}

// Measure has a log asked, whenever metrics are collected, what stands open in it, and for its figures if it is a
// [store.Measured]. stop ends that; call it before the log is closed. Give each log that is measured in one process a
// Telemetry whose meters tell it from the others. The error wraps [tilltape.ErrConfig].
//
// Cost of a collection: a walk of the log's indexes, of at most [CountMax] heads for each reason, under the
// context of the collection and for at most [AskTimeout], and the reading of up to [UnknownsMax] orders.
func (t *Telemetry) Measure(log store.Reader) (stop func() error, err error) {
	if log == nil {
		return nil, fmt.Errorf("otel: %w: a log is needed; open a store", tilltape.ErrConfig)
	}
	reader, err := tilltape.NewReader(log, nil)
	if err != nil {
		return nil, err
	}
	m := &maker{meter: t.meter}
	s := &standing{log: log, reader: reader, now: t.now,
		unresolved: m.asked(unresolvedOrders), attention: m.asked(attentionOrders),
		appends: m.asked(logAppends), records: m.asked(logRecords), within: m.asked(logWithin), waiting: m.asked(logWaiting),
		size: m.asked(logSize), position: m.asked(logPosition), unresolvedAge: m.askedSeconds(unresolvedAge),
		overdue: m.askedSeconds(overdueAge), attentionAge: m.askedSeconds(attentionAge), took: m.askedSeconds(logTime)}
	if err := m.err(); err != nil {
		return nil, err
	}
	s.measured, _ = log.(store.Measured)
	r, err := t.meter.RegisterCallback(s.observe, s.unresolved, s.attention, s.appends, s.records, s.within, s.waiting,
		s.size, s.position, s.unresolvedAge, s.overdue, s.attentionAge, s.took)
	if err != nil {
		return nil, fmt.Errorf("otel: %w: measuring the log: %v; check the MeterProvider", tilltape.ErrConfig, err)
	}
	return r.Unregister, nil
}

// observe tells what is known; where the log cannot be asked, the meter is given the error, and nothing of what stands
// open: a part of it would pass for the whole.
func (s *standing) observe(ctx context.Context, o metric.Observer) error {
	if s.measured != nil {
		s.figures(o)
	}
	ctx, end := context.WithTimeout(ctx, AskTimeout)
	defer end()
	now := s.now()
	open, oldest, err := s.outstanding(ctx)
	if err != nil {
		return err
	}
	_, due, err := s.walk(ctx, store.DueBy(now).Limit(1))
	if err != nil {
		return err
	}
	reasons := events.Attentions()
	counts, firsts := make([]int64, len(reasons)), make([]store.Head, len(reasons))
	for i, reason := range reasons {
		if counts[i], firsts[i], err = s.walk(ctx, store.Attention(reason)); err != nil {
			return err
		}
	}
	o.ObserveInt64(s.unresolved, open)
	for phase, since := range oldest {
		o.ObserveFloat64(s.unresolvedAge, age(now, since), with(keyPhase, phase))
	}
	o.ObserveFloat64(s.overdue, age(now, due.Due))
	for i, reason := range reasons {
		why := with(keyAttention, reason.String())
		o.ObserveInt64(s.attention, counts[i], why)
		if counts[i] > 0 {
			o.ObserveFloat64(s.attentionAge, now.Sub(firsts[i].Since(reason)).Seconds(), why)
		}
	}
	return nil
}

// outstanding counts the orders with an operation that is, and says since when the oldest of each phase has been: what
// APO has accepted takes days by rights, and must not stand for what nobody knows, also of one order.
func (s *standing) outstanding(ctx context.Context) (n int64, oldest map[string]time.Time, err error) {
	oldest = map[string]time.Time{}
	var unknown []store.Head // not read here: the log's own reading is under way
	for h, err := range s.log.Heads(ctx, store.Outstanding()) {
		if err != nil {
			return 0, nil, err
		}
		if h.Phase != order.Accepted.String() && len(unknown) < UnknownsMax {
			h.Stream.ID, h.Phase = strings.Clone(h.Stream.ID), strings.Clone(h.Phase)
			unknown = append(unknown, h)
		} else if _, is := oldest[h.Phase]; !is { // they come oldest first
			oldest[h.Phase] = h.OperationSince
		}
		if n++; n == CountMax {
			break
		}
	}
	for _, h := range unknown {
		since, is := oldest[h.Phase]
		if is && !h.OperationSince.Before(since) { // what nobody knows of it can only be younger
			continue
		}
		if own := s.unknownSince(ctx, &h); !is || own.Before(since) {
			oldest[h.Phase] = own
		}
	}
	return n, oldest, ctx.Err()
}

// unknownSince is since when that of an order has been unknown that its head shows. Of one that cannot be read the head
// is believed.
func (s *standing) unknownSince(ctx context.Context, h *store.Head) time.Time {
	if o, err := s.reader.Get(ctx, h.Stream.ID); err == nil {
		if p, is := o.Unknown(); is && p.Since.After(h.OperationSince) {
			return p.Since
		}
	}
	return h.OperationSince
}

// walk counts the heads that a filter takes, and returns the first.
func (s *standing) walk(ctx context.Context, f store.Filter) (n int64, first store.Head, err error) {
	for h, err := range s.log.Heads(ctx, f) {
		if err != nil {
			return 0, store.Head{}, err
		}
		if n == 0 {
			first = h
		}
		if n++; n == CountMax {
			break
		}
	}
	return n, first, nil
}

// age is for how long it is so; 0 where it is not, or began when a clock was ahead.
func age(now, since time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return max(now.Sub(since), 0).Seconds()
}

// figures tells what the log counts.
func (s *standing) figures(o metric.Observer) {
	f := s.measured.Figures()
	for outcome, n := range map[string]uint64{"written": f.Appends, "refused": f.Refused, "failed": f.Failed} {
		o.ObserveInt64(s.appends, int64(n), with(keyOutcome, outcome))
	}
	o.ObserveInt64(s.records, int64(f.Records))
	o.ObserveFloat64(s.took, f.Took.Sum.Seconds())
	var within uint64
	for class, n := range f.Took.Classes {
		within += n
		end := "+Inf"
		if most := store.DurationMost(class); most > 0 {
			end = strconv.FormatFloat(most.Seconds(), 'g', -1, 64)
		}
		o.ObserveInt64(s.within, int64(within), with(keyWithin, end))
	}
	o.ObserveInt64(s.waiting, int64(f.Waiting))
	o.ObserveInt64(s.position, int64(f.Last))
	if f.Bytes > 0 {
		o.ObserveInt64(s.size, f.Bytes)
	}
}
