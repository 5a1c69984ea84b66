package order

import "github.com/tilltape/tilltape/events"

// Entry is one movement of the order's money as its book has it: the amounts are sums over those that are counted.
type Entry struct {
	// Transfer is what moved: a payment or authorization, a capture, a refund, a raise, a dispute; a cancel that is under
	// way, or that let go of late money which was only held. A payment in another currency than the order's is told as a
	// capture that may stand, a transaction of a kind not known here as a refund that may.
	Transfer events.Transfer
	// Record is the version of the record that it is known by, which has its identifiers; of what is under way its
	// intent's.
	Record uint64
	Doubt  uint64 // the version of the record that contradicts it; 0: none does
	// Amount is what APO signed; of a payment that moved its money at once what is captured of it, where that is more; of
	// a raise the new total; of a dispute what it took, or, as long as it is open, what is disputed; of what is under way
	// what was asked for. Zero: none was told, or one in another currency than the order's.
	Amount Money

	// Exactly one of these is so. A dispute that is open is accepted: somebody works on it, and nothing is known to have
	// moved; one that took nothing has failed.
	Asked        bool // a command of ours has asked for it, and APO has not taken it as far as is known
	Accepted     bool // APO works on it
	Held         bool // of a refund: APO has signed it, and its capture is not known yet
	Counted      bool // it is in the amounts
	Contradicted bool // APO has signed it, and the amounts cannot have it: it may stand
	Failed       bool

	Ours      bool // a command of ours asked for it
	Gateway   bool // APO did it by itself; where neither is so, somebody else did
	OneStep   bool // of a payment: it captured too
	Last      bool // of a capture: the last one of its authorization
	Late      bool // it came when the order was cancelled
	TakenBack bool // it counted, and APO's newest word is that it failed
	Settled   bool // it counts by a person's word
	Unequal   bool // APO has told it with two amounts
	Refuted   bool // of a payment: APO has also called it failed or cancelled, or both held and made in one step
}

// Book returns the movements of the order's money in one view: the payment, then all others in the order in which they
// became known, then the refunds that are held, then what our commands have asked for and APO has not decided. Each of
// these is made from the order's entries, operations and held refunds; to ask for the book changes nothing. Cost: one
// slice.
func (o Order) Book() []Entry {
	var out []Entry
	if o.paymentKnown() {
		e := Entry{Transfer: events.TransferPayment, Record: o.paymentMark.version, Counted: true,
			OneStep: o.known.has(knownMoved), Late: o.known.has(knownLate)}
		if o.signed > 0 {
			e.Amount = o.money(o.signed)
		}
		if at := o.paymentWord(); at >= 0 {
			t := &o.book[at]
			e.Doubt, e.Unequal, e.Refuted = uint64(t.doubt), t.has(markUnequal), t.has(markRefuted|markHeld)
			e.Settled = t.has(markSettled)
		}
		out = append(out, e)
	}
	for i := range o.book {
		t := &o.book[i]
		switch {
		case t.kind == rulings, t.kind == payments && o.paymentKnown(), // told with what they are about
			t.is(transferCovered):
			continue
		case t.kind == disputes:
			out = append(out, o.disputeEntry(t))
			continue
		}
		e := Entry{Transfer: t.kind.moves(), Record: uint64(t.version), Doubt: uint64(t.doubt),
			Accepted: t.is(transferAwaited), Counted: t.is(transferCounted), Contradicted: t.is(transferContradicted),
			Failed: t.is(transferFailed), Ours: t.owner == ownerOurs, Gateway: t.owner == ownerGateway, Last: t.has(markLast),
			Late: t.has(markLate), TakenBack: t.has(markTakenBack), Settled: t.has(markSettled), Unequal: t.has(markUnequal),
			Refuted: t.has(markRefuted | markHeld)}
		if t.minor > 0 && !t.has(markForeign) {
			e.Amount = o.money(t.minor)
		}
		out = append(out, e)
	}
	return append(out, o.underWay()...)
}

// disputeEntry is a dispute as an entry.
func (o *Order) disputeEntry(t *transfer) Entry {
	e := Entry{Transfer: events.TransferDispute, Record: uint64(t.version), Settled: t.has(markSettled)}
	lost, open := o.costs(t)
	e.Accepted, e.Counted, e.Failed = open > 0, open == 0 && lost > 0, open == 0 && lost == 0
	switch {
	case e.Counted:
		e.Amount = o.money(lost)
	case e.Accepted && t.minor > 0 && !t.has(markForeign):
		e.Amount = o.money(t.minor)
	}
	return e
}

// underWay are the entries of what is asked for and not decided, and of refunds that wait for their capture: those APO
// has signed, and the amounts cannot have them yet.
func (o *Order) underWay() (out []Entry) {
	for i := range o.Held {
		h := &o.Held[i]
		out = append(out, Entry{Transfer: events.TransferRefund, Record: h.Version, Amount: o.money(h.Minor), Held: true,
			Ours: o.askedFor(CallRefund, h.RefundRequestID) != nil})
	}
	add := func(p *Operation, accepted bool) {
		if p.Kind == CallRefund && o.findHeld("", p.RequestID) >= 0 {
			return // told above
		}
		out = append(out, Entry{Transfer: p.Kind.moves(), Record: p.Intent, Amount: p.Amount, Ours: true, Last: p.Last,
			Late: p.Compensates != 0, Accepted: accepted, Asked: !accepted})
	}
	if p := &o.Operation; p.outstanding() {
		add(p, p.Phase == Accepted)
	}
	for i := range o.Accepted {
		add(&o.Accepted[i], true)
	}
	return out
}

// moves is what an operation asks for in a fact's words.
func (k CallKind) moves() events.Transfer {
	switch k {
	case CallCapture:
		return events.TransferCapture
	case CallRefund:
		return events.TransferRefund
	}
	return events.TransferCancel
}

// moves is what such a transfer is in a fact's words.
func (k transferKind) moves() events.Transfer {
	switch k {
	case captures:
		return events.TransferCapture
	case refunds, others:
		return events.TransferRefund
	case releases:
		return events.TransferCancel
	case raises:
		return events.TransferRaise
	case payments:
		return events.TransferPayment
	}
	return events.TransferDispute
}
