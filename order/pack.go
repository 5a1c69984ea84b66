package order

import (
	"encoding/binary"

	"github.com/tilltape/tilltape/internal/ours"
)

// Pack is for this module alone. It appends the order to dst in a compact form that [Order.Unpack] undoes: a quarter of
// its size in memory, and apart from everything the order was made of. It is for keeping many orders at rest, as a
// replay does. It is not for keeping on disk, nor for another process: identifiers are remembered under a key of this
// one, and another version of this package may pack in another way; what lasts is the log. Of an order that came from a
// log everything comes back, so that the two are deeply equal. (Times come back in UTC, and 1678 to 2262 is what fits,
// as in a log.) Cost: a few hundred bytes and nanoseconds, and no allocation where dst has room.
func (o *Order) Pack(_ ours.Key, dst []byte) []byte {
	p := packing{writing: true, b: dst}
	p.order(o)
	return p.b
}

// Unpack is for this module alone. It makes the zero order the one that was packed, and reports whether it could: not
// of a text that [Order.Pack] cannot have made. The order's texts are parts of packed, which costs no copy. Cost: like
// Pack, with an allocation for each kind of identifier remembered.
func (o *Order) Unpack(_ ours.Key, packed string) bool {
	p := packing{text: packed}
	p.order(o)
	if p.bad || p.at != len(packed) {
		*o = Order{}
		return false
	}
	return true
}

// packing walks an order, writing or reading: one description does both, so that the two cannot disagree. Most of an
// order is empty most of the time, so it begins with a mask: one bit for each field tells whether it is there at all.
type packing struct {
	writing   bool
	bad       bool
	b         []byte // writing: what is packed so far
	text      string // reading: all of it
	at        int    // reading: how far
	mask, bit uint64 // of the fields, and the field that is next
	payment   string // a text that comes again and again, as does
	currency  string
}

const wordSize = 8 // bytes of a mask or a remembered identifier

// open begins a mask. Its place is filled in by close.
func (p *packing) open() (place int) {
	place = len(p.b)
	p.mask, p.bit = 0, 1
	p.word(&p.mask)
	return place
}

func (p *packing) close(place int) {
	if p.writing {
		binary.LittleEndian.PutUint64(p.b[place:], p.mask)
	}
}

// some says, writing, and learns, reading, whether the next field is there.
func (p *packing) some(there bool) bool {
	bit := p.bit
	p.bit <<= 1
	if !p.writing {
		return p.mask&bit != 0
	}
	if there {
		p.mask |= bit
	}
	return there
}

func (p *packing) order(o *Order) {
	place := p.open()
	p.str(&o.PaymentID)
	p.str(&o.Amount.Currency)
	p.payment, p.currency = o.PaymentID, o.Amount.Currency
	p.time(&o.CreatedAt)
	p.str(&o.ID)
	p.uint(&o.Version)
	octet(p, &o.Status)
	p.time(&o.StatusSince)
	octet(p, &o.CancelCause)
	narrow(p, &o.known)
	p.str(&o.PaymentRequestID)
	p.int(&o.Amount.Minor)
	p.str(&o.Method)
	p.str(&o.Acquirer)
	p.str(&o.MerchantAccountID)
	octet(p, &o.CaptureMode)
	p.time(&o.PayBy)
	p.time(&o.PaymentAt)
	p.time(&o.Expires)
	octet(p, &o.Gateway)
	octet(p, &o.Inquiry.Subject)
	p.uint(&o.Inquiry.Number)
	p.uint(&o.Inquiry.Intent)
	p.bool(&o.Inquiry.Open)
	p.time(&o.Inquiry.Lease)
	p.time(&o.Inquiry.Answered)
	octet(p, &o.Inquiry.told)
	p.bool(&o.Inquiry.parked)
	narrow(p, &o.Inquiry.started)
	p.time(&o.WatchDue)
	narrow(p, &o.Watches)
	narrow(p, &o.level)
	p.fixed(&o.askedAt)
	p.mark(&o.captureMark)
	p.mark(&o.refundMark)
	p.mark(&o.paymentMark)
	p.mark(&o.endMark)
	narrow(p, &o.gateway)
	p.fixed(&o.gatewayAt)
	p.int(&o.signed)
	p.past(o)
	operation := p.some(o.Operation != Operation{})
	p.close(place)
	if operation {
		p.operation(&o.Operation)
	}
	for i := range o.Accepted {
		p.operation(&o.Accepted[i])
	}
}

