package order

import (
	"math"
	"slices"
)

// transfer is an entry of the order's book: one movement of its money that is known. A capture or refund is known by
// either of its identifiers: a notification and an inquiry name it differently. The payment, which there is one of and
// nobody asks for by an identifier, has its entry in the order itself, so that to learn of it costs no allocation; only
// what contradicts it stands here.
type transfer struct {
	id, request uint64
	minor       int64 // as APO signed it; of a dispute what is disputed, of a ruling what it took
	// at is in nanoseconds: of a dispute until when it can be defended, of a ruling when it was, of what APO works on when
	// that became known; 0: not told.
	at       int64
	version  uint32 // of the record that it is known by
	doubt    uint32 // of the record that contradicts it: it was done, and it failed or cannot have been
	kind     transferKind
	standing standing
	owner    owner
	marks    marks
}

// transferKind is what a transfer moves.
type transferKind uint8

const (
	captures transferKind = iota + 1
	refunds
	releases // late money that a cancel let go while it was only held
	raises   // what the authorization was raised to: a total, which moves nothing by itself
	disputes // of the payment, by its buyer
	rulings  // how a dispute ended, under its identifier
	payments // what contradicts the payment, or that it was taken back: minor is the other amount, or what it was
	others   // a transaction of a kind not known here, which may have moved money either way
)

// asked is the call that asks for such a transfer.
func (k transferKind) asked() CallKind {
	switch k {
	case captures:
		return CallCapture
	case refunds:
		return CallRefund
	}
	return CallNone
}

// standing is how APO's word on a transfer stands beside the order's amounts. In this order one of several that a
// message can mean is taken.
type standing uint8

const (
	transferCounted      standing = iota // it is in the amounts
	transferContradicted                 // APO has signed it, and the amounts cannot have it: it may stand
	transferFailed                       // it is known to have failed
	transferCovered                      // a word that nobody could read, of what counts under another name
	transferAwaited                      // APO works on it by itself, and goes on capturing
)

// owner is who asked for a capture or refund.
type owner uint8

const (
	ownerForeign owner = iota // somebody else: another service, or a person in APO's dashboard
	ownerOurs
	ownerGateway // APO by itself
)

// marks is what else is known of a transfer.
type marks uint32

const (
	markLate      marks = 1 << iota // it came when the order was cancelled
	markForeign                     // its amount is in another currency than the order's
	markLast                        // of a capture of ours: the last one of its authorization
	markTakenBack                   // it counted, and APO's newest word is that it failed
	markSettled                     // it counts by a person's word, beyond what APO's words allow

	markUnequal // APO has told it with two amounts
	markRefuted // of a payment: APO has also called it failed or cancelled
	markHeld    // of a payment: APO has called it held, and made in one step too

	markUndated      // of a dispute: nobody has told until when it can be defended, and at is when it became known
	markDefended     // of a dispute
	markUndefendable // of a dispute
	markTold         // of a dispute: its opening is on record
	markAlerted      // of a dispute: that its defence is due soon is on record
	markLost         // of a ruling: it takes money from the merchant
	markUnnamed      // of a ruling: APO has not said how much

	markWithPayment // taken back with its payment, and not said by itself to have failed
	markPending     // APO works on it, and nobody here has asked for it

	markUnknown // of a refund: a transaction of a kind not known here, of which a person says that it took its money
	markUnclear // APO tells it in a state not known here
	markPerhaps // of a capture or refund in doubt: it is what counts without a name, or ours that is under way
	markOwn     // of a capture in doubt: APO worked on it by itself, and another one of its own has failed since
)

func (t *transfer) is(s standing) bool { return t.standing == s }

func (t *transfer) has(m marks) bool { return t.marks&m != 0 }

func (t *transfer) set(m marks, on bool) {
	t.marks &^= m
	if on {
		t.marks |= m
	}
}

// named reports whether one of the identifiers is the transfer's.
func (t *transfer) named(id, request uint64) bool {
	return id != 0 && t.id == id || request != 0 && t.request == request
}

// find looks a transfer up by either identifier; -1: not in the book. Where each is another's, until APO names both
// together, it is the one that matters most: what counts, then what may stand.
func (o *Order) find(kind transferKind, id, request uint64) int {
	at := -1
	for i := range o.book {
		t := &o.book[i]
		if t.kind == kind && t.named(id, request) && (at < 0 || t.standing < o.book[at].standing) {
			at = i
		}
	}
	return at
}

// placed is find by the identifiers themselves, neither of which is digested where there is none to compare it with: to
// digest costs more than all else here.
func (o *Order) placed(kind transferKind, id, request string) int {
	if !o.any(kind) {
		return -1
	}
	return o.find(kind, digest(id), digest(request))
}

func (o *Order) any(kind transferKind) bool {
	for i := range o.book {
		if o.book[i].kind == kind {
			return true
		}
	}
	return false
}

// counted reports whether a transfer is in the book, and in the amounts.
func (o *Order) counted(at int) bool { return at >= 0 && o.book[at].is(transferCounted) }

// findCapture also knows what counts without a name, and APO's own full capture told without one: there is only one
// full capture.
func (o *Order) findCapture(id, request uint64, minor int64) int {
	if len(o.book) == 0 {
		return -1
	}
	i := o.find(captures, id, request)
	if i >= 0 && !o.book[i].perhaps() {
		return i
	}
	if id == 0 && request == 0 && minor == o.fullAmount() {
		for i := range o.book {
			if t := &o.book[i]; t.kind == captures && t.is(transferCounted) && t.minor == minor {
				return i
			}
		}
	}
	if at := o.adopted(captures, id, request, minor); at >= 0 {
		return at
	}
	return i
}

