package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Bounds of one drive.
const (
	ConflictsMax = 100 // version conflicts in a row before the drive gives up
	AppendsMax   = 3   // tries of one append whose outcome is not known
	CallsMax     = 8   // calls one drive makes, inquiries included
)

// ErrContended: others changed the order so often that this command never got its turn.
var ErrContended = errors.New("order is contended")

// ErrInDoubt: an append failed in a way that does not tell whether it happened. Nothing was asked of APO for it; what
// it claims, if it stands, is due once its lease ends.
var ErrInDoubt = errors.New("may or may not be on record")

// TaskKind is an effect that a drive needs.
type TaskKind uint8

// The tasks.
const (
	Done   TaskKind = iota // nothing more: see [Drive.Order] and [Drive.Err]
	Read                   // read Stream after version After; answer with [Drive.Loaded]
	Append                 // append Records to Stream after version After; answer with [Drive.Appended]
	Ask                    // make Call of APO; answer with [Drive.Answered] or [Drive.Inquired]
)

// Task is one effect, as a value.
type Task struct {
	Kind    TaskKind
	Stream  events.Stream
	After   uint64
	Records []events.Record
	Call    order.Call
	Trace   string // of the intent that the call is about; empty where its command was not traced
}

// Drive carries one command on one order. It is not safe for concurrent use.
type Drive struct {
	env     func() order.Env
	actor   string
	stream  events.Stream
	command order.Command // the next to be decided

	o         order.Order
	task      Task
	next      order.Order // o after the append under way
	claimed   bool        // the append under way claims a call
	conflicts int
	appends   int
	calls     int
	recorded  bool
	traces    map[uint64]string // of the intents that have one, by stream version
	taken     []events.Key      // that another order owns
	err       error
}

// New begins a drive of the command on the order with that id. env is asked anew for each decision; actor stands in
// records whose command names nobody. The first task is to read.
func New(id string, c order.Command, env func() order.Env, actor string) *Drive {
	d := &Drive{env: env, actor: actor, stream: events.OrderStream(id), command: c}
	d.read()
	return d
}

// Task is the effect needed now.
func (d *Drive) Task() Task { return d.task }

// Order is the order as far as the drive knows it.
func (d *Drive) Order() order.Order { return d.o }

// Err is why the drive ended without carrying its command out; nil while it runs.
func (d *Drive) Err() error { return d.err }

// Called reports whether APO has been asked.
func (d *Drive) Called() bool { return d.calls > 0 }

// Recorded reports whether the drive has appended anything.
func (d *Drive) Recorded() bool { return d.recorded }

func (d *Drive) read() { d.task = Task{Kind: Read, Stream: d.stream, After: d.o.Version} }

func (d *Drive) done(err error) {
	d.task, d.err = Task{}, err
}

// Loaded takes what was read, or why it could not be.
func (d *Drive) Loaded(records []events.Record, err error) {
	if err != nil {
		d.done(Say(err, fmt.Sprintf("order %s: it could not be read", d.stream.ID)))
		return
	}
	for _, r := range records {
		d.o = order.Evolve(d.o, r)
		d.keepTrace(r.Version, r.Event)
	}
	d.decide()
}

func (d *Drive) decide() {
	env := d.env()
	facts, err := order.Decide(d.o, d.command, env)
	claim, claiming := d.command.(order.Claim)
	switch {
	case errors.Is(err, order.ErrNotDue) && claiming && (d.calls > 0 || !claim.Inquire):
		d.done(nil)
	case err != nil:
		d.done(err)
	case len(facts) == 0:
		d.goOn()
	default:
		d.append(facts, env)
	}
}

// append makes the records of the facts and asks for their append.
func (d *Drive) append(facts []events.Event, env order.Env) {
	records, o := order.Records(d.o, d.command, facts, env, d.actor, d.taken...)
	_, claimed := o.Claimed()
	d.next, d.claimed, d.appends = o, claimed && isClaim(facts[len(facts)-1]), 0
	d.task = Task{Kind: Append, Stream: d.stream, After: d.o.Version, Records: records}
}

