package storetest_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
	"github.com/tilltape/tilltape/store/storetest"
)

// brokenEnv names the fault that TestBroken puts into the log under test.
const brokenEnv = "TILLTAPE_STORETEST_BROKEN"

// A fault is one broken promise, and the clause of the suite that must notice.
type fault struct {
	name   string
	clause string
	open   func() store.Log
	reopen func(store.Log) store.Log
	second func(store.Log) store.Log
	seal   *storetest.Seal
}

func faults() []fault {
	return append(append(sealedFaults(), frameFaults()...), []fault{
		{name: "blind-append", clause: "versions", open: func() store.Log { return blindAppend{memory.New()} }},
		{name: "blind-append-in-a-race", clause: "races for one stream",
			open: func() store.Log { return blindAppend{memory.New()} }},
		{name: "shared-keys", clause: "lookup keys", open: func() store.Log { return sharedKeys{memory.New()} }},
		{name: "shared-keys-in-a-race", clause: "races for a key",
			open: func() store.Log { return sharedKeys{memory.New()} }},
		{name: "one-by-one", clause: "atomic appends", open: func() store.Log { return oneByOne{memory.New()} }},
		{name: "no-memory-of-appends", clause: "lost answers", open: func() store.Log { return forgetful{memory.New()} }},
		{name: "glued-names", clause: "stream names", open: func() store.Log { return glued{memory.New()} }},
		{name: "reordered", clause: "append and read", open: func() store.Log { return reordered{memory.New()} }},
		{name: "late-commits", clause: "reading along", open: func() store.Log { return &lateCommits{Log: memory.New()} }},
		{name: "drops-nanoseconds", clause: "byte identity", open: func() store.Log { return coarse{memory.New()} }},
		{name: "cursor-off-by-one", clause: "cursors", open: func() store.Log { return offByOne{memory.New()} }},
		{name: "first-page-only", clause: "long streams", open: func() store.Log { return firstPage{memory.New()} }},
		{name: "first-page-of-heads", clause: "heads over pages", open: func() store.Log { return firstPage{memory.New()} }},
		{name: "locked-while-reading", clause: "appends while reading",
			open: func() store.Log { return &locked{Log: memory.New()} }},
		{name: "heads-unsorted", clause: "heads in order", open: func() store.Log { return unsorted{memory.New()} }},
		{name: "stale-heads", clause: "heads that move", open: func() store.Log { return &stale{Log: memory.New()} }},
		{name: "hidden-anomaly", clause: "heads in order", open: func() store.Log { return hiding{memory.New()} }},
		{name: "hidden-anomaly-that-moves", clause: "heads that move",
			open: func() store.Log { return hiding{memory.New()} }},
		{name: "outstanding-by-status-time", clause: "heads in order",
			open: func() store.Log { return byStatus{memory.New()} }},
		{name: "zero-filter-takes-all", clause: "refused input", open: func() store.Log { return lenient{memory.New()} }},
		{name: "no-limit", clause: "limited heads", open: func() store.Log { return unlimited{memory.New()} }},
		{name: "pages-begin-with-the-last", clause: "limited heads",
			open: func() store.Log { return inclusive{memory.New()} }},
		{name: "pages-leave-out-equal-times", clause: "limited heads",
			open: func() store.Log { return byTimeAlone{memory.New()} }},
		{name: "limited-without-what-moved", clause: "limited heads while they move",
			open: func() store.Log { return fleeting{memory.New()} }},
		{name: "keeps-records", clause: "records are copied", open: func() store.Log { return keeps{memory.New()} }},
		{name: "ignores-context", clause: "ended context", open: func() store.Log { return deaf{memory.New()} }},
		{name: "open-after-close", clause: "closing", open: func() store.Log { return undead{memory.New()} }},
		{name: "unchecked-input", clause: "refused input", open: func() store.Log { return unchecked{memory.New()} }},
		{name: "forgets-the-last", clause: "reopening", open: func() store.Log { return undead{memory.New()} },
			reopen: withoutTheLast},
		{name: "sleepy-watcher", clause: "watching", open: func() store.Log { return skipping{memory.New()} }},
		{name: "counts-what-it-refused", clause: "figures",
			open: func() store.Log { return &overcounting{memory.New()} }},
		{name: "random", clause: "random operations", open: func() store.Log { return sharedKeys{memory.New()} }},
	}...)
}

