package apo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// BodyMax bounds the body of an answer or notification, in bytes. A larger
	// one proves nothing, since it could not be kept as evidence.
	BodyMax = 48 << 10
	// IDMax bounds an id, in bytes.
	IDMax = 64
	// depthMax bounds the nesting of a body; APO's own stay under five.
	depthMax = 16
	// codeMax bounds a result code or status, in bytes.
	codeMax = 64
	// resultTextMax bounds what is kept of a result message, in bytes.
	resultTextMax = 1 << 10
)

var (
	errNotJSON   = errors.New("is not one JSON object in UTF-8")
	errDuplicate = errors.New("has a key twice in one object")
	errTooDeep   = errors.New("is nested too deeply")
)

// object is a decoded JSON object: strings, json.Number, bool, nil, []any and
// object. Names are matched exactly, where encoding/json would also take
// "ResultStatus" for "resultStatus" and let the later one win.
type object map[string]any

// parseObject decodes a body that is exactly one JSON object.
func parseObject(body []byte) (object, error) {
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, errNotJSON
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	// Numbers stay text: an id of 31 digits must not pass through a float.
	decoder.UseNumber()
	value, err := parseValue(decoder, 0)
	if err != nil {
		return nil, err
	}
	whole, ok := value.(object)
	if !ok {
		return nil, errNotJSON
	}
	return whole, nil
}

func parseValue(decoder *json.Decoder, depth int) (any, error) {
	if depth > depthMax {
		return nil, errTooDeep
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, errNotJSON
	}
	switch token {
	case json.Delim('{'):
		return parseMembers(decoder, depth)
	case json.Delim('['):
		var list []any
		for decoder.More() {
			value, err := parseValue(decoder, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = decoder.Token()
		return list, err
	}
	return token, nil
}

func parseMembers(decoder *json.Decoder, depth int) (any, error) {
	members := object{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, errNotJSON
		}
		name, _ := token.(string)
		if _, taken := members[name]; taken {
			return nil, errDuplicate
		}
		if members[name], err = parseValue(decoder, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := decoder.Token()
	return members, err
}

// reader takes typed fields out of an object and keeps the first thing wrong.
// A field that is absent, null or empty reads as its zero value.
// So does one without a name, which an operation does not have.
type reader struct {
	from object
	err  error
}

func (r *reader) value(name string) any {
	if name == "" {
		return nil
	}
	return r.from[name]
}

func (r *reader) fail(name, reason string) {
	if r.err == nil {
		r.err = fmt.Errorf("field %s %s", name, reason)
	}
}

// text reads a scalar, whether it came as a string or as its natural type.
func (r *reader) text(name string) string {
	switch value := r.value(name).(type) {
	case nil:
		return ""
	case string:
		return value
	case json.Number:
		return value.String()
	case bool:
		return fmt.Sprint(value)
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

func (r *reader) object(name string) *reader {
	switch value := r.value(name).(type) {
	case nil:
		return nil
	case object:
		return &reader{from: value}
	}
	r.fail(name, "is not an object")
	return nil
}

func (r *reader) amount(name string) Amount {
	inner := r.object(name)
	if inner == nil {
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
	parsed, _ := parseTime(r.text(name))
	return parsed
}

func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700"} {
		if parsed, err := time.Parse(layout, text); err == nil {
			return parsed.UTC(), true
		}
	}
	return time.Time{}, false
}

// checkID says what is wrong with an id: the clause that follows its name.
func checkID(id string) error {
	switch {
	case id == "":
		return errors.New("is empty")
	case len(id) > IDMax:
		return fmt.Errorf("has %d bytes, above %d", len(id), IDMax)
	case !utf8.ValidString(id):
		return errors.New("is not UTF-8")
	case hasControl(id):
		return errors.New("has a control character")
	}
	return nil
}

func hasControl(text string) bool { return strings.ContainsFunc(text, unicode.IsControl) }

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
