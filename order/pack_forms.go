package order

import (
	"encoding/binary"
	"time"
)

// The forms that the parts of a packed order have, each written and read.

func (p *packing) bool(v *bool) { *v = p.some(*v) }

func octet[T ~uint8](p *packing, v *T) {
	if p.some(*v != 0) {
		small(p, v)
	}
}

func small[T ~uint8](p *packing, v *T) {
	u := uint64(*v)
	p.varint(&u)
	*v = T(u)
}

func (p *packing) uint(v *uint64) {
	if p.some(*v != 0) {
		p.varint(v)
	}
}

func narrow[T ~uint16 | ~uint32](p *packing, v *T) {
	u := uint64(*v)
	p.uint(&u)
	*v = T(u)
}

func (p *packing) int(v *int64) {
	if p.some(*v != 0) {
		p.signed(v)
	}
}

// fixed is a number that is never small: eight bytes as they are.
func (p *packing) fixed(v *int64) {
	if p.some(*v != 0) {
		u := uint64(*v)
		p.word(&u)
		*v = int64(u)
	}
}

func (p *packing) count(v *int) {
	n := int64(*v)
	p.int(&n)
	*v = int(n)
}

func (p *packing) str(v *string) {
	if p.some(*v != "") {
		p.share(v)
	}
}

func (p *packing) mark(m *mark) {
	if p.some(*m != mark{}) {
		p.placed(&m.place)
		p.share(&m.id)
	}
}

func (p *packing) placed(at *place) {
	p.varint(&at.version)
	if p.writing {
		p.put(uint64(at.nanos))
	} else {
		at.nanos = int64(p.get())
	}
}

// none is the time that 64 bits of nanoseconds leave over, as in a frame.
const none = 1 << 63

func (p *packing) time(v *time.Time) {
	switch there := p.some(!v.IsZero()); {
	case !there:
	case p.writing:
		p.put(uint64(v.UnixNano()))
	default:
		if u := p.get(); u != none && !p.bad {
			*v = time.Unix(0, int64(u)).UTC()
		}
	}
}

// moment is a time where there is no bit for none. The distance to another of the order's times would save a byte or
// two, for twice the work.
func (p *packing) moment(v *time.Time) {
	u := uint64(none)
	if p.writing && !v.IsZero() {
		u = uint64(v.UnixNano())
	}
	p.word(&u)
	if !p.writing && u != none {
		*v = time.Unix(0, int64(u)).UTC()
	}
}

// signed is a number that may be negative.
func (p *packing) signed(v *int64) {
	u := uint64(*v)<<1 ^ uint64(*v>>63)
	p.varint(&u)
	*v = int64(u>>1) ^ -int64(u&1)
}

// varint is a number, small ones in few bytes.
func (p *packing) varint(v *uint64) {
	if p.writing {
		p.b = binary.AppendUvarint(p.b, *v)
		return
	}
	*v = p.number()
}

// number reads what varint writes.
func (p *packing) number() uint64 {
	at, u := p.at, uint64(0)
	if at < len(p.text) && p.text[at] < 0x80 { // as most are
		p.at = at + 1
		return uint64(p.text[at])
	}
	for shift := 0; at < len(p.text) && shift < 64; shift += 7 {
		c := p.text[at]
		at++
		u |= uint64(c&0x7f) << shift
		if c < 0x80 {
			p.at = at
			return u
		}
	}
	p.bad = true
	return 0
}

// word is eight bytes as they are: nothing makes the bits of a remembered identifier fewer.
func (p *packing) word(v *uint64) {
	if p.writing {
		p.put(*v)
	} else {
		*v = p.get()
	}
}

func (p *packing) put(v uint64) { p.b = binary.LittleEndian.AppendUint64(p.b, v) }

func (p *packing) get() uint64 {
	if len(p.text)-p.at < wordSize {
		p.bad = true
		return 0
	}
	p.at += wordSize
	return wordOf(p.text[p.at-wordSize:])
}

// How a text is told: as one that was there, or by its length beyond these.
const (
	textPayment = iota
	textCurrency
	textOwn
)

// share is a text, told in short where it is one of those that come again.
func (p *packing) share(v *string) {
	if !p.writing {
		*v = p.shared()
		return
	}
	switch *v {
	case p.payment:
		p.b = append(p.b, textPayment)
	case p.currency:
		p.b = append(p.b, textCurrency)
	default:
		p.b = append(binary.AppendUvarint(p.b, uint64(len(*v))+textOwn), *v...)
	}
}

// shared reads what share writes.
func (p *packing) shared() string {
	u := p.number()
	switch {
	case u == textPayment:
		return p.payment
	case u == textCurrency:
		return p.currency
	case u-textOwn > uint64(len(p.text)-p.at):
		p.bad = true
		return ""
	}
	p.at += int(u - textOwn)
	return p.text[p.at-int(u-textOwn) : p.at]
}
