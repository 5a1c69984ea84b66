package order

import "github.com/tilltape/tilltape/events"

// Entry is one movement of the order's money as its book has it: the amounts are sums over these. Disputes, which the
// book has too, are told by [Order.Disputes].
type Entry struct {
	// Transfer is what moved: a payment or authorization, a capture, a refund, a raise; a cancel where late money that was
	// only held was let go. A payment in another currency than the order's is told as a capture that may stand.
	Transfer events.Transfer
	Record   uint64 // the version of the record that it is known by, which has its identifiers
	Doubt    uint64 // the version of the record that contradicts it; 0: none does
	// Amount is what APO signed; of a raise the new total. Zero: none was told, or one in another currency than the
	// order's.
	Amount Money

	// Exactly one of these is so.
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
	Refuted   bool // of a payment: APO has also called it failed or cancelled
}

// Book returns the movements of the order's money: the payment, then all others in the order in which they became
// known. Cost: one slice.
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
			e.Doubt, e.Unequal, e.Refuted = uint64(t.doubt), t.has(markUnequal), t.has(markRefuted)
			e.Settled = t.has(markSettled)
		}
		out = append(out, e)
	}
	for i := range o.book {
		t := &o.book[i]
		if t.kind == disputes || t.kind == rulings || t.kind == payments && o.paymentKnown() {
			continue
		}
		e := Entry{Transfer: t.kind.moves(), Record: uint64(t.version), Doubt: uint64(t.doubt),
			Counted: t.is(transferCounted), Contradicted: t.is(transferContradicted), Failed: t.is(transferFailed),
			Ours: t.owner == ownerOurs, Gateway: t.owner == ownerGateway, Last: t.has(markLast),
			Late: t.has(markLate), TakenBack: t.has(markTakenBack), Settled: t.has(markSettled), Unequal: t.has(markUnequal),
			Refuted: t.has(markRefuted)}
		if t.minor > 0 && !t.has(markForeign) {
			e.Amount = o.money(t.minor)
		}
		out = append(out, e)
	}
	return out
}

// moves is what such a transfer is in a fact's words.
func (k transferKind) moves() events.Transfer {
	switch k {
	case captures:
		return events.TransferCapture
	case refunds:
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
