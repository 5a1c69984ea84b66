package audit

import (
	"cmp"
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

// evidenceError is the error of a record that says otherwise than its message.
func evidenceError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrEvidence, fmt.Sprintf(format, args...))
}

// waiting is a fact of an inquiry whose message comes with the last record of the same append.
type waiting struct {
	record events.Record
	states statement
	held   bool // it tells of a refund that is held
}

// resolution is an operator's word on an operation, whose fact follows in the same append.
type resolution struct {
	stream events.Stream
	what   events.Resolution
	about  order.Operation
	spent  bool // its fact is on record
}

// unanswered is the error of facts whose inquiry's answer should have followed in the same append, and did not.
func (p *replay) unanswered() error {
	if len(p.waiting) == 0 {
		return nil
	}
	w := &p.waiting[0]
	return &IllegalError{Position: w.record.Position, Record: w.record,
		Err: evidenceError("it is said to come from inquiry %d, and the same append has no answer to it",
			w.states.proof.Inquiry)}
}

// evidence holds a record against the message that was kept with it; before is the order as it was. Facts of an inquiry
// wait for its answer, and facts on an operator's word follow that: an append's records stand one after another.
func (p *replay) evidence(r *events.Record, before *order.Order) error {
	s, ok := stated(r.Event)
	answered, answers := r.Event.(events.InquiryAnswered)
	if len(p.waiting) > 0 && (p.waiting[0].record.Stream != r.Stream || !answers && !besideFacts(r.Event, &s, ok)) {
		return p.unanswered()
	}
	word := p.word
	p.word = nil
	switch e := r.Event.(type) {
	case events.OperationResolved:
		about, _ := before.OperationAt(e.Intent)
		p.word = &resolution{stream: r.Stream, what: e.Resolution, about: about}
		return nil
	case events.TransferResolved: // which is the fact itself; what follows are anomalies
		p.word = &resolution{stream: r.Stream, what: e.Resolution, spent: true}
		return nil
	case events.InquiryAnswered:
		return p.inquired(r, &answered, before)
	}
	if !ok {
		return nil
	}
	held := holds(before, &s)
	e := s.proof.Evidence
	switch via := s.proof.Via; {
	case e != nil && (via == events.ViaSelf || via == events.ViaOperator):
		return evidenceError("a message of APO's is beside a record that is said to come from %s", via)
	case e != nil:
		m, err := p.message(e)
		if err != nil && !s.unresolved && !s.unread {
			return err
		}
		if translate.Channel(m.Op) != via {
			return evidenceError("it is said to come by %s, and the message beside it is of %s", via, m.Op)
		}
		return s.against(m, before, held)
	case via == events.ViaInquiry:
		if s.proof.Inquiry == 0 || s.proof.Inquiry != before.Inquiry.Number || !before.Inquiry.Open {
			return evidenceError("it is said to come from inquiry %d, which is not under way", s.proof.Inquiry)
		}
		p.waiting = append(p.waiting, waiting{record: *r, states: s, held: held})
	case via == events.ViaOperator:
		return p.onWord(r, &s, word)
	case !s.onRecordAlone(held):
		return evidenceError("it is said to come by %s, and no message of APO's is beside it", via)
	}
	return nil
}

// besideFacts reports whether a record can stand between a fact of an inquiry and its answer: another such fact, what
// we conclude from them, or the end of an inquiry's patience.
func besideFacts(e events.Event, s *statement, fact bool) bool {
	switch e.(type) {
	case events.AnomalyCleared, events.OperationParked:
		return true
	}
	return fact && s.proof.Evidence == nil && (s.proof.Via == events.ViaInquiry || s.proof.Via == events.ViaSelf)
}

// onRecordAlone reports whether a fact without a message can be one that no message makes: what is kept of an answer
// that decided nothing, the end of a call that was never sent, a held refund that gets its place, an order cancelled
// here since its payment had failed, and what a person should look at.
func (s *statement) onRecordAlone(held bool) bool {
	switch s.proof.Via {
	case events.ViaSelf:
		return held || s.anomaly || s.what == "cancel"
	case events.ViaAnswer:
		return s.unresolved || s.anomaly || s.class == apo.Failed && s.code == translate.CodeNotSent
	}
	return s.anomaly
}

