package law

import "github.com/tilltape/tilltape/internal/words"

// Proven is what has become known about an outstanding operation.
type Proven uint8

// What can be proven.
const (
	ProvenNothing       Proven = iota // the inquiry had no usable answer
	ProvenCancelled                   // the payment is cancelled
	ProvenMoneyMoved                  // a capture or a refund happened
	ProvenPaymentFailed               // the payment failed
	ProvenAlive                       // inquiry SUCCESS, PROCESSING or PENDING, and (for capture) ours is not listed
	ProvenDead                        // inquiry CANCELLED or FAIL, and ours is not listed
	ProvenNotExist                    // ORDER_NOT_EXIST, REFUND_NOT_EXIST
	ProvenSuccess                     // ours succeeded
	ProvenFailure                     // ours failed
	ProvenProcessing                  // APO works on ours
	ProvenOldCancel                   // the payment is cancelled, perhaps since before the late payment
)

var provenNames = [...]string{"nothing", "cancelled", "a capture or refund", "payment failed",
	"payment alive, ours not listed", "payment cancelled or failed, ours not listed", "does not exist", "ours succeeded",
	"ours failed", "ours in process", "cancelled, perhaps since before the late payment"}

const provenCount = len(provenNames)

// String is the proof in words.
func (p Proven) String() string { return words.Of(provenNames[:], p) }

// Then is what follows for the operation.
type Then uint8

// What can follow.
const (
	InquireLater    Then = iota // nothing decided: the schedule goes on
	Succeed                     // the operation ends as a success
	Fail                        // it ends failed
	AskAgain                    // the call may be made again, with the same ids
	Accept                      // APO works on it: wait and inquire
	Park                        // a person is needed
	NeverPaid                   // asked again until the payment's time is over, then cancelled: never paid
	CancelledUnpaid             // cancelled because the payment failed, the operation a success (from created)
)

var thenNames = [...]string{"inquired again", "succeeded", "failed", "asked again, same identifier", "accepted",
	"parked", "asked again until payBy and a margin, then cancelled (never paid)", "cancelled (payment failed)"}

// String is the consequence in words.
func (t Then) String() string { return words.Of(thenNames[:], t) }

type operationRow struct {
	op        OpKind
	proven    Proven
	then      Then
	afterF    Then // where the last answer was a known F, if that differs
	decidesBy string
}

// operationRows is operation × proven fact. Where a row has afterF it counts instead of then if the operation's last
// answer was an F with a known code. decidesBy says whence the proof must come: any channel, or an inquiry alone.
var operationRows = []operationRow{
	{OpCancel, ProvenCancelled, Succeed, Succeed, anyChannel},
	{OpCancel, ProvenMoneyMoved, Fail, Fail, anyChannel},
	{OpCancel, ProvenPaymentFailed, CancelledUnpaid, CancelledUnpaid, anyChannel},
	{OpCancel, ProvenAlive, AskAgain, Fail, inquiryOnly},
	{OpCancel, ProvenNotExist, NeverPaid, NeverPaid, inquiryOnly},
	{OpCancel, ProvenOldCancel, AskAgain, InquireLater, inquiryOnly},
	{OpCancel, ProvenNothing, InquireLater, InquireLater, inquiryOnly},

	{OpCapture, ProvenSuccess, Succeed, Succeed, anyChannel},
	{OpCapture, ProvenFailure, Fail, Fail, anyChannel},
	{OpCapture, ProvenProcessing, Accept, Accept, anyChannel},
	{OpCapture, ProvenAlive, AskAgain, Fail, inquiryOnly},
	{OpCapture, ProvenDead, Fail, Fail, inquiryOnly},
	{OpCapture, ProvenNotExist, Park, Park, inquiryOnly},
	{OpCapture, ProvenNothing, InquireLater, InquireLater, inquiryOnly},

	{OpRefund, ProvenSuccess, Succeed, Succeed, anyChannel},
	{OpRefund, ProvenFailure, Fail, Fail, anyChannel},
	{OpRefund, ProvenProcessing, Accept, Accept, anyChannel},
	{OpRefund, ProvenNotExist, AskAgain, Fail, inquiryOnly},
	{OpRefund, ProvenNothing, InquireLater, InquireLater, inquiryOnly},
}

const (
	anyChannel  = "any channel"
	inquiryOnly = "inquiry"
)
