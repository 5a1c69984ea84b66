package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// state is where the service stands between its beginning and its end.
type state struct {
	settling, draining atomic.Bool
	drove              atomic.Int64 // when settling last came to an end with an order, or began; Unix time in nanoseconds
}

func (s *state) driving(now time.Time) { s.drove.Store(now.UnixNano()) }

// readyTimeout is how long the checks have together.
const readyTimeout = 2 * time.Second

// check is one reason to be ready or not, by its name. Says tells what was found, in figures where there are any.
type check struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Says  string `json:"says"`
}

type readiness struct {
	Ready  bool    `json:"ready"`
	Checks []check `json:"checks"`
}

// live says that the process answers. Whoever asks restarts it where nothing comes. Where a restart mends what is wrong
// the service ends by itself; all else is asked of ready.
func (s *shop) live(w http.ResponseWriter, r *http.Request) {
	s.Write(w, r, http.StatusOK, map[string]bool{"live": true})
}

// ready says whether requests should be sent here, and why not.
func (s *shop) ready(w http.ResponseWriter, r *http.Request) {
	ctx, end := context.WithTimeout(r.Context(), readyTimeout)
	defer end()
	said := readiness{Ready: true, Checks: []check{s.serving(), s.appends(ctx), s.run(ctx), s.unknown(ctx)}}
	if s.settings.database == "" { // whose server's disk is its own affair
		said.Checks = append(said.Checks, s.disk())
	}
	status := http.StatusOK
	for _, c := range said.Checks {
		if !c.OK {
			said.Ready, status = false, http.StatusServiceUnavailable
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	s.Write(w, r, status, said)
}

func (s *shop) serving() check {
	if s.state.draining.Load() {
		return check{"serving", false, "it is stopping"}
	}
	return check{"serving", true, "it takes requests"}
}

// nobody is the order that appends are tried on. Whether there is one or not, it has no version like the one below.
var nobody = events.OrderStream("readyz")

const noVersion = 1 << 40

// tries gives an append that the log refuses, since the order has no such version: it takes the way of every append, as
// far as the disk, and leaves nothing. It returns nil where the log would take another.
func (s *shop) tries(ctx context.Context) error {
	err := s.log.tries(ctx, nobody, noVersion, events.Record{ID: s.Orders.Config().NewID(), Actor: actor,
		Recorded: time.Now().UTC(), Occurred: time.Now().UTC(), Event: events.PaymentPending{}})
	switch {
	case errors.Is(err, store.ErrConflict):
		return nil
	case err == nil:
		err = errors.New("an append that must be refused was taken; this is a fault of the log")
	}
	return err
}

// stopped is the error of a log that has stopped for good, as one in a file does once nobody knows what the disk holds.
// It is nil where a restart does not mend that: where somebody took the file away, one would begin an empty log.
func (s *shop) stopped(ctx context.Context) error {
	ctx, end := context.WithTimeout(ctx, readyTimeout)
	defer end()
	err := s.tries(ctx)
	if !errors.Is(err, store.ErrStorage) || !s.log.inPlace() {
		return nil
	}
	return fmt.Errorf("the log has stopped, and is opened again by a restart: %w", err)
}

// logStops waits until the log has stopped, and returns its error.
func (s *shop) logStops(ctx context.Context) error {
	for {
		select {
		case <-s.log.trouble:
		case <-ctx.Done():
			return nil
		}
		if err := s.stopped(ctx); err != nil {
			return err
		}
	}
}

// appends tries an append, and tells whether one failed lately, since a disk that is full is known by that alone.
func (s *shop) appends(ctx context.Context) check {
	if err := s.tries(ctx); err != nil {
		s.log.doubted()
		s.logger.Error("not ready", "check", "append", "err", err)
		return check{"append", false, "the log takes nothing; the service's log says why"}
	}
	if failed := s.log.lastFailed(); !failed.IsZero() {
		since := time.Since(failed).Truncate(time.Second)
		return check{"append", since > s.settings.failureMax, fmt.Sprintf("the log failed to take something %s ago, and has "+
			"taken nothing since", since)}
	}
	return check{"append", true, "the log takes what it is given"}
}

// ofCommand marks what a command does, so that its calls are not taken for Run's.
type ofCommand struct{}

// progress notes what Run does. An order that cannot be driven counts as well: Run has come to it. That it is due for
// long is an alert's matter, and keeps nobody else from ordering.
func (s *shop) progress() *tilltape.Observer {
	return &tilltape.Observer{
		Commanding: func(ctx context.Context, _ tilltape.CommandGiven) context.Context {
			return context.WithValue(ctx, ofCommand{}, true)
		},
		Appended: begins,
		Called: func(ctx context.Context, _ tilltape.CallMade) { // a pass over much that is due takes long
			if ctx.Value(ofCommand{}) == nil {
				s.state.driving(s.now())
			}
		},
		Settled: func(_ context.Context, p tilltape.Pass) {
			if p.Settled.Driven > 0 {
				s.state.driving(s.now())
			}
		},
		Failed: func(_ context.Context, t tilltape.Trouble) {
			if t.OrderID != "" {
				s.state.driving(s.now())
			}
		},
	}
}

// run tells whether Run does its work: it is there, and where something is due for long it has driven orders lately.
func (s *shop) run(ctx context.Context) check {
	if !s.state.settling.Load() {
		return check{"run", false, "Run has ended: nothing that is unknown becomes known"}
	}
	since, err := s.oldest(ctx, store.DueBy(s.now()).Limit(1))
	switch {
	case err != nil:
		return check{"run", false, "the log does not say what is due"}
	case since < 0:
		return check{"run", true, "nothing is due"}
	}
	idle := s.now().Sub(time.Unix(0, s.state.drove.Load())).Truncate(time.Second)
	return check{"run", min(since, idle) <= s.settings.overdueMax,
		fmt.Sprintf("due for %s, and Run drove an order or began %s ago", since, idle)}
}

// unknown tells since when an outcome is not known. One that APO does not settle is a matter for a person and an alert:
// unless it is asked for it does not take the shop from everybody else. What APO has accepted takes days by rights, and
// is not unknown.
func (s *shop) unknown(ctx context.Context) check {
	since, err := s.oldestUnknown(ctx)
	switch {
	case err != nil:
		return check{"unknown", false, "the log does not say what is unknown"}
	case since < 0:
		return check{"unknown", true, "every outcome is known, or APO has accepted it"}
	}
	limit := s.settings.openMax
	return check{"unknown", limit == 0 || since <= limit, "the oldest unknown outcome is one for " + since.String()}
}

// acceptedMax is behind how many orders with something that APO has accepted an unknown outcome is looked for.
const acceptedMax = 10_000

func (s *shop) now() time.Time { return s.Orders.Config().Now() }

// oldest is how long ago the time is of the first order that the filter asks for; negative: none.
func (s *shop) oldest(ctx context.Context, filter store.Filter) (time.Duration, error) {
	for head, err := range s.log.Heads(ctx, filter) {
		if err != nil {
			return 0, err
		}
		return s.since(filter.Time(head)), nil
	}
	return -1, nil
}

// unknownsMax is of how many orders with an unknown outcome the oldest is looked for: one of which APO has also
// accepted something stands in the index since that, so that the first need not be the oldest.
const unknownsMax = 64

// oldestUnknown is for how long the oldest unknown outcome has been one; negative: there is none.
func (s *shop) oldestUnknown(ctx context.Context) (time.Duration, error) {
	var heads []store.Head
	for h, err := range s.log.Heads(ctx, store.Outstanding().Limit(acceptedMax)) {
		if err != nil {
			return 0, err
		}
		if h.Phase != order.Accepted.String() {
			h.Stream.ID = strings.Clone(h.Stream.ID)
			heads = append(heads, h)
		}
		if len(heads) == unknownsMax {
			break
		}
	}
	oldest := time.Duration(-1)
	for _, h := range heads {
		if s.since(h.OperationSince) <= oldest {
			break
		}
		since := h.OperationSince // of an order that cannot be read it is believed
		if o, err := s.Orders.Get(ctx, h.Stream.ID); err == nil {
			if p, is := o.Unknown(); is {
				since = p.Since
			}
		}
		oldest = max(oldest, s.since(since))
	}
	return oldest, nil
}

// since is how long ago that was, in whole seconds.
func (s *shop) since(at time.Time) time.Duration {
	return max(0, s.now().Sub(at).Truncate(time.Second))
}

// disk tells how much room the log's file has.
func (s *shop) disk() check {
	free, known := room(filepath.Dir(s.settings.log))
	if !known {
		return check{"disk", true, "this system does not say how much room there is"}
	}
	return check{"disk", free >= uint64(s.settings.diskMin), fmt.Sprintf("%d MiB are free, and %d MiB are wanted",
		free>>20, s.settings.diskMin>>20)}
}
