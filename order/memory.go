package order

import (
	"encoding/binary"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
)

// transfer is a capture or refund that is known, by either of its identifiers: a notification and an inquiry name it
// differently.
type transfer struct {
	id, request uint64
	minor       int64
	standing    standing
	foreign     bool   // its amount is in another currency than the order's
	refuted     bool   // APO has said that it was done, and also that it failed
	version     uint32 // of the record that it is known by; of one that counts and is refuted, of the anomaly
}

func (t *transfer) is(s standing) bool { return t.standing == s }

// named reports whether one of the identifiers is the transfer's.
func (t *transfer) named(id, request uint64) bool {
	return id != 0 && t.id == id || request != 0 && t.request == request
}

// find looks a transfer up by either identifier. Where each is another's, until APO names both together, it is the one
// that matters most: what counts, then what may stand.
func find(ts []transfer, id, request uint64) int {
	at := -1
	for i := range ts {
		if ts[i].named(id, request) && (at < 0 || ts[i].standing < ts[at].standing) {
			at = i
		}
	}
	return at
}

// transferAt looks a transfer up by either identifier, neither of which is digested where there is none to compare it
// with: to digest costs more than all else here.
func transferAt(ts []transfer, id, request string) int {
	if len(ts) == 0 {
		return -1
	}
	return find(ts, digest(id), digest(request))
}

// findCapture also knows APO's own full capture, which may come without identifiers: there is only one full capture.
func (o *Order) findCapture(id, request uint64, minor int64) int {
	if i := find(o.captures, id, request); i >= 0 {
		return i
	}
	full := o.fullAmount()
	if minor != full {
		return -1
	}
	nameless := id == 0 && request == 0
	return slices.IndexFunc(o.captures, func(t transfer) bool {
		return t.is(transferCounted) && t.minor == full && (nameless || t.id == 0 && t.request == 0)
	})
}

// fullAmount is what an authorization comes to: until one is known, what was ordered.
func (o *Order) fullAmount() int64 {
	if o.Authorized > 0 {
		return o.Authorized
	}
	return o.Amount.Minor
}

// remember adds a transfer or completes a known one. The slice is copied: explorer branches share the old one.
func remember(ts []transfer, at int, t transfer) []transfer {
	out := make([]transfer, len(ts), len(ts)+1)
	copy(out, ts)
	if at < 0 {
		return append(out, t)
	}
	if out[at].id == 0 {
		out[at].id = t.id
	}
	if out[at].request == 0 {
		out[at].request = t.request
	}
	was := &out[at]
	t.refuted = t.refuted || t.is(transferCounted) && was.is(transferCounted) && was.refuted // only its name is told
	was.standing, was.foreign, was.refuted, was.minor = t.standing, t.foreign, t.refuted, t.minor
	if t.is(transferContradicted) {
		was.version = t.version
	}
	return out
}

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
}

// CommandState is what is on record of a command.
type CommandState struct {
	Verb    Verb
	Outcome Outcome
	Code    string // of a failure
	Version uint64 // of the record that ended it, or of its intent while pending
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
	if p := &o.Operation; p.Outstanding() && p.CommandID == id {
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

// remembering returns the commands with one more. Copied, see [remember].
func (o *Order) remembering(m memory) []memory {
	out := make([]memory, len(o.commands), len(o.commands)+1)
	copy(out, o.commands)
	return append(out, m)
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
	var b [9]byte
	b[0] = byte(a.Reason)
	binary.BigEndian.PutUint64(b[1:], uint64(a.Amount.Minor))
	return digestOf(string(b[:]), string(a.Fact), a.PaymentID, a.TransferID, a.RequestID, a.Amount.Currency, a.Code)
}
