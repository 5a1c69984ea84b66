package events

import "time"

// DisputeOutcome is how a dispute ended, by APO's word.
type DisputeOutcome uint8

// The outcomes.
const (
	DisputeWon         DisputeOutcome = iota + 1 // judged: the buyer is liable, and the money is free again
	DisputeLost                                  // judged: the merchant is liable, and the judged amount is taken
	DisputeAccepted                              // the merchant accepted it, so its amount is taken
	DisputeUndefended                            // nobody defended it in time, which accepts it
	DisputeWithdrawn                             // the buyer withdrew it
	DisputeRefunded                              // the scheme gave the money back at once (rapid dispute resolution)
	DisputeValidated                             // judged: the documents that were asked for are taken
	DisputeInvalidated                           // judged: those documents are refused
)

// DisputeOpened: a buyer disputes the payment, at the bank or the wallet. Amount is what is disputed. DefendBy is until
// when it can be defended (zero: not told); Undefendable says that it cannot. Type is what APO calls it ("CHARGEBACK",
// "RETRIEVAL_REQUEST"); Code and Message are the reason given.
type DisputeOpened struct {
	DisputeID     string
	PaymentID     string
	Amount        Money // zero: not told
	At            time.Time
	DefendBy      time.Time
	Undefendable  bool
	Type          string
	Code, Message string
	Proof         Proof
}

// DisputeDue: the defence of a dispute is due soon. APO gives it no time of its own.
type DisputeDue struct {
	DisputeID string
	PaymentID string
	Amount    Money // of the dispute; zero: not told
	DefendBy  time.Time
	Proof     Proof
}

// DisputeDefended: documents that defend the dispute are with APO. It gives that no time.
type DisputeDefended struct {
	DisputeID string
	PaymentID string
	Amount    Money // of the dispute; zero: not told
	Proof     Proof
}

// DisputeClosed: a dispute ended. Amount is what was disputed, Lost what is taken from the merchant by APO's word; zero
// where it names none. At is when it was judged or accepted (zero: APO gives the other ends no time).
type DisputeClosed struct {
	DisputeID     string
	PaymentID     string
	Outcome       DisputeOutcome
	Amount        Money
	Lost          Money
	At            time.Time
	Code, Message string // of the dispute's reason
	Proof         Proof
}

// Kind is [KindDisputeOpened].
func (DisputeOpened) Kind() Kind { return KindDisputeOpened }

func (DisputeOpened) event() {}

// Kind is [KindDisputeDue].
func (DisputeDue) Kind() Kind { return KindDisputeDue }

func (DisputeDue) event() {}

// Kind is [KindDisputeDefended].
func (DisputeDefended) Kind() Kind { return KindDisputeDefended }

func (DisputeDefended) event() {}

// Kind is [KindDisputeClosed].
func (DisputeClosed) Kind() Kind { return KindDisputeClosed }

func (DisputeClosed) event() {}

func walkDisputeOpened(w *wire, e *DisputeOpened) {
	w.str(1, "dispute_id", &e.DisputeID, TextMax)
	w.str(2, "payment_id", &e.PaymentID, TextMax)
	w.money(3, "amount", &e.Amount)
	w.time(4, "at", &e.At)
	w.time(5, "defend_by", &e.DefendBy)
	w.bool(6, "undefendable", &e.Undefendable)
	w.str(7, "type", &e.Type, TextMax)
	w.str(8, "code", &e.Code, TextMax)
	w.str(9, "message", &e.Message, TextMax)
	w.proof(10, "proof", &e.Proof)
}

func walkDisputeDue(w *wire, e *DisputeDue) {
	w.str(1, "dispute_id", &e.DisputeID, TextMax)
	w.str(2, "payment_id", &e.PaymentID, TextMax)
	w.money(3, "amount", &e.Amount)
	w.time(4, "defend_by", &e.DefendBy)
	w.proof(5, "proof", &e.Proof)
}

func walkDisputeDefended(w *wire, e *DisputeDefended) {
	w.str(1, "dispute_id", &e.DisputeID, TextMax)
	w.str(2, "payment_id", &e.PaymentID, TextMax)
	w.money(3, "amount", &e.Amount)
	w.proof(4, "proof", &e.Proof)
}

func walkDisputeClosed(w *wire, e *DisputeClosed) {
	w.str(1, "dispute_id", &e.DisputeID, TextMax)
	w.str(2, "payment_id", &e.PaymentID, TextMax)
	enum(w, 3, "outcome", &e.Outcome, DisputeInvalidated)
	w.money(4, "amount", &e.Amount)
	w.money(5, "lost", &e.Lost)
	w.time(6, "at", &e.At)
	w.str(7, "code", &e.Code, TextMax)
	w.str(8, "message", &e.Message, TextMax)
	w.proof(9, "proof", &e.Proof)
}

// ofDispute takes the parts of a dispute.
func (p *Parts) ofDispute(e Event) {
	switch e := e.(type) {
	case DisputeOpened:
		p.transfer(e.DisputeID, "", e.PaymentID, &e.Amount, e.At)
		p.Code, p.Message = e.Code, e.Message
		p.proven(TransferDispute, StageOpened, &e.Proof)
	case DisputeDue:
		p.transfer(e.DisputeID, "", e.PaymentID, &e.Amount, time.Time{})
		p.proven(TransferDispute, StageOpened, &e.Proof)
	case DisputeDefended:
		p.transfer(e.DisputeID, "", e.PaymentID, &e.Amount, time.Time{})
		p.proven(TransferDispute, StageDefended, &e.Proof)
	case DisputeClosed:
		p.transfer(e.DisputeID, "", e.PaymentID, &e.Amount, e.At)
		p.Code, p.Message = e.Code, e.Message
		p.proven(TransferDispute, StageClosed, &e.Proof)
	}
}
