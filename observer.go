package tilltape

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/internal/refusing"
	"github.com/tilltape/tilltape/order"
)

// Observer is told what an Orders does, for metrics and traces. Every field may be nil. They are called on the
// goroutine that does the work, outside locks and after what they tell of, so one that takes its time holds up that
// command; they come from many goroutines at once, with the context the work is done for, which may have ended. What
// they are given is theirs to read, not to write to. Nothing is told of what another Orders does on the same log: for
// every record, whoever wrote it, watch the log ([store.Watcher]).
//
// Commanding and Calling come before what they tell of, and return the context that it is done with: one that they have
// made of theirs, for instance with a span in it, or nil where they leave it as it is. What happens on the way is told
// with that context, and so are Commanded and Called. The end of the context that they were given must end theirs.
type Observer struct {
	// Commanding: a method of Orders was given a command, or with [Orders.Observe] and [Orders.Hear] a fact of a known
	// order. What settling ([Orders.Run]) and [Orders.Reconcile] drive is not told.
	Commanding func(context.Context, CommandGiven) context.Context
	// Commanded: its caller is about to be told how it ended.
	Commanded func(context.Context, CommandEnded)
	// Trace: which trace a command is a part of, as a W3C traceparent, which is kept with its intent: calls that are made
	// later, by another process perhaps, are told with it. It is asked with the context of the command. What is longer
	// than [events.TraceMax] or is not printable ASCII is not kept.
	Trace func(context.Context) string
	// Appended: one append to an order's stream is durable, with its records in order. Each carries the order's status,
	// phase and due time after it as its head.
	Appended func(context.Context, []events.Record)
	// Calling: a call to APO, which is claimed on record, is about to be made; its [Config.CallTimeout] begins after this.
	Calling func(context.Context, CallBegun) context.Context
	// Called: a call to APO is over. What came of it is not on record yet.
	Called func(context.Context, CallMade)
	// Refused: a command was refused before anything was sent, as its caller is told too.
	Refused func(context.Context, Refusal)
	// Parked: an operation is given to a person. It is an alarm: somebody has to contact APO support.
	Parked func(context.Context, Alarm)
	// Anomaly: a fact that APO signed contradicts what was on record, and stands open.
	Anomaly func(context.Context, Contradiction)
	// Settled: a pass over what was due is over; a pass that found nothing to do is not told.
	Settled func(context.Context, Pass)
	// Failed: [Orders.Run] could not list or drive something, and goes on.
	Failed func(context.Context, Trouble)
}

// CommandGiven is a command that was given to an Orders.
type CommandGiven struct {
	OrderID   string
	CommandID string     // the one it was given or minted; empty of a fact, and where [Config.RequireCommandID] refuses it
	Verb      order.Verb // [order.VerbNone] of a fact that APO signed
	Actor     string     // as the command names it; may be empty
}

// CommandEnded is how it ended.
type CommandEnded struct {
	CommandGiven
	Outcome Outcome
	Err     error // as its caller gets it; nil of [Done] and [Accepted]
}

// CallBegun is a call to APO that is about to be made.
type CallBegun struct {
	Call  order.Call // what is asked, under which claim
	Trace string     // what [Observer.Trace] said of the command that the call is about; may be empty
}

// CallMade is a call to APO that is over.
type CallMade struct {
	Call    order.Call // what was asked, under which claim
	Began   time.Time
	Took    time.Duration         // by the Orders' clock
	Verdict order.VerdictClass    // of an operation's call; its zero value: nothing is proven
	Inquiry events.InquiryOutcome // of an inquiry
	Code    string                // APO's; empty where it said nothing
	// Problem is why there was no usable answer, in our own words. It may quote the beginning of what came instead, as
	// package evidence does and the logger does not.
	Problem string
}

// Proved reports whether the call told anything.
func (c CallMade) Proved() bool {
	if c.Call.IsInquiry() {
		return c.Inquiry != events.InquiryUnknown
	}
	return c.Verdict != order.VerdictUnknown && c.Verdict != order.VerdictUnknownF
}

// Said is what came of the call, in words.
func (c CallMade) Said() string {
	if c.Call.IsInquiry() {
		return c.Inquiry.String()
	}
	return c.Verdict.String()
}

// Refusal is a command that was refused.
type Refusal struct {
	CommandID string
	Actor     string
	Err       *order.RejectedError
}

// Alarm is an operation that was given to a person: contact APO support, with what package evidence gathers, and end it
// with [Orders.Resolve].
type Alarm struct {
	OrderID   string
	Reason    string // says what to do, too
	Operation order.Operation
}

// Contradiction is an anomaly that stands open until APO's facts or [Orders.ClearAnomaly] close it.
type Contradiction struct {
	OrderID string
	Version uint64 // names it, see [order.ClearAnomaly]
	Fact    events.AnomalyObserved
}

