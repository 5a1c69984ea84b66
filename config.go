package tilltape

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
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
	// RequireCommandID refuses every command but Create that comes without an id, before anything is recorded or sent: the
	// error is an *[order.InvalidError]. Without it a command that has none gets one minted, and then nobody can tell a
	// second click on "refund" from the wish for a second refund. Create needs none: its order's id does the same.
	RequireCommandID bool
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
	// why and leaves out what came instead: [Observer.Called] and package evidence have its beginning.
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
	if out.Logger == nil {
		out.Logger = slog.New(slog.DiscardHandler)
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
	lease := out.Policy.WithDefaults().Lease
	for _, f := range []struct {
		field string
		value int64
	}{{"CallTimeout", int64(out.CallTimeout)}, {"RecordTimeout", int64(out.RecordTimeout)},
		{"Concurrency", int64(out.Concurrency)}, {"Grace", int64(out.Grace)}} {
		if f.value < 0 {
			return out, fmt.Errorf("tilltape: %w: %s is negative; leave it zero for the default", ErrConfig, f.field)
		}
	}
	if out.CallTimeout >= lease {
		return out, fmt.Errorf("tilltape: %w: CallTimeout %s is not shorter than the lease %s; while a call is "+
			"under way its claim must hold", ErrConfig, out.CallTimeout, lease)
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
