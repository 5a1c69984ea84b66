package audit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/translate"
	"github.com/tilltape/tilltape/order"
)

// statusDone is the result status of a call that APO took.
const statusDone = "S"

// ErrEvidence: a record says otherwise than the message of APO's that it was made from.
var ErrEvidence = errors.New("the record is not what APO's message says")

// differs is the error of a record that says otherwise than its message.
func differs(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrEvidence, fmt.Sprintf(format, args...))
}

// waits is a fact of an inquiry whose message comes with the last record of the same append.
type waits struct {
	record events.Record
	states statement
	held   bool // it tells of a refund that is held
}

// evidence holds a record against the message that was kept with it; before is the order as it was. Facts of an inquiry
// wait for its answer.
func (p *replay) evidence(r *events.Record, before *order.Order) error {
	switch e := r.Event.(type) {
	case events.InquiryStarted:
		if left := p.waiting[r.Stream.ID]; len(left) > 0 {
			return differs("the answer to inquiry %d, which proves the record at position %d, is not on record",
				left[0].states.proof.Inquiry, left[0].record.Position)
		}
		return nil
	case events.InquiryAnswered:
		return p.inquired(r, &e)
	}
	s, ok := stated(r.Event)
	if !ok {
		return nil
	}
	held := holds(before, &s)
	e := s.proof.Evidence
	switch via := s.proof.Via; {
	case e != nil && (via == events.ViaSelf || via == events.ViaOperator):
		return differs("a message of APO's is beside a record that is said to come from %s", via)
	case e != nil:
		m, err := p.message(e)
		if err != nil && !s.unresolved {
			return err
		}
		if translate.Channel(m.Op) != via {
			return differs("it is said to come by %s, and the message beside it is of %s", via, m.Op)
		}
		return s.against(m, before, held)
	case via == events.ViaInquiry:
		if s.proof.Inquiry == 0 || s.proof.Inquiry != before.Inquiry.Number || !before.Inquiry.Open {
			return differs("it is said to come from inquiry %d, which is not under way", s.proof.Inquiry)
		}
		if p.waiting == nil {
			p.waiting = map[string][]waits{}
		}
		p.waiting[r.Stream.ID] = append(p.waiting[r.Stream.ID], waits{record: *r, states: s, held: held})
	case s.moves() && via != events.ViaOperator && !(via == events.ViaSelf && held):
		return differs("it tells of money, and no message of APO's is beside it")
	}
	return nil
}

// inquired holds an inquiry's answer against its message, and the facts that waited for it.
func (p *replay) inquired(r *events.Record, answered *events.InquiryAnswered) error {
	left := p.waiting[r.Stream.ID]
	delete(p.waiting, r.Stream.ID)
	var m *apo.Reading
	var err error
	if answered.Evidence != nil {
		m, err = p.message(answered.Evidence)
	} else {
		err = differs("no message of APO's is beside the answer to inquiry %d", answered.Number)
	}
	for i := range left {
		w := &left[i]
		problem := err
		if problem == nil {
			problem = w.states.against(m, &p.before, w.held)
		}
		if problem != nil {
			return &IllegalError{Position: w.record.Position, Record: w.record, Err: problem}
		}
	}
	if answered.Outcome == events.InquiryUnknown && (answered.Evidence == nil || err != nil) {
		return nil // what cannot be read proves nothing, and is kept for a person to look at
	}
	if err != nil {
		return err
	}
	return answers(answered, m)
}

// answers holds what is recorded of the query itself against its message.
func answers(e *events.InquiryAnswered, m *apo.Reading) error {
	op, class := apo.OpInquirePayment, m.Class
	if e.Subject == events.SubjectRefund {
		op = apo.OpInquireRefund
	}
	switch {
	case m.Op != op:
		return differs("it answers an inquiry about a %s, and the message beside it is of %s", e.Subject, m.Op)
	case e.Outcome == events.InquiryAnswers && class != apo.Succeeded,
		e.Outcome == events.InquiryNotExist && class != apo.NotExist:
		return differs("it says that APO %s, and the message beside it says that the query %s", e.Outcome, class)
	case e.State != string(m.State):
		return differsIn("state", e.State, string(m.State))
	case e.Code != m.Code:
		return differsIn("code", e.Code, m.Code)
	}
	return nil
}

