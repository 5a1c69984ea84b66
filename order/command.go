package order

import (
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
)

// Command is something asked of an order. The sum is sealed. The first seven are given by people and services and say
// who gives them (Actor, at most [events.IDMax] bytes); the rest are the engine's own.
type Command interface {
	describe() Description
}

// Description is what commands say of themselves, in one shape for all. It is empty for the engine's own.
type Description struct {
	Verb             Verb
	CommandID, Actor string
	Amount           Money // zero where the command has none
}

// Describe returns what a command says of itself; the description of none, nil, is empty too.
func Describe(c Command) Description {
	if c == nil {
		return Description{}
	}
	return c.describe()
}

// Create places an order. One order is one payment: another attempt to pay is another order. Legal when the id is
// unused (or nothing changes: the same content again is no command at all).
type Create struct {
	CommandID        string // empty: the command cannot be repeated by id
	OrderID          string
	PaymentRequestID string
	PaymentID        string // where it is known already
	Amount           Money
	Method           string // APO's payment method type, for instance "CARD"
	Acquirer         string // whose contract sets the cancel window; may be empty
	CaptureMode      events.CaptureMode
	PayBy            time.Time // until when the buyer can pay; zero: not known
	// MerchantAccountID is the merchant account at APO that the payment is made for, where APO knows several. It goes with
	// every call that has a place for it: cancels and inquiries.
	MerchantAccountID string
	Actor             string
}

// Cancel cancels the whole payment; there is no partial cancel.
type Cancel struct {
	CommandID string
	Reason    string
	Actor     string
}

// Capture takes some or all of an authorization. Last closes it: APO is told so (isLastCapture) and lets go of what
// remains. Where some is captured already and the contract takes it ([Policy.ZeroLastCaptures]), the last one may be of
// zero: it captures nothing, and only gives up what remains.
type Capture struct {
	CommandID string
	Amount    Money
	Last      bool
	Actor     string
}

// Refund gives some or all of the captured money back. Reason is sent to APO (at most [RefundReasonMax] characters).
type Refund struct {
	CommandID string
	Amount    Money
	Reason    string
	Actor     string
}

// Resolve ends a parked operation on an operator's word, after a fresh inquiry. Statement is the evidence. Where APO's
// answer to that inquiry says otherwise, Override must say that the operator knows: it stays on record. So it must
// where APO tells nothing of the operation, which is legal once as many inquiries in a row have told nothing as the
// policy says ([Policy.UnansweredInquiries]).
//
// With a Record it says which, where several are parked: the stream version of the operation's intent
// ([Operation.Intent]). Or it settles a capture or refund in doubt: one that the order's amounts cannot have, or that
// APO has called both done and failed, and about which a fresh inquiry did not tell. Record is then the version of the
// record that tells of it ([Order.Doubts]), which is what the refusal of other commands names. Or it settles a refund
// that is held ([HeldRefund.Version]). Or a payment in doubt: succeeded is that it stands as it counts, failed that
// what APO has told against it is so: it has failed; or is of the other amount; or, where APO has called it both held
// and made in one step and not failed, it is the other of these, and of the other amount where there is one. Of a raise
// only one in another currency is settled so. Or it ends a dispute that APO does not end, named by the record that it
// is known by ([Order.Disputes]): succeeded is that the disputed amount is lost, failed that nothing is. Of none of
// these there is an answer of APO's to override, and Override is an [InvalidError].
type Resolve struct {
	CommandID  string
	Record     uint64 // 0: the operation that is parked
	Resolution events.Resolution
	Statement  string
	Override   bool
	Actor      string
}

// ClearAnomaly closes an open anomaly, named by its record's stream version.
type ClearAnomaly struct {
	CommandID string
	Anomaly   uint64
	Reason    string
	Actor     string
}

// Compensate gives back money that arrived on a cancelled order: what is only held by a cancel, what moved by a refund.
// It is legal after a fresh inquiry, one at a time, and never while APO is capturing.
type Compensate struct {
	CommandID string
	Actor     string
}

// Observe records what APO proved. The caller vouches that the fact was verified: root takes nothing else. A fact that
// cancels the order, or that names as one what stands on record as two transfers, must carry the message that APO
// signed as its proof's evidence.
type Observe struct{ Fact Fact }