// Settled counts what one pass of [Orders.SettleDue] did.
type Settled struct {
	Driven  int // orders that something was owed for
	Waiting int // of those, still owed something, later
	Failed  int // of those, could not be driven, or their answer could not be recorded: see the error
}

// Pass is one look at everything that was due.
type Pass struct {
	Settled
	Took time.Duration // by the Orders' clock
	Err  error
}

// Trouble is what [Orders.Run] goes on in spite of.
type Trouble struct {
	OrderID string // empty: the list of due orders
	Err     error
	Again   time.Time // when it is tried again
}

// teller tells the observer and the logger. No text of people (reasons, statements) and no message of APO's goes to the
// logger, nor what an answer of whoever it was said: they can hold personal data.
type teller struct {
	hooks Observer
	log   *slog.Logger
}

func newTeller(hooks *Observer, log *slog.Logger) teller {
	t := teller{log: log}
	if hooks != nil {
		t.hooks = *hooks
	}
	return t
}

func (t *teller) commanding(ctx context.Context, id string, c order.Command) (context.Context, CommandGiven) {
	if t.hooks.Commanding == nil && t.hooks.Commanded == nil {
		return ctx, CommandGiven{}
	}
	d := order.Describe(c)
	given := CommandGiven{OrderID: id, CommandID: d.CommandID, Verb: d.Verb, Actor: d.Actor}
	if t.hooks.Commanding != nil {
		ctx = unlessNil(t.hooks.Commanding(ctx, given), ctx)
	}
	return ctx, given
}

func (t *teller) commanded(ctx context.Context, given CommandGiven, o Outcome, err error) {
	if t.hooks.Commanded != nil {
		t.hooks.Commanded(ctx, CommandEnded{CommandGiven: given, Outcome: o, Err: err})
	}
}

// trace is what an intent can keep: a hook that says something else must not cost the command.
func (t *teller) trace(ctx context.Context) string {
	if t.hooks.Trace == nil {
		return ""
	}
	trace := t.hooks.Trace(ctx)
	odd := func(r rune) bool { return r < '!' || r > '~' }
	if len(trace) > events.TraceMax || strings.ContainsFunc(trace, odd) {
		return ""
	}
	return trace
}

func (t *teller) calling(ctx context.Context, call CallBegun) context.Context {
	if t.hooks.Calling == nil {
		return ctx
	}
	return unlessNil(t.hooks.Calling(ctx, call), ctx)
}

func unlessNil(ctx, otherwise context.Context) context.Context {
	if ctx == nil {
		return otherwise
	}
	return ctx
}

func (t *teller) appended(ctx context.Context, records []events.Record, d *engine.Drive) {
	if t.hooks.Appended != nil {
		t.hooks.Appended(ctx, records)
	}
	debug := t.log.Enabled(ctx, slog.LevelDebug)
	for i := range records {
		r := &records[i]
		if debug {
			t.log.LogAttrs(ctx, slog.LevelDebug, "recorded", slog.String("order", r.Stream.ID),
				slog.Uint64("version", r.Version), slog.String("fact", string(r.Event.Kind())),
				slog.String("command", r.CommandID), slog.String("status", r.Head.Status),
				slog.String("phase", r.Head.Phase), slog.Time("due", r.Head.Due))
		}
		switch e := r.Event.(type) {
		case events.CancelSucceeded, events.CancelFailed, events.CaptureSucceeded, events.CaptureFailed,
			events.RefundSucceeded, events.RefundFailed, events.OperationResolved, events.TransferResolved:
			t.log.LogAttrs(ctx, slog.LevelInfo, "outcome known", slog.String("order", r.Stream.ID),
				slog.String("fact", string(r.Event.Kind())), slog.String("command", r.CommandID),
				slog.String("status", r.Head.Status), slog.String("now", d.Order().Words()))
		case events.OperationParked:
			p, _ := d.Order().OperationAt(e.Intent)
			t.parked(ctx, Alarm{OrderID: r.Stream.ID, Reason: e.Reason, Operation: p})
		case events.DisputeOpened, events.DisputeDue, events.DisputeDefended, events.DisputeClosed:
			t.disputed(ctx, r)
		case events.AnomalyObserved:
			t.anomaly(ctx, Contradiction{OrderID: r.Stream.ID, Version: r.Version, Fact: e})
		}
	}
}

