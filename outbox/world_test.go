package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

var dawn = time.Date(2026, 11, 29, 6, 0, 0, 5, time.UTC)

// add appends one record to each of these orders, in turn, and returns them.
func add(t testing.TB, log store.Log, orders ...string) (added []events.Record) {
	t.Helper()
	for _, id := range orders {
		stream := events.OrderStream(id)
		head, err := log.Head(t.Context(), stream)
		if !errors.Is(err, store.ErrNotFound) {
			require.NoError(t, err)
		}
		at := dawn.Add(time.Duration(head.Version) * time.Second)
		written, err := log.Append(t.Context(), stream, head.Version, events.Record{
			ID: fmt.Sprintf("%s-%d", id, head.Version+1), Recorded: at, Occurred: at, Actor: "mia",
			Head: events.Head{Status: "created", StatusSince: at, Phase: "idle"}, Event: events.PaymentPending{PaymentID: "P1"},
		})
		require.NoError(t, err)
		added = append(added, written...)
	}
	return added
}

// receiver takes messages, and refuses or loses some.
type receiver struct {
	mu    sync.Mutex
	got   []string
	sick  map[string]error // by the message's id
	after func(id string)  // of every message that it took
}

func (r *receiver) Send(_ context.Context, m outbox.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.sick[m.ID]; err != nil {
		return err
	}
	r.got = append(r.got, m.ID)
	if r.after != nil {
		r.after(m.ID)
	}
	return nil
}

func (r *receiver) refuse(id string) { r.set(id, fmt.Errorf("%w: 422", outbox.ErrRefused)) }

func (r *receiver) set(id string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sick == nil {
		r.sick = map[string]error{}
	}
	r.sick[id] = err
}

func (r *receiver) has() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.got...)
}

// config waits for hardly anything.
func config(keeper outbox.Keeper) *outbox.Config {
	return &outbox.Config{Name: "warehouse", Source: "https://shop.example/orders", Keeper: keeper,
		Waits: []time.Duration{time.Microsecond}, Poll: time.Millisecond}
}

// running is a consumer that runs until stop, which returns how it ended.
func running(t testing.TB, c *outbox.Consumer) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	var once sync.Once
	var err error
	stop = func() error {
		once.Do(func() { cancel(); err = <-ended })
		return err
	}
	t.Cleanup(func() { _ = stop() })
	return stop
}

func consumer(t testing.TB, log store.Reader, to outbox.Sender, cfg *outbox.Config) *outbox.Consumer {
	c, err := outbox.New(log, to, cfg)
	require.NoError(t, err)
	return c
}

func eventually(t testing.TB, is func() bool) {
	t.Helper()
	require.Eventually(t, is, 10*time.Second, time.Millisecond)
}

// mute is a log that does not tell when it grows.
type mute struct{ store.Reader }

// flaky is a log that cannot be reached now and then.
type flaky struct {
	*memory.Log
	mu   sync.Mutex
	left int
}
