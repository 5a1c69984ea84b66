package service

import (
	"fmt"
	"log/slog"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/store"
)

// DefaultBodyMax bounds the body of a request of your own callers, in bytes.
const DefaultBodyMax = 16 << 10

// Config is what may differ between two services. Its zero value, or nil, takes the defaults.
type Config struct {
	Orders   tilltape.Config    // clock, policy, observer; its Logger is the service's too
	Notify   notify.Config      // of the endpoint that APO calls
	Verifier apo.VerifierConfig // SignedPath, where a proxy rewrites the path on the way to that
	BodyMax  int                // in bytes; default [DefaultBodyMax]
}

// Service is an Orders with its endpoint for APO, to be served. It is safe for many goroutines at once.
type Service struct {
	Orders        *tilltape.Orders
	Notifications *notify.Handler // give it a route, and APO its address

	log     *slog.Logger
	bodyMax int
}

// New returns a Service over a log and APO's client, whose keys tell it what APO signed. Both stay the caller's: close
// them after [Service.Close]. The error wraps [tilltape.ErrConfig] or [apo.ErrConfig], and leaves nothing open.
func New(log store.Log, client *apo.Client, cfg *Config) (*Service, error) {
	var c Config
	if cfg != nil {
		c = *cfg
	}
	if client == nil {
		return nil, fmt.Errorf("service: %w: a client is needed; make one with apo.NewClient", tilltape.ErrConfig)
	}
	if c.BodyMax < 0 {
		return nil, fmt.Errorf("service: %w: BodyMax is negative; leave it zero for the default", tilltape.ErrConfig)
	}
	if c.BodyMax == 0 {
		c.BodyMax = DefaultBodyMax
	}
	verifier, err := client.Verifier(&c.Verifier)
	if err != nil {
		return nil, err
	}
	orders, err := tilltape.New(log, client, &c.Orders)
	if err != nil {
		return nil, err
	}
	notifications, err := notify.NewHandler(orders, verifier, &c.Notify)
	if err != nil {
		_ = orders.Close() // which has done nothing yet
		return nil, err
	}
	return &Service{Orders: orders, Notifications: notifications, log: orders.Config().Logger, bodyMax: c.BodyMax}, nil
}

// Close closes the Orders: no new command is taken, and those under way are waited for. Closing again does nothing.
func (s *Service) Close() error { return s.Orders.Close() }
