package apo

import (
	"encoding/json"
	"errors"
	"math/bits"
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

// node is one value of a body, and its name where it is a member of an object.
// What an object or list holds follows it at once, so that a body is one slice.
type node struct {
	name string
	text string // of a string or scalar
	size int32  // nodes that it takes, with those in it; a body of 48 KiB has fewer
	kind jsonKind
}

// object is a decoded JSON object, or list: the nodes in it. Names are matched
// exactly, where encoding/json would also take "ResultStatus" for "resultStatus"
// and let the later one win.
type object []node

// get returns a member and what is in it; a null where there is none.
func (o object) get(name string) (*node, object) {
	for i := 0; i < len(o); {
		n := &o[i]
		end := i + int(n.size)
		if n.name == name {
			return n, o[i+1 : end]
		}
		i = end
	}
	return &node{}, nil
}

// parseObject decodes a body that is exactly one JSON object. It is our own
// because a replay reads every message of a log again: encoding/json takes ten
// times as long as all else that is done with a record. A test holds the two
// against each other.
func parseObject(body []byte) (object, error) {
	if !utf8.Valid(body) {
		return nil, errNotJSON
	}
	p := parser{text: string(body), nodes: make(object, 0, nodesUsual)}
	return p.whole()
}

// whole reads the text, which is UTF-8, as exactly one object. The nodes
// are the parser's.
func (p *parser) whole() (object, error) {
	err := p.value("", 0)
	if err == nil {
		if p.space(); p.at != len(p.text) || p.nodes[0].kind != jsonObject {
			err = errNotJSON
		}
	}
	if err != nil {
		// What is no JSON at all is told as that, whatever was met first.
		if !json.Valid([]byte(p.text)) {
			err = errNotJSON
		}
		return nil, err
	}
	return p.nodes[1:], nil
}

// parser reads one text from left to right. The strings it returns are parts of
// the text, but for those with escapes.
type parser struct {
	text  string
	at    int
	nodes object
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
	// Most bodies have no space there.
	if p.at < len(p.text) && p.text[p.at] == b || p.next() == b {
		p.at++
		return true
	}
	return false
}

// value reads a value and appends it, with all that is in it.
func (p *parser) value(name string, depth int) (err error) {
	if depth > depthMax {
		return errTooDeep
	}
	n := node{name: name, size: 1}
	switch p.next() {
	case '{':
		n.kind = jsonObject
	case '[':
		n.kind = jsonList
	case '"':
		n.kind = jsonString
		n.text, err = p.string()
	default:
		n.kind, n.text, err = p.scalar()
	}
	at := len(p.nodes)
	p.nodes = append(p.nodes, n)
	switch n.kind {
	case jsonObject:
		p.at++
		err = p.members(depth)
	case jsonList:
		p.at++
		err = p.list(depth)
	default:
		return err
	}
	p.nodes[at].size = int32(len(p.nodes) - at)
	return err
}

func (p *parser) scalar() (jsonKind, string, error) {
	begin := p.at
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n,]}", p.text[p.at]) < 0 {
		p.at++
	}
	switch text := p.text[begin:p.at]; {
	case text == "null":
		return jsonNull, "", nil
	case text == "true", text == "false", isNumber(text):
		return jsonScalar, text, nil
	}
	return jsonNull, "", errNotJSON
}

const (
	nodesUsual = 32 // a body is made room for so many
	membersFew = 16 // above that, an object's names are looked up in a set
)

func (p *parser) members(depth int) error {
	if p.take('}') {
		return nil
	}
	begin := len(p.nodes)
	var names map[string]bool
	for count := 0; ; count++ {
		if p.next() != '"' {
			return errNotJSON
		}
		name, err := p.string()
		if err != nil {
			return err
		}
		if count < membersFew {
			if p.nodes[begin:].has(name) {
				return errDuplicate
			}
		} else {
			if names == nil {
				names = p.nodes[begin:].names()
			}
			if names[name] {
				return errDuplicate
			}
			names[name] = true
		}
		if !p.take(':') {
			return errNotJSON
		}
		if err := p.value(name, depth+1); err != nil {
			return err
		}
		if p.take('}') {
			return nil
		}
		if !p.take(',') {
			return errNotJSON
		}
	}
}

func (o object) has(name string) bool {
	for i := 0; i < len(o); i += int(o[i].size) {
		if o[i].name == name {
			return true
		}
	}
	return false
}

func (o object) names() map[string]bool {
	names := map[string]bool{}
	for i := 0; i < len(o); i += int(o[i].size) {
		names[o[i].name] = true
	}
	return names
}

func (p *parser) list(depth int) error {
	if p.take(']') {
		return nil
	}
	for {
		if err := p.value("", depth+1); err != nil {
			return err
		}
		if p.take(']') {
			return nil
		}
		if !p.take(',') {
			return errNotJSON
		}
	}
}

// string reads a string, whose first quote is next.
func (p *parser) string() (string, error) {
	begin, escaped := p.at, false
	for i := begin + 1; ; i++ {
		if i += plain(p.text[i:]); i >= len(p.text) {
			return "", errNotJSON
		}
		switch p.text[i] {
		case '"':
			p.at = i + 1
			if !escaped {
				return p.text[begin+1 : i], nil
			}
			var text string
			if json.Unmarshal([]byte(p.text[begin:p.at]), &text) != nil {
				return "", errNotJSON
			}
			return text, nil
		case '\\':
			escaped = true
			// Whatever follows is not the end; what it must be, Unmarshal tells.
			if i++; i >= len(p.text) {
				return "", errNotJSON
			}
		default:
			return "", errNotJSON
		}
	}
}

// plain counts the bytes before the first one that is a quote, a backslash or a
// control character.
func plain(text string) int {
	i := 0
	for ; len(text)-i >= 8; i += 8 {
		w := word(text[i:])
		if found := lowest(w^'"'*ones, 1) | lowest(w^'\\'*ones, 1) | lowest(w, ' '); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(text) && text[i] >= ' ' && text[i] != '"' && text[i] != '\\' {
		i++
	}
	return i
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
