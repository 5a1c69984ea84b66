package tilltest

import (
	"context"
	"sync"
	"testing"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/memory"
)

// Witness writes down what an Observer is told.
type Witness struct {
	mu       sync.Mutex
	Given    []tilltape.CommandGiven
	Ended    []tilltape.CommandEnded
	Appended []events.Record
	Calls    []tilltape.CallMade
	Refusals []tilltape.Refusal
	Alarms   []tilltape.Alarm
	Odd      []tilltape.Contradiction
	Passes   []tilltape.Pass
	Troubles []tilltape.Trouble
}

func (w *Witness) Observer() *tilltape.Observer {
	return &tilltape.Observer{
		Commanding: func(_ context.Context, c tilltape.CommandGiven) context.Context {
			note(w, &w.Given, c)
			return nil
		},
		Commanded: func(_ context.Context, c tilltape.CommandEnded) { note(w, &w.Ended, c) },
		Appended:  func(_ context.Context, r []events.Record) { note(w, &w.Appended, r...) },
		Called:    func(_ context.Context, c tilltape.CallMade) { note(w, &w.Calls, c) },
		Refused:   func(_ context.Context, r tilltape.Refusal) { note(w, &w.Refusals, r) },
		Parked:    func(_ context.Context, a tilltape.Alarm) { note(w, &w.Alarms, a) },
		Anomaly:   func(_ context.Context, c tilltape.Contradiction) { note(w, &w.Odd, c) },
		Settled:   func(_ context.Context, p tilltape.Pass) { note(w, &w.Passes, p) },
		Failed:    func(_ context.Context, x tilltape.Trouble) { note(w, &w.Troubles, x) },
	}
}

func note[T any](w *Witness, to *[]T, what ...T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*to = append(*to, what...)
}

// Seen is what was noted so far.
func Seen[T any](w *Witness, of *[]T) []T {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]T(nil), *of...)
}

// Watched is a till whose Orders has a witness.
func Watched(t testing.TB) (*Till, *Witness) {
	x, w := NewTill(t, memory.New()), &Witness{}
	x.Config.Observer = w.Observer()
	x.Open(x.Bank)
	return x, w
}
