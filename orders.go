package tilltape

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Defaults and bounds of [Config].
const (
	DefaultCallTimeout   = 20 * time.Second
	DefaultRecordTimeout = 10 * time.Second
	DefaultConcurrency   = 8
	DefaultGrace         = 10 * time.Second
	DefaultActor         = "service"
)

// Config is what may differ between two services. Its zero value, or nil, takes the defaults.
type Config struct {
	Policy order.Policy
	// Now is the clock; default [time.Now]. Times are kept in UTC with nanoseconds.
	Now func() time.Time
	// NewID mints record, command and request ids of 1 to 64 bytes, never the same twice, from many goroutines at once.
	// The default makes time-ordered UUIDs (version 7), which keeps a log's trees compact.
	NewID func() string
	// Actor stands in records that nobody commanded, and for commands that name nobody; default [DefaultActor].
	Actor string
	// CallTimeout ends a call to APO; default [DefaultCallTimeout]. It must be shorter than the policy's lease.
	CallTimeout time.Duration
	// RecordTimeout is how long recording an outcome may take once APO was asked, even where the caller's context has
	// ended; default [DefaultRecordTimeout].
	RecordTimeout time.Duration
	// Concurrency is how many orders SettleDue or Run drives at once; default [DefaultConcurrency].
	Concurrency int
	// Grace is how long a call under way may go on when Run's context ends; default [DefaultGrace].
	Grace time.Duration
	// Observer is told what happens; nil: nobody.
	Observer *Observer
	// Logger is told too, without secrets, bodies or people's texts; nil: silence. Where APO gave no usable answer it says
	// why and leaves out what came instead: [Observer.Called] and [Orders.Evidence] have its beginning.
	Logger *slog.Logger
}

func (c *Config) withDefaults() (Config, error) {
	out := Config{}
	if c != nil {
		out = *c
	}
	if out.Now == nil {
		out.Now = time.Now
	}
	if out.NewID == nil {
		out.NewID = newID
	}
	if out.Actor == "" {
		out.Actor = DefaultActor
	}
	if out.CallTimeout == 0 {
		out.CallTimeout = DefaultCallTimeout
	}
	if out.RecordTimeout == 0 {
		out.RecordTimeout = DefaultRecordTimeout
	}
	if out.Concurrency == 0 {
		out.Concurrency = DefaultConcurrency
	}
	if out.Grace == 0 {
		out.Grace = DefaultGrace
	}
	if err := out.Policy.Check(); err != nil {
		return out, fmt.Errorf("tilltape: %w: %w", ErrConfig, err)
	}
	lease := out.Policy.Lease
	if lease == 0 {
		lease = order.DefaultLease
	}
	for _, f := range []struct {
		field string
		value int64
	}{{"CallTimeout", int64(out.CallTimeout)}, {"RecordTimeout", int64(out.RecordTimeout)}, {"Concurrency", int64(out.Concurrency)},
		{"Grace", int64(out.Grace)}} {
		if f.value < 0 {
			return out, fmt.Errorf("tilltape: %w: %s is negative; leave it zero for the default", ErrConfig, f.field)
		}
	}
	if out.CallTimeout >= lease {
		return out, fmt.Errorf("tilltape: %w: CallTimeout %s is not shorter than the lease %s; while a call is under way its claim must hold",
			ErrConfig, out.CallTimeout, lease)
	}
	if err := events.CheckID("actor", out.Actor); err != nil {
		return out, fmt.Errorf("tilltape: %w: %w", ErrConfig, err)
	}
	return out, nil
}

func newID() string {
	id, err := uuid.NewV7()
	if err != nil { // the system has no randomness left: nothing that follows could be trusted
		panic("tilltape: minting an id: " + err.Error())
	}
	return id.String()
}

// Orders takes commands on orders. It is safe for many goroutines at once.
type Orders struct {
	log     store.Log
	gateway Gateway
	cfg     Config
	tell    teller
	life    context.Context // ends when Close begins
	end     context.CancelFunc

	mu      sync.Mutex
	closed  bool
	flights map[flight]chan struct{} // commands under way, by order and command id
	runners map[*runner]bool
	running sync.WaitGroup // commands, runners and the recording of refusals

	refusals refusals
}

// flight is one command under way: its repetition joins it.
type flight struct{ order, command string }

// New returns an Orders over a log and APO. The log stays the caller's: close it after [Orders.Close]. The error wraps
// [ErrConfig].
func New(log store.Log, gateway Gateway, cfg *Config) (*Orders, error) {
	if missing(log) || missing(gateway) {
		return nil, fmt.Errorf("tilltape: %w: a log and a gateway are needed; open a store and make an apo.Client", ErrConfig)
	}
	full, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.Background())
	return &Orders{log: log, gateway: gateway, cfg: full, tell: newTeller(full.Observer, full.Logger), life: life, end: end,
		flights: map[flight]chan struct{}{}, runners: map[*runner]bool{}}, nil
}

// missing also finds the nil pointer that is left where the error of making a store or a client was passed over. It would
// panic at the first call, behind an intent that is durable by then.
func missing(dependency any) bool {
	v := reflect.ValueOf(dependency)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// Close ends the Orders: no new command is taken, and those under way and every [Orders.Run] are waited for. What is not settled then stays on
// record and is due in whichever Orders opens the log next. Closing again does nothing.
func (s *Orders) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.running.Wait()
	return nil
}

// open returns an error that wraps [ErrClosed] behind what was not begun, once the Orders is closed.
func (s *Orders) open(doing string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return closedTo(doing)
	}
	return nil
}

func closedTo(doing string) error {
	return fmt.Errorf("%s: %w; open the log again with a new Orders", doing, ErrClosed)
}

// enter registers a command under way. Where the same command is under way already it waits for that to end first, so
// that a repetition finds its outcome. leave must be called once err is nil.
func (s *Orders) enter(ctx context.Context, f flight) (leave func(), err error) {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, closedTo("order " + f.order)
		}
		other, busy := s.flights[f]
		if !busy {
			done := make(chan struct{})
			s.flights[f] = done
			s.running.Add(1)
			s.mu.Unlock()
			return func() { s.leave(f, done) }, nil
		}
		s.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, fmt.Errorf("order %s: waiting for the same command under way: %w", f.order, ctx.Err())
		}
	}
}

func (s *Orders) leave(f flight, done chan struct{}) {
	s.mu.Lock()
	delete(s.flights, f)
	s.mu.Unlock()
	close(done)
	s.running.Done()
}

func (s *Orders) now() time.Time { return s.cfg.Now().UTC() }

func (s *Orders) env() order.Env {
	return order.Env{Now: s.now(), NewID: s.cfg.NewID, Policy: s.cfg.Policy}
}
