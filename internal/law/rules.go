package law

import "slices"

// Guard is a condition that a command needs beyond its status.
type Guard uint8

// The guards. What each means stands in its [Rule]; what it asks of an order, in package order.
const (
	GuardNone Guard = iota
	GuardIdle
	GuardNoRefund
	GuardRefunds
	GuardGateway
	GuardHeld
	GuardUnaccounted
	GuardUncaptured
	GuardMoved
	GuardKept
	GuardWindow
	GuardMode
	GuardLast
	GuardSeveral
	GuardExpiry
	GuardZero
	GuardCapturable
	GuardPaymentID
	GuardReversal
	GuardDispute
	GuardRefundable
	GuardParked
	GuardFreshInquiry
	GuardUnanswered
	GuardOnlyAPO
	GuardContradiction
	GuardFits
	GuardLate
	GuardLatePaymentID
	GuardLateInquiry
	GuardAnomaly
)

// Rule is one condition of the law, in full: whatever decides, judges or explains reads this row.
type Rule struct {
	Guard   Guard
	Policy  bool     // asks the policy of the day, which is not on record: no log can be held against it
	Holds   string   // what must hold, in words
	Reasons []Reason // what a command is refused for where it does not
}

// ruleRows has one row for every guard.
var ruleRows = []Rule{
	{GuardIdle, false, "no operation is outstanding",
		[]Reason{ReasonParked, ReasonCancelling, ReasonCapturing, ReasonRefunding}},
	{GuardNoRefund, false, "APO works on no refund", []Reason{ReasonRefunding, ReasonParked}},
	{GuardRefunds, false, "APO works on fewer than 64 refunds", []Reason{ReasonRefunds}},
	{GuardGateway, false, "APO is not capturing by itself", []Reason{ReasonGatewayCapture}},
	{GuardHeld, false, "no refund is held", []Reason{ReasonHeldRefund}},
	{GuardUnaccounted, false, "APO has signed no payment, capture or refund that the amounts cannot have, unless it " +
		"failed", []Reason{ReasonUnaccounted}},
	{GuardUncaptured, false, "no capture counts, of which a person may have said so beside a payment in one step",
		[]Reason{ReasonCaptured}},
	{GuardMoved, false, "APO has not called the payment both held and made in one step",
		[]Reason{ReasonReversal}},
	{GuardKept, false, "nothing has gone back, of which a person may have said so of what is only held",
		[]Reason{ReasonRefunded}},
	{GuardWindow, true, "the acquirer's cancel window is open, where the policy knows one",
		[]Reason{ReasonNeverCancels, ReasonWindow}},
	{GuardMode, false, "the capture is ours to make: the mode is manual, or APO's own capture failed",
		[]Reason{ReasonOneStep, ReasonAutomatic}},
	{GuardLast, false, "no capture that was called the last is done", []Reason{ReasonLastCapture}},
	{GuardSeveral, true, "nothing is captured yet, the amount is zero, or the method takes several captures",
		[]Reason{ReasonSingleCapture}},
	{GuardExpiry, false, "the authorization is not over", []Reason{ReasonExpired}},
	{GuardZero, true, "the amount is not zero, or the method takes a last capture of zero", []Reason{ReasonAmount}},
	{GuardCapturable, false, "the amount is in the order's currency, at most authorized − captured − what is in doubt, " +
		"and above zero or, for the last capture of an order that is captured in part, zero",
		[]Reason{ReasonAmount, ReasonCurrency, ReasonRemainder, ReasonReversal}},
	{GuardPaymentID, false, "APO's paymentId is known", []Reason{ReasonNoPaymentID}},
	{GuardReversal, false, "APO has told no payment, capture or refund that counts otherwise too",
		[]Reason{ReasonReversal}},
	{GuardDispute, false, "before a capture no dispute in another currency than the order's is open or has taken money; " +
		"before the others no dispute is open, and before a cancel, which gives back all, none has taken anything",
		[]Reason{ReasonDisputed}},
	{GuardRefundable, false, "the amount is above zero, in the order's currency, and at most captured − refunded − " +
		"disputed − what is under way, held or in doubt",
		[]Reason{ReasonAmount, ReasonCurrency, ReasonRemainder, ReasonReversal, ReasonUnaccounted, ReasonHeldRefund}},
	{GuardParked, false, "an operation is parked, of several the one named, or the record named tells of a " +
		"payment, capture or refund in doubt, of a refund that is held, of a dispute without an end, or of APO's own " +
		"capture from its second day on",
		[]Reason{ReasonNotParked, ReasonNoDoubt}},
	{GuardFreshInquiry, false, "APO answered an inquiry about it within the last 10 minutes; or, of what is parked, " +
		"told nothing in one since it was, and the resolution overrides that", []Reason{ReasonStaleInquiry}},
	{GuardUnanswered, true, "APO answered an inquiry about it within the last 10 minutes, or has told nothing in as " +
		"many in a row since it was parked as the policy says", []Reason{ReasonStaleInquiry}},
	{GuardOnlyAPO, false, "it does not call a cancel succeeded", []Reason{ReasonOnlyAPO}},
	{GuardContradiction, false, "APO's answer does not say otherwise, or the resolution overrides it",
		[]Reason{ReasonContradicts}},
	{GuardFits, false, "what it calls succeeded is in the order's currency, and what was asked for still fits its money",
		[]Reason{ReasonCurrency, ReasonRemainder}},
	{GuardLate, false, "late money is with us, held or moved", []Reason{ReasonNoLateMoney}},
	{GuardLatePaymentID, false, "APO's paymentId is known, where the money moved", []Reason{ReasonNoPaymentID}},
	{GuardLateInquiry, false, "APO answered an inquiry since the late money became known, within the last 10 minutes",
		[]Reason{ReasonStaleInquiry}},
	{GuardAnomaly, false, "that anomaly stands open", []Reason{ReasonNoAnomaly}},
}

