package events

import "time"

// Channel tells how a fact reached us.
type Channel uint8

// The channels. The zero value stands for facts of our own making (intents, claims, local cancels).
const (
	ViaSelf         Channel = iota // we did or decided it ourselves
	ViaAnswer                      // APO's signed answer to a call
	ViaNotification                // APO's signed notification
	ViaInquiry                     // derived from APO's signed answer to an inquiry
	ViaOperator                    // a person's statement, see [OperationResolved]
)

// Evidence is a message that APO signed, kept whole so that its signature can be checked years later with whichever of
// APO's public keys was valid then: RSA over "Method Path\nClientID.Time.Body". Body is at most [BodyMax] bytes. It can
// hold personal data; SECURITY.md says which.
type Evidence struct {
	Method, Path, ClientID, Time, KeyVersion, Signature string
	Body                                                []byte
}

// Proof says where a fact comes from. Inquiry is the number of the [InquiryAnswered] in the same append that keeps the
// evidence, or zero; Attempt the number of the attempt that was answered, or zero. Evidence is nil where another
// record keeps it or where nothing signed exists.
type Proof struct {
	Via      Channel
	Inquiry  uint64
	Attempt  uint64
	Evidence *Evidence
}

// CaptureMode says how an order's money is taken.
type CaptureMode uint8

// The capture modes.
const (
	CaptureNone      CaptureMode = iota // one step (most wallets, banks): the payment itself moves the money
	CaptureAutomatic                    // authorized first: APO captures right after it
	CaptureManual                       // authorized first: captured by our command
)

// OrderCreated: an order was placed. One order is one payment; the stream's id is the order's id.
// Due is when the payment is first inquired about if nothing is heard (zero: never by itself).
type OrderCreated struct {
	PaymentRequestID string
	PaymentID        string // empty until APO assigns one
	Amount           Money
	Method           string // APO's payment method, for instance "CARD"
	Acquirer         string // whose contract sets the cancel window; empty: not known
	CaptureMode      CaptureMode
	PayBy            time.Time // until when the buyer can pay; zero: not known
	Due              time.Time
	// MerchantAccountID is the merchant account at APO that the payment is made for; empty: none was given.
	MerchantAccountID string
}

// PaymentPending: APO knows the payment and has no result yet.
type PaymentPending struct {
	PaymentID string
	Proof     Proof
}

// PaymentAuthorized: money is held. GatewayCapture says that APO captures by itself, so that a capture is
// outstanding from now on. Due is when the payment is next inquired about (for the gateway capture, or at expiry).
type PaymentAuthorized struct {
	PaymentID      string
	Amount         Money
	At             time.Time
	Expires        time.Time // APO's authExpiryTime; zero: not told
	GatewayCapture bool
	Due            time.Time
	Proof          Proof
}

// PaymentPaid: a one-step payment succeeded; the money has moved. Due is when the payment is next inquired about,
// because it can be refunded by others too (zero: not by itself).
type PaymentPaid struct {
	PaymentID string
	Amount    Money
	At        time.Time
	Proof     Proof
	Due       time.Time
}

// PaymentFailed: APO says the payment failed or its time ran out.
type PaymentFailed struct {
	PaymentID string
	Code      string
	At        time.Time
	Proof     Proof
}

// Identifier is what a cancel names, frozen in its intent: PaymentID where one was known, else PaymentRequestID.
// Exactly one is set.
type Identifier struct {
	PaymentID        string
	PaymentRequestID string
}

// CancelRequested is the intent to cancel, and the claim of attempt 1: until Lease only its writer may call APO.
// Compensates is the stream version of the record that tells of the late money, its anomaly as long as that is open, or
// zero.
type CancelRequested struct {
	By          Identifier
	Reason      string
	Compensates uint64
	Lease       time.Time
	Trace       string // W3C traceparent of what the command was a part of; may be empty
}

// CancelCause says why an order is cancelled.
type CancelCause uint8

// The causes.
const (
	CauseRequested     CancelCause = iota + 1 // our cancel succeeded
	CauseExpired                              // the authorization expired and APO let it go
	CauseNeverPaid                            // APO never heard of the payment, and its time is over
	CausePaymentFailed                        // the payment failed, so there is nothing left to cancel
	CauseGateway                              // APO or somebody at its dashboard cancelled it
)

