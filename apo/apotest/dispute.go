package apotest

import (
	"encoding/json"
	"time"

	"github.com/tilltape/tilltape/apo"
)

// DefenceTime is how long a dispute can be defended where it does not say: what schemes give is between one and six
// weeks.
const DefenceTime = 7 * 24 * time.Hour

const (
	typeDisputeCreated  = "DISPUTE_CREATED"
	typeDisputeDue      = "DEFENSE_DUE_ALERT"
	typeDisputeDefended = "DEFENSE_SUPPLIED"
	typeDisputeJudged   = "DISPUTE_JUDGED"
)

// Dispute is what a buyer disputes.
type Dispute struct {
	// Minor is how much; zero is all that was paid or captured.
	Minor int64 `json:"minor,omitempty"`
	// DefendBy is until when it can be defended; zero is [DefenceTime] from now.
	DefendBy time.Time `json:"defendBy,omitzero"`
	// Undefendable says that it cannot be.
	Undefendable bool `json:"undefendable,omitempty"`
	// Type is what APO calls it; "" is CHARGEBACK. ReasonCode and Reason may be empty.
	Type       string `json:"type,omitempty"`
	ReasonCode string `json:"reasonCode,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

// dispute is one that was opened.
type dispute struct {
	Dispute
	ID      string
	payment *payment
	opened  time.Time
	outcome apo.DisputeOutcome // "": open
	lost    int64
}

// OpenDispute lets the buyer dispute a payment whose money moved, and returns APO's disputeId. A payment can be
// disputed several times. The error wraps [ErrPlay], as those below.
func (s *Server) OpenDispute(id string, d Dispute) (disputeID string, err error) {
	err = s.play(id, func(p *payment) error {
		if p.moved() == 0 {
			return playError(id, "disputed", "no money of it has moved")
		}
		if d.Minor < 0 {
			return playError(id, "disputed", "the amount is negative")
		}
		if d.Minor == 0 {
			d.Minor = p.moved()
		}
		if d.Type == "" {
			d.Type = "CHARGEBACK"
		}
		if d.DefendBy.IsZero() {
			d.DefendBy = s.now().Add(DefenceTime)
		}
		made := &dispute{Dispute: d, ID: s.newID(), payment: p, opened: s.now()}
		s.book.disputes[made.ID] = made
		p.disputes = append(p.disputes, made)
		disputeID = made.ID
		s.notifyDispute(made, typeDisputeCreated, map[string]any{
			"disputeTime": isoTime(made.opened), "defenseDueTime": isoTime(d.DefendBy), "defendable": !d.Undefendable,
			"disputeType": d.Type, "disputeReasonCode": d.ReasonCode, "disputeReasonMsg": d.Reason,
		})
		return nil
	})
	return disputeID, err
}

// AlertDispute tells the merchant that the defence is due soon (DEFENSE_DUE_ALERT).
func (s *Server) AlertDispute(disputeID string) error {
	return s.playDispute(disputeID, func(d *dispute) error {
		s.notifyDispute(d, typeDisputeDue, map[string]any{"defenseDueTime": isoTime(d.DefendBy)})
		return nil
	})
}

// DefendDispute supplies documents that defend a dispute (DEFENSE_SUPPLIED), as in the acquirer's dashboard.
func (s *Server) DefendDispute(disputeID string) error {
	return s.playDispute(disputeID, func(d *dispute) error {
		switch {
		case d.Undefendable:
			return playError(disputeID, "defended", "it cannot be")
		case s.now().After(d.DefendBy):
			return playError(disputeID, "defended", "its time is over")
		}
		s.notifyDispute(d, typeDisputeDefended, map[string]any{})
		return nil
	})
}

// EndDispute ends an open dispute. A judgement that the merchant is liable, or that documents are refused, takes minor
// units of the merchant's money, or what is disputed where that is zero; so does every acceptance, and what rapid
// dispute resolution gave back. The others take nothing. What it takes is on the ledger.
func (s *Server) EndDispute(disputeID string, outcome apo.DisputeOutcome, minor int64) error {
	return s.playDispute(disputeID, func(d *dispute) error {
		takes, kind, fields := true, string(outcome), map[string]any{}
		switch outcome {
		case apo.DisputeBuyerLiable, apo.DisputeValidated:
			takes, kind = false, typeDisputeJudged
		case apo.DisputeMerchantLiable, apo.DisputeInvalidated:
			kind = typeDisputeJudged
		case apo.DisputeWithdrawn:
			takes = false
		case apo.DisputeAccepted, apo.DisputeTimedOut:
			kind, fields["disputeAcceptTime"] = string(apo.DisputeAccepted), isoTime(s.now())
			fields["disputeAcceptReason"] = map[bool]string{true: "TIMEOUT", false: "MERCHANT_ACCEPTED"}[outcome ==
				apo.DisputeTimedOut]
		case apo.DisputeRapid:
		default:
			return playError(disputeID, "ended", "no dispute ends with "+string(outcome))
		}
		d.outcome = outcome
		if takes {
			if d.lost = minor; minor <= 0 {
				d.lost = d.Minor
			}
			s.write(d.payment, Entry{Kind: Disputed, Amount: of(d.payment.Amount, d.lost), ID: d.ID})
		}
		if kind == typeDisputeJudged {
			fields["disputeJudgedTime"], fields["disputeJudgedResult"] = isoTime(s.now()), string(outcome)
			fields["disputeJudgedAmount"], fields["disputeReasonCode"] = wire(of(d.payment.Amount, d.lost)), d.ReasonCode
		}
		s.notifyDispute(d, kind, fields)
		return nil
	})
}

// playDispute lets act change an open dispute.
func (s *Server) playDispute(disputeID string, act func(*dispute) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	d := s.book.disputes[disputeID]
	switch {
	case d == nil:
		return playError(disputeID, "found", "no buyer has opened that dispute")
	case d.outcome != "":
		return playError(disputeID, "changed", "it ended with "+string(d.outcome))
	}
	return act(d)
}

// notifyDispute tells of a dispute. As at APO, the message has neither a notifyType nor a result.
func (s *Server) notifyDispute(d *dispute, kind string, fields map[string]any) {
	fields["disputeNotificationType"], fields["disputeId"] = kind, d.ID
	fields["paymentId"], fields["paymentRequestId"] = d.payment.PaymentID, d.payment.PaymentRequestID
	fields["disputeAmount"] = wire(of(d.payment.Amount, d.Minor))
	s.mail(d.payment, letter{op: OpNotifyDispute, kind: kind, requestID: d.ID, target: d.payment.NotifyURL,
		fields: fields})
}

// Tell sends the merchant a signed notification of any content about a payment: of a type that nobody has heard of, or
// with fields that cannot be. The paymentId and paymentRequestId of the payment are added where it has none; a field
// that is nil is left out.
func (s *Server) Tell(id string, content map[string]any) error {
	return s.play(id, func(p *payment) error {
		fields := map[string]any{"paymentId": p.PaymentID, "paymentRequestId": p.PaymentRequestID}
		for name, value := range content {
			if fields[name] = value; value == nil {
				delete(fields, name)
			}
		}
		if _, err := json.Marshal(fields); err != nil {
			return playError(id, "told of", "its content is no JSON: "+err.Error())
		}
		kind, _ := content["notifyType"].(string)
		s.mail(p, letter{op: OpNotification, kind: kind, target: p.NotifyURL, fields: fields})
		return nil
	})
}

// moved is what of the payment's money the merchant was given, whatever became of it.
func (p *payment) moved() int64 {
	switch {
	case p.paid.IsZero():
		return 0
	case p.twoSteps():
		return sum(p.captures, isDone)
	}
	return p.Amount.Minor
}

// lost is what disputes took of it.
func (p *payment) lost() (minor int64) {
	for _, d := range p.disputes {
		minor = add(minor, d.lost)
	}
	return minor
}
