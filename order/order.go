package order

import (
	"math"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
)

// Money is an amount in minor units of an ISO 4217 currency, see [events.Money].
type Money = events.Money

// Order is one order as its facts tell it: a value, made by [Evolve] from the zero Order and never written to
// otherwise. The exported fields are for reading. Amounts are minor units of Amount.Currency. An order is copied at
// every fold, so what is small stands together: above 1 024 bytes a fold costs a fifth more.
type Order struct {
	ID      string
	Version uint64 // of the newest record folded; 0: not on record

	Status      Status
	CancelCause events.CancelCause // why, once Cancelled
	CaptureMode events.CaptureMode
	Gateway     GatewayCapture
	known       known  // these two stand where bytes were free
	level       uint16 // of the calls to APO, in milliseconds: see pace.go
	StatusSince time.Time

	PaymentRequestID string
	PaymentID        string // empty until known
	Amount           Money  // as ordered
	Method, Acquirer string
	CreatedAt        time.Time
	PayBy            time.Time // zero: not known

	MerchantAccountID string // goes with cancels and inquiries; may be empty

	Authorized, Captured, Refunded int64
	// Disputed is what disputes that ended took from the merchant, beside what was refunded: the judged amount, and the
	// disputed one where APO names none.
	Disputed  int64
	Late      Late
	PaymentAt time.Time // of the authorization or payment
	Expires   time.Time // of the authorization; zero: not told

	Operation Operation   // what was asked and is neither accepted nor decided, except for captures, which stay here
	Accepted  []Operation // refunds that APO works on, oldest first; at most [RefundsMax]
	Inquiry   Inquiry
	WatchDue  time.Time // when the payment is inquired about apart from the operation; zero: not by itself
	Watches   uint32    // such inquiries so far, for the schedule
	gateway   uint32    // the version of the record that began the gateway's capture; 0: none did
	gatewayAt int64     // and its time, like a mark's

	Anomalies []Anomaly    // open ones, oldest first
	Held      []HeldRefund // refunds proven before their capture

	askedAt       int64 // when the newest call was claimed, in nanoseconds like a mark's time
	captureMark   mark
	refundMark    mark
	paymentMark   mark
	endMark       mark       // cancelled, failed, or closed by a last capture
	signed        int64      // the payment's entry in the book: see enterPayment; known has the rest
	book          []transfer // all others
	commands      []memory
	contradiction []uint64 // digests of what is no news if it is told again: anomalies ever observed, failures
}

// known is what else an order remembers.
type known uint16

const (
	knownCancelTime  known = 1 << iota // APO signed when it cancelled the payment, and endMark has it
	knownPaymentTime                   // when the payment was stands on record, by APO's word
	knownPending
	knownFailure
	knownInquiring // the newest claim is an inquiry's
	knownNews      // APO is to be asked about the payment, and has not answered since that was told
	knownMissed    // the same, told while an inquiry about it was under way, which may have been answered before

	knownPayment // the payment's success
	knownMoved   // it was in one step, so that it captured too
	knownLate    // it came when the order was cancelled

	knownStood   // an inquiry told of the late money, first or again: CANCELLED after that is not the old cancel
	knownHeard   // APO has told the state by the newest inquiry: what it told before was perhaps of something else
	knownOneStep // placed to be paid in one step, and APO has called it authorized

	knownBared // during a fold: what all that was captured accounted for may be something else again
)

func (k known) has(what known) bool { return k&what != 0 }

func (k *known) set(what known, on bool) {
	*k &^= what
	if on {
		*k |= what
	}
}

// Late is the account of money that arrived on a cancelled order, in minor units. A payment that APO dates before its
// cancel is not among it. Disputed is what of the captured late money disputes took.
type Late struct{ Authorized, Captured, Refunded, Disputed int64 }

// IsZero reports whether nothing of the late money is still with us or held. What was authorized late and is not
// captured is held until something proves otherwise.
func (l Late) IsZero() bool { return plus(l.Refunded, l.Disputed) >= max(l.Authorized, l.Captured) }