// TestTeeth proves that a log which breaks one promise fails the clause about it. The suite runs in a process of its
// own, because a failed subtest cannot be taken back.
func TestTeeth(t *testing.T) {
	for i, fault := range faults() {
		if !long.Each(i, 3) { // a process of its own each
			continue
		}
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			clause := strings.ReplaceAll(fault.clause, " ", "_")
			child := exec.Command(os.Args[0], "-test.run=^TestBroken$/^"+clause+"$", "-rapid.nofailfile", "-rapid.shrinktime=0s",
				"-test.v")
			child.Env = append(os.Environ(), brokenEnv+"="+fault.name)
			output, err := child.CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "the suite must fail: %s", output)
			assert.True(t, bytes.Contains(output, []byte("--- FAIL: TestBroken/"+clause)), "the clause %q must fail: %s",
				fault.clause, output)
		})
	}
}

// TestBroken runs the suite on the log with the fault named in the environment, for TestTeeth.
func TestBroken(t *testing.T) {
	name := os.Getenv(brokenEnv)
	if name == "" {
		t.Skip("run by TestTeeth")
	}
	for _, fault := range faults() {
		if fault.name != name {
			continue
		}
		factory := storetest.Factory{Open: func(*testing.T) store.Log { return fault.open() }, Seal: fault.seal,
			Short: !long.Enabled()}
		if fault.reopen != nil {
			factory.Reopen = func(_ *testing.T, log store.Log) store.Log { return fault.reopen(log) }
		}
		if fault.second != nil {
			factory.Second = func(_ *testing.T, log store.Log) store.Log { return fault.second(log) }
		}
		storetest.Run(t, factory)
	}
}

// blindAppend writes at the end whatever version the append was meant for.
type blindAppend struct{ store.Log }

func (l blindAppend) Append(ctx context.Context, to events.Stream, after uint64,
	records ...events.Record) ([]events.Record, error) {
	for {
		written, err := l.Log.Append(ctx, to, after, records...)
		var conflict *store.ConflictError
		if !errors.As(err, &conflict) {
			return written, err
		}
		after = conflict.Have
	}
}

// sharedKeys drops the keys that another stream owns.
type sharedKeys struct{ store.Log }

func (l sharedKeys) Append(ctx context.Context, to events.Stream, after uint64,
	records ...events.Record) ([]events.Record, error) {
	written, err := l.Log.Append(ctx, to, after, records...)
	if errors.Is(err, store.ErrKeyTaken) {
		bare := make([]events.Record, len(records))
		for i, r := range records {
			r.Keys = nil
			bare[i] = r
		}
		return l.Log.Append(ctx, to, after, bare...)
	}
	return written, err
}

// oneByOne appends each record by itself.
type oneByOne struct{ store.Log }

func (l oneByOne) Append(ctx context.Context, to events.Stream, after uint64,
	records ...events.Record) (all []events.Record, err error) {
	for i, r := range records {
		written, err := l.Log.Append(ctx, to, after+uint64(i), r)
		if err != nil {
			return nil, err
		}
		all = append(all, written...)
	}
	return all, nil
}

// forgetful takes every retry for a conflict.
type forgetful struct{ store.Log }

func (l forgetful) Append(ctx context.Context, to events.Stream, after uint64,
	records ...events.Record) ([]events.Record, error) {
	if h, err := l.Log.Head(ctx, to); err == nil && h.Version != after {
		return nil, &store.ConflictError{Stream: to, Want: after, Have: h.Version}
	}
	return l.Log.Append(ctx, to, after, records...)
}

// glued makes one stream of all whose category and id look alike side by side.
type glued struct{ store.Log }

func (l glued) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	name := to.Category + to.ID
	if len(name) > len("order") {
		to = events.Stream{Category: name[:5], ID: name[5:]}
	}
	return l.Log.Append(ctx, to, after, records...)
}

// reordered swaps neighbours.
type reordered struct{ store.Log }

