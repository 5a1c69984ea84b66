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
	size int32  // nodes that it takes, with those in it; a body of [BodyMax] has fewer
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
	at, err := p.value(0, "", 0)
	if err == nil && (space(p.text, at) != len(p.text) || p.nodes[0].kind != jsonObject) {
		err = errNotJSON
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
// the text, but for those with escapes. Its methods are told where they begin
// and return where they ended: kept in the parser, that would be stored and
// loaded again for every byte.
type parser struct {
	text    string
	nodes   object
	strings []stringAt // found so far; nil where nobody asks for them
}

// space returns where the first byte at or after at stands that is no space.
func space(text string, at int) int {
	for at < len(text) {
		switch text[at] {
		case ' ', '\t', '\r', '\n':
			at++
		default:
			return at
		}
	}
	return at
}

// after skips space and returns what follows the byte that stands there, if it
// is the one; 0 if it is another.
func after(text string, at int, b byte) int {
	if at < len(text) && text[at] == b { // most bodies have no space there
		return at + 1
	}
	if at = space(text, at); at < len(text) && text[at] == b {
		return at + 1
	}
	return 0
}

// value reads a value and appends it, with all that is in it.
func (p *parser) value(at int, name string, depth int) (end int, err error) {
	if depth > depthMax {
		return 0, errTooDeep
	}
	if at = space(p.text, at); at == len(p.text) {
		return 0, errNotJSON
	}
	i := len(p.nodes)
	p.nodes = append(p.nodes, node{name: name, size: 1})
	n := &p.nodes[i]
	switch p.text[at] {
	case '"':
		n.kind = jsonString
		if p.strings != nil {
			p.strings = append(p.strings, stringAt{int32(at), int32(i)})
		}
		n.text, end, err = p.string(at)
		return end, err
	case '{':
		n.kind = jsonObject
		end, err = p.members(at+1, depth)
	case '[':
		n.kind = jsonList
		end, err = p.list(at+1, depth)
	default:
		n.kind, n.text, end, err = p.scalar(at)
		return end, err
	}
	p.nodes[i].size = int32(len(p.nodes) - i)
	return end, err
}

func (p *parser) scalar(at int) (kind jsonKind, text string, end int, err error) {
	end = at
	for end < len(p.text) && strings.IndexByte(" \t\r\n,]}", p.text[end]) < 0 {
		end++
	}
	switch text = p.text[at:end]; {
	case text == "null":
		return jsonNull, "", end, nil
	case text == "true", text == "false", isNumber(text):
		return jsonScalar, text, end, nil
	}
	return jsonNull, "", end, errNotJSON
}

const (
	nodesUsual = 32 // a body is made room for so many
	membersFew = 16 // above that, an object's names are looked up in a set
)

func (p *parser) members(at, depth int) (int, error) {
	if end := after(p.text, at, '}'); end > 0 {
		return end, nil
	}
	known := nameSet{begin: len(p.nodes)}
	for {
		if at = space(p.text, at); at == len(p.text) || p.text[at] != '"' {
			return 0, errNotJSON
		}
		name, end, err := p.string(at)
		if err != nil {
			return 0, err
		}
		if known.has(p.nodes, name) {
			return 0, errDuplicate
		}
		if at = after(p.text, end, ':'); at == 0 {
			return 0, errNotJSON
		}
		if at, err = p.value(at, name, depth+1); err != nil {
			return 0, err
		}
		if end := after(p.text, at, '}'); end > 0 {
			return end, nil
		}
		if at = after(p.text, at, ','); at == 0 {
			return 0, errNotJSON
		}
	}
}

// nameSet is the names of one object as they come. Each has a mark, which is
// one of 64, so that a name is compared with others only where one of them has
// the same.
type nameSet struct {
	begin int // of the object's members
	count int
	marks uint64
	names map[string]bool // once there are many
}

// has reports whether the name is there, and takes it in.
func (s *nameSet) has(nodes object, name string) bool {
	mark := uint64(1)
	if n := uint(len(name)); n > 0 {
		mark <<= (n + 3*uint(name[0]) + 5*uint(name[n/2]) + 7*uint(name[n-1])) % 64
	}
	again := s.marks&mark != 0
	s.marks |= mark
	if s.count++; s.count <= membersFew {
		return again && nodes[s.begin:].has(name)
	}
	if s.names == nil {
		s.names = nodes[s.begin:].names()
	}
	again = s.names[name]
	s.names[name] = true
	return again
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

func (p *parser) list(at, depth int) (int, error) {
	if end := after(p.text, at, ']'); end > 0 {
		return end, nil
	}
	for {
		var err error
		if at, err = p.value(at, "", depth+1); err != nil {
			return 0, err
		}
		if end := after(p.text, at, ']'); end > 0 {
			return end, nil
		}
		if at = after(p.text, at, ','); at == 0 {
			return 0, errNotJSON
		}
	}
}

// string reads the string whose first quote stands there.
func (p *parser) string(begin int) (text string, end int, err error) {
	escaped := false
	for i := begin + 1; ; i++ {
		if i += plain(p.text[i:]); i >= len(p.text) {
			return "", 0, errNotJSON
		}
		switch p.text[i] {
		case '"':
			if !escaped {
				return p.text[begin+1 : i], i + 1, nil
			}
			text, err = unescaped(p.text[begin : i+1])
			return text, i + 1, err
		case '\\':
			escaped = true
			// Whatever follows is not the end; what it must be, Unmarshal tells.
			if i++; i >= len(p.text) {
				return "", 0, errNotJSON
			}
		default:
			return "", 0, errNotJSON
		}
	}
}

func unescaped(quoted string) (text string, err error) {
	if json.Unmarshal([]byte(quoted), &text) != nil {
		return "", errNotJSON
	}
	return text, nil
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
