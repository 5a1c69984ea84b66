package notify

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"
)

// Outcome is how a notification ended. The first two are acknowledged, the others are not.
type Outcome uint8

// The outcomes.
const (
	// Recorded: it told something new, which is durable now.
	Recorded Outcome = iota
	// Duplicate: it told what was on record, so nothing was appended. Redeliveries are normal.
	Duplicate
	// Malformed: by its method, type, size, or the time it took, it is no notification.
	Malformed
	// Busy: too many came at once.
	Busy
	// Forged: APO did not sign it for this client, under a key known here, with the path it has here. Noise
	// from the internet, unless all are: then a key, the client id or SignedPath is wrong.
	Forged
	// Stale: APO signed it, outside FreshFor.
	Stale
	// Unusable: APO signed it, and it says nothing that could be recorded. Somebody has to look.
	Unusable
	// UnknownOrder: APO signed it, and no order here goes by its identifiers: a refund made in APO's dashboard,
	// which an inquiry tells of, or an order that this log has never seen.
	UnknownOrder
	// Failed: it could not be recorded: the log failed, the order was contended, the Orders is closed.
	Failed
)

var outcomeNames = [...]string{"recorded", "duplicate", "malformed", "busy", "forged", "stale", "unusable", "unknown order", "failed"}

const outcomes = len(outcomeNames)

// String is the outcome in lower case.
func (o Outcome) String() string {
	if int(o) < outcomes {
		return outcomeNames[o]
	}
	return "unknown"
}

// Acknowledged reports whether APO was told that it need not send the notification again.
func (o Outcome) Acknowledged() bool {
	return o == Recorded || o == Duplicate
}

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
	UnknownOrder uint64
	Failed       uint64
}

// Stats returns the counts. It takes no lock and holds up nobody, and no count in it is larger than what had come.
func (h *Handler) Stats() Stats {
	n := func(o Outcome) uint64 { return h.ended[o].Load() }
	s := Stats{Duplicate: n(Duplicate), Malformed: n(Malformed), Busy: n(Busy),
		Forged: n(Forged), Stale: n(Stale), Unusable: n(Unusable),
		UnknownOrder: n(UnknownOrder), Failed: n(Failed)}
	s.Acknowledged = s.Duplicate + n(Recorded)
	s.Received = h.received.Load() // last: whatever is counted above was counted here before
	return s
}

// NoiseEvery is how often the logger is told of notifications that anybody on the internet can send, or send
// again: once for each kind. [Handler.Stats] and [Config.Heard] tell of all.
const NoiseEvery = time.Minute

// tell tells whoever wants to know. What is told never reaches the sender.
func (h *Handler) tell(ctx context.Context, n Notification) {
	h.log(ctx, n)
	if h.cfg.Heard == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			_ = h.panicked(ctx, "notify.Config.Heard", p)
		}
	}()
	h.cfg.Heard(ctx, n)
}

func (h *Handler) log(ctx context.Context, n Notification) {
	level, text := slog.LevelDebug, "notification acknowledged"
	switch n.Outcome {
	case Malformed, Busy, Forged, Stale:
		if !h.quiet(n.Outcome) {
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
	log := h.service.Logger
	if !log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.String("outcome", n.Outcome.String()), slog.Duration("took", n.Took)}
	if !n.Fact.IsZero() {
		attrs = append(attrs, slog.String("order", n.Order), slog.String("fact", n.Fact.String()))
	}
	if n.Err != nil {
		attrs = append(attrs, slog.String("error", n.Err.Error()), slog.Uint64("so far", h.ended[n.Outcome].Load()))
	}
	log.LogAttrs(ctx, level, text, attrs...)
}

// quiet reports whether nothing was logged of that kind for a while, and that something is now.
func (h *Handler) quiet(o Outcome) bool {
	last, now := h.logged[o].Load(), h.now().UnixNano()
	// A clock that went back must not silence it for as long as that.
	if last != 0 && now >= last && now-last < int64(NoiseEvery) {
		return false
	}
	return h.logged[o].CompareAndSwap(last, now)
}

// Bounds of what is logged of a panic, in bytes.
const (
	panicTextMax  = 256
	panicStackMax = 4 << 10
)

// panicked logs a panic that was contained, and returns it as an error.
func (h *Handler) panicked(ctx context.Context, where string, p any) error {
	text, stack := fmt.Sprint(p), debug.Stack()
	err := fmt.Errorf("%s panicked: %s; the log has its stack", where, strings.ToValidUTF8(text[:min(len(text), panicTextMax)], ""))
	h.service.Logger.LogAttrs(ctx, slog.LevelError, "contained a panic", slog.String("error", err.Error()),
		slog.String("stack", string(stack[:min(len(stack), panicStackMax)])))
	return err
}
