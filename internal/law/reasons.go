package law

import "strings"

// Reason is why a command is refused. Package order tells what each one means.
type Reason uint8

// The reasons.
const (
	ReasonNone Reason = iota
	ReasonExists
	ReasonCaptured
	ReasonRefunded
	ReasonCancelled
	ReasonFailed
	ReasonNotAuthorized
	ReasonOneStep
	ReasonNothingCaptured
	ReasonCancelling
	ReasonCapturing
	ReasonRefunding
	ReasonParked
	ReasonGatewayCapture
	ReasonAutomatic
	ReasonHeldRefund
	ReasonWindow
	ReasonNeverCancels
	ReasonSingleCapture
	ReasonLastCapture
	ReasonExpired
	ReasonAmount
	ReasonRemainder
	ReasonCurrency
	ReasonNoPaymentID
	ReasonReversal
	ReasonNotParked
	ReasonStaleInquiry
	ReasonOnlyAPO
	ReasonNoAnomaly
	ReasonUnknownOrder
	ReasonNoLateMoney
	ReasonContradicts
	ReasonUnaccounted
	ReasonNoDoubt
	ReasonRefunds
	ReasonDisputed
)

const reasonCount = int(ReasonDisputed) + 1

type reasonRow struct {
	reason Reason
	word   string // stable, for programs: RejectedError.Reason.String()
	why    string // for people; %C is the causing record, and what stands in brackets around it falls away without one
	remedy string // package order knows better where the order tells more
}

// reasonRows says each refusal in words, with the way out.
var reasonRows = []reasonRow{
	{ReasonNone, "none", "legal", "nothing to do"},
	{ReasonExists, "exists", "an order with this id and other content was placed[ %C]",
		"create another attempt to pay under a new order id"},
	{ReasonCaptured, "captured", "captured[ %C]", "refund instead"},
	{ReasonRefunded, "refunded", "refunded[ %C]", "refund what remains instead"},
	{ReasonCancelled, "cancelled", "cancelled[ %C]",
		"create a new order; compensate gives back money that still arrives"},
	{ReasonFailed, "failed", "the payment failed[ %C]", "create a new order"},
	{ReasonNotAuthorized, "not-authorized", "no payment is proven",
		"observe APO's notification or reconcile first; cancel if the order is not wanted"},
	{ReasonOneStep, "one-step", "paid in one step[ %C], so there is nothing to capture",
		"refund if the money has to go back"},
	{ReasonNothingCaptured, "nothing-captured", "nothing is captured", "cancel instead"},
	{ReasonCancelling, "cancelling", "a cancel is outstanding[ since %C]",
		"wait for its outcome; APO is asked again by itself, and at once by reconcile"},
	{ReasonCapturing, "capturing", "a capture is outstanding[ since %C]",
		"wait for its outcome, then refund what was captured"},
	{ReasonRefunding, "refunding", "a refund is outstanding[ since %C]",
		"wait for its outcome; APO is asked again by itself, and at once by reconcile"},
	{ReasonParked, "parked", "an operation waits for a person[ since %C]", "contact APO support and resolve it"},
	{ReasonGatewayCapture, "gateway-capture", "APO captures automatically[, under way since %C]",
		"wait for the capture's result, then refund"},
	{ReasonAutomatic, "automatic-capture", "APO captures this order automatically",
		"wait for the capture's result; reconcile asks APO at once"},
	{ReasonHeldRefund, "held-refund", "a refund[ (%C)] is proven whose capture is not known yet",
		"reconcile until that capture shows, then refund what remains; where it never does, ask APO " +
			"support and resolve that record"},
	{ReasonWindow, "window", "the cancel window closed",
		"refund what was paid, or let the authorization expire uncaptured"},
	{ReasonNeverCancels, "never-cancels", "the acquirer does not cancel payments of this method",
		"let it expire unpaid, or refund once it is paid"},
	{ReasonSingleCapture, "single-capture", "this method takes one capture[, done %C]", "create a new order for the rest"},
	{ReasonLastCapture, "last-capture", "the last capture was done[ %C]", "create a new order for the rest"},
	{ReasonExpired, "expired", "the authorization ended", "create a new order"},
	{ReasonAmount, "amount", "the amount must be more than zero", "give an amount of more than zero"},
	{ReasonRemainder, "remainder", "the amount is more than what remains", "give at most what remains"},
	{ReasonCurrency, "currency", "the currency is not the order's", "give the amount in the order's currency"},
	{ReasonNoPaymentID, "no-payment-id", "APO's paymentId is not known yet", "reconcile first"},
	{ReasonReversal, "reversal",
		"APO has contradicted its word on a payment, capture or refund[ %C], so what there is is in doubt",
		"ask APO what stands by reconcile, and resolve that record where APO does not tell"},
	{ReasonNotParked, "not-parked", "no operation is parked", "let settling go on; only what is parked needs a person"},
	{ReasonStaleInquiry, "stale-inquiry", "APO's last word on it is too old",
		"reconcile first, then give it again at once"},
	{ReasonOnlyAPO, "only-apo", "an order is cancelled by APO's own word alone",
		"reconcile until APO says CANCELLED, or resolve the cancel as failed"},
	{ReasonNoAnomaly, "no-anomaly", "no such anomaly stands open", "look at the anomalies that the order has"},
	{ReasonUnknownOrder, "unknown-order", "no such order is on record", "create it first"},
	{ReasonNoLateMoney, "no-late-money", "no late money is to be given back", "cancel or refund instead"},
	{ReasonContradicts, "contradicts", "APO's newest answer[, %C,] says otherwise",
		"take APO's word, or resolve with an override"},
	{ReasonUnaccounted, "unaccounted", "APO told[ on %C] of money that the order's amounts cannot have",
		"ask APO what stands by reconcile; where that does not tell, ask APO support and resolve that record"},
	{ReasonNoDoubt, "no-doubt",
		"that record tells of no payment, capture or refund in doubt or held, and of no dispute without an end",
		"give resolve the record that the refusal of the other command names, and 0 for the parked operation"},
	{ReasonRefunds, "refunds", "APO works on as many refunds as there may be at once[, the oldest since %C]",
		"wait until one of them ends; settling asks APO about each"},
	{ReasonDisputed, "disputed", "the buyer has disputed the payment",
		"defend or accept the dispute where the acquirer takes it, and wait for its end, or resolve its record; " +
			"refund what it leaves, and capture only where it took nothing"},
}

// Says is the reason in words, with its cause where there is one.
func (r Reason) Says(cause string) string {
	if int(r) >= reasonCount {
		return "unknown"
	}
	why := compiled.reasons[r].why
	before, rest, optional := strings.Cut(why, "[")
	if !optional {
		return why
	}
	inside, after, _ := strings.Cut(rest, "]")
	if cause == "" {
		return before + after
	}
	return before + strings.Replace(inside, "%C", cause, 1) + after
}

// String is the reason's stable word.
func (r Reason) String() string {
	if int(r) < reasonCount {
		return compiled.reasons[r].word
	}
	return "unknown"
}

// Remedy says what to do instead.
func (r Reason) Remedy() string {
	if int(r) < reasonCount {
		return compiled.reasons[r].remedy
	}
	return ""
}

// Reasons returns every reason a command can be refused for, in order.
func Reasons() []Reason {
	out := make([]Reason, 0, reasonCount-1)
	for r := ReasonExists; int(r) < reasonCount; r++ {
		out = append(out, r)
	}
	return out
}