// isClaim reports whether a fact is a claim: a call may follow its append, by the drive that wrote it.
func isClaim(e events.Event) bool {
	switch e.(type) {
	case events.CancelRequested, events.CaptureRequested, events.RefundRequested, events.AttemptStarted,
		events.InquiryStarted:
		return true
	}
	return false
}

// Appended takes what came of an append.
func (d *Drive) Appended(err error) {
	var conflict *store.ConflictError
	var taken *store.KeyTakenError
	switch {
	case err == nil:
		for i, r := range d.task.Records {
			d.keepTrace(d.task.After+uint64(i)+1, r.Event)
		}
		d.o, d.conflicts, d.recorded = d.next, 0, true
		if d.claimed {
			d.ask()
			return
		}
		d.goOn()
	case errors.As(err, &conflict):
		if d.conflicts++; d.conflicts >= ConflictsMax {
			d.done(fmt.Errorf("%s never had its turn: %w: others changed the order %d times in a row; try again", d.subject(),
				ErrContended, d.conflicts))
			return
		}
		d.read()
	case errors.As(err, &taken) && d.o.Version > 0 && !d.claimed && !slices.Contains(d.taken, taken.Key):
		d.taken = append(d.taken, taken.Key)
		d.decide()
	case errors.As(err, &taken):
		d.done(d.takenError(taken))
	case errors.Is(err, store.ErrInvalid), d.appends == 0 && (ended(err) || errors.Is(err, store.ErrClosed) ||
		errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrReadOnly)): // no try of it can have been written
		d.done(d.notRecorded(err))
	case errors.Is(err, store.ErrUnavailable) && d.appends == 0: // neither
		d.done(fmt.Errorf("%w; try again", d.notRecorded(err)))
	default:
		if d.appends++; d.appends >= AppendsMax || ended(err) {
			d.done(fmt.Errorf("%s %w: %w", d.subject(), ErrInDoubt, &said{cause(err), err}))
		}
	}
}

// ended reports whether a context ended: what a log was asked for was not begun then, and trying again does not help.
func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// keepTrace remembers what an intent was a part of. Most have no trace, and cost nothing.
func (d *Drive) keepTrace(version uint64, e events.Event) {
	var trace string
	switch e := e.(type) {
	case events.CancelRequested:
		trace = e.Trace
	case events.CaptureRequested:
		trace = e.Trace
	case events.RefundRequested:
		trace = e.Trace
	}
	if trace == "" {
		return
	}
	if d.traces == nil {
		d.traces = map[uint64]string{}
	}
	d.traces[version] = trace
}

func (d *Drive) ask() {
	call, _ := d.o.Claimed()
	d.calls++
	d.task = Task{Kind: Ask, Call: call, Trace: d.traces[call.Intent]}
}

// Answered takes the verdict on an attempt.
func (d *Drive) Answered(v order.Verdict) {
	d.record(order.RecordAnswer{Call: d.task.Call, Verdict: v})
}

// Inquired takes what an inquiry told.
func (d *Drive) Inquired(p order.Picture) {
	d.record(order.RecordInquiry{Number: d.task.Call.Number, Picture: p})
}

func (d *Drive) record(c order.Command) {
	d.command, d.conflicts = c, 0
	d.decide()
}

// goOn follows up what is due at once: an inquiry after an answer that does not decide, the attempt an inquiry allows,
// the retry that a repeated command asks for. A drive that has only observed or recorded something local is done.
func (d *Drive) goOn() {
	id := order.Describe(d.command).CommandID
	_, repeated := d.o.OperationOf(id)
	_, claiming := d.command.(order.Claim)
	if d.calls == 0 && !claiming && !repeated || d.calls >= CallsMax {
		d.done(nil)
		return
	}
	if _, due := d.o.Due(d.env().Now); !due {
		d.done(nil)
		return
	}
	d.command = order.Claim{}
	d.decide()
}
