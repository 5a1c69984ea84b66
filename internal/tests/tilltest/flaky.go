package tilltest

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// Hanging is a log whose appends hang until their context ends, once a test says so.
type Hanging struct {
	store.Log
	Hangs atomic.Bool
}

func (h *Hanging) Append(ctx context.Context, s events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	if h.Hangs.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return h.Log.Append(ctx, s, after, records...)
}

var ErrDisk = errors.New("the disk is on strike")

// Flaky is a log whose answers fail as a test says.
type Flaky struct {
	store.Log
	mu            sync.Mutex
	OnAppend      func(records []events.Record) AppendFault
	OnAppendError func() error // nothing is written
	OnRead        func() error
	OnHeads       func() error
	OnLookup      func() error
	appends       int
}

// Appends is how many appends were asked for.
func (f *Flaky) Appends() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.appends
}

// AppendFault is what happens to one append.
type AppendFault uint8

const (
	AppendWorks   AppendFault = iota
	AppendFails               // nothing is written
	AppendAnswers             // it is written, and the answer is lost
)

func (f *Flaky) Append(ctx context.Context, s events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	f.mu.Lock()
	f.appends++
	fault := AppendWorks
	if f.OnAppend != nil {
		fault = f.OnAppend(records)
	}
	f.mu.Unlock()
	if f.OnAppendError != nil {
		if err := f.OnAppendError(); err != nil {
			return nil, err
		}
	}
	if fault == AppendFails {
		return nil, ErrDisk
	}
	out, err := f.Log.Append(ctx, s, after, records...)
	if fault == AppendAnswers {
		return nil, ErrDisk
	}
	return out, err
}

func (f *Flaky) Read(ctx context.Context, s events.Stream, after uint64) iter.Seq2[events.Record, error] {
	if f.OnRead != nil {
		if err := f.OnRead(); err != nil {
			return func(yield func(events.Record, error) bool) { yield(events.Record{}, err) }
		}
	}
	return f.Log.Read(ctx, s, after)
}

func (f *Flaky) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	if f.OnHeads != nil {
		if err := f.OnHeads(); err != nil {
			return func(yield func(store.Head, error) bool) { yield(store.Head{}, err) }
		}
	}
	return f.Log.Heads(ctx, filter)
}

func (f *Flaky) Lookup(ctx context.Context, key events.Key) (events.Stream, error) {
	if f.OnLookup != nil {
		if err := f.OnLookup(); err != nil {
			return events.Stream{}, err
		}
	}
	return f.Log.Lookup(ctx, key)
}

// On says what becomes of appends that carry that kind, and of no other.
func On(kind events.Kind, fault AppendFault, times int) func([]events.Record) AppendFault {
	return func(records []events.Record) AppendFault {
		for _, r := range records {
			if r.Event.Kind() == kind && times != 0 {
				times--
				return fault
			}
		}
		return AppendWorks
	}
}

var ErrDead = errors.New("this process is dead")
