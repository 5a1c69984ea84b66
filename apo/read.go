package apo

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tilltape/tilltape/internal/words"
)

const (
	// BodyMax bounds the body of an answer or notification, in bytes: some 4 000
	// transactions. A larger one proves nothing, since it could not be kept as
	// evidence.
	BodyMax = 960 << 10
	// TransactionsMax bounds the transactions of an inquiry's answer. One with more
	// is kept and proves nothing.
	TransactionsMax = 4096
	// IDMax bounds an id, in bytes.
	IDMax = 64
	// codeMax bounds a result code or status, in bytes.
	codeMax = 64
	// resultTextMax bounds what is kept of a result message, in bytes.
	resultTextMax = 1 << 10
)

// reader takes typed fields out of an object and keeps the first thing wrong.
// A field that is absent, null or empty reads as its zero value.
// So does one without a name, which an operation does not have.
type reader struct {
	from object
	err  error
}

func (r *reader) value(name string) (*node, object) {
	if name == "" {
		return &node{}, nil
	}
	return r.from.get(name)
}

func (r *reader) fail(name, reason string) {
	if r.err == nil {
		r.err = fmt.Errorf("field %s %s", name, reason)
	}
}

// text reads a scalar, whether it came as a string or as its natural type.
func (r *reader) text(name string) string {
	switch v, _ := r.value(name); v.kind {
	case jsonNull, jsonString, jsonScalar:
		return v.text
	}
	r.fail(name, "is not a scalar")
	return ""
}

func (r *reader) id(name string) string {
	value := r.text(name)
	if value == "" {
		return ""
	}
	if err := checkID(value); err != nil {
		r.fail(name, err.Error())
		return ""
	}
	return value
}

// code reads a result code or a status word.
func (r *reader) code(name string) string {
	value := r.text(name)
	if len(value) > codeMax || hasControl(value) {
		r.fail(name, "is not a code")
		return ""
	}
	return value
}

// object returns a reader of an object in it; false where there is none.
func (r *reader) object(name string) (inner reader, ok bool) {
	switch v, inside := r.value(name); v.kind {
	case jsonNull:
		return reader{}, false
	case jsonObject:
		return reader{from: inside}, true
	}
	r.fail(name, "is not an object")
	return reader{}, false
}

func (r *reader) amount(name string) Amount {
	inner, ok := r.object(name)
	if !ok {
		return Amount{}
	}
	minor, ok := parseMinor(inner.text("value"))
	currency := inner.text("currency")
	if !ok || !isCurrency(currency) {
		r.fail(name, "is not a currency and a decimal value in range")
		return Amount{}
	}
	return Amount{Currency: currency, Minor: minor}
}

// time reads an ISO 8601 time with offset, as UTC. One that cannot be read is
// the zero time: a clumsy timestamp must not make a signed success unknown.
func (r *reader) time(name string) time.Time {
	text := r.text(name)
	if text == "" {
		return time.Time{}
	}
	parsed, _ := parseTime(text)
	return parsed
}

// checkID says what is wrong with an id: the clause that follows its name.
func checkID(id string) error {
	switch {
	case id == "":
		return errors.New("is empty")
	case len(id) > IDMax:
		return fmt.Errorf("has %d bytes, above %d", len(id), IDMax)
	case isPrintable(id): // nearly always
		return nil
	}
	if problem := words.Unfit(id); problem != "" {
		return errors.New(problem)
	}
	return nil
}

func hasControl(text string) bool {
	if isPrintable(text) {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c == 0x7f:
			return true
		case c >= utf8.RuneSelf: // the rest are characters of more than one byte
			return strings.ContainsFunc(text[i:], unicode.IsControl)
		}
	}
	return false
}

// isPrintable reports whether text is ASCII without control characters.
func isPrintable(text string) bool {
	for ; len(text) >= 8; text = text[8:] {
		if w := word(text); w&highs != 0 || below(w, ' ') || below(w^0x7f*ones, 1) {
			return false
		}
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// clip shortens text to at most limit bytes, on a character's boundary.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