// Operation is what we have asked APO for and it has not decided. The zero value is idle.
type Operation struct {
	Kind     CallKind // what it asks of APO: a cancel, a capture or a refund; none while idle
	Phase    Phase
	Refusals uint8 // attempts answered by a known F, at most [AttemptsMax]
	Last     bool
	Inquire  bool // an inquiry must come before the next attempt
	Cleared  bool // an inquiry has just said that it was not done: the next attempt may go
	AfterF   bool // the newest answer was an F with a known code
	// Unanswered is how many inquiries about it in a row have told nothing of its state since it was parked; 255: so many
	// or more.
	Unanswered  uint8
	CommandID   string
	Intent      uint64            // stream version of the intent
	Since       time.Time         // when it was recorded
	By          events.Identifier // of a cancel, frozen
	RequestID   string            // captureRequestId or refundRequestId
	PaymentID   string            // of a capture or refund
	Amount      Money
	Reason      string
	Compensates uint64

	Attempt  uint64    // attempts started
	Answered uint64    // bit n-1: attempt n has been answered
	Lease    time.Time // until then the newest attempt may be under way
	AskedAt  time.Time // when APO was last asked or answered an inquiry
	Due      time.Time // when it is next driven
	Code     string    // of the newest answer
	Waits    int       // rounds without a decision so far, for the schedule
	ParkedAt time.Time
}

// Outstanding reports whether an operation is under way.
func (p Operation) Outstanding() bool { return p.outstanding() }

// outstanding is asked often, and an operation is large to copy.
func (p *Operation) outstanding() bool { return p.Phase != Idle }

// Inquiry is the newest inquiry.
type Inquiry struct {
	Subject  events.Subject
	Open     bool    // claimed and not answered
	told     bearing // what APO last told of the operation
	parked   bool    // it is about an operation that was parked when it was claimed
	started  uint32  // the version of its record
	Number   uint64
	Intent   uint64    // of a refund: which one it is about, by the version of its intent
	Lease    time.Time // of the claim
	Answered time.Time // when APO last told the state; zero: never, or not since late money showed
}

// bearing is what APO's newest answer to an inquiry says of an operation that it did not decide.
type bearing uint8

const (
	toldNothing   bearing = iota // nothing that bears on it
	toldNotDone                  // it knows no such request, or the payment stands as if there had been none
	toldUndecided                // it works on it, or tells it otherwise than was asked
)

var toldNames = [...]string{"nothing", "not done", "undecided"}

// String is it in words.
func (s bearing) String() string { return words.Of(toldNames[:], s) }

// contradicts reports whether an operator's word goes against what APO said.
func (s bearing) contradicts(word events.Resolution) bool {
	return s == toldUndecided || s == toldNotDone && word == events.ResolvedSucceeded
}

// Anomaly is a contradiction that stands open.
type Anomaly struct {
	Version uint64 // of its record: its name in [ClearAnomaly]
	Reason  events.AnomalyReason
	At      time.Time
}

// HeldRefund is a refund proven before its capture.
type HeldRefund struct {
	RefundID, RefundRequestID string
	Minor                     int64
	At                        time.Time // of the refund by APO's word; zero: not told
	Since                     time.Time // when it became known
	Version                   uint64
	doubt                     uint32 // of the record that tells it with another amount, of which Minor is the larger
}

// mark remembers the record behind a rejection, and what it names.
type mark struct {
	place
	id string
}

// place is a record's, with its time as nanoseconds: an order is copied at every fold.
type place struct {
	version uint64
	nanos   int64
}

func placeOf(r *events.Record) place { return place{r.Version, r.Occurred.UnixNano()} }

func markOf(r *events.Record, id string) mark { return mark{placeOf(r), id} }

// noMoment is the time of a place that has none.
const noMoment = math.MinInt64

func (p place) cause() Cause {
	switch {
	case p.version == 0:
		return Cause{}
	case p.nanos == noMoment:
		return Cause{Version: p.version}
	}
	return Cause{Version: p.version, At: time.Unix(0, p.nanos).UTC()}
}

func (m mark) cause() Cause {
	c := m.place.cause()
	c.ID = m.id
	return c
}

// PartiallyRefunded reports whether some but not all of the captured amount went back.
func (o Order) PartiallyRefunded() bool { return o.Refunded > 0 && o.Refunded < o.Captured }

// PartiallyCaptured reports whether some but not all of the authorized amount is captured.
func (o Order) PartiallyCaptured() bool { return o.Captured > 0 && o.Captured < o.Authorized }

// Capturable is what may still be captured, in minor units: of an authorization that APO has told with two amounts, of
// the smaller one, and of one that it has also called failed or cancelled nothing.
func (o Order) Capturable() int64 { return o.capturable() }

