package tilltape

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Reader tells what a log says of its orders. It sends nothing and changes nothing, so it needs no client of APO: a
// report or a person's page may read a backup, or a copy of yesterday's log, as [Orders] reads a running service's. It
// is safe for many goroutines at once.
type Reader struct {
	log store.Reader
	cfg Config
}

// NewReader returns a Reader over a log. Of cfg it needs the policy and the clock, by which [Reader.Actions] judges:
// give it what the service has, or nil for the defaults. The log stays the caller's. The error wraps [ErrConfig].
func NewReader(log store.Reader, cfg *Config) (*Reader, error) {
	if missing(log) {
		return nil, fmt.Errorf("tilltape: %w: a log is needed; open a store", ErrConfig)
	}
	full, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Reader{log: log, cfg: full}, nil
}

// missing also finds the nil pointer that is left where the error of making a store or a client was passed over. It
// would panic at the first call, with an intent that is durable by then.
func missing(dependency any) bool {
	v := reflect.ValueOf(dependency)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// Config is the configuration with its defaults filled in. What its slices and maps hold is not to be written to.
func (r *Reader) Config() Config { return r.cfg }

// Get returns the order as its facts tell it. Cost: one read of its stream. The error wraps [order.ErrUnknownOrder]
// where there is none, and is an *[order.InvalidError] where no log can hold the id.
func (r *Reader) Get(ctx context.Context, id string) (order.Order, error) {
	var o order.Order
	for fact, err := range r.History(ctx, id) {
		if err != nil {
			return order.Order{}, err
		}
		o = order.Evolve(o, fact)
	}
	if o.Version == 0 {
		return order.Order{}, unknownError(id)
	}
	return o, nil
}

// Actions says for every command whether the order would take it now, and if not why, because of which record, and what
// to do instead. Cost and errors as for [Reader.Get].
func (r *Reader) Actions(ctx context.Context, id string) ([]order.Action, error) {
	o, err := r.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return o.Actions(r.env()), nil
}

// History yields the order's facts in order. An order that is not on record has none. The loop's body may give
// commands. An error ends the sequence: the log's, the context's, or an *[order.InvalidError] where no log can hold the
// id.
func (r *Reader) History(ctx context.Context, id string) iter.Seq2[events.Record, error] {
	return r.read(ctx, id, events.OrderStream(id))
}

// Refusals yields the order's refused commands in order, as [events.CommandRefused]: who wanted what, and why it was
// not done. An order's first [order.RefusalsMax] refusals for a reason stand there each by itself, then one a day with
// how many it stands for. They are recorded as well as can be, beside the answer: one that the log does not take, or
// that comes while very many wait, is left out. The loop's body may give commands. Errors as in [Reader.History].
func (r *Reader) Refusals(ctx context.Context, id string) iter.Seq2[events.Record, error] {
	return r.read(ctx, id, events.RefusalStream(id))
}

func (r *Reader) read(ctx context.Context, id string, s events.Stream) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		if err := checkID(id, "read"); err != nil {
			yield(events.Record{}, err)
			return
		}
		for record, err := range r.log.Read(ctx, s, 0) {
			if err != nil {
				yield(events.Record{}, readError(id, err))
				return
			}
			if !yield(record, nil) {
				return
			}
		}
	}
}

// checkID refuses an order id that no log can hold, before the log is asked. given says in a word what for.
func checkID(id, given string) error {
	err := events.CheckID("order id", id)
	if err == nil {
		return nil
	}
	invalid := order.InvalidError{OrderID: id, Command: given, Field: "order id", Problem: err.Error(), Err: err}
	if unfit, is := errors.AsType[*events.InvalidError](err); is {
		invalid.Problem = unfit.Problem
	}
	return &invalid
}

func unknownError(id string) error {
	return fmt.Errorf("order %q: %w; create it first", id, order.ErrUnknownOrder)
}

// readError says which order could not be read.
func readError(id string, err error) error {
	return engine.Say(err, fmt.Sprintf("order %s: it could not be read", id))
}

func (r *Reader) now() time.Time { return r.cfg.Now().UTC() }

func (r *Reader) env() order.Env {
	return order.Env{Now: r.now(), NewID: r.cfg.NewID, Policy: r.cfg.Policy}
}