// guards are asked in this order once the status allows a command; the first that objects refuses it.
var guards = map[Verb][]Guard{
	VerbCancel: {GuardIdle, GuardNoRefund, GuardGateway, GuardHeld, GuardUnaccounted, GuardUncaptured, GuardMoved,
		GuardKept, GuardDispute, GuardWindow},
	VerbCapture: {GuardIdle, GuardNoRefund, GuardMode, GuardGateway, GuardHeld, GuardUnaccounted, GuardDispute, GuardLast,
		GuardSeveral, GuardExpiry, GuardZero, GuardCapturable, GuardPaymentID},
	VerbRefund:       {GuardIdle, GuardRefunds, GuardDispute, GuardRefundable, GuardPaymentID},
	VerbResolve:      {GuardParked, GuardFreshInquiry, GuardUnanswered, GuardOnlyAPO, GuardContradiction, GuardFits},
	VerbClearAnomaly: {GuardAnomaly},
	VerbCompensate: {GuardLate, GuardIdle, GuardNoRefund, GuardGateway, GuardHeld, GuardUnaccounted, GuardReversal,
		GuardDispute, GuardLatePaymentID, GuardLateInquiry},
}

// RuleRows returns one rule a guard, in order.
func RuleRows() []Rule { return slices.Clone(ruleRows) }

// Rules returns the rules of a command in the order they are asked in, once its status allows it. The slice is the
// law's own: not to be written to.
func Rules(v Verb) []Rule { return compiled.rules[v] }

// Passes reports whether what the guard objects to may pass by itself, or by a person's word: what was asked before it
// came waits for that. What any other guard objects to is decided, unless the amounts are in doubt.
func (g Guard) Passes() bool {
	switch g {
	case GuardIdle, GuardNoRefund, GuardRefunds, GuardGateway, GuardHeld, GuardUnaccounted, GuardReversal, GuardMoved,
		GuardDispute, GuardPaymentID, GuardLatePaymentID:
		return true
	}
	return false
}