// CancelSucceeded: the order is cancelled, for the Cause given. Due is when the payment is inquired about once more,
// because a cancellation does not stop a buyer who is just paying (zero: not by itself).
type CancelSucceeded struct {
	Cause     CancelCause
	PaymentID string
	At        time.Time
	Proof     Proof
	Due       time.Time
}

// CancelFailed: the cancel came to a definite end without cancelling. Code is APO's result code, or a word of ours
// where another fact decided it ("CAPTURED", "REFUNDED", "NOT_CANCELLED").
type CancelFailed struct {
	Code, Message string
	Proof         Proof
}

// Unresolved is what stands in a record that says: an attempt is over and its outcome is not known. Definite marks an F
// with a known code that does not decide by itself; Inquire demands an inquiry before the next attempt; Due is when
// that comes. Problem is our own words where there was no usable answer.
type Unresolved struct {
	Attempt       uint64
	Code, Message string
	Problem       string
	Definite      bool
	Inquire       bool
	Due           time.Time
	Proof         Proof
}

// CancelUnresolved: an attempt to cancel ended without a proven outcome.
type CancelUnresolved struct{ Unresolved }

// CaptureRequested is the intent to capture, and the claim of attempt 1 (see [CancelRequested]). Last is sent to APO,
// and closes the authorization for further captures of ours once it succeeds; a last capture may be of zero, which
// gives up what is left of the authorization and captures nothing.
type CaptureRequested struct {
	CaptureRequestID string
	PaymentID        string
	Amount           Money
	Last             bool
	Lease            time.Time
	Trace            string // W3C traceparent of what the command was a part of; may be empty
}

// CaptureAccepted: APO works on the capture; Due is when we inquire. Without a CaptureRequestID it is APO's own, which
// CaptureID names, as no other does.
type CaptureAccepted struct {
	CaptureID        string
	CaptureRequestID string
	Attempt          uint64
	Code             string
	Due              time.Time
	Proof            Proof
}

// CaptureSucceeded: money was captured: by our command, by APO itself (automatic capture) or by somebody else. A
// notification and an inquiry name the same capture differently; either identifier may be empty. Amount is zero for a
// last capture of ours that asked for nothing. Due as in [PaymentPaid].
type CaptureSucceeded struct {
	CaptureID        string
	CaptureRequestID string
	PaymentID        string
	Amount           Money
	At               time.Time
	Proof            Proof
	Due              time.Time
}

// CaptureFailed: a capture definitely failed. Code as in [CancelFailed].
type CaptureFailed struct {
	CaptureID        string
	CaptureRequestID string
	PaymentID        string
	Code, Message    string
	At               time.Time
	Proof            Proof
}

// CaptureUnresolved: an attempt to capture ended without a proven outcome.
type CaptureUnresolved struct{ Unresolved }

// RefundRequested is the intent to refund, and the claim of attempt 1 (see [CancelRequested]).
type RefundRequested struct {
	RefundRequestID string
	PaymentID       string
	Amount          Money
	Reason          string
	Compensates     uint64
	Lease           time.Time
	Trace           string // W3C traceparent of what the command was a part of; may be empty
}

// RefundAccepted: APO works on the refund; Due is when we inquire.
type RefundAccepted struct {
	RefundID        string
	RefundRequestID string
	Attempt         uint64
	Code            string
	Due             time.Time
	Proof           Proof
}

// RefundSucceeded: money went back to the buyer, by our command or by somebody else's. Identifiers as in
// [CaptureSucceeded].
type RefundSucceeded struct {
	RefundID        string
	RefundRequestID string
	PaymentID       string
	Amount          Money
	At              time.Time
	Proof           Proof
}

// RefundFailed: a refund definitely failed. Code as in [CancelFailed].
type RefundFailed struct {
	RefundID        string
	RefundRequestID string
	Code, Message   string
	At              time.Time
	Proof           Proof
}

// RefundUnresolved: an attempt to refund ended without a proven outcome.
type RefundUnresolved struct{ Unresolved }

// RefundHeld: a refund was proven before the capture it belongs to. It is kept until the append that makes that capture
// known; Due is when the payment is inquired about.
type RefundHeld struct {
	RefundID        string
	RefundRequestID string
	PaymentID       string
	Amount          Money
	At              time.Time
	Due             time.Time
	Proof           Proof
}

// AttemptStarted claims the next attempt of the outstanding operation: until Lease only its writer may call APO. The
// attempt carries the ids and amounts of the intent.
type AttemptStarted struct {
	Attempt uint64 // 2 or more; the intent is attempt 1
	Lease   time.Time
}