// past is what an order remembers in lists.
func (p *packing) past(o *Order) {
	list(p, &o.Anomalies)
	for i := range o.Anomalies {
		p.anomaly(&o.Anomalies[i])
	}
	list(p, &o.Held)
	for i := range o.Held {
		p.held(&o.Held[i])
	}
	list(p, &o.Accepted)
	list(p, &o.book)
	for i := range o.book {
		p.transfer(&o.book[i])
	}
	if !p.writing {
		o.total()
	}
	list(p, &o.commands)
	for i := range o.commands {
		p.memory(&o.commands[i])
	}
	list(p, &o.contradiction)
	for i := range o.contradiction {
		p.word(&o.contradiction[i])
	}
}

func (p *packing) operation(o *Operation) {
	place := p.open()
	octet(p, &o.Kind)
	octet(p, &o.Phase)
	p.str(&o.CommandID)
	p.uint(&o.Intent)
	p.time(&o.Since)
	p.str(&o.By.PaymentID)
	p.str(&o.By.PaymentRequestID)
	p.str(&o.RequestID)
	p.str(&o.PaymentID)
	p.int(&o.Amount.Minor)
	p.str(&o.Amount.Currency)
	p.bool(&o.Last)
	p.str(&o.Reason)
	p.uint(&o.Compensates)
	p.uint(&o.Attempt)
	p.uint(&o.Answered)
	octet(p, &o.Refusals)
	p.time(&o.Lease)
	p.time(&o.AskedAt)
	p.time(&o.Due)
	p.bool(&o.Inquire)
	p.bool(&o.Cleared)
	p.bool(&o.AfterF)
	p.str(&o.Code)
	p.count(&o.Waits)
	p.time(&o.ParkedAt)
	octet(p, &o.Unanswered)
	p.close(place)
}

// The elements of lists have no mask: there is little in them that may be missing.

func (p *packing) anomaly(a *Anomaly) {
	p.varint(&a.Version)
	small(p, &a.Reason)
	p.moment(&a.At)
}

func (p *packing) held(h *HeldRefund) {
	p.share(&h.RefundID)
	p.share(&h.RefundRequestID)
	p.signed(&h.Minor)
	p.moment(&h.At)
	p.moment(&h.Since)
	p.varint(&h.Version)
	doubt := uint64(h.doubt)
	p.varint(&doubt)
	h.doubt = uint32(doubt)
}

// What is said of a transfer in the bits under its kind.
const (
	packedID = 1 << iota
	packedRequest
	packedAt
	packedMore // of most transfers everything else is zero
	packedBits = iota
)

func (p *packing) transfer(t *transfer) {
	u := uint64(t.kind) << packedBits
	if t.id != 0 {
		u |= packedID
	}
	if t.request != 0 {
		u |= packedRequest
	}
	if t.at != 0 {
		u |= packedAt
	}
	if t.standing != 0 || t.owner != 0 || t.marks != 0 || t.doubt != 0 {
		u |= packedMore
	}
	p.varint(&u)
	t.kind = transferKind(u >> packedBits)
	if u&packedID != 0 {
		p.word(&t.id)
	}
	if u&packedRequest != 0 {
		p.word(&t.request)
	}
	if u&packedAt != 0 {
		at := uint64(t.at)
		p.word(&at)
		t.at = int64(at)
	}
	if u&packedMore != 0 {
		small(p, &t.standing)
		small(p, &t.owner)
		marked := uint64(t.marks)
		p.varint(&marked)
		t.marks = marks(marked)
		doubt := uint64(t.doubt)
		p.varint(&doubt)
		t.doubt = uint32(doubt)
	}
	version := uint64(t.version)
	p.varint(&version)
	t.version = uint32(version)
	p.signed(&t.minor)
}

func (p *packing) memory(m *memory) {
	p.word(&m.id)
	p.word(&m.content)
	p.varint(&m.version)
	small(p, &m.verb)
	outcome := uint64(m.outcome) << 1
	if m.transfer != 0 {
		outcome |= 1
	}
	p.varint(&outcome)
	if m.outcome = Outcome(outcome >> 1); outcome&1 != 0 {
		transfer := uint64(m.transfer)
		p.varint(&transfer)
		m.transfer = uint32(transfer)
	}
	p.share(&m.code)
}

// list is a slice's length, and the room for it when reading; none at all and an empty one are told apart. Its elements
// are walked by the caller: a walk handed over as a function would send all of this to the heap.
func list[T any](p *packing, s *[]T) {
	if !p.some(*s != nil) {
		return
	}
	n := uint64(len(*s))
	p.varint(&n)
	switch {
	case p.writing || p.bad:
	case n > uint64(len(p.text)-p.at): // each takes a byte at least
		p.bad = true
	default:
		*s = make([]T, n)
	}
}
