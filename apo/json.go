package apo

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// depthMax bounds the nesting of a body; APO's own stay under five.
const depthMax = 16

var (
	errNotJSON   = errors.New("is not one JSON object in UTF-8")
	errDuplicate = errors.New("has a key twice in one object")
	errTooDeep   = errors.New("is nested too deeply")
)

// jsonKind tells what a value is.
type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonString
	jsonScalar // a number or a truth value, as it is written: an id of 31 digits must not pass through a float
	jsonObject
	jsonList
)

// value is one value of a body.
type value struct {
	kind    jsonKind
	text    string // of a string or scalar
	members object // of an object or list; those of a list have no names
}

// object is a decoded JSON object. Names are matched exactly, where encoding/json
// would also take "ResultStatus" for "resultStatus" and let the later one win.
type object []member

type member struct {
	name  string
	value value
}

func (o object) get(name string) value {
	for i := range o {
		if o[i].name == name {
			return o[i].value
		}
	}
	return value{}
}

// parseObject decodes a body that is exactly one JSON object. It is our own
// because a replay reads every message of a log again: encoding/json takes ten
// times as long as all else that is done with a record. A test holds the two
// against each other.
func parseObject(body []byte) (object, error) {
	if !utf8.Valid(body) {
		return nil, errNotJSON
	}
	p := parser{text: string(body)}
	whole, err := p.value(0)
	if err == nil {
		if p.space(); p.at != len(p.text) || whole.kind != jsonObject {
			err = errNotJSON
		}
	}
	if err != nil {
		// What is no JSON at all is told as that, whatever was met first.
		if !json.Valid(body) {
			err = errNotJSON
		}
		return nil, err
	}
	return whole.members, nil
}

// parser reads one text from left to right. The strings it returns are parts of
// the text, but for those with escapes.
type parser struct {
	text string
	at   int
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

// next skips space and returns the byte there, 0 at the end.
func (p *parser) next() byte {
	p.space()
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

// take skips space and a byte, if it is the one.
func (p *parser) take(b byte) bool {
	if p.next() != b {
		return false
	}
	p.at++
	return true
}

func (p *parser) value(depth int) (value, error) {
	if depth > depthMax {
		return value{}, errTooDeep
	}
	switch p.next() {
	case '{':
		p.at++
		members, err := p.members(depth)
		return value{kind: jsonObject, members: members}, err
	case '[':
		p.at++
		list, err := p.list(depth)
		return value{kind: jsonList, members: list}, err
	case '"':
		text, err := p.string()
		return value{kind: jsonString, text: text}, err
	}
	begin := p.at
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n,]}", p.text[p.at]) < 0 {
		p.at++
	}
	switch text := p.text[begin:p.at]; {
	case text == "null":
		return value{}, nil
	case text == "true", text == "false", isNumber(text):
		return value{kind: jsonScalar, text: text}, nil
	}
	return value{}, errNotJSON
}

const (
	membersUsual = 8  // an object is made for so many
	membersFew   = 16 // above that, names are looked up in a set
)

func (p *parser) members(depth int) (object, error) {
	if p.take('}') {
		return nil, nil
	}
	o := make(object, 0, membersUsual)
	var names map[string]bool
	for {
		if p.next() != '"' {
			return nil, errNotJSON
		}
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		if twice(o, &names, name) {
			return nil, errDuplicate
		}
		if !p.take(':') {
			return nil, errNotJSON
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		o = append(o, member{name: name, value: v})
		if p.take('}') {
			return o, nil
		}
		if !p.take(',') {
			return nil, errNotJSON
		}
	}
}

// twice reports whether the object has the name already.
func twice(o object, names *map[string]bool, name string) bool {
	if len(o) <= membersFew {
		for i := range o {
			if o[i].name == name {
				return true
			}
		}
		return false
	}
	if *names == nil {
		*names = make(map[string]bool, 2*len(o))
		for i := range o {
			(*names)[o[i].name] = true
		}
	}
	known := (*names)[name]
	(*names)[name] = true
	return known
}

func (p *parser) list(depth int) (object, error) {
	if p.take(']') {
		return nil, nil
	}
	var list object
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, member{value: v})
		if p.take(']') {
			return list, nil
		}
		if !p.take(',') {
			return nil, errNotJSON
		}
	}
}

// string reads a string, whose first quote is next.
func (p *parser) string() (string, error) {
	begin, escaped := p.at, false
	for i := begin + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.at = i + 1
			if !escaped {
				return p.text[begin+1 : i], nil
			}
			var text string
			if json.Unmarshal([]byte(p.text[begin:p.at]), &text) != nil {
				return "", errNotJSON
			}
			return text, nil
		case c == '\\':
			escaped = true
			i++ // whatever follows is not the end; what it must be, Unmarshal tells
		case c < ' ':
			return "", errNotJSON
		}
	}
	return "", errNotJSON
}

// isNumber reports whether the text is a JSON number.
func isNumber(text string) bool {
	digits := func() bool {
		n := 0
		for n < len(text) && text[n] >= '0' && text[n] <= '9' {
			n++
		}
		text = text[n:]
		return n > 0
	}
	text = strings.TrimPrefix(text, "-")
	if strings.HasPrefix(text, "0") {
		text = text[1:]
	} else if !digits() {
		return false
	}
	if strings.HasPrefix(text, ".") {
		if text = text[1:]; !digits() {
			return false
		}
	}
	if text != "" && (text[0] == 'e' || text[0] == 'E') {
		text = text[1:]
		if text != "" && (text[0] == '+' || text[0] == '-') {
			text = text[1:]
		}
		if !digits() {
			return false
		}
	}
	return text == ""
}
