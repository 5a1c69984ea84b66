package events

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
)

// A name is a text that often is a UUID or ends in one: an id, the value of a lookup key. In its compact form such an
// end takes 16 bytes in the place of 36.
const (
	uuidText  = 36 // 8-4-4-4-12 hexadecimal digits, lower case
	uuidBytes = 16
)

// AppendID appends an identifier of ours in the form that frames have it in: at most [IDMax]+1 bytes, and 17 for a UUID
// in lower case. Different ids have different forms, none of which begins another. Cost: one pass over the id.
func AppendID(dst []byte, id string) []byte { return appendName(dst, id, IDMax) }

// AppendKey appends a lookup key in the form that frames have it in: at most [KeyMax]+2 bytes, and 18 for the key of a
// UUID under a name of ours. Different keys have different forms, none of which begins another.
func AppendKey(dst []byte, key Key) []byte {
	for i, name := range keyNames[1:] {
		if value, ok := strings.CutPrefix(string(key), name); ok {
			return appendName(append(dst, byte(i+1)), value, KeyMax)
		}
	}
	return appendName(append(dst, 0), string(key), KeyMax)
}

// keyNames is what a key begins with, by the byte that stands for it; 0 stands for nothing.
var keyNames = [...]string{"", KeyPaymentID + ":", KeyPaymentRequestID + ":", KeyCaptureRequestID + ":",
	KeyRefundRequestID + ":"}

func appendName(dst []byte, name string, most int) []byte {
	before := len(name) - uuidText
	if before < 0 || !isUUID(name[before:]) {
		return protowire.AppendString(dst, name)
	}
	dst = protowire.AppendVarint(dst, uint64(most+1+before))
	dst = append(dst, name[:before]...)
	for _, i := range uuidDigits {
		dst = append(dst, digits[name[before+i]]<<4|digits[name[before+i+1]])
	}
	return dst
}

// uuidDigits is where the bytes of a UUID stand in its text.
var uuidDigits = [uuidBytes]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

// isUUID tells whether 36 bytes are a UUID as names write it shorter.
func isUUID(s string) bool {
	if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	bad := byte(0)
	for _, i := range uuidDigits {
		bad |= digits[s[i]] | digits[s[i+1]]
	}
	return bad < notDigit
}

const notDigit = 0x10

// digits is the value of every hexadecimal digit in lower case, and notDigit for all else.
var digits = func() (values [256]byte) {
	for c := range values {
		values[c] = notDigit
	}
	for value, c := range []byte("0123456789abcdef") {
		values[c] = byte(value)
	}
	return values
}()

// uuidOf is the text of 16 bytes, eight digits at a time: a frame has three or four of them, and nothing else in its
// header takes as long.
func uuidOf(b []byte) (text [uuidText]byte) {
	_ = b[uuidBytes-1]
	order := binary.BigEndian
	second, third := hexOf(order.Uint32(b[4:])), hexOf(order.Uint32(b[8:]))
	order.PutUint64(text[0:], hexOf(order.Uint32(b[0:])))
	order.PutUint32(text[9:], uint32(second>>32))
	order.PutUint32(text[14:], uint32(second))
	order.PutUint32(text[19:], uint32(third>>32))
	order.PutUint32(text[24:], uint32(third))
	order.PutUint64(text[28:], hexOf(order.Uint32(b[12:])))
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return text
}

// hexOf is the eight digits of four bytes, the first in the top byte: the nibbles are spread to a byte each, and those
// above nine, which six more carry into the next nibble, become letters.
func hexOf(b uint32) uint64 {
	const ones = 0x0101010101010101
	v := uint64(b)
	v = (v | v<<16) & 0x0000ffff0000ffff
	v = (v | v<<8) & 0x00ff00ff00ff00ff
	v = (v | v<<4) & (ones * 0xf)
	letters := (v + ones*6) >> 4 & ones
	return v + ones*'0' + letters*('a'-'0'-10)
}

func (h *header) id(field string) string { return h.name(field, IDMax, "") }

func (h *header) key() Key {
	const field = "key"
	if h.err == nil && h.at == len(h.b) {
		h.fail(field, "is cut short")
	}
	if h.err != nil {
		return ""
	}
	form := int(h.b[h.at])
	if form >= len(keyNames) {
		h.fail(field, "has a name that is not known")
		return ""
	}
	h.at++
	start := h.at
	key := h.name(field, KeyMax, keyNames[form])
	switch {
	case h.err != nil:
		return ""
	case len(key) > KeyMax:
		h.fail(field, fmt.Sprintf("has %d bytes, at most %d fit", len(key), KeyMax))
	case form == 0:
		for _, name := range keyNames[1:] {
			if strings.HasPrefix(key, name) {
				h.at = start
				h.fail(field, "spells a name that belongs in one byte")
			}
		}
	}
	return Key(key)
}

// name reads a name, and puts what the byte before it stands for in front of it.
func (h *header) name(field string, most int, front string) string {
	start := h.at
	// as nearly all are: a UUID alone
	if rest := h.b[start:]; len(rest) > uuidBytes && int(rest[0]) == most+1 && h.err == nil {
		uuid := uuidOf(rest[1:])
		h.at += 1 + uuidBytes
		return h.join(front, "", uuid[:])
	}
	n := h.number(field)
	if h.err != nil {
		return ""
	}
	if n <= uint64(most) {
		s := h.take(field, int(n))
		if before := len(s) - uuidText; before >= 0 && isUUID(s[before:]) {
			h.at = start
			h.fail(field, "spells a UUID that belongs in 16 bytes")
		}
		if front == "" {
			return s
		}
		return h.join(front, s, nil)
	}
	before := n - uint64(most) - 1
	if before+uuidText > uint64(most) {
		h.fail(field, fmt.Sprintf("has %d bytes, at most %d fit", before+uuidText, most))
		return ""
	}
	text := h.take(field, int(before))
	if h.err == nil && len(h.b)-h.at < uuidBytes {
		h.fail(field, "is longer than what is left")
	}
	if h.err != nil {
		return ""
	}
	uuid := uuidOf(h.b[h.at:])
	h.at += uuidBytes
	return h.join(front, text, uuid[:])
}

// join is the name of its parts, in the room for names while there is some, and then in one that has room for the keys.
func (h *header) join(front, text string, uuid []byte) string {
	if h.text == "" {
		return front + text + string(uuid)
	}
	begin, size := len(h.names), len(front)+len(text)+len(uuid)
	if cap(h.names)-begin < size {
		h.names = make([]byte, 0, max(max(h.keys, 1)*size, h.room))
		begin = 0
	}
	if size > len(uuid) {
		h.names = append(append(h.names, front...), text...)
	}
	h.names = append(h.names, uuid...)
	return unsafe.String(&h.names[begin], size)
}