// message reads a kept message, until the next one.
func (p *replay) message(e *events.Evidence) (*apo.Reading, error) {
	m, err := p.reader.Read((*apo.Evidence)(e))
	if err != nil {
		return m, differs("the message beside it cannot be read: %s", err)
	}
	return m, nil
}

// holds reports whether the statement is about a refund that the order holds, and says the same of it.
func holds(o *order.Order, s *statement) bool {
	return s.paymentID == "" && s.code == "" && slices.ContainsFunc(o.Held, func(h order.HeldRefund) bool {
		return h.RefundID == s.transferID && h.RefundRequestID == s.requestID && h.Minor == s.amount.Minor &&
			o.Amount.Currency == s.amount.Currency && h.At.Equal(s.at)
	})
}

// against holds what a record states against the message it was made from.
func (s *statement) against(m *apo.Reading, before *order.Order, held bool) error {
	switch {
	case s.proof.Via == events.ViaAnswer && s.proof.Attempt > 0:
		return s.againstAnswer(m, &before.Operation)
	case !s.neverPaid:
		return s.againstFacts(m, before, held)
	case m.Op != apo.OpInquirePayment || m.Class != apo.NotExist:
		return differs("the record says that APO knows no payment, APO's message beside it says that the query %s", m.Class)
	case s.paymentID != "" || !s.at.IsZero():
		return differs("the record names a payment or a time, and APO's message beside it knows no payment")
	}
	return nil
}

// againstFacts holds a fact against those that the message tells.
func (s *statement) againstFacts(m *apo.Reading, before *order.Order, held bool) error {
	var nearest error
	for i := range m.Facts {
		f := &m.Facts[i]
		if f.Kind != s.kind {
			continue
		}
		problem := s.againstFact(f, before)
		if problem == nil {
			return nil
		}
		if nearest == nil || f.TransferID == s.transferID && f.RequestID == s.requestID {
			nearest = problem // of several of the kind, the one that it must have been made from
		}
	}
	inquired := s.proof.Via == events.ViaInquiry
	switch {
	case inquired && s.concludes(m):
		return nil
	case inquired && s.anomaly && held:
		return nil // the inquiry was the occasion to tell of what is held
	case nearest != nil:
		return nearest
	case len(m.Facts) == 0:
		return differs("the record says %s, APO's message beside it proves nothing (%s, code %q)", s.kind, m.Op, m.Code)
	}
	return differs("the record says %s, APO's message beside it says %s", s.kind, m.Facts[0].Kind)
}

// concludes reports whether the record is the end of an operation that an inquiry decided by what it does not tell:
// then the message tells of nothing else that became of the request.
func (s *statement) concludes(m *apo.Reading) bool {
	return s.class == apo.Failed && !s.anomaly && s.paymentID == "" && s.transferID == "" && s.at.IsZero() &&
		!slices.ContainsFunc(m.Facts, func(f apo.Told) bool {
			return s.requestID != "" && f.RequestID == s.requestID && f.Kind != s.kind
		})
}

