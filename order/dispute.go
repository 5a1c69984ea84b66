package order

import (
	"fmt"
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// Dispute is what is known of one dispute of the payment.
type Dispute struct {
	Version      uint64    // of the record that it became known by, which has its disputeId
	Amount       Money     // what is disputed; zero: APO has not told, or in another currency than the order's
	DefendBy     time.Time // zero: not told
	Defended     bool      // documents that defend it are with APO
	Undefendable bool      // APO says that it cannot be defended
	Closed       bool
	Lost         Money // what it took from the merchant, once Closed; as in [Order.Disputed]
}

// Disputes returns the disputes of the payment, in the order in which they became known. Cost: one slice.
func (o Order) Disputes() []Dispute {
	var out []Dispute
	for i := range o.book {
		t := &o.book[i]
		if t.kind != disputes {
			continue
		}
		d := Dispute{Version: uint64(t.version), Defended: t.has(markDefended), Undefendable: t.has(markUndefendable)}
		if t.minor > 0 {
			d.Amount = o.money(t.minor)
		}
		if !t.has(markUndated) {
			d.DefendBy = time.Unix(0, t.at).UTC()
		}
		if end := o.find(rulings, t.id, 0); end >= 0 {
			lost, _ := o.costs(t)
			d.Closed, d.Lost = true, o.money(lost)
		}
		out = append(out, d)
	}
	return out
}

// disputeWord is one word of APO's on a dispute, whichever fact has it.
type disputeWord struct {
	id      uint64
	amount  Money
	by      time.Time
	marks   marks // of the dispute, that it teaches
	ends    bool
	outcome events.DisputeOutcome
	lost    Money
	at      time.Time // of the end
}

// disputeWordOf reads a fact; ok is false for one that is about no dispute.
func disputeWordOf(e events.Event) (w disputeWord, ok bool) {
	switch e := e.(type) {
	case events.DisputeOpened:
		w = disputeWord{id: digest(e.DisputeID), amount: e.Amount, by: e.DefendBy}
		w.marks = markTold
		if e.Undefendable {
			w.marks |= markUndefendable
		}
	case events.DisputeDue:
		w = disputeWord{id: digest(e.DisputeID), amount: e.Amount, by: e.DefendBy, marks: markAlerted}
	case events.DisputeDefended:
		w = disputeWord{id: digest(e.DisputeID), amount: e.Amount, marks: markDefended}
	case events.DisputeClosed:
		w = disputeWord{id: digest(e.DisputeID), amount: e.Amount, ends: true, outcome: e.Outcome, lost: e.Lost, at: e.At}
	default:
		return w, false
	}
	return w, true
}

// takesMoney reports whether a dispute that ended so took money from the merchant.
func takesMoney(outcome events.DisputeOutcome) bool {
	switch outcome {
	case events.DisputeLost, events.DisputeAccepted, events.DisputeUndefended, events.DisputeRefunded,
		events.DisputeInvalidated:
		return true
	}
	return false
}

// hears is the dispute after a word on it, the same in whatever order words come and however often: the largest amount
// of those told, the latest end of the defence, all that was ever said of it.
func (o *Order) hears(t transfer, w *disputeWord) transfer {
	switch {
	case w.amount.Currency != "" && w.amount.Currency != o.Amount.Currency:
		t.set(markForeign, true)
	case w.amount.Minor > t.minor:
		t.minor = w.amount.Minor
	}
	if nanos := w.by.UnixNano(); !w.by.IsZero() && (t.has(markUndated) || nanos > t.at) {
		t.at = nanos
		t.set(markUndated, false)
	}
	t.marks |= w.marks
	return t
}

// ruling is the end that a word tells of.
func (o *Order) ruling(w *disputeWord) transfer {
	t := transfer{kind: rulings, id: w.id}
	if !w.at.IsZero() {
		t.at = w.at.UnixNano()
	}
	if takesMoney(w.outcome) {
		t.minor = max(w.lost.Minor, 0)
		t.set(markLost, true)
		t.set(markUnnamed, w.lost.Currency == "")
		t.set(markForeign, w.lost.Currency != "" && w.lost.Currency != o.Amount.Currency)
	}
	return t
}

// overrules reports whether an end counts instead of another one: the newer by APO's time, which one without a time
// never is; of the same time the one that costs more.
func (t *transfer) overrules(was *transfer) bool {
	switch {
	case t.at != was.at:
		return t.at > was.at
	case t.has(markLost) != was.has(markLost):
		return t.has(markLost)
	case t.minor != was.minor:
		return t.minor > was.minor
	}
	return t.marks > was.marks
}

// teachesOfDispute reports whether a word on a dispute says anything that its book does not have.
func (o *Order) teachesOfDispute(w *disputeWord) bool {
	at := o.find(disputes, w.id, 0)
	if at < 0 || o.hears(o.book[at], w) != o.book[at] {
		return true
	}
	if !w.ends {
		return false
	}
	end, ruling := o.find(rulings, w.id, 0), o.ruling(w)
	return end < 0 || ruling.overrules(&o.book[end])
}

// foldDispute brings a word on a dispute into the book. The book is copied, see [Order.enter].
func (o *Order) foldDispute(r *events.Record) {
	w, _ := disputeWordOf(r.Event)
	o.learn(events.PartsOf(r.Event).PaymentID)
	book := make([]transfer, len(o.book), len(o.book)+2)
	copy(book, o.book)
	if at := o.find(disputes, w.id, 0); at >= 0 {
		book[at] = o.hears(book[at], &w)
	} else {
		t := transfer{kind: disputes, id: w.id, version: uint32(r.Version), at: r.Recorded.UnixNano(), marks: markUndated}
		book = append(book, o.hears(t, &w))
	}
	if w.ends {
		ruling := o.ruling(&w)
		ruling.version = uint32(r.Version)
		if end := o.find(rulings, w.id, 0); end < 0 {
			book = append(book, ruling)
		} else if ruling.overrules(&book[end]) {
			book[end] = ruling
		}
	}
	o.book = book
	o.total()
	// Told once more after another word has come, it is no news, and no contradiction either.
	p := events.PartsOf(r.Event)
	a := events.AnomalyObserved{Reason: events.TransferContradicts, Fact: r.Event.Kind(), PaymentID: p.PaymentID,
		TransferID: p.TransferID, Amount: p.Amount, At: p.At, Code: p.Code}
	if w.ends {
		a.Code = w.outcome.String()
	}
	told := contradictionDigest(a)
	if !slices.Contains(o.contradiction, told) {
		o.contradiction = append(o.contradiction, told)
	}
}

// unjudged is the place of the dispute that is known by a record, and of which APO has told no end, or not what it
// took. A person may say so: no inquiry tells. -1: there is none.
func (o *Order) unjudged(record uint64) int {
	return slices.IndexFunc(o.book, func(t transfer) bool {
		if record == 0 || t.kind != disputes || uint64(t.version) != record {
			return false
		}
		_, may := o.costs(&t)
		return may > 0
	})
}

// foldRuled takes a person's word on how a dispute ended. It has no time, so that any end which APO tells later counts
// instead, and stands in the place of one that does not say what it took.
func (o *Order) foldRuled(r *events.Record, e *events.TransferResolved) {
	at := o.unjudged(e.Record)
	if at < 0 {
		return
	}
	ruling := transfer{kind: rulings, id: o.book[at].id, version: uint32(r.Version), marks: markSettled}
	if e.Resolution == events.ResolvedSucceeded {
		ruling.minor = o.book[at].minor
		ruling.set(markLost, true)
	}
	end := o.find(rulings, ruling.id, 0)
	o.book = slices.Clone(o.book)
	if end < 0 {
		o.book = append(o.book, ruling)
	} else {
		ruling.at = o.book[end].at
		o.book[end] = ruling
	}
	o.total()
}

// disputeBy is until when the first dispute that nobody has defended can be defended, or when it became known where APO
// has not told that; zero: none is to be defended.
func (o *Order) disputeBy() (by time.Time) {
	for i := range o.book {
		t := &o.book[i]
		if t.kind != disputes || t.marks&(markDefended|markUndefendable) != 0 || o.find(rulings, t.id, 0) >= 0 {
			continue
		}
		if at := time.Unix(0, t.at).UTC(); by.IsZero() || at.Before(by) {
			by = at
		}
	}
	return by
}

// disputeMark is the newest record of a dispute that keeps money from being refunded.
func (o *Order) disputeMark() (m mark) {
	for i := range o.book {
		t := &o.book[i]
		if t.kind != disputes {
			continue
		}
		if lost, reserved := o.costs(t); lost == 0 && reserved == 0 {
			continue
		}
		if end := o.find(rulings, t.id, 0); end >= 0 {
			t = &o.book[end]
		}
		if uint64(t.version) > m.version {
			m = mark{place: place{uint64(t.version), noMoment}}
		}
	}
	return m
}

// observeDispute records APO's word on a dispute of the payment, whatever the order's status: a dispute moves none.
// What contradicts another word is shown to a person; which of two ends counts, APO's times say.
func (d *decision) observeDispute(f *Fact) {
	e := f.ofDispute()
	w, _ := disputeWordOf(e)
	if w.id == 0 {
		d.anomaly(events.TransferContradicts, f, "a dispute without an identifier cannot be told from others")
		return
	}
	problem, reason := d.o.contradictsDispute(&w), events.TransferContradicts
	if problem == "" && w.amount.Currency != "" && w.amount.Currency != d.o.Amount.Currency {
		problem, reason = fmt.Sprintf("currency %s, the order's is %s", w.amount.Currency, d.o.Amount.Currency),
			events.PaymentContradicts
	}
	if problem != "" { // before its fact, by which a word that is told again is known
		d.anomaly(reason, f, problem)
	}
	if d.o.teachesOfDispute(&w) {
		d.emit(e)
	}
	d.settleLateMoney()
}

// contradictsDispute says in what a word on a dispute goes against one that is on record.
func (o *Order) contradictsDispute(w *disputeWord) string {
	at, end := o.find(disputes, w.id, 0), o.find(rulings, w.id, 0)
	ruling := o.ruling(w)
	switch {
	case w.ends && end >= 0 && ruling.has(markLost) != o.book[end].has(markLost):
		return "told as " + w.outcome.String() + ", and before that it " + map[bool]string{true: "took money",
			false: "took none"}[o.book[end].has(markLost)]
	case at >= 0 && w.amount.Currency == o.Amount.Currency && w.amount.Minor > 0 && o.book[at].minor > 0 &&
		w.amount.Minor != o.book[at].minor:
		return fmt.Sprintf("%s disputed now, %s before", w.amount, o.money(o.book[at].minor))
	}
	return ""
}

// ofDispute is the fact as it stands on record.
func (f *Fact) ofDispute() events.Event {
	by := keepable(f.DefendBy)
	switch f.Kind {
	case DisputeOpened:
		return events.DisputeOpened{DisputeID: f.TransferID, PaymentID: f.PaymentID, Amount: f.Amount, At: f.At, DefendBy: by,
			Undefendable: f.Undefendable, Type: clip(f.Type), Code: f.Code, Message: clip(f.Message),
			Proof: f.Proof}
	case DisputeDue:
		return events.DisputeDue{DisputeID: f.TransferID, PaymentID: f.PaymentID, Amount: f.Amount, DefendBy: by,
			Proof: f.Proof}
	case DisputeDefended:
		return events.DisputeDefended{DisputeID: f.TransferID, PaymentID: f.PaymentID, Amount: f.Amount, Proof: f.Proof}
	}
	return events.DisputeClosed{DisputeID: f.TransferID, PaymentID: f.PaymentID, Outcome: f.Outcome,
		Amount: f.Amount, Lost: f.Lost, At: f.At, Code: f.Code, Message: clip(f.Message), Proof: f.Proof}
}

// judgeDispute: Decide records no word on a dispute that says nothing new.
func (o *Order) judgeDispute(e events.Event) string {
	w, _ := disputeWordOf(e)
	return first(when(w.id == 0, "names no dispute"),
		when(w.ends && w.outcome == 0, "ends a dispute without saying how"),
		when(!o.teachesOfDispute(&w), "repeats what is on record"))
}

// disputeRow is the row of a fact about a dispute.
func disputeRow(e events.Event) law.Fact {
	switch e.(type) {
	case events.DisputeOpened:
		return law.DisputeOpened
	case events.DisputeDue:
		return law.DisputeDue
	case events.DisputeDefended:
		return law.DisputeDefended
	case events.DisputeClosed:
		return law.DisputeClosed
	}
	return law.FactNone
}

// isDispute reports whether a fact is about a dispute.
func (k FactKind) isDispute() bool {
	return slices.Contains([]FactKind{DisputeOpened, DisputeDue, DisputeDefended, DisputeClosed}, k)
}