func (t *teller) parked(ctx context.Context, a Alarm) {
	if t.hooks.Parked != nil {
		t.hooks.Parked(ctx, a)
	}
	t.log.LogAttrs(ctx, slog.LevelError,
		"operation parked: contact APO support, with what evidence.Of gathers, then resolve it",
		slog.String("order", a.OrderID), slog.String("operation", a.Operation.Verb().String()),
		slog.String("command", a.Operation.CommandID), slog.Uint64("attempts", a.Operation.Attempt),
		slog.String("code", a.Operation.Code), slog.Time("since", a.Operation.Since), slog.String("reason", a.Reason))
}

func (t *teller) anomaly(ctx context.Context, c Contradiction) {
	if t.hooks.Anomaly != nil {
		t.hooks.Anomaly(ctx, c)
	}
	t.log.LogAttrs(ctx, slog.LevelWarn, "anomaly: APO signed what contradicts the record", slog.String("order", c.OrderID),
		slog.Uint64("anomaly", c.Version), slog.String("reason", c.Fact.Reason.String()),
		slog.String("fact", string(c.Fact.Fact)), slog.String("code", c.Fact.Code))
}

// disputed warns as long as a dispute of the order waits for its defence: to let it lapse costs the money.
func (t *teller) disputed(ctx context.Context, r *events.Record) {
	attrs := []slog.Attr{slog.String("order", r.Stream.ID), slog.String("fact", string(r.Event.Kind())),
		slog.String("status", r.Head.Status)}
	if r.Head.DisputeBy.IsZero() {
		t.log.LogAttrs(ctx, slog.LevelInfo, "APO's word on a dispute", attrs...)
		return
	}
	t.log.LogAttrs(ctx, slog.LevelWarn, "a dispute waits for its defence: defend or accept it where the acquirer takes it",
		append(attrs, slog.Time("by", r.Head.DisputeBy))...)
}

func (t *teller) called(ctx context.Context, c CallMade) {
	if t.hooks.Called != nil {
		t.hooks.Called(ctx, c)
	}
	level := slog.LevelDebug
	if !c.Proved() {
		level = slog.LevelWarn
	}
	if !t.log.Enabled(ctx, level) {
		return
	}
	t.log.LogAttrs(ctx, level, "asked APO", slog.String("order", c.Call.OrderID),
		slog.String("call", c.Call.Kind.String()), slog.Uint64("attempt", c.Call.Attempt),
		slog.Uint64("inquiry", c.Call.Number), slog.Duration("took", c.Took),
		slog.String("said", c.Said()), slog.String("code", c.Code), slog.String("problem", unquoted(c.Problem)))
}

var quotation = regexp.MustCompile(`"(?:[^"\\]|\\.)*(?:"|$)`)

// unquoted leaves out of a problem what it quotes: an answer that nobody signed, a code of any length, a failing
// transport's words. All of it came from outside and can hold anybody's data.
func unquoted(problem string) string { return quotation.ReplaceAllString(problem, "[…]") }

func (t *teller) refused(ctx context.Context, r Refusal) {
	if t.hooks.Refused != nil {
		t.hooks.Refused(ctx, r)
	}
	if !t.log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	t.log.LogAttrs(ctx, slog.LevelInfo, "command refused", slog.String("order", r.Err.OrderID),
		slog.String("command", r.Err.Command.String()), slog.String("id", r.CommandID),
		slog.String("actor", r.Actor), slog.String("status", r.Err.Status.String()),
		slog.String("reason", r.Err.Reason.String()), slog.Uint64("cause", r.Err.Cause.Version))
}

// unrecorded is told quietly: the caller has the refusal, and a log that fails is told of by others.
func (t *teller) unrecorded(r refusing.Refusal, err error) {
	t.log.LogAttrs(context.Background(), slog.LevelDebug, "refusal not recorded", slog.String("order", r.Err.OrderID),
		slog.String("reason", r.Err.Reason.String()), slog.String("error", err.Error()))
}

func (t *teller) settled(ctx context.Context, p Pass) {
	if p.Driven == 0 && p.Err == nil {
		return
	}
	if t.hooks.Settled != nil {
		t.hooks.Settled(ctx, p)
	}
	level, attrs := slog.LevelDebug, []slog.Attr{slog.Int("driven", p.Driven), slog.Int("waiting", p.Waiting),
		slog.Int("failed", p.Failed), slog.Duration("took", p.Took)}
	if p.Err != nil {
		level, attrs = slog.LevelWarn, append(attrs, slog.String("error", p.Err.Error()))
	}
	t.log.LogAttrs(ctx, level, "settled what was due", attrs...)
}

func (t *teller) failed(ctx context.Context, x Trouble) {
	if t.hooks.Failed != nil {
		t.hooks.Failed(ctx, x)
	}
	t.log.LogAttrs(ctx, slog.LevelError, "settling failed and is tried again", slog.String("order", x.OrderID),
		slog.String("error", x.Err.Error()), slog.Time("again", x.Again))
}