func (l reordered) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		var held *events.Record
		for r, err := range l.Log.All(ctx, from) {
			if held == nil && err == nil {
				held = &r
				continue
			}
			if !yield(r, err) || held != nil && !yield(*held, nil) {
				return
			}
			held = nil
		}
		if held != nil {
			yield(*held, nil)
		}
	}
}

// lateCommits shows every seventh record only to a caller that asks again, as a sequence number taken before its commit
// does.
type lateCommits struct {
	store.Log
	mu    sync.Mutex
	shown map[uint64]bool
}

func (l *lateCommits) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for r, err := range l.Log.All(ctx, from) {
			l.mu.Lock()
			late := err == nil && r.Position%7 == 0 && !l.shown[r.Position]
			if l.shown == nil {
				l.shown = map[uint64]bool{}
			}
			l.shown[r.Position] = true
			l.mu.Unlock()
			if !late && !yield(r, err) {
				return
			}
		}
	}
}

// coarse returns times without their nanoseconds.
type coarse struct{ store.Log }

func (l coarse) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	written, err := l.Log.Append(ctx, to, after, records...)
	for i := range written {
		written[i].Recorded = written[i].Recorded.Truncate(time.Microsecond)
	}
	return written, err
}

// offByOne begins at the record before the cursor.
type offByOne struct{ store.Log }

func (l offByOne) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return l.Log.All(ctx, store.After(events.Record{Position: max(from.Position(), 1) - 1}))
}

// firstPage stops after as many as fit into a page.
type firstPage struct{ store.Log }

const firstPageMax = 500

func (l firstPage) Read(ctx context.Context, from events.Stream, after uint64) iter.Seq2[events.Record, error] {
	return limited(l.Log.Read(ctx, from, after))
}

func (l firstPage) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	return limited(l.Log.Heads(ctx, filter))
}

func limited[T any](all iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		n := 0
		for one, err := range all {
			if n++; n > firstPageMax || !yield(one, err) {
				return
			}
		}
	}
}

// locked holds a lock while it yields. It fails appends instead of waiting, so that the proof does not take a timeout.
type locked struct {
	store.Log
	mu sync.Mutex
}

func (l *locked) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	if !l.mu.TryLock() {
		return nil, errors.New("waits for a reader for ever")
	}
	defer l.mu.Unlock()
	return l.Log.Append(ctx, to, after, records...)
}

func (l *locked) Read(ctx context.Context, from events.Stream, after uint64) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.Log.Read(ctx, from, after)(yield)
	}
}

// keeps returns the caller's own values.
type keeps struct{ store.Log }

func (l keeps) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	written, err := l.Log.Append(ctx, to, after, records...)
	for i := range written {
		written[i].Event, written[i].Keys = records[i].Event, records[i].Keys
	}
	return written, err
}

// deaf goes on after its context has ended.
type deaf struct{ store.Log }

func (l deaf) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	return l.Log.Append(context.WithoutCancel(ctx), to, after, records...)
}

// undead does not close.
type undead struct{ store.Log }

func (undead) Close() error { return nil }

// unchecked takes any number of records.
type unchecked struct{ store.Log }

func (l unchecked) Append(ctx context.Context, to events.Stream, after uint64,
	records ...events.Record) ([]events.Record, error) {
	if len(records) == 0 {
		return nil, nil
	}
	return l.Log.Append(ctx, to, after, records...)
}

// withoutTheLast copies all records but the newest, as a log that did not sync may come back.
func withoutTheLast(from store.Log) store.Log {
	ctx, to := context.Background(), memory.New()
	var all []events.Record
	for r, err := range from.All(ctx, store.Start()) {
		if err == nil {
			all = append(all, r)
		}
	}
	for _, r := range all[:len(all)-1] {
		if _, err := to.Append(ctx, r.Stream, r.Version-1, r); err != nil {
			panic(err)
		}
	}
	return undead{to}
}

// skipping takes a place for the number of records and leaves one out.
type skipping struct{ *memory.Log }

func (l skipping) Watch(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for r, err := range l.Log.Watch(ctx, from) {
			if r.Position%40 != 39 && !yield(r, err) {
				return
			}
		}
	}
}

// overcounting counts what it refused among what it wrote.
type overcounting struct{ *memory.Log }

func (l *overcounting) Figures() store.Figures {
	f := l.Log.Figures()
	f.Appends += f.Refused
	return f
}
