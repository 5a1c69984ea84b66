package tilltape

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tilltape/tilltape/internal/refusing"
	"github.com/tilltape/tilltape/internal/settling"
	"github.com/tilltape/tilltape/store"
)

// Orders takes commands on orders, drives them, and reads them as its [Reader] does. It is safe for many goroutines at
// once.
type Orders struct {
	*Reader
	log     store.Log // where the Reader reads
	gateway Gateway
	tell    teller
	life    context.Context // ends when Close begins
	end     context.CancelFunc

	mu       sync.Mutex
	closed   bool
	flights  map[flight]chan struct{} // commands under way, by order and command id
	settlers map[*settling.Settler]bool
	running  sync.WaitGroup // commands, runners and the recording of refusals

	refusals *refusing.Recorder
}

// flight is one command under way: its repetition joins it.
type flight struct{ order, command string }

// New returns an Orders over a log and APO. The log stays the caller's: close it after [Orders.Close]. The error wraps
// [ErrConfig].
func New(log store.Log, gateway Gateway, cfg *Config) (*Orders, error) {
	if missing(log) || missing(gateway) {
		return nil, fmt.Errorf("tilltape: %w: a log and a gateway are needed; open a store and make an apo.Client, or "+
			"take NewReader, which reads orders without one", ErrConfig)
	}
	reader, err := NewReader(log, cfg)
	if err != nil {
		return nil, err
	}
	full := &reader.cfg
	life, end := context.WithCancel(context.Background())
	s := &Orders{Reader: reader, log: log, gateway: gateway, tell: newTeller(full.Observer, full.Logger), life: life,
		end: end, flights: map[flight]chan struct{}{}, settlers: map[*settling.Settler]bool{}}
	s.refusals = refusing.New(refusing.Config{Log: log, Now: s.now, NewID: full.NewID, Timeout: full.RecordTimeout,
		Go: s.running.Go, Closing: life, Lost: s.tell.unrecorded})
	return s, nil
}

// Close ends the Orders: no new command is taken, and those under way and every [Orders.Run] are waited for. What is
// not settled then stays on record and is due in whichever Orders opens the log next. Closing again does nothing.
func (s *Orders) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.running.Wait()
	return nil
}

func closedError(doing string) error {
	return fmt.Errorf("%s: %w; open the log again with a new Orders", doing, ErrClosed)
}

// enter registers a command under way. Where the same command is under way already it waits for that to end first, so
// that a repetition finds its outcome. leave must be called once err is nil.
func (s *Orders) enter(ctx context.Context, f flight) (leave func(), err error) {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, closedError("order " + f.order)
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

// register makes a settler known to those who leave something due. leave must be called once err is nil.
func (s *Orders) register(r *settling.Settler) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, closedError("settling")
	}
	s.running.Add(1)
	s.settlers[r] = true
	return func() {
		s.mu.Lock()
		delete(s.settlers, r)
		s.mu.Unlock()
		s.running.Done()
	}, nil
}

// nudge wakes whoever settles, where a command has left something due before they would look by themselves.
func (s *Orders) nudge(due time.Time) {
	if due.IsZero() || due.Sub(s.now()) > settling.LookEvery {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.settlers {
		r.Poke()
	}
}
