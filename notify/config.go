package notify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
)

// Defaults and bounds of [Config].
const (
	DefaultConcurrency = 256
	DefaultReadTimeout = 5 * time.Second
	// Readers is how many bodies may be on their way, for each notification that may be verified and recorded.
	// Whoever has the headers of a notification takes one, without any signature and for ReadTimeout, and must not find
	// it easy to take them all.
	Readers = 16
	// ShortMax is how long a body may become, in bytes, before it needs one of the slots for long ones. APO's are shorter.
	ShortMax = 8 << 10
	// LongMax is how many longer ones are heard at once, from the first byte until they are on record; no more than
	// Concurrency.
	LongMax = 16
	// TypesMax is how many types of notifications are told apart that no order here can have. APO has some dozens.
	TypesMax = 128
)

// Config is what may differ between two services that hear APO. Its zero value, or nil, takes the defaults.
type Config struct {
	// Concurrency is how many notifications are verified and recorded at once; a further one is answered 503, and APO
	// sends it again. Default [DefaultConcurrency]. While their bodies are on their way [Readers] times as many are taken,
	// and of all these [LongMax] may be longer than [ShortMax], up to [apo.BodyMax]. So bodies hold at most 136 KiB,
	// (Readers + 1) × ShortMax, for each that is recorded at once, and LongMax × BodyMax: 49 MiB by default.
	Concurrency int
	// ReadTimeout is how long the sender may take over the body; default [DefaultReadTimeout].
	ReadTimeout time.Duration
	// AcknowledgeTypes are the types of notifications that this service has no use for, as they call themselves (their
	// notifyType, or the field whose name ends like that): APO is told that it need not send them again, and nothing of
	// them is kept. Default none: what nobody here understands is not acknowledged, so that APO goes on for a day, in
	// which an upgrade or another service can still take it. One that names an order which is known here is recorded all
	// the same, whatever its type. At most [TypesMax].
	AcknowledgeTypes []string
	// Heard is told of every notification once its answer is decided; nil: nobody. It is called on the goroutine that
	// serves it, from many at once, and holds up that answer alone. One that panics is logged and does no harm.
	Heard func(context.Context, Notification)
}

// Notification is how one HTTP request to a [Handler] ended.
type Notification struct {
	Outcome Outcome
	Status  int           // of the HTTP answer
	Fact    apo.Verified  // the zero value, unless APO's signature fitted and there was a fact
	OrderID string        // whom it is about; empty where that is not known
	Err     error         // why it was not acknowledged; nil: it was
	Took    time.Duration // by the Orders' clock
}

func (c *Config) withDefaults() (Config, error) {
	var out Config
	if c != nil {
		out = *c
	}
	if out.Concurrency < 0 || out.ReadTimeout < 0 {
		return out, fmt.Errorf("notify: %w: Concurrency or ReadTimeout is negative; leave it zero for the default",
			tilltape.ErrConfig)
	}
	if len(out.AcknowledgeTypes) > TypesMax || slices.Contains(out.AcknowledgeTypes, "") {
		return out, fmt.Errorf("notify: %w: AcknowledgeTypes has %d types, or one without a name; give at most %d, each as "+
			"it calls itself", tilltape.ErrConfig, len(out.AcknowledgeTypes), TypesMax)
	}
	out.AcknowledgeTypes = slices.Clone(out.AcknowledgeTypes)
	if out.Concurrency == 0 {
		out.Concurrency = DefaultConcurrency
	}
	if out.ReadTimeout == 0 {
		out.ReadTimeout = DefaultReadTimeout
	}
	return out, nil
}
