package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tilltape/tilltape/apo"
)

// Stats counts notifications since their handler was made. But for those under way, Received is the sum of all
// the others without Duplicate, which is among those acknowledged.
type Stats struct {
	Received     uint64
	Acknowledged uint64 // durable
	Duplicate    uint64 // of those, told nothing new
	Malformed    uint64
	Busy         uint64
	Forged       uint64
	Stale        uint64
	Unusable     uint64
	Foreign      uint64
	Ignored      uint64 // acknowledged, and not durable
	UnknownOrder uint64
	Failed       uint64
	// Types counts by type the notifications of types that this version does not know, those among them that were recorded
	// with an order too; "" is what does not say its type. Nil: none came. Beyond [TypesMax] types the rest is
	// [OtherTypes].
	Types map[string]uint64
}

// OtherTypes counts, among [Stats.Types], what came when so many types were counted that no other one is.
const OtherTypes = "other types"

// NoiseEvery is how often the logger is told of notifications that anybody on the internet can send, or send
// again: once for each kind. [Handler.Stats] and [Config.Heard] tell of all.
const NoiseEvery = time.Minute

// teller counts notifications, and tells of each whoever wants to know. What is told never reaches the sender.
type teller struct {
	now      func() time.Time
	log      *slog.Logger
	heard    func(context.Context, Notification) // may be nil
	received atomic.Uint64
	ended    [outcomes]atomic.Uint64
	types    types
	logged   [outcomes]atomic.Int64 // when noise of that kind was last logged, in nanoseconds
}

// types counts notifications by type. What is read is never written to again, so that reading takes no lock.
type types struct {
	writing sync.Mutex
	now     atomic.Pointer[map[string]uint64]
}

func (t *types) counts() map[string]uint64 {
	if now := t.now.Load(); now != nil {
		return maps.Clone(*now)
	}
	return nil
}

// count copies the counts: notifications of such types are few.
func (t *types) count(name string) {
	t.writing.Lock()
	defer t.writing.Unlock()
	next := t.counts()
	if next == nil {
		next = map[string]uint64{}
	}
	if _, known := next[name]; !known && len(next) >= TypesMax {
		name = OtherTypes
	}
	next[name]++
	t.now.Store(&next)
}

// stats takes no lock, and no count in it is larger than what had come.
func (t *teller) stats() Stats {
	n := func(o Outcome) uint64 { return t.ended[o].Load() }
	s := Stats{Duplicate: n(Duplicate), Malformed: n(Malformed), Busy: n(Busy), Forged: n(Forged), Stale: n(Stale),
		Unusable: n(Unusable), Foreign: n(Foreign), Ignored: n(Ignored), UnknownOrder: n(UnknownOrder), Failed: n(Failed),
		Types: t.types.counts()}
	s.Acknowledged = s.Duplicate + n(Recorded)
	s.Received = t.received.Load() // last: whatever is counted above was counted here before
	return s
}

// tell counts a notification that has ended, and tells of it.
func (t *teller) tell(ctx context.Context, n Notification) {
	t.ended[n.Outcome].Add(1)
	if errors.Is(n.Fact.Err(), apo.ErrUnknownNotification) {
		t.types.count(n.Fact.Code())
	}
	t.write(ctx, n)
	if t.heard == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			_ = t.panicError(ctx, "notify.Config.Heard", p)
		}
	}()
	t.heard(ctx, n)
}

func (t *teller) write(ctx context.Context, n Notification) {
	level, text := slog.LevelDebug, "notification acknowledged"
	switch n.Outcome {
	case Foreign:
		if !t.silent(n.Outcome) {
			return
		}
		level, text = slog.LevelWarn, "notification of a type that no order has, not acknowledged; Stats.Types counts them"
	case Malformed, Busy, Forged, Stale:
		if !t.silent(n.Outcome) {
			return
		}
		level, text = slog.LevelWarn, "notification turned away; more of the kind are only counted for a while"
	case UnknownOrder:
		level, text = slog.LevelWarn, "notification of an order that is not known here, not acknowledged"
	case Unusable:
		level, text = slog.LevelError, "notification that APO signed could not be understood, not acknowledged"
	case Failed:
		level, text = slog.LevelError, "notification could not be recorded, not acknowledged; APO sends it again"
	}
	if !t.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.String("outcome", n.Outcome.String()), slog.Duration("took", n.Took)}
	if !n.Fact.IsZero() {
		attrs = append(attrs, slog.String("order", n.OrderID), slog.String("fact", n.Fact.String()))
	}
	if n.Err != nil {
		attrs = append(attrs, slog.String("error", n.Err.Error()), slog.Uint64("so far", t.ended[n.Outcome].Load()))
	}
	t.log.LogAttrs(ctx, level, text, attrs...)
}

// silent reports whether nothing was logged of that kind for a while, and that something is now.
func (t *teller) silent(o Outcome) bool {
	last, now := t.logged[o].Load(), t.now().UnixNano()
	// A clock that went back must not silence it for as long as that.
	if last != 0 && now >= last && now-last < int64(NoiseEvery) {
		return false
	}
	return t.logged[o].CompareAndSwap(last, now)
}

// Bounds of what is logged of a panic, in bytes.
const (
	panicTextMax  = 256
	panicStackMax = 4 << 10
)

// panicError logs a panic that was contained, and returns it as an error.
func (t *teller) panicError(ctx context.Context, where string, p any) error {
	text, stack := fmt.Sprint(p), debug.Stack()
	text = strings.ToValidUTF8(text[:min(len(text), panicTextMax)], "")
	err := fmt.Errorf("%s panicked: %s; the log has its stack", where, text)
	t.log.LogAttrs(ctx, slog.LevelError, "contained a panic", slog.String("error", err.Error()),
		slog.String("stack", string(stack[:min(len(stack), panicStackMax)])))
	return err
}
