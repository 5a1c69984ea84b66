package order

// guard is a condition that a command needs beyond its status.
type guard uint8

// The guards. What each asks stands in [Order.ask], what it means in [ruleRows].
const (
	guardNone guard = iota
	guardIdle
	guardGateway
	guardHeld
	guardWindow
	guardMode
	guardLast
	guardSeveral
	guardExpiry
	guardCapturable
	guardPaymentID
	guardReversal
	guardRefundable
	guardParked
	guardFreshInquiry
	guardOnlyAPO
	guardContradiction
	guardFits
	guardLate
	guardLatePaymentID
	guardLateInquiry
	guardAnomaly
)

const guardCount = int(guardAnomaly) + 1

// rule is one condition of the law, in full: who decides, judges, explains or draws reads this row.
type rule struct {
	guard   guard
	policy  bool     // asks the policy of the day, which is not on record: no log can be held against it
	holds   string   // what must hold, in words
	reasons []Reason // what a command is refused for where it does not
}

// ruleRows has one row for every guard.
var ruleRows = []rule{
	{guardIdle, false, "no operation is outstanding",
		[]Reason{ReasonParked, ReasonCancelling, ReasonCapturing, ReasonRefunding}},
	{guardGateway, false, "APO is not capturing by itself", []Reason{ReasonGatewayCapture}},
	{guardHeld, false, "no refund is held", []Reason{ReasonHeldRefund}},
	{guardWindow, true, "the acquirer's cancel window is open, where the policy knows one",
		[]Reason{ReasonNeverCancels, ReasonWindow}},
	{guardMode, false, "the capture is ours to make: the mode is manual, or APO's own capture failed",
		[]Reason{ReasonOneStep, ReasonAutomatic}},
	{guardLast, false, "no capture that was called the last is done", []Reason{ReasonLastCapture}},
	{guardSeveral, true, "nothing is captured yet, or the method takes several captures", []Reason{ReasonSingleCapture}},
	{guardExpiry, false, "the authorization is not over", []Reason{ReasonExpired}},
	{guardCapturable, false, "the amount is above zero, in the order's currency, and at most authorized − captured",
		[]Reason{ReasonAmount, ReasonCurrency, ReasonRemainder}},
	{guardPaymentID, false, "APO's paymentId is known", []Reason{ReasonNoPaymentID}},
	{guardReversal, false, "no reversal stands open", []Reason{ReasonReversal}},
	{guardRefundable, false, "the amount is above zero, in the order's currency, and at most captured − refunded",
		[]Reason{ReasonAmount, ReasonCurrency, ReasonRemainder}},
	{guardParked, false, "the operation is parked", []Reason{ReasonNotParked}},
	{guardFreshInquiry, false, "APO answered an inquiry about it within the last 10 minutes",
		[]Reason{ReasonStaleInquiry}},
	{guardOnlyAPO, false, "it does not call a cancel succeeded", []Reason{ReasonOnlyAPO}},
	{guardContradiction, false, "APO's answer does not say otherwise, or the resolution overrides it",
		[]Reason{ReasonContradicts}},
	{guardFits, false, "what it calls succeeded still fits the order's money", []Reason{ReasonRemainder}},
	{guardLate, false, "late money stands open, held or moved", []Reason{ReasonNoLateMoney}},
	{guardLatePaymentID, false, "APO's paymentId is known, where the money moved", []Reason{ReasonNoPaymentID}},
	{guardLateInquiry, false, "APO answered an inquiry since the late money became known, within the last 10 minutes",
		[]Reason{ReasonStaleInquiry}},
	{guardAnomaly, false, "that anomaly stands open", []Reason{ReasonNoAnomaly}},
}

// guards are asked in this order once the status allows a command; the first that objects refuses it.
var guards = map[Verb][]guard{
	VerbCancel: {guardIdle, guardGateway, guardHeld, guardWindow},
	VerbCapture: {guardIdle, guardMode, guardGateway, guardHeld, guardLast, guardSeveral, guardExpiry, guardCapturable,
		guardPaymentID},
	VerbRefund:       {guardIdle, guardReversal, guardRefundable, guardPaymentID},
	VerbResolve:      {guardParked, guardFreshInquiry, guardOnlyAPO, guardContradiction, guardFits},
	VerbClearAnomaly: {guardAnomaly},
	VerbCompensate: {guardLate, guardIdle, guardGateway, guardHeld, guardReversal, guardLatePaymentID,
		guardLateInquiry},
}
