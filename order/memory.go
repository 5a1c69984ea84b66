package order

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
)

// Outcome says how a command ended.
type Outcome uint8

// The outcomes.
const (
	OutcomeUnknown   Outcome = iota // no such command is on record
	OutcomePending                  // its operation is outstanding
	OutcomeSucceeded                //
	OutcomeFailed                   // with a code; its id is closed
)

var outcomeNames = [...]string{"unknown", "pending", "succeeded", "failed"}

// String is the outcome in lower case.
func (c Outcome) String() string { return words.Of(outcomeNames[:], c) }

// memory is a command that ended.
type memory struct {
	id, content uint64
	version     uint64
	code        string
	verb        Verb
	outcome     Outcome
	transfer    uint32 // the record that its capture or refund is known by; 0: that of its version
}

// CommandState is what is on record of a command.
type CommandState struct {
	Verb    Verb
	Outcome Outcome
	Code    string // of a failure
	Version uint64 // of the record that ended it, or tells the newest of its transfer; while pending, of its intent
}

// Command returns what is on record of the command with that id. A refused command leaves nothing.
func (o Order) Command(id string) CommandState {
	m, ok := o.recall(id)
	if !ok {
		return CommandState{}
	}
	return CommandState{Verb: m.verb, Outcome: m.outcome, Code: m.code, Version: m.version}
}

func (o *Order) recall(id string) (memory, bool) {
	if id == "" {
		return memory{}, false
	}
	if p := o.operationOf(id); p != nil {
		return memory{content: p.content(), version: p.Intent, verb: p.verb(), outcome: OutcomePending}, true
	}
	if len(o.commands) == 0 {
		return memory{}, false
	}
	h := digest(id)
	for i := range o.commands {
		if o.commands[i].id == h {
			return o.commands[i], true
		}
	}
	return memory{}, false
}

// Verb is the command that asks for the operation.
func (k CallKind) Verb() Verb {
	switch k {
	case CallCancel:
		return VerbCancel
	case CallCapture:
		return VerbCapture
	case CallRefund:
		return VerbRefund
	}
	return VerbNone
}

// Verb is the command that began the operation.
func (p Operation) Verb() Verb { return p.verb() }

// verb is Verb without a copy, for the fold.
func (p *Operation) verb() Verb {
	if p.Compensates != 0 {
		return VerbCompensate
	}
	return p.Kind.Verb()
}

// content digests what a command asked for, so that its id cannot stand for something else. A cancel asks for the same
// whatever its reason says; a refund's reason is sent to APO and belongs to it.
func (p *Operation) content() uint64 {
	if p.Compensates != 0 {
		return contentOf(VerbCompensate, Money{}, false, "")
	}
	if p.Kind == CallRefund {
		return contentOf(VerbRefund, p.Amount, false, p.Reason)
	}
	return contentOf(p.Kind.Verb(), p.Amount, p.Last, "")
}

func contentOf(v Verb, m Money, last bool, text string) uint64 {
	var b [10]byte
	b[0] = byte(v)
	if last {
		b[1] = 1
	}
	binary.BigEndian.PutUint64(b[2:], uint64(m.Minor))
	return digestOf(string(b[:]), m.Currency, text)
}

// resolveContent is what a resolution asked for, of the record that it was about. The record is added to the digest, so
// that it can be told from it again: a resolution that names none is of the only one that could be meant then, and the
// same one given again does not know any more which that was.
func resolveContent(r events.Resolution, override bool, statement string, record uint64) uint64 {
	return contentOf(VerbResolve, Money{Minor: int64(r)}, override, statement) + record
}

// resolvedAlike is the content under which a resolution is remembered, where it is this one.
func (o *Order) resolvedAlike(c *Resolve, m memory) uint64 {
	content := resolveContent(c.Resolution, c.Override, c.Statement, c.Record)
	if of := m.content - content; c.Record == 0 && of <= o.Version {
		return m.content
	}
	return content
}

// remembering returns the commands with one more. Copied, see [Order.enter].
func (o *Order) remembering(m memory) []memory {
	out := make([]memory, len(o.commands), len(o.commands)+1)
	copy(out, o.commands)
	return append(out, m)
}

// endedBy names the failure that ended a cancel by when it was, which is all that the record has of it.
func endedBy(at time.Time) uint64 {
	var b [8]byte
	if !at.IsZero() {
		binary.BigEndian.PutUint64(b[:], uint64(at.UnixNano()))
	}
	return digestOf(string(events.KindCancelSucceeded), string(events.KindPaymentFailed), string(b[:]))
}

// foldEndedBy remembers the failure that ended a cancel; one that came before the cancel is on record itself.
func (o *Order) foldEndedBy(e *events.CancelSucceeded) {
	if e.Cause != events.CausePaymentFailed {
		return
	}
	o.known.set(knownFailure, true)
	if e.Proof.Via != events.ViaSelf {
		o.contradiction = append(slices.Clip(o.contradiction), endedBy(e.At))
	}
}

// contradictionDigest names an anomaly by what it says, so that a redelivered fact adds no second one. Of a failed
// payment the amount says nothing, since none of it moved, and neither does the paymentId, which an earlier message may
// have left out.
func contradictionDigest(a events.AnomalyObserved) uint64 {
	switch a.Fact {
	case events.KindPaymentFailed:
		a.Amount, a.PaymentID = Money{}, ""
	case events.KindPaymentAuthorized, events.KindPaymentPaid:
		a.TransferID, a.RequestID, a.Code = "", "", "" // a line of an inquiry names itself, and tells of the payment
	}
	if a.Reason == events.NotUnderstood && a.Proof.Evidence != nil { // nobody knows how two of a type differ
		a.Code += string(a.Proof.Evidence.Body)
	}
	var b [17]byte
	b[0] = byte(a.Reason)
	binary.BigEndian.PutUint64(b[1:], uint64(a.Amount.Minor))
	if a.Fact == events.KindDisputeClosed { // an end that is taken back and told again is news
		binary.BigEndian.PutUint64(b[9:], uint64(a.At.UnixNano()))
	}
	return digestOf(string(b[:]), string(a.Fact), a.PaymentID, a.TransferID, a.RequestID, a.Amount.Currency, a.Code)
}
