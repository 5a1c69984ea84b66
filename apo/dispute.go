package apo

import "time"

// DisputeOutcome is how a dispute ended, in APO's words: the result of a judgement, or what ended it without one.
type DisputeOutcome string

// The outcomes. VALIDATE_ is said of a request for documents.
const (
	DisputeBuyerLiable    DisputeOutcome = "ACCEPT_BY_CUSTOMER" // the money is free again
	DisputeMerchantLiable DisputeOutcome = "ACCEPT_BY_MERCHANT" // the judged amount is taken
	DisputeValidated      DisputeOutcome = "VALIDATE_SUCCESS"
	DisputeInvalidated    DisputeOutcome = "VALIDATE_FAIL"
	DisputeAccepted       DisputeOutcome = "DISPUTE_ACCEPTED"  // by the merchant, or for it
	DisputeTimedOut       DisputeOutcome = "TIMEOUT"           // accepted, since nobody defended it in time
	DisputeWithdrawn      DisputeOutcome = "DISPUTE_CANCELLED" // by the buyer
	DisputeRapid          DisputeOutcome = "RDR_RESOLVED"      // rapid dispute resolution gave the money back
)

// The values of disputeNotificationType that are no outcome.
const (
	notifyDisputeCreated  = "DISPUTE_CREATED"
	notifyDisputeDue      = "DEFENSE_DUE_ALERT"
	notifyDisputeDefended = "DEFENSE_SUPPLIED"
	notifyDisputeJudged   = "DISPUTE_JUDGED"
)

// Dispute is what a fact about a dispute says beside its ids, the disputed amount, its time and the code of its reason,
// which are those of its [Verified].
type Dispute struct {
	// Outcome is of [DisputeClosed] alone.
	Outcome DisputeOutcome
	// Lost is disputeJudgedAmount, what is taken from the merchant; zero where the message names none.
	Lost Amount
	// DefendBy is until when the dispute can be defended, in UTC; zero: not told.
	DefendBy time.Time
	// Undefendable says that it cannot be.
	Undefendable bool
	// Type is disputeType, for instance "CHARGEBACK"; Reason is the reason in words, at most 1 KiB. Either may be empty.
	Type, Reason string
}

// readDispute takes what only the notification of a dispute has. That one names its kind in a field of its own, and
// need not have a result.
func (c *content) readDispute(r *reader) {
	d, p := &c.details, &c.dispute
	d.NotifyType = r.code(fieldDisputeType)
	p.Lost, p.DefendBy = r.amount("disputeJudgedAmount"), r.time("defenseDueTime")
	p.Type, p.Reason = r.code("disputeType"), clip(r.text("disputeReasonMsg"), resultTextMax)
	p.Undefendable = r.text("defendable") == "false"
	c.result.code = r.code("disputeReasonCode")
	judged, accepted := r.time("disputeJudgedTime"), r.time("disputeAcceptTime")
	switch d.NotifyType {
	case notifyDisputeCreated:
		d.Time = r.time("disputeTime")
	case notifyDisputeJudged:
		d.Time, p.Outcome = judged, DisputeOutcome(r.code("disputeJudgedResult"))
	case string(DisputeAccepted):
		d.Time, p.Outcome = accepted, DisputeAccepted
		if r.code("disputeAcceptReason") == string(DisputeTimedOut) {
			p.Outcome = DisputeTimedOut
		}
		if d.Time.IsZero() {
			d.Time = judged
		}
	case string(DisputeWithdrawn), string(DisputeRapid):
		d.Time, p.Outcome = judged, DisputeOutcome(d.NotifyType)
	}
}

// disputeKind says what the notification of a dispute proves: nothing where it names no dispute, or ends one in a way
// that is not known here.
func (c *content) disputeKind() Kind {
	if c.details.TransferID == "" || c.result.status != "" && c.result.status != statusDone {
		return 0
	}
	switch c.details.NotifyType {
	case notifyDisputeCreated:
		return DisputeOpened
	case notifyDisputeDue:
		return DisputeDue
	case notifyDisputeDefended:
		return DisputeDefended
	}
	switch c.dispute.Outcome {
	case DisputeBuyerLiable, DisputeMerchantLiable, DisputeValidated, DisputeInvalidated, DisputeAccepted,
		DisputeTimedOut, DisputeWithdrawn, DisputeRapid:
		return DisputeClosed
	}
	return 0
}