// fullAmount is what an authorization comes to, in time or late: until one is known, what was ordered.
func (o *Order) fullAmount() int64 {
	if o.Authorized > 0 {
		return o.Authorized
	}
	if late := o.signedFor().Minor; late > 0 {
		return max(late, o.raisedTo())
	}
	return max(o.Amount.Minor, o.raisedTo())
}

// enter adds a transfer to the book, or moves the entry that is there. The book is copied: explorer branches share the
// old one.
func (o *Order) enter(at int, t *transfer) {
	if at < 0 {
		o.book = append(roomForOne(o.book), *t)
		o.total()
		return
	}
	o.book = slices.Clone(o.book)
	was := &o.book[at]
	now := *t
	if was.id != 0 {
		now.id = was.id
	}
	if was.request != 0 {
		now.request = was.request
	}
	if was.owner != ownerForeign {
		now.owner = was.owner
	}
	if was.kind == captures && was.has(markLast) {
		now.set(markLast, true)
	}
	if now.is(was.standing) && !now.is(transferContradicted) { // only its name is told
		now.marks, now.doubt, now.version = was.marks, was.doubt, was.version
	}
	o.follow(was.version, now.version)
	*was = now
	o.total()
}

// roomForOne is a book with room for one more entry. Most books are short: to have room for more costs them more than
// to be copied.
func roomForOne(book []transfer) []transfer {
	n := len(book)
	if n < cap(book) {
		return book
	}
	grown := make([]transfer, n, n+1+n/2)
	copy(grown, book)
	return grown
}

// account is what the transfers of one time come to, in minor units.
type account struct {
	authorized, moved int64
	by                [releases + 1]int64 // those that move money, by kind
}

func (a *account) take(t *transfer) {
	if t.kind <= releases {
		a.by[t.kind] = plus(a.by[t.kind], t.minor)
	}
}

// total makes the order's amounts from its book: nothing is added up beside it. A capture proves the authorization it
// drew on, even where that fact has yet to arrive: until then it is taken for what was ordered, and it is never less
// than was captured of it by APO's word.
func (o *Order) total() {
	if len(o.book) == 0 {
		o.totalPaid()
		return
	}
	var accounts [2]account // in time, and late
	now, late := &accounts[0], &accounts[1]
	paid := now
	if o.known.has(knownLate) {
		paid = late
	}
	paid.authorized = o.signed
	if o.movedWhole() {
		paid.moved = o.signed
	}
	raised, disputed, unnamed := int64(0), false, false
	for i := range o.book {
		switch t := &o.book[i]; {
		case t.kind == disputes:
			disputed = true
		case !t.is(transferCounted):
			unnamed = unnamed || t.asUnnamed()
		case t.kind == raises:
			raised = max(raised, t.minor)
		default:
			accounts[t.marks&markLate].take(t)
		}
	}
	if o.movedWhole() {
		raised = 0
	}
	if now.authorized == 0 && now.by[captures] > 0 {
		now.authorized = o.Amount.Minor
	}
	if now.authorized == 0 && late.authorized == 0 && late.by[captures] > 0 {
		late.authorized = o.Amount.Minor
	}
	switch { // a raise belongs to its authorization, and says nothing of money until that is known
	case now.authorized > 0:
		now.authorized = max(now.authorized, raised)
	case late.authorized > 0:
		late.authorized = max(late.authorized, raised)
	}
	if now.by[captures] > now.authorized { // by a raise that failed after all, or by a person's word
		now.authorized = max(now.authorized, o.provenCaptures())
	}
	o.Authorized, o.Captured, o.Refunded = now.authorized, max(now.moved, now.by[captures]), now.by[refunds]
	o.Late = Late{Authorized: late.authorized - late.by[releases], Captured: max(late.moved, late.by[captures]),
		Refunded: late.by[refunds]}
	if now.authorized == 0 { // what was let go was not what moved
		o.Late.Authorized = max(o.Late.Authorized, o.Late.Captured)
	}
	o.Disputed = 0
	if disputed {
		o.totalDisputed()
	}
	if unnamed {
		o.coverUnnamed()
	}
}

// totalPaid is total for the payment alone, of which nothing has moved but what it moved itself.
func (o *Order) totalPaid() {
	captured := int64(0)
	if o.movedWhole() {
		captured = o.signed
	}
	o.Refunded, o.Disputed = 0, 0
	if o.known.has(knownLate) {
		o.Authorized, o.Captured, o.Late = 0, 0, Late{Authorized: o.signed, Captured: captured}
		return
	}
	o.Authorized, o.Captured, o.Late = o.signed, captured, Late{}
}

// totalDisputed is total for what disputes took.
func (o *Order) totalDisputed() {
	for i := range o.book {
		if o.book[i].kind == disputes {
			lost, _ := o.costs(&o.book[i])
			o.Disputed = plus(o.Disputed, lost)
		}
	}
	o.Late.Disputed = min(o.Disputed, o.Late.Captured)
}

// plus adds what is not bounded by the order's amount.
func plus(a, b int64) int64 { return a + min(b, math.MaxInt64-a) }

// minus is what is left of an amount, at least zero: what is taken may be all that an int64 holds, and twice.
func minus(a, taken int64) int64 { return max(max(a, 0)-taken, 0) }

// paymentKnown reports whether a payment's success is on record.
func (o *Order) paymentKnown() bool { return o.known.has(knownPayment) }

// lastCapture is the capture of ours that closed the authorization; nil: none did.
func (o *Order) lastCapture() *transfer {
	for i := range o.book {
		if t := &o.book[i]; t.kind == captures && t.is(transferCounted) && t.has(markLast) {
			return t
		}
	}
	return nil
}