// againstFact compares every field that the record has with the fact that it was made from.
func (s *statement) againstFact(f *apo.Told, before *order.Order) error {
	has, amount := func(x fields) bool { return s.has&x != 0 }, money(f.Amount)
	unsaid := amount == events.Money{} && s.what == "payment" && !s.anomaly // then the order's amount is recorded
	switch {
	case has(hasPayment) && s.paymentID != f.PaymentID:
		return differsIn("paymentId", s.paymentID, f.PaymentID)
	case !s.anomaly && f.PaymentRequestID != "" && f.PaymentRequestID != before.PaymentRequestID:
		return differsIn("paymentRequestId", before.PaymentRequestID, f.PaymentRequestID)
	case has(hasTransfer) && s.transferID != f.TransferID:
		return differsIn(s.what+"Id", s.transferID, f.TransferID)
	case has(hasRequest) && s.requestID != f.RequestID:
		return differsIn(s.what+"RequestId", s.requestID, f.RequestID)
	case has(hasAmount) && s.amount != amount && !unsaid:
		return differs("the record says %s %s, APO's message beside it says %s", s.what, s.amount, amount)
	case has(hasTime) && !sameTime(s.at, f.Time):
		return differsIn("time", tellTime(s.at), tellTime(f.Time))
	case has(hasExpiry) && !sameTime(s.expires, f.AuthExpiry):
		return differsIn("authExpiryTime", tellTime(s.expires), tellTime(f.AuthExpiry))
	case has(hasCode) && s.code != f.Code:
		return differsIn("code", s.code, f.Code)
	}
	return nil
}

// againstAnswer holds what was recorded of an answer to a call of ours against the answer as a whole. What the message
// leaves out is as we asked for.
func (s *statement) againstAnswer(m *apo.Reading, asked *order.Operation) error {
	amount := s.amount
	if s.has&hasAmount == 0 && s.requestID == asked.RequestID && m.Class != apo.Failed {
		amount = asked.Amount // a call that APO took is for what was asked
	}
	switch {
	case m.Op != s.op:
		return differs("the record is of a %s, APO's message beside it answers a %s", s.what, m.Op)
	case s.has&hasCode != 0 && s.code != m.Code:
		return differsIn("code", s.code, m.Code)
	case s.message != "" && s.message != clipped(m.Message): // which a gateway need not pass on
		return differsIn("result message", s.message, m.Message)
	case s.unresolved:
		return nil
	case m.Class != s.class && !(s.eitherWay && m.Class == apo.Failed):
		return differs("the record says that the %s is %s, APO's message beside it says %s", s.what, s.class, m.Class)
	case s.has&hasRequest != 0 && m.RequestID != "" && s.requestID != m.RequestID:
		return differsIn(s.what+"RequestId", s.requestID, m.RequestID)
	case m.Class == apo.Failed: // of which nothing else is recorded
		if s.paymentID != "" || s.transferID != "" || s.amount != (events.Money{}) || !s.at.IsZero() {
			return differs("the record says more of a refused %s than APO's message beside it", s.what)
		}
	case s.has&hasTransfer != 0 && s.transferID != m.TransferID:
		return differsIn(s.what+"Id", s.transferID, m.TransferID)
	case s.has&hasPayment != 0 && s.paymentID != m.PaymentID:
		return differsIn("paymentId", s.paymentID, m.PaymentID)
	case s.has&hasTime != 0 && !sameTime(s.at, m.Time):
		return differsIn("time", tellTime(s.at), tellTime(m.Time))
	case m.Status == statusDone && amount != (events.Money{}) && !m.Amount.IsZero() && amount != money(m.Amount):
		return differs("the record says %s %s, APO's message beside it says %s", s.what, amount, money(m.Amount))
	}
	return nil
}

func money(a apo.Amount) events.Money { return events.Money{Minor: a.Minor, Currency: a.Currency} }

func differsIn(field, recorded, told string) error {
	return differs("the record says %s %q, APO's message beside it says %q", field, recorded, told)
}

func tellTime(t time.Time) string {
	if t.IsZero() {
		return "none"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// sameTime compares a recorded time with a told one. One that no record can hold is recorded as none.
func sameTime(recorded, told time.Time) bool {
	return recorded.Equal(told) || recorded.IsZero() && !time.Unix(0, told.UnixNano()).Equal(told)
}

// clipped is foreign text as a record keeps it.
func clipped(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), events.TextMax)], "")
}
