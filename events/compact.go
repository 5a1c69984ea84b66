package events

import (
	"encoding/hex"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// A name is a text that often is a UUID or ends in one: an id, a lookup key. In its compact form such an end takes 16 bytes
// in the place of 36.
const (
	uuidText  = 36 // 8-4-4-4-12 hexadecimal digits, lower case
	uuidBytes = 16
)

// AppendCompact appends the compact form of a name of at most most bytes, as frames hold it: a varint n and, where n ≤ most,
// as many bytes of text; where it is more, n-most-1 bytes of text, and 16 bytes that stand for the 36 characters of a
// UUID in lower case behind it. A name that ends in a UUID has only the second form. Names that are not longer than most
// have different forms, none of which begins another.
func AppendCompact(dst []byte, name string, most int) []byte {
	before := len(name) - uuidText
	if before < 0 || !isUUID(name[before:]) {
		return protowire.AppendString(dst, name)
	}
	dst = protowire.AppendVarint(dst, uint64(most+1+before))
	dst = append(dst, name[:before]...)
	return appendUUID(dst, name[before:])
}

// DecodeCompact reads the name whose compact form src is, all of it. The error is a *[FrameError].
func DecodeCompact(src []byte, most int) (string, error) {
	h := header{b: src}
	name := h.name("name", most)
	if h.err == nil && h.at != len(src) {
		h.fail("name", fmt.Sprintf("is followed by %d more bytes", len(src)-h.at))
	}
	return name, h.err
}

// compactSize is how many bytes AppendCompact appends.
func compactSize(name string, most int) int {
	before := len(name) - uuidText
	if before < 0 || !isUUID(name[before:]) {
		return protowire.SizeBytes(len(name))
	}
	return protowire.SizeVarint(uint64(most+1+before)) + before + uuidBytes
}

// isUUID tells whether 36 bytes are a UUID as [AppendCompact] writes it shorter.
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

// uuidDigits is where the bytes of a UUID stand in its text.
var uuidDigits = [uuidBytes]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

func appendUUID(dst []byte, s string) []byte {
	for _, i := range uuidDigits {
		dst = append(dst, digits[s[i]]<<4|digits[s[i+1]])
	}
	return dst
}

func uuidOf(b []byte) (text [uuidText]byte) {
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return text
}

// name reads a name in its compact form.
func (h *header) name(field string, most int) string {
	start := h.at
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
		return s
	}
	before := n - uint64(most) - 1
	if before+uuidText > uint64(most) {
		h.fail(field, fmt.Sprintf("has %d bytes, at most %d fit", before+uuidText, most))
		return ""
	}
	head := h.take(field, int(before))
	if h.err == nil && len(h.b)-h.at < uuidBytes {
		h.fail(field, "is longer than what is left")
	}
	if h.err != nil {
		return ""
	}
	uuid := uuidOf(h.b[h.at:])
	h.at += uuidBytes
	return h.join(head, &uuid)
}

// join is the name of its two parts, in the copy of the frame while there is room.
func (h *header) join(head string, uuid *[uuidText]byte) string {
	if begin := h.copy.Len(); h.copy.Cap()-begin >= len(head)+uuidText {
		h.copy.WriteString(head)
		h.copy.Write(uuid[:])
		return h.copy.String()[begin:]
	}
	return head + string(uuid[:])
}
