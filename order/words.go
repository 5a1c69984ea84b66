package order

import (
	"time"

	"github.com/tilltape/tilltape/events"
)

// Words that stand on record or come from APO, and the bounds and defaults of commands, their refusals and the policy.
const (
	// MethodCard is APO's name for cards. A card is never paid in one step, so its orders must say who captures; of an
	// order with another method, its capture mode says whether it is authorized first.
	MethodCard = "CARD"

	// The capture modes, as in package events.

	CaptureNone      = events.CaptureNone
	CaptureAutomatic = events.CaptureAutomatic
	CaptureManual    = events.CaptureManual

	// APO's paymentStatus and refundStatus.

	StateSuccess    = "SUCCESS"
	StateFail       = "FAIL"
	StateProcessing = "PROCESSING"
	StatePending    = "PENDING"
	StateCancelled  = "CANCELLED"

	// The codes that end an operation where another fact decided it.

	CodeCaptured     = "CAPTURED"      // a cancel ended because money was captured
	CodeRefunded     = "REFUNDED"      // … because money went back
	CodeNotCancelled = "NOT_CANCELLED" // … because the payment stands and APO had refused
	CodeNotDone      = "NOT_DONE"      // a capture or refund that APO does not list, a cancel with nothing left to cancel
	CodeCancelled    = "CANCELLED"     // a capture whose payment is gone
	CodeResolved     = "RESOLVED"      // an operator's word

	// RefundReasonMax is APO's limit for a refund's reason, in characters (Unicode code points), of however many bytes.
	RefundReasonMax = 256
	// RefusalsMax is how many refusals of one order and reason are recorded each by itself.
	RefusalsMax = 32
	// RefusalEvery is how often one is recorded after that, with the count of those it stands for. A caller that tries a
	// thousand times a second must not fill the log.
	RefusalEvery = 24 * time.Hour

	// Bounds and defaults of the policy.

	// AttemptsMax is how often one operation's call is attempted at the most; afterwards APO is only inquired of.
	AttemptsMax = 64
	// RefundsMax is how many refunds of one order APO may be working on at once, those given to a person included.
	RefundsMax = 64
	// SilenceMax: after so long without contact a retry is preceded by an inquiry, because a gateway may have forgotten
	// the request's id by then.
	SilenceMax = time.Hour
	// FreshInquiry is how recent an inquiry must be for an operator to resolve on it.
	FreshInquiry = 10 * time.Minute
	// ParkedEvery is how often APO is inquired of about a parked operation.
	ParkedEvery = 7 * 24 * time.Hour
	// CallsPerMinuteMax is how often APO is asked about one order within any minute, whatever the policy says and APO
	// answers: what would be more waits ([Order.NextDue]). The call that a command asks for never waits; it counts.
	CallsPerMinuteMax = 20
	// AnswerRecordsMax is how many facts one inquiry's answer may come to: two for each transaction that an answer has at
	// most, one of them an anomaly. An append takes twice as many, since each may need an anomaly for a key that another
	// order owns.
	AnswerRecordsMax = events.AppendMax / 2
	// LeaseMin and LeaseMax bound a lease. A claim that ends further ahead is not waited for, see [Order.Due].
	LeaseMin = time.Second
	LeaseMax = 24 * time.Hour
	// WaitMin and WaitMax bound every other time of a policy but Waits, and ReconcileFor, which may be as long as
	// ReconcileForMax.
	WaitMin         = time.Second
	WaitMax         = 366 * 24 * time.Hour
	ReconcileForMax = 10 * WaitMax
	// WaitsMax bounds each of [Policy.Waits]: what only APO can tell is asked about many times before [OverdueMax] ends
	// that, and not once, in vain.
	WaitsMax = 31 * 24 * time.Hour
	// OverdueMax is how long at the most APO is asked by itself about what it never tells the end of: its own capture, or
	// the capture that a held refund belongs to. Daily until a person is told ([Policy.ParkAccepted]), and then as what is
	// parked, every [ParkedEvery].
	OverdueMax = WaitMax
	// JitterMax is the most that [Policy.Jitter] may be, in hundredths.
	JitterMax = 50
	// UnansweredInquiriesMax bounds [Policy.UnansweredInquiries].
	UnansweredInquiriesMax = 100
	// NoReconcile, as [Policy.ReconcileFor], looks at no settled money by itself.
	NoReconcile = time.Duration(-1)
	// NoJitter, as [Policy.Jitter], keeps every wait as it is written.
	NoJitter = -1

	// DefaultLease is how long a claim keeps others from asking APO. It must be longer than a call's own deadline.
	DefaultLease = time.Minute
	// DefaultMargin is waited after payBy and after an authorization's end before APO is asked about them.
	DefaultMargin = 10 * time.Minute
	// DefaultValidity is assumed for a payment whose payBy is not known: the longest validity that APO documents
	// (bank transfer).
	DefaultValidity = 48 * time.Hour
	// DefaultJitter is the share of a wait, in hundredths, by which it may be cut short.
	DefaultJitter = 10
	// DefaultParkAfter is how long an operation without an outcome is retried before a person gets it.
	DefaultParkAfter = 7 * 24 * time.Hour
	// DefaultParkAccepted is how long an operation may take that APO says it works on: some banks need weeks to refund.
	DefaultParkAccepted = 30 * 24 * time.Hour
	// DefaultUnansweredInquiries is how many inquiries in a row must have told nothing of a parked operation before a
	// person may end it without APO's word.
	DefaultUnansweredInquiries = 3
	// DefaultReconcileFor is how long after its creation an order whose money can still move is inquired about by itself.
	DefaultReconcileFor = 90 * 24 * time.Hour
)

// compensationReason is what APO is told when late money is refunded.
const compensationReason = "paid after the order was cancelled"