// capturable and refundable are asked often, and an order is large to copy.
func (o *Order) capturable() int64 {
	if o.lastCapture() != nil {
		return 0
	}
	return o.sureOf() - o.Captured
}

// Refundable is what was captured, has not gone back, is not going back by a refund that APO has accepted or that waits
// for its capture, was not lost in a dispute, and is in no doubt, in minor units: a refund that APO has signed and the
// amounts cannot have may have taken it, a payment or capture that APO has also called failed may never have been, and
// a dispute that is open may still take it.
func (o Order) Refundable() int64 { return o.refundable() }

func (o *Order) refundable() int64 {
	return minus(o.undisputed(), plus(o.spokenFor(), plus(o.acceptedMinor(), o.heldMinor())))
}

// undisputed is what of it no dispute has taken, or may still take.
func (o *Order) undisputed() int64 { return minus(o.left(), plus(o.inDispute(), o.Disputed)) }

// left is what was captured and has not gone back.
func (o *Order) left() int64 { return o.Captured - o.Refunded }

// Words describes the order for people: its status, "partly captured" or "partly refunded" where the amounts say so, or
// what is under way: "cancelling", "capturing", "refunding", "disputed", "needs attention".
func (o Order) Words() string {
	switch {
	case o.phase() == Parked || len(o.Anomalies) > 0 || !o.disputeBy().IsZero():
		return "needs attention"
	case o.Operation.Kind == CallCancel:
		return "cancelling"
	case o.Operation.Kind == CallCapture, o.Gateway == GatewayOutstanding && o.Status == Authorized:
		return "capturing"
	case o.Operation.Kind == CallRefund, len(o.Accepted) > 0:
		return "refunding"
	case o.openDispute() != nil:
		return "disputed"
	case o.Status == Captured && o.PartiallyCaptured():
		return "partly captured"
	case o.Status == Refunded && o.PartiallyRefunded():
		return "partly refunded"
	}
	return o.Status.String()
}

// Head is the summary a store keeps of the order after its newest record.
func (o Order) Head() events.Head { return o.head() }

func (o *Order) head() events.Head {
	phase := o.phase()
	h := events.Head{Status: o.Status.String(), StatusSince: o.StatusSince, Phase: phase.String(),
		AnomalySince: o.anomalySince(), DisputeBy: o.disputeBy(), Due: o.nextDue()}
	if o.Operation.outstanding() {
		h.OperationSince, h.ParkedSince = o.Operation.Since, o.Operation.ParkedAt
	}
	for i := range o.Accepted {
		p := &o.Accepted[i]
		h.OperationSince, h.ParkedSince = earlier(h.OperationSince, p.Since), earlier(h.ParkedSince, p.ParkedAt)
	}
	if phase != Parked {
		h.ParkedSince = zeroTime
	}
	return h
}

// phase is how far the operations are, in one word: given to a person, where one is.
func (o *Order) phase() Phase {
	phase := o.Operation.Phase
	for i := range o.Accepted {
		if p := &o.Accepted[i]; p.Phase == Parked || phase == Idle {
			phase = p.Phase
		}
	}
	return phase
}

// earlier is the earlier of two times; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// anomalySince is the earliest time of an open anomaly. They stand in the order of the log, and a clock can go back.
func (o *Order) anomalySince() (since time.Time) {
	for i := range o.Anomalies {
		if at := o.Anomalies[i].At; i == 0 || at.Before(since) {
			since = at
		}
	}
	return since
}

// heldMinor is the sum of the held refunds. They are not bounded by the order's amount, so it stops at what an int64
// holds.
func (o *Order) heldMinor() int64 {
	var sum int64
	for _, h := range o.Held {
		sum += min(h.Minor, math.MaxInt64-sum)
	}
	return sum
}

// openAnomaly returns the anomaly that a record opened, as long as it is open.
func (o *Order) openAnomaly(version uint64) (Anomaly, bool) {
	for _, a := range o.Anomalies {
		if a.Version == version {
			return a, true
		}
	}
	return Anomaly{}, false
}

// anomalyFor returns the oldest open anomaly of that reason.
func (o *Order) anomalyFor(r events.AnomalyReason) (Anomaly, bool) {
	for _, a := range o.Anomalies {
		if a.Reason == r {
			return a, true
		}
	}
	return Anomaly{}, false
}
