package tilltape

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"
)

// NotificationOutcome is how a notification ended. The first two are acknowledged, the others are not.
type NotificationOutcome uint8

// The outcomes.
const (
	// NotificationRecorded: it told something new, which is durable now.
	NotificationRecorded NotificationOutcome = iota
	// NotificationDuplicate: it told what was on record, so nothing was appended. Redeliveries are normal.
	NotificationDuplicate
	// NotificationRefused: by its method, type, size, or the time it took, it is no notification.
	NotificationRefused
	// NotificationBusy: too many came at once.
	NotificationBusy
	// NotificationForged: APO did not sign it for this client, under a key known here, with the path it has here. Noise
	// from the internet, unless all are: then a key, the client id or SignedPath is wrong.
	NotificationForged
	// NotificationStale: APO signed it, outside FreshFor.
	NotificationStale
	// NotificationUnusable: APO signed it, and it says nothing that could be recorded. Somebody has to look.
	NotificationUnusable
	// NotificationUnknownOrder: APO signed it, and no order here goes by its identifiers: a refund made in APO's dashboard,
	// which an inquiry tells of, or an order that this log has never seen.
	NotificationUnknownOrder
	// NotificationFailed: it could not be recorded: the log failed, the order was contended, the Orders is closed.
	NotificationFailed
)

var notificationOutcomeNames = [...]string{"recorded", "duplicate", "refused", "busy", "forged", "stale", "unusable", "unknown order", "failed"}

const notificationOutcomes = len(notificationOutcomeNames)

// String is the outcome in lower case.
func (o NotificationOutcome) String() string {
	if int(o) < notificationOutcomes {
		return notificationOutcomeNames[o]
	}
	return "unknown"
}

// Acknowledged reports whether APO was told that it need not send the notification again.
func (o NotificationOutcome) Acknowledged() bool {
	return o == NotificationRecorded || o == NotificationDuplicate
}

// NotificationStats counts notifications since their handler was made. But for those under way, Received is the sum of all
// the others without Duplicate, which is among those acknowledged.
type NotificationStats struct {
	Received     uint64
	Acknowledged uint64 // durable
	Duplicate    uint64 // of those, told nothing new
	Refused      uint64
	Busy         uint64
	Forged       uint64
	Stale        uint64
	Unusable     uint64
	UnknownOrder uint64
	Failed       uint64
}

// Stats returns the counts. It takes no lock and holds up nobody, and no count in it is larger than what had come.
func (h *NotificationHandler) Stats() NotificationStats {
	n := func(o NotificationOutcome) uint64 { return h.ended[o].Load() }
	s := NotificationStats{Duplicate: n(NotificationDuplicate), Refused: n(NotificationRefused), Busy: n(NotificationBusy),
		Forged: n(NotificationForged), Stale: n(NotificationStale), Unusable: n(NotificationUnusable),
		UnknownOrder: n(NotificationUnknownOrder), Failed: n(NotificationFailed)}
	s.Acknowledged = s.Duplicate + n(NotificationRecorded)
	s.Received = h.received.Load() // last: whatever is counted above was counted here before
	return s
}

// NotificationNoiseEvery is how often the logger is told of notifications that anybody on the internet can send, or send
// again: once for each kind. [NotificationHandler.Stats] and [NotificationConfig.Heard] tell of all.
const NotificationNoiseEvery = time.Minute

// tell tells whoever wants to know. What is told never reaches the sender.
func (h *NotificationHandler) tell(ctx context.Context, n Notification) {
	h.log(ctx, n)
	if h.cfg.Heard == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			_ = h.orders.tell.panicked(ctx, "NotificationConfig.Heard", p)
		}
	}()
	h.cfg.Heard(ctx, n)
}

func (h *NotificationHandler) log(ctx context.Context, n Notification) {
	level, text := slog.LevelDebug, "notification acknowledged"
	switch n.Outcome {
	case NotificationRefused, NotificationBusy, NotificationForged, NotificationStale:
		if !h.quiet(n.Outcome) {
			return
		}
		level, text = slog.LevelWarn, "notification turned away; more of the kind are only counted for a while"
	case NotificationUnknownOrder:
		level, text = slog.LevelWarn, "notification of an order that is not known here, not acknowledged"
	case NotificationUnusable:
		level, text = slog.LevelError, "notification that APO signed could not be understood, not acknowledged"
	case NotificationFailed:
		level, text = slog.LevelError, "notification could not be recorded, not acknowledged; APO sends it again"
	}
	log := h.orders.tell.log
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
func (h *NotificationHandler) quiet(o NotificationOutcome) bool {
	last, now := h.logged[o].Load(), h.orders.now().UnixNano()
	// A clock that went back must not silence it for as long as that.
	if last != 0 && now >= last && now-last < int64(NotificationNoiseEvery) {
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
func (t *teller) panicked(ctx context.Context, where string, p any) error {
	text, stack := fmt.Sprint(p), debug.Stack()
	err := fmt.Errorf("%s panicked: %s; the log has its stack", where, strings.ToValidUTF8(text[:min(len(text), panicTextMax)], ""))
	t.log.LogAttrs(ctx, slog.LevelError, "contained a panic", slog.String("error", err.Error()),
		slog.String("stack", string(stack[:min(len(stack), panicStackMax)])))
	return err
}
