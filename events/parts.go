package events

import "time"

// Transfer says what of an order's payment a fact is about.
type Transfer uint8

// The transfers. The zero value is of facts that are about none: claims of further calls, inquiries, what people do.
const (
	TransferNone    Transfer = iota
	TransferPayment          // the payment or authorization itself
	TransferCancel
	TransferCapture
	TransferRefund
	TransferRaise   // of an authorization, by APO's updateAmount
	TransferDispute // of the payment, by its buyer
)

// Stage says how far a transfer has come by a fact.
type Stage uint8

// The stages.
const (
	StageNone       Stage = iota
	StageAsked            // an intent of ours
	StageAccepted         // APO works on it
	StageUnresolved       // an attempt is over, and its outcome is not known
	StageSucceeded        //
	StageHeld             // succeeded, and its capture is not known yet
	StageFailed           //
	StageOpened           // of a dispute, as the two below
	StageDefended         //
	StageClosed           // won, lost, or over otherwise: its outcome says which
)

// Parts are what facts have in common, in one shape for all kinds: code that wants to know what a fact names, says
// or proves asks here and not the fact itself. What a kind has no field for is zero.
type Parts struct {
	Transfer         Transfer
	Stage            Stage
	PaymentRequestID string
	PaymentID        string
	TransferID       string    // captureId, refundId, disputeId, transactionId; of an anomaly, whichever its fact had
	RequestID        string    // captureRequestId, refundRequestId, updateRequestId; likewise
	Amount           Money     // of a raise, the new total
	At               time.Time // by APO's word; zero: not told, or done by ourselves
	Code, Message    string
	Problem          string // our own words where there was no usable answer
	Attempt          uint64 // of an operation: the one that begins or is answered; 0: none
	Inquiry          uint64 // that begins, is answered or proves it; 0: none
	Proof            Proof  // of an inquiry's answer, that answer itself
}

// PartsOf returns the parts of a fact. Cost: some tens of nanoseconds and no allocation; texts and evidence are shared.
func PartsOf(e Event) (p Parts) {
	p.take(e)
	return p
}

// take fills the parts where the caller has them: returned, they would be copied once more.
func (p *Parts) take(e Event) {
	switch e := e.(type) {
	case OrderCreated:
		p.PaymentRequestID, p.PaymentID, p.Amount = e.PaymentRequestID, e.PaymentID, e.Amount
	case PaymentPending:
		p.PaymentID = e.PaymentID
		p.proven(TransferPayment, StageAccepted, &e.Proof)
	case PaymentAuthorized:
		p.PaymentID, p.Amount, p.At = e.PaymentID, e.Amount, e.At
		p.proven(TransferPayment, StageSucceeded, &e.Proof)
	case PaymentPaid:
		p.PaymentID, p.Amount, p.At = e.PaymentID, e.Amount, e.At
		p.proven(TransferPayment, StageSucceeded, &e.Proof)
	case PaymentFailed:
		p.PaymentID, p.Code, p.At = e.PaymentID, e.Code, e.At
		p.proven(TransferPayment, StageFailed, &e.Proof)
	case CancelRequested:
		p.Transfer, p.Stage, p.Attempt = TransferCancel, StageAsked, 1
		p.PaymentID, p.PaymentRequestID = e.By.PaymentID, e.By.PaymentRequestID
	case CancelSucceeded:
		p.PaymentID, p.At = e.PaymentID, e.At
		p.proven(TransferCancel, StageSucceeded, &e.Proof)
	case CancelDated:
		p.PaymentID, p.At = e.PaymentID, e.At
		p.proven(TransferCancel, StageSucceeded, &e.Proof)
	case CancelFailed:
		p.Code, p.Message = e.Code, e.Message
		p.proven(TransferCancel, StageFailed, &e.Proof)
	case CancelUnresolved:
		p.unresolved(TransferCancel, &e.Unresolved)
	case AttemptStarted:
		p.Attempt = e.Attempt
	case InquiryStarted:
		p.Inquiry = e.Number
	case InquiryAnswered:
		p.Code, p.Problem, p.Inquiry = e.Code, e.Problem, e.Number
		p.Proof = Proof{Via: ViaInquiry, Inquiry: e.Number, Evidence: e.Evidence}
	case AnomalyObserved:
		p.transfer(e.TransferID, e.RequestID, e.PaymentID, &e.Amount, e.At)
		p.Code = e.Code
		p.proven(TransferNone, StageNone, &e.Proof)
	case CommandRefused:
		p.Amount = e.Amount
	default:
		p.ofTransfer(e)
	}
}

