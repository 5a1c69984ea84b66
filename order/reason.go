package order

import "github.com/tilltape/tilltape/internal/law"

// Reason says why a command is refused.
type Reason uint8

// The reasons.
const (
	ReasonNone            Reason = iota
	ReasonExists                 // an order with this id and other content is on record
	ReasonCaptured               // money was captured
	ReasonRefunded               // money went back already
	ReasonCancelled              // the order is cancelled
	ReasonFailed                 // the payment failed
	ReasonNotAuthorized          // no payment is proven
	ReasonOneStep                // the method has no capture
	ReasonNothingCaptured        // nothing was captured that could be refunded
	ReasonCancelling             // a cancel is outstanding
	ReasonCapturing              // our capture is outstanding
	ReasonRefunding              // our refund is outstanding
	ReasonParked                 // the operation waits for a person
	ReasonGatewayCapture         // APO is capturing by itself
	ReasonAutomatic              // APO captures this order
	ReasonHeldRefund             // a refund is proven whose capture is not known yet
	ReasonWindow                 // the cancel window is over
	ReasonNeverCancels           // the acquirer's contract has no cancel for this method
	ReasonSingleCapture          // the method takes one capture
	ReasonLastCapture            // the last capture is done
	ReasonExpired                // the authorization is over
	ReasonAmount                 // not more than zero
	ReasonRemainder              // more than there is
	ReasonCurrency               // not the order's currency
	ReasonNoPaymentID            // APO's paymentId is not known yet
	ReasonReversal               // a capture or refund was reversed; the amounts are in doubt
	ReasonNotParked              // there is nothing to resolve
	ReasonStaleInquiry           // APO has not been asked lately
	ReasonOnlyAPO                // only APO's own word can say this
	ReasonNoAnomaly              // no such anomaly stands open
	ReasonUnknownOrder           // no order.created is on record
	ReasonNoLateMoney            // no money stands on a cancelled order
	ReasonContradicts            // an operator's word goes against APO's
	ReasonUnaccounted            // APO has signed a capture or refund that the amounts cannot have
	ReasonNoDoubt                // the record named tells of nothing in doubt
	ReasonRefunds                // APO works on [RefundsMax] refunds
	ReasonDisputed               // the buyer has disputed the payment
)

// String is the reason's stable word.
func (r Reason) String() string { return law.Reason(r).String() }

// Remedy says what to do instead.
func (r Reason) Remedy() string { return law.Reason(r).Remedy() }