// Claim takes what is due, so that nobody else asks APO at the same time: it appends attempt.started or
// inquiry.started. Inquire claims an inquiry even though none is due, as long as no other claim is in force and APO has
// not been asked [CallsPerMinuteMax] times lately.
//
// Record, of an inquiry that is to be begun, is what to ask about, as in [Resolve]; 0 is what is outstanding, or else
// the payment.
type Claim struct {
	Inquire bool
	Record  uint64
}

// RecordAnswer records what came of an attempt. A verdict that cancels the order, or makes one of two transfers on
// record, must carry the message that APO signed as its evidence.
type RecordAnswer struct {
	Call    Call
	Verdict Verdict
}

// RecordInquiry records what an inquiry told.
type RecordInquiry struct {
	Number  uint64
	Picture Picture
}

func (c Create) describe() Description {
	return Description{VerbCreate, c.CommandID, c.Actor, c.Amount}
}
func (c Cancel) describe() Description { return Description{VerbCancel, c.CommandID, c.Actor, Money{}} }
func (c Capture) describe() Description {
	return Description{VerbCapture, c.CommandID, c.Actor, c.Amount}
}
func (c Refund) describe() Description {
	return Description{VerbRefund, c.CommandID, c.Actor, c.Amount}
}
func (c Resolve) describe() Description {
	return Description{VerbResolve, c.CommandID, c.Actor, Money{}}
}
func (c ClearAnomaly) describe() Description {
	return Description{VerbClearAnomaly, c.CommandID, c.Actor, Money{}}
}
func (c Compensate) describe() Description {
	return Description{VerbCompensate, c.CommandID, c.Actor, Money{}}
}
func (Observe) describe() Description       { return Description{} }
func (Claim) describe() Description         { return Description{} }
func (RecordAnswer) describe() Description  { return Description{} }
func (RecordInquiry) describe() Description { return Description{} }

// Fact is one thing that APO proved, in whichever way. Fields that the message did not carry are empty.
type Fact struct {
	Kind             FactKind
	PaymentID        string
	PaymentRequestID string
	TransferID       string // captureId, refundId, disputeId or transactionId
	RequestID        string // captureRequestId, refundRequestId or transactionRequestId
	Amount           Money
	At               time.Time
	Expires          time.Time // of an authorization
	Code             string    // of what is not understood, the notification's type
	Message          string
	Proof            events.Proof

	// Of a dispute alone.
	DefendBy     time.Time             // zero: not told
	Undefendable bool                  //
	Type         string                // APO's word, for instance "CHARGEBACK"
	Outcome      events.DisputeOutcome // of one that closed
	Lost         Money                 // what is taken from the merchant then; zero: not told

	own   bool // S to a cancel that compensates
	split bool // of a capture or refund: the same answer tells it otherwise too
}

// VerdictClass is what an attempt's answer means.
type VerdictClass uint8

// The classes. What is not proven is Unknown.
const (
	VerdictUnknown   VerdictClass = iota // U, silence, or nothing usable
	VerdictUnknownF                      // an F whose code nobody knows: unknown, and never simply asked again
	VerdictSucceeded                     // S
	VerdictAccepted                      // APO works on it
	VerdictFailed                        // an F that says it was not done
	VerdictWrong                         // an F that says our picture is wrong, or that an earlier attempt worked
)

var verdictNames = [...]string{"unknown", "unknown F", "succeeded", "accepted", "failed", "our picture is wrong"}

// String is the class in words.
func (c VerdictClass) String() string { return words.Of(verdictNames[:], c) }

// Verdict is what came of an attempt. The zero value is unknown.
type Verdict struct {
	Class         VerdictClass
	Code, Message string
	Problem       string // our own words where there was no usable answer
	PaymentID     string
	TransferID    string // captureId or refundId
	At            time.Time
	Evidence      *events.Evidence
}

// Picture is what an inquiry told. The zero value says nothing.
type Picture struct {
	Outcome  events.InquiryOutcome
	State    string // APO's paymentStatus or refundStatus, for instance [StateSuccess]
	Code     string
	Problem  string
	Facts    []Fact
	Evidence *events.Evidence
}
