package audit

import (
	"fmt"
	"strings"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/order"
)

// what says in words what happened. Every kind of fact has its own; a test walks them.
func (h *history) what(e events.Event, p *events.Parts) string {
	switch e := e.(type) {
	case events.OrderCreated:
		how := map[events.CaptureMode]string{events.CaptureNone: "paid in one step",
			events.CaptureAutomatic: "captured by APO", events.CaptureManual: "captured by us"}
		return fmt.Sprintf("placed: %s by %s, %s", e.Amount, e.Method, how[e.CaptureMode])
	case events.AttemptStarted:
		return fmt.Sprintf("%s asked again, attempt %d", h.verb(h.o.Operation.Intent), e.Attempt)
	case events.InquiryStarted:
		return fmt.Sprintf("APO asked about the %s, inquiry %d", e.Subject, e.Number)
	case events.InquiryAnswered:
		return inquiryWords(&e)
	case events.OperationParked:
		return strings.TrimSpace(h.verb(e.Intent) + " given to a person")
	case events.OperationResolved:
		return fmt.Sprintf("%s called %s by a person", h.verb(e.Intent), e.Resolution) + overridden(e.Override)
	case events.TransferResolved:
		return fmt.Sprintf("what record %d tells called %s by a person", e.Record, e.Resolution)
	case events.AnomalyObserved:
		text := "anomaly: " + e.Reason.String()
		if e.Fact != "" {
			text += ", of " + string(e.Fact)
		}
		return text + of(e.Amount)
	case events.AnomalyCleared:
		return fmt.Sprintf("anomaly %d closed", e.Anomaly)
	case events.CommandRefused:
		text := e.Command + of(e.Amount) + " refused"
		if e.Count > 1 {
			text += ", " + words.Counted(e.Count, "time")
		}
		return text
	}
	return transferWords(e, p)
}

// verb is the command whose operation an intent began. Once it is decided the order does not tell any more.
func (h *history) verb(intent uint64) string {
	if op, open := h.o.OperationAt(intent); open {
		return op.Verb().String()
	}
	return "operation"
}

func overridden(yes bool) string {
	if yes {
		return ", without APO's word"
	}
	return ""
}

func inquiryWords(e *events.InquiryAnswered) string {
	text := fmt.Sprintf("inquiry %d: ", e.Number)
	switch e.Outcome {
	case events.InquiryAnswers:
		text += "APO says " + e.State
	case events.InquiryNotExist:
		text += "APO knows no such " + e.Subject.String()
	default:
		text += "no usable answer"
	}
	if e.AskAgain {
		text += "; the call may be made again"
	}
	return text
}

// transferWords tells of money: what moves, and how far it has come.
func transferWords(e events.Event, p *events.Parts) string {
	switch e := e.(type) {
	case events.PaymentAuthorized:
		return "authorized" + of(e.Amount)
	case events.PaymentPaid:
		return "paid" + of(e.Amount)
	case events.PaymentRaised:
		return "authorization raised to" + of(e.Amount)
	case events.CancelSucceeded:
		return "cancelled, " + e.Cause.String()
	case events.CancelDated:
		return "the cancel's time told"
	case events.CancelRequested:
		return commanded("cancel", events.Money{}, e.Compensates)
	case events.CaptureRequested:
		text := commanded("capture", e.Amount, 0)
		if e.Last {
			text += ", the last"
		}
		return text
	case events.RefundRequested:
		return commanded("refund", e.Amount, e.Compensates)
	case events.CaptureSucceeded:
		return "captured" + of(e.Amount)
	case events.RefundSucceeded:
		return "refunded" + of(e.Amount)
	case events.RefundHeld:
		return "refunded" + of(e.Amount) + ", before its capture is known"
	case events.DisputeOpened:
		return "disputed by the buyer" + of(e.Amount)
	case events.DisputeDue:
		return "the dispute's defence is due soon"
	case events.DisputeClosed:
		return "dispute closed: " + e.Outcome.String() + lost(e.Lost)
	}
	words := map[events.Stage]string{events.StageAccepted: "in process at APO",
		events.StageUnresolved: "outcome not known", events.StageFailed: "failed", events.StageDefended: "defended"}
	return strings.TrimSpace(p.Transfer.String() + " " + words[p.Stage])
}

func commanded(verb string, amount events.Money, compensates uint64) string {
	text := verb + of(amount) + " commanded"
	if compensates != 0 {
		text += ", to give late money back"
	}
	return text
}

// of is an amount after a word; nothing where there is none.
func of(m events.Money) string {
	if m.Currency == "" {
		return ""
	}
	return " " + m.String()
}

func lost(m events.Money) string {
	if m.Currency == "" {
		return ""
	}
	return ", " + m.String() + " taken"
}

// why says what a record has of reasons: the person's own words, then APO's, then ours.
func why(e events.Event, p *events.Parts) string {
	switch e := e.(type) {
	case events.CancelRequested:
		return e.Reason
	case events.RefundRequested:
		return e.Reason
	case events.OperationParked:
		return e.Reason
	case events.OperationResolved:
		return e.Statement
	case events.TransferResolved:
		return e.Statement
	case events.AnomalyObserved:
		return e.Detail
	case events.AnomalyCleared:
		return e.Reason
	case events.CommandRefused:
		return joined("; ", refusedFor(&e), e.Remedy)
	case events.DisputeOpened:
		return joined(": ", e.Type, joined(" ", e.Code, e.Message))
	case events.DisputeClosed:
		return e.Message
	}
	return joined("; ", p.Message, p.Problem)
}

// refusedFor is the reason of a refusal in words, with the record behind it. The word of one that a newer version wrote
// stays as it is.
func refusedFor(e *events.CommandRefused) string {
	var r order.Reason
	text := e.Reason
	if r.UnmarshalText([]byte(e.Reason)) == nil {
		text = law.Reason(r).Says("")
	}
	if e.Cause != 0 {
		text += fmt.Sprintf(" (record %d)", e.Cause)
	}
	return text
}

// joined puts a text between those that are not empty.
func joined(between string, texts ...string) string {
	var said []string
	for _, t := range texts {
		if t != "" {
			said = append(said, t)
		}
	}
	return strings.Join(said, between)
}