// ofTransfer takes the parts of a raise, a capture or a refund.
func (p *Parts) ofTransfer(e Event) {
	switch e := e.(type) {
	case PaymentRaised:
		p.transfer(e.TransactionID, e.UpdateRequestID, e.PaymentID, &e.Amount, e.At)
		p.proven(TransferRaise, StageSucceeded, &e.Proof)
	case RaiseFailed:
		p.transfer(e.TransactionID, e.UpdateRequestID, e.PaymentID, &Money{}, e.At)
		p.Code = e.Code
		p.proven(TransferRaise, StageFailed, &e.Proof)
	case CaptureRequested:
		p.Transfer, p.Stage, p.Attempt = TransferCapture, StageAsked, 1
		p.RequestID, p.PaymentID, p.Amount = e.CaptureRequestID, e.PaymentID, e.Amount
	case CaptureAccepted:
		p.TransferID, p.RequestID, p.Code = e.CaptureID, e.CaptureRequestID, e.Code
		p.proven(TransferCapture, StageAccepted, &e.Proof)
		p.Attempt = e.Attempt
	case CaptureSucceeded:
		p.transfer(e.CaptureID, e.CaptureRequestID, e.PaymentID, &e.Amount, e.At)
		p.proven(TransferCapture, StageSucceeded, &e.Proof)
	case CaptureFailed:
		p.transfer(e.CaptureID, e.CaptureRequestID, e.PaymentID, &Money{}, e.At)
		p.Code, p.Message = e.Code, e.Message
		p.proven(TransferCapture, StageFailed, &e.Proof)
	case CaptureUnresolved:
		p.unresolved(TransferCapture, &e.Unresolved)
	case RefundRequested:
		p.Transfer, p.Stage, p.Attempt = TransferRefund, StageAsked, 1
		p.RequestID, p.PaymentID, p.Amount = e.RefundRequestID, e.PaymentID, e.Amount
	case RefundAccepted:
		p.TransferID, p.RequestID, p.Code = e.RefundID, e.RefundRequestID, e.Code
		p.proven(TransferRefund, StageAccepted, &e.Proof)
		p.Attempt = e.Attempt
	case RefundSucceeded:
		p.transfer(e.RefundID, e.RefundRequestID, e.PaymentID, &e.Amount, e.At)
		p.proven(TransferRefund, StageSucceeded, &e.Proof)
	case RefundFailed:
		p.transfer(e.RefundID, e.RefundRequestID, "", &Money{}, e.At)
		p.Code, p.Message = e.Code, e.Message
		p.proven(TransferRefund, StageFailed, &e.Proof)
	case RefundUnresolved:
		p.unresolved(TransferRefund, &e.Unresolved)
	case RefundHeld:
		p.transfer(e.RefundID, e.RefundRequestID, e.PaymentID, &e.Amount, e.At)
		p.proven(TransferRefund, StageHeld, &e.Proof)
	default:
		p.ofDispute(e)
	}
}

func (p *Parts) transfer(id, request, payment string, m *Money, at time.Time) {
	p.TransferID, p.RequestID, p.PaymentID, p.Amount, p.At = id, request, payment, *m, at
}

// proven adds what a proof says itself.
func (p *Parts) proven(t Transfer, s Stage, by *Proof) {
	p.Transfer, p.Stage, p.Proof, p.Attempt, p.Inquiry = t, s, *by, by.Attempt, by.Inquiry
}

func (p *Parts) unresolved(t Transfer, u *Unresolved) {
	p.proven(t, StageUnresolved, &u.Proof)
	p.Code, p.Message, p.Problem, p.Attempt = u.Code, u.Message, u.Problem, u.Attempt
}