// onWord holds a fact on an operator's word against that word, which must be the record before it.
func (p *replay) onWord(r *events.Record, s *statement, word *resolution) error {
	if word == nil || word.stream != r.Stream {
		return evidenceError("it is said to be an operator's word, and no such word is the record before it")
	}
	p.word = word // what else follows from it
	if s.anomaly {
		return nil
	}
	about, failed := &word.about, s.class == apo.Failed
	switch {
	case word.spent:
		return evidenceError("it is said to be an operator's word, which was about one operation")
	case failed != (word.what == events.ResolvedFailed) || s.what != about.Kind.String() || s.requestID != about.RequestID:
		return evidenceError("the record says otherwise than the operator's word before it: %s of %s %q", word.what,
			about.Kind, about.RequestID)
	case s.has&hasAmount != 0 && s.amount != about.Amount:
		return evidenceError("the record says %s %s, and the operator's word before it was about %s", s.what, s.amount,
			about.Amount)
	}
	word.spent = true
	return nil
}

// inquired holds an inquiry's answer against its message, and the facts that waited for it.
func (p *replay) inquired(r *events.Record, answered *events.InquiryAnswered, before *order.Order) error {
	left := p.waiting
	p.waiting = p.waiting[:0]
	var m *apo.Reading
	var err error
	if answered.Evidence != nil {
		m, err = p.message(answered.Evidence)
	} else {
		err = evidenceError("no message of APO's is beside the answer to inquiry %d", answered.Number)
	}
	for i := range left {
		w := &left[i]
		problem := err
		if problem == nil {
			problem = w.states.against(m, before, w.held)
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
		return evidenceError("it answers an inquiry about a %s, and the message beside it is of %s", e.Subject, m.Op)
	case e.Outcome == events.InquiryAnswers && class != apo.Succeeded,
		e.Outcome == events.InquiryNotExist && class != apo.NotExist:
		return evidenceError("it says that APO %s, and the message beside it says that the query %s", e.Outcome, class)
	case m.Unread && e.Outcome == events.InquiryUnknown && e.State == "" && e.Problem != "" &&
		(e.Code == "" || e.Code == m.Code):
		// An older version took a whole answer for one that cannot be read where one line of it was. It proved nothing.
	case e.State != string(m.State):
		return fieldError("state", e.State, string(m.State))
	case e.Code != m.Code:
		return fieldError("code", e.Code, m.Code)
	}
	return nil
}

// messageOf is the message that was kept with a fact, or nil.
func messageOf(e events.Event) *events.Evidence {
	if answered, is := e.(events.InquiryAnswered); is {
		return answered.Evidence
	}
	s, _ := stated(e)
	return s.proof.Evidence
}

// message is what the newest record's kept message says, until the next record.
func (p *replay) message(e *events.Evidence) (m *apo.Reading, err error) {
	if l := p.letter; l != nil && l.of == e {
		m, err = &l.says, l.err
	} else {
		m = &p.read
		err = p.reader.Read((*apo.Evidence)(e), m)
	}
	if err != nil {
		return m, evidenceError("the message beside it cannot be read: %s", err)
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
	case s.unread:
		return s.againstNames(m)
	case s.proof.Via == events.ViaAnswer && s.proof.Attempt > 0:
		return s.againstAnswer(m, &before.Operation)
	case !s.neverPaid:
		return s.againstFacts(m, before, held)
	case m.Op != apo.OpInquirePayment || m.Class != apo.NotExist:
		return evidenceError("the record says that APO knows no payment, APO's message beside it says that the query %s",
			m.Class)
	case s.paymentID != "" || !s.at.IsZero():
		return evidenceError("the record names a payment or a time, and APO's message beside it knows no payment")
	}
	return nil
}

// againstFacts holds a fact against those that the message tells: first those of its own identifiers, since a long
// message tells of thousands of its kind, and to say in what each differs would take seconds.
func (s *statement) againstFacts(m *apo.Reading, before *order.Order, held bool) error {
	var nearest error // of several of the kind, the one that it must have been made from
	for i := range m.Facts {
		if f := &m.Facts[i]; s.toldBy(f.Kind) && s.names(f) {
			problem := s.againstFact(f, before)
			if problem == nil {
				return nil
			}
			nearest = problem
		}
	}
	for i := range m.Facts {
		if f := &m.Facts[i]; s.toldBy(f.Kind) && !s.names(f) && (nearest == nil || !s.identified()) {
			problem := s.againstFact(f, before)
			if problem == nil {
				return nil
			}
			nearest = cmp.Or(nearest, problem)
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
		return evidenceError("the record says %s, APO's message beside it proves nothing (%s, code %q)", s.kind, m.Op, m.Code)
	}
	return evidenceError("the record says %s, APO's message beside it says %s", s.kind, m.Facts[0].Kind)
}

// toldBy reports whether a fact of that kind says what the record does.
func (s *statement) toldBy(kind apo.Kind) bool {
	return kind == s.kind || s.also != 0 && kind == s.also
}

// names reports whether the record has the fact's own identifiers.
func (s *statement) names(f *apo.Told) bool {
	return f.TransferID == s.transferID && f.RequestID == s.requestID
}

// identified reports whether the record keeps both of a transfer's identifiers, so that no fact of others can be its.
func (s *statement) identified() bool {
	return s.has&(hasTransfer|hasRequest) == hasTransfer|hasRequest
}

// concludes reports whether the record is the end of an operation that an inquiry decided by what it does not tell:
// then the message tells of nothing else that became of the request.
func (s *statement) concludes(m *apo.Reading) bool {
	return s.class == apo.Failed && !s.anomaly && s.paymentID == "" && s.transferID == "" && s.at.IsZero() &&
		!slices.ContainsFunc(m.Facts, func(f apo.Told) bool {
			return s.what == "cancel" && f.Kind == s.kind || f.Kind != s.kind &&
				(s.requestID != "" && f.RequestID == s.requestID || s.what == "refund" && m.Op == apo.OpInquireRefund)
		})
}

// againstFact compares every field that the record has with the fact that it was made from.
func (s *statement) againstFact(f *apo.Told, before *order.Order) error {
	has, amount := func(x fields) bool { return s.has&x != 0 }, events.Money(f.Amount)
	unsaid := amount == events.Money{} && s.what == "payment" && !s.anomaly // then the order's amount is recorded
	switch {
	case s.oneStep && before.CaptureMode != order.CaptureNone && !f.PaidInOneStep:
		return evidenceError("the record says that a payment which is to be captured was paid in one step, APO's message " +
			"beside it does not")
	case has(hasPayment) && s.paymentID != f.PaymentID:
		return fieldError("paymentId", s.paymentID, f.PaymentID)
	case !s.anomaly && f.PaymentRequestID != "" && f.PaymentRequestID != before.PaymentRequestID:
		return fieldError("paymentRequestId", before.PaymentRequestID, f.PaymentRequestID)
	case has(hasTransfer) && s.transferID != f.TransferID:
		return fieldError(s.what+"Id", s.transferID, f.TransferID)
	case has(hasRequest) && s.requestID != f.RequestID:
		return fieldError(s.what+"RequestId", s.requestID, f.RequestID)
	case has(hasAmount) && s.amount != amount && !unsaid:
		return evidenceError("the record says %s %s, APO's message beside it says %s", s.what, s.amount, amount)
	case has(hasTime) && !sameTime(s.at, f.Time):
		return fieldError("time", tellTime(s.at), tellTime(f.Time))
	case has(hasExpiry) && !sameTime(s.expires, f.AuthExpiry):
		return fieldError("authExpiryTime", tellTime(s.expires), tellTime(f.AuthExpiry))
	case has(hasCode) && s.code != f.Code:
		return fieldError("code", s.code, f.Code)
	}
	return s.againstDispute(f)
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
		return evidenceError("the record is of a %s, APO's message beside it answers a %s", s.what, m.Op)
	case s.has&hasCode != 0 && s.code != m.Code:
		return fieldError("code", s.code, m.Code)
	case s.message != "" && s.message != clipped(m.Message): // which a gateway need not pass on
		return fieldError("result message", s.message, m.Message)
	case s.unresolved:
		return nil
	case m.Class != s.class && !(s.eitherWay && m.Class == apo.Failed):
		return evidenceError("the record says that the %s is %s, APO's message beside it says %s", s.what, s.class, m.Class)
	case s.has&hasRequest != 0 && m.RequestID != "" && s.requestID != m.RequestID:
		return fieldError(s.what+"RequestId", s.requestID, m.RequestID)
	case m.Class == apo.Failed: // of which nothing else is recorded
		if s.paymentID != "" || s.transferID != "" || s.amount != (events.Money{}) || !s.at.IsZero() {
			return evidenceError("the record says more of a refused %s than APO's message beside it", s.what)
		}
	case s.has&hasTransfer != 0 && s.transferID != m.TransferID:
		return fieldError(s.what+"Id", s.transferID, m.TransferID)
	case s.has&hasPayment != 0 && s.paymentID != m.PaymentID:
		return fieldError("paymentId", s.paymentID, m.PaymentID)
	case s.has&hasTime != 0 && !sameTime(s.at, m.Time):
		return fieldError("time", tellTime(s.at), tellTime(m.Time))
	case m.Status == statusDone && amount != (events.Money{}) && m.Amount != (apo.Amount{}) && amount != m.Amount:
		return evidenceError("the record says %s %s, APO's message beside it says %s", s.what, amount, events.Money(m.Amount))
	}
	return nil
}

func fieldError(field, recorded, told string) error {
	return evidenceError("the record says %s %q, APO's message beside it says %q", field, recorded, told)
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