// Subject is what an inquiry is about.
type Subject uint8

// The subjects.
const (
	SubjectPayment Subject = iota + 1 // inquiryPayment
	SubjectRefund                     // inquiryRefund
)

// InquiryStarted claims an inquiry: until Lease only its writer may ask APO.
type InquiryStarted struct {
	Subject Subject
	Number  uint64 // 1, 2, 3 … within the order
	Lease   time.Time
	Intent  uint64 // of a refund: the stream version of its intent
}

// InquiryOutcome says whether the query itself worked.
type InquiryOutcome uint8

// The outcomes. Unknown is the zero value: what is not proven is unknown.
const (
	InquiryUnknown  InquiryOutcome = iota // no usable answer
	InquiryAnswers                        // APO told the state
	InquiryNotExist                       // APO says: no such payment or refund
)

// InquiryAnswered keeps an inquiry's evidence, once; the facts derived from it follow in the same append and refer to
// its Number. State is APO's paymentStatus or refundStatus. AskAgain says that the operation's call may be made again
// with the same ids; Listed that APO tells of the operation's request without deciding it: it works on it, or tells
// otherwise than was asked. Due and WatchDue say when the operation and the payment are next looked at (zero: not by
// itself).
type InquiryAnswered struct {
	Subject  Subject
	Number   uint64
	Outcome  InquiryOutcome
	State    string
	Code     string
	Problem  string
	AskAgain bool
	Due      time.Time
	WatchDue time.Time
	Evidence *Evidence
	Listed   bool
}

// OperationParked: the operation is given to a person. It still blocks; it is inquired about at Due and never attempted
// again.
type OperationParked struct {
	Reason string
	Due    time.Time
	Intent uint64 // which one: the stream version of its intent
}

// Resolution is an operator's word on a parked operation.
type Resolution uint8

// The resolutions.
const (
	ResolvedSucceeded Resolution = iota + 1
	ResolvedFailed
)

// OperationResolved: an operator ended a parked operation. Statement is the evidence: who at APO said what, where it is
// filed. Override says that the operator knew that APO's newest answer to an inquiry says otherwise, or that APO has
// told nothing, inquiry after inquiry.
type OperationResolved struct {
	Resolution Resolution
	Statement  string
	Override   bool
	Intent     uint64 // which one: the stream version of its intent
}

// TransferResolved: an operator settled a capture or refund in doubt, about which APO's words contradict each other or
// the order's amounts, a refund that is held, or a dispute, where APO did not tell. Record is the stream version of the
// record that tells of it; Statement is the evidence, as in [OperationResolved].
type TransferResolved struct {
	Record     uint64
	Resolution Resolution
	Statement  string
}

// AnomalyReason says what is wrong with a fact.
type AnomalyReason uint8

// The reasons.
const (
	LatePayment         AnomalyReason = iota + 1 // money on a cancelled order
	PaymentRevived                               // a payment that had failed succeeded
	StatusContradicts                            // the fact cannot follow what is proven
	PaymentContradicts                           // other amount, currency or paymentId than the order's
	TransferContradicts                          // same capture or refund, other amount or outcome
	BeyondAuthorized                             // more captured or refunded than there is
	Reversal                                     // a capture or refund that had succeeded failed
	KeyTaken                                     // an identifier belongs to another order
	LateAnswer                                   // an answer contradicts the outcome on record
	NoResult                                     // APO has worked on it for so long that a person should ask
	NotUnderstood                                // this version cannot say what APO's notification tells
)

// AnomalyObserved: a fact that APO signed contradicts what was believed. It stands open, under the stream version of
// its record, until an [AnomalyCleared] names it. Fact is the kind the contradicting fact would have had; empty, with
// the notification's type as Code, where it is [NotUnderstood].
type AnomalyObserved struct {
	Reason     AnomalyReason
	Fact       Kind
	PaymentID  string
	TransferID string
	RequestID  string
	Amount     Money // zero where the fact has none
	At         time.Time
	Code       string
	Detail     string
	Proof      Proof
}

// AnomalyCleared closes the anomaly whose record has stream version Anomaly.
type AnomalyCleared struct {
	Anomaly uint64
	Reason  string
}

// CommandRefused: a command was refused before APO was called. Count is how many equal refusals this record stands for.
type CommandRefused struct {
	Command string // "cancel", "capture", …
	Reason  string
	Remedy  string
	Cause   uint64 // stream version of the order's record that made it illegal, or zero
	Amount  Money
	Count   uint64
}
