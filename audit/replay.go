package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// ErrIllegal: a log holds a record that cannot follow the ones before it.
var ErrIllegal = errors.New("illegal log")

// progressEvery is how many records pass between two reports of progress.
const progressEvery = 10_000

// Config is what a replay may be told. Its zero value, or nil, replays silently.
type Config struct {
	// Each is called for every record that has passed, with the order as it is after it; the zero order for records of
	// other categories. An error from it ends the replay and is returned as it is.
	Each func(events.Record, order.Order) error
	// Progress is called now and then with the records so far.
	Progress func(records uint64)
}

// Replayed is what a log comes to.
type Replayed struct {
	Records  uint64                 // all of them
	Refusals uint64                 // of those, refused commands
	Kinds    map[events.Kind]uint64 // records by kind
	First    time.Time              // when the first and the last record were written
	Last     time.Time

	orders map[string]order.Order
}

// Orders yields the orders as the log leaves them, by id.
func (p *Replayed) Orders() iter.Seq[order.Order] {
	return func(yield func(order.Order) bool) {
		for _, id := range slices.Sorted(maps.Keys(p.orders)) {
			if !yield(p.orders[id]) {
				return
			}
		}
	}
}

// Order returns one order as the log leaves it.
func (p *Replayed) Order(id string) (order.Order, bool) {
	o, ok := p.orders[id]
	return o, ok
}

// Len is how many orders there are.
func (p *Replayed) Len() int { return len(p.orders) }

// Statuses counts the orders by status.
func (p *Replayed) Statuses() map[order.Status]int {
	out := map[order.Status]int{}
	for _, o := range p.orders {
		out[o.Status]++
	}
	return out
}

// IllegalError names the first record that cannot follow the ones before it.
type IllegalError struct {
	Position uint64 // where it stands
	Record   events.Record
	Err      error // why
}

// Error names the place and the reason, and says what to do.
func (e *IllegalError) Error() string {
	return fmt.Sprintf("log position %d (%s %s, version %d): %v; keep the file as it is and compare it with a backup",
		e.Position, e.Record.Stream.Category, e.Record.Stream.ID, e.Record.Version, e.Err)
}

// Unwrap returns [ErrIllegal] and the reason.
func (e *IllegalError) Unwrap() []error { return []error{ErrIllegal, e.Err} }

// replay is a replay under way.
type replay struct {
	out      *Replayed
	last     uint64                   // the newest position
	previous map[events.Stream]uint64 // the newest position of each stream
	refused  map[string]uint64        // the newest version of each refusal stream
}

// Replay streams the log and judges every record. The error is an *[IllegalError] for the first record that is not
// legal; what the store found damaged comes as the store's own error. What was replayed up to there is returned in
// either case. Memory grows with the orders and their identifiers, not with the log. Several replays, and a service that
// appends, may run beside it; what is appended meanwhile may or may not be seen.
func Replay(ctx context.Context, log store.Log, cfg *Config) (*Replayed, error) {
	if cfg == nil {
		cfg = &Config{}
	}
	p := &replay{
		out:      &Replayed{Kinds: map[events.Kind]uint64{}, orders: map[string]order.Order{}},
		previous: map[events.Stream]uint64{}, refused: map[string]uint64{},
	}
	for r, err := range log.All(ctx, store.Start()) {
		if err != nil {
			return p.out, fmt.Errorf("replaying after position %d: %w", p.last, err)
		}
		o, err := p.take(&r)
		if err != nil {
			return p.out, &IllegalError{Position: r.Position, Record: r, Err: err}
		}
		if cfg.Each != nil {
			if err := cfg.Each(r, o); err != nil {
				return p.out, err
			}
		}
		if cfg.Progress != nil && p.out.Records%progressEvery == 0 {
			cfg.Progress(p.out.Records)
		}
	}
	return p.out, nil
}

func (p *replay) take(r *events.Record) (order.Order, error) {
	if err := p.place(r); err != nil {
		return order.Order{}, err
	}
	o, err := p.fold(r)
	if err != nil {
		return order.Order{}, err
	}
	out := p.out
	out.Records++
	out.Kinds[r.Event.Kind()]++
	if out.Records == 1 {
		out.First = r.Recorded
	}
	out.Last = r.Recorded
	p.last, p.previous[r.Stream] = r.Position, r.Position
	return o, nil
}

// place checks that the record stands where the log says.
func (p *replay) place(r *events.Record) error {
	switch {
	case r.Event == nil:
		return errors.New("the record carries no fact")
	case r.Position != p.last+1:
		return fmt.Errorf("position %d follows position %d: records are missing or out of order", r.Position, p.last)
	case r.Previous != p.previous[r.Stream]:
		return fmt.Errorf("it names position %d as its stream's record before, which is %d", r.Previous, p.previous[r.Stream])
	}
	return nil
}

func (p *replay) fold(r *events.Record) (order.Order, error) {
	if r.Stream.Category == events.CategoryRefusal {
		if _, ok := r.Event.(events.CommandRefused); !ok {
			return order.Order{}, fmt.Errorf("%s does not belong into the category %s", r.Event.Kind(), r.Stream.Category)
		}
		if want := p.refused[r.Stream.ID] + 1; r.Version != want {
			return order.Order{}, fmt.Errorf("version %d stands where %d belongs", r.Version, want)
		}
		p.refused[r.Stream.ID] = r.Version
		p.out.Refusals++
		return order.Order{}, nil
	}
	o := p.out.orders[r.Stream.ID]
	if err := order.Judge(o, *r); err != nil {
		return order.Order{}, err
	}
	o = order.Evolve(o, *r)
	if head := o.Head(); !sameHead(head, r.Head) {
		return order.Order{}, fmt.Errorf("its head says %q, %q, due %s; the facts come to %q, %q, due %s", r.Head.Status, r.Head.Phase,
			r.Head.Due, head.Status, head.Phase, head.Due)
	}
	p.out.orders[r.Stream.ID] = o
	return o, nil
}

// sameHead compares the instants, not how they are kept.
func sameHead(a, b events.Head) bool {
	return a.Status == b.Status && a.Phase == b.Phase && a.Attention == b.Attention && a.StatusSince.Equal(b.StatusSince) &&
		a.AttentionSince.Equal(b.AttentionSince) && a.Due.Equal(b.Due)
}
