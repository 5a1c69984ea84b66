package audit

import (
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/translate"
)

// statedDispute says what a fact about a dispute has from APO.
func statedDispute(e events.Event) statement {
	p := events.PartsOf(e)
	s := statement{what: "dispute", has: hasPayment | hasTransfer | hasAmount | hasTime, paymentID: p.PaymentID,
		transferID: p.TransferID, amount: p.Amount, at: p.At, code: p.Code, message: p.Message, proof: p.Proof}
	switch e := e.(type) {
	case events.DisputeOpened:
		s.kind, s.has = apo.DisputeOpened, s.has|hasCode|hasDefence
		s.defendBy, s.undefendable, s.kindWord = e.DefendBy, e.Undefendable, e.Type
	case events.DisputeDue:
		s.kind, s.has = apo.DisputeDue, s.has|hasDefence
		s.defendBy = e.DefendBy
	case events.DisputeDefended:
		s.kind = apo.DisputeDefended
	case events.DisputeClosed:
		s.kind, s.has = apo.DisputeClosed, s.has|hasCode|hasEnd
		s.outcome, s.lost = e.Outcome, e.Lost
	}
	return s
}

// disputeKinds are the anomalies about disputes, by the kind that their fact would have had.
var disputeKinds = map[events.Kind]apo.Kind{
	events.KindDisputeOpened:   apo.DisputeOpened,
	events.KindDisputeDue:      apo.DisputeDue,
	events.KindDisputeDefended: apo.DisputeDefended,
	events.KindDisputeClosed:   apo.DisputeClosed,
}

// disputeAnomaly makes the statement one of an anomaly about a dispute. Of an end it has the end itself as its code.
func (s *statement) disputeAnomaly(fact events.Kind) {
	s.what, s.kind = "dispute", disputeKinds[fact]
	if s.kind == apo.DisputeClosed {
		s.has = s.has&^hasCode | hasEndWord
	}
}

// againstDispute compares what the facts about disputes have alone.
func (s *statement) againstDispute(f *apo.Told) error {
	has, told := func(x fields) bool { return s.has&x != 0 }, &f.Dispute
	outcome := translate.DisputeOutcome(told.Outcome)
	opened := s.kind == apo.DisputeOpened
	switch {
	case has(hasDefence) && !sameTime(s.defendBy, told.DefendBy):
		return fieldError("defenseDueTime", tellTime(s.defendBy), tellTime(told.DefendBy))
	case has(hasDefence) && opened && s.undefendable != told.Undefendable:
		return evidenceError("the record says undefendable: %t, APO's message beside it says %t", s.undefendable,
			told.Undefendable)
	case has(hasDefence) && opened && s.kindWord != clipped(told.Type):
		return fieldError("disputeType", s.kindWord, told.Type)
	case has(hasEnd) && s.outcome != outcome:
		return fieldError("outcome", s.outcome.String(), outcome.String())
	case has(hasEnd) && s.lost != told.Lost:
		return evidenceError("the record says that %s is lost, APO's message beside it says %s", s.lost,
			events.Money(told.Lost))
	case has(hasEndWord) && s.code != outcome.String():
		return fieldError("outcome", s.code, outcome.String())
	case !s.anomaly && (opened || has(hasEnd)) && s.message != clipped(f.Dispute.Reason):
		return fieldError("disputeReasonMsg", s.message, f.Dispute.Reason)
	}
	return nil
}

// againstNames holds what is kept of a notification that was not understood against the message: the ids that it names,
// and its type. Another version may know what it proves, and read its ids otherwise.
func (s *statement) againstNames(m *apo.Reading) error {
	unread := len(m.Facts) == 0
	switch {
	case !m.Op.IsNotification():
		return evidenceError("the record is of a notification, the message beside it is of %s", m.Op)
	case s.paymentID != m.PaymentID:
		return fieldError("paymentId", s.paymentID, m.PaymentID)
	case unread && s.transferID != m.TransferID:
		return fieldError("transferId", s.transferID, m.TransferID)
	case unread && s.requestID != m.RequestID:
		return fieldError("requestId", s.requestID, m.RequestID)
	case s.amount != events.Money{} || !s.at.IsZero():
		return evidenceError("the record takes an amount or a time from a message that was not understood")
	case s.code != m.Type:
		return fieldError("type", s.code, m.Type)
	case unread && s.fact != unreadFact(m.Op):
		return evidenceError("the record is of %q, the message beside it is of %s", s.fact, m.Op)
	}
	return nil
}

// unreadFact is what a notification that was not understood is recorded as: of a capture or refund a word on that.
func unreadFact(op apo.Op) events.Kind {
	switch op {
	case apo.OpNotifyCapture:
		return events.KindCaptureUnresolved
	case apo.OpNotifyRefund:
		return events.KindRefundUnresolved
	}
	return ""
}
