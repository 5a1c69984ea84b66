package tilltape_test

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

var errDisk = errors.New("the disk is on strike")

// flaky is a log whose answers fail as a test says.
type flaky struct {
	store.Log
	mu          sync.Mutex
	append      func(records []events.Record) appendFault
	appendError func() error // nothing is written
	read        func() error
	heads       func() error
	lookup      func() error
	appends     int
}

// appendFault is what happens to one append.
type appendFault uint8

const (
	appendWorks   appendFault = iota
	appendFails               // nothing is written
	appendAnswers             // it is written, and the answer is lost
)

func (f *flaky) Append(ctx context.Context, s events.Stream, after uint64, records ...events.Record) ([]events.Record, error) {
	f.mu.Lock()
	f.appends++
	fault := appendWorks
	if f.append != nil {
		fault = f.append(records)
	}
	f.mu.Unlock()
	if f.appendError != nil {
		if err := f.appendError(); err != nil {
			return nil, err
		}
	}
	if fault == appendFails {
		return nil, errDisk
	}
	out, err := f.Log.Append(ctx, s, after, records...)
	if fault == appendAnswers {
		return nil, errDisk
	}
	return out, err
}

func (f *flaky) Read(ctx context.Context, s events.Stream, after uint64) iter.Seq2[events.Record, error] {
	if f.read != nil {
		if err := f.read(); err != nil {
			return func(yield func(events.Record, error) bool) { yield(events.Record{}, err) }
		}
	}
	return f.Log.Read(ctx, s, after)
}

func (f *flaky) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	if f.heads != nil {
		if err := f.heads(); err != nil {
			return func(yield func(store.Head, error) bool) { yield(store.Head{}, err) }
		}
	}
	return f.Log.Heads(ctx, filter)
}

func (f *flaky) Lookup(ctx context.Context, key events.Key) (events.Stream, error) {
	if f.lookup != nil {
		if err := f.lookup(); err != nil {
			return events.Stream{}, err
		}
	}
	return f.Log.Lookup(ctx, key)
}

// on says what becomes of appends that carry that kind, and of no other.
func on(kind events.Kind, fault appendFault, times int) func([]events.Record) appendFault {
	return func(records []events.Record) appendFault {
		for _, r := range records {
			if r.Event.Kind() == kind && times != 0 {
				times--
				return fault
			}
		}
		return appendWorks
	}
}
