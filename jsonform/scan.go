package jsonform

import (
	"strconv"
	"unicode/utf8"
)

// node is one value of a document, and its name where it is a member of an object. What an object or list holds follows
// it at once.
type node struct {
	start, end         int32 // its text; of a string what is between the quotes
	name, nameEnd      int32 // what is between the quotes of its name
	size               int32 // nodes that it takes, with those in it
	kind               byte  // '{', '[', '"', '0' for a number, 't', 'f', 'n'
	escaped, nameSpelt bool  // its string, its name has an escape
	used               bool
}

// scanner reads one JSON text strictly: UTF-8, no half of a surrogate pair, nothing after it. It keeps the nodes of a
// document, or copies a message in its one form: without spaces, every string with the escapes that it must have and no
// others, and numbers as they stand.
type scanner struct {
	src     []byte
	at      int
	depth   int    // of nesting that is taken
	problem string // with its place, once something is wrong

	keeping bool
	nodes   []node

	naming  bool // no name may stand twice in an object, and its names are bounded
	loose   bool // there were spaces or escapes
	copying bool
	out     []byte
	names   [][]byte // of the objects that are open
}

func (s *scanner) fail(problem string) bool {
	if s.problem == "" {
		s.problem = "is not JSON at byte " + strconv.Itoa(s.at) + ": " + problem
	}
	return false
}

// whole reads a text that is exactly one value.
func (s *scanner) whole() bool {
	if !s.value(0) {
		return false
	}
	if s.space(); s.at < len(s.src) {
		return s.fail("something follows the value; give one document")
	}
	return true
}

func (s *scanner) space() {
	for s.at < len(s.src) {
		switch s.src[s.at] {
		case ' ', '\t', '\n', '\r':
			s.loose = true
			s.at++
		default:
			return
		}
	}
}

// next is the byte after spaces; 0 at the end.
func (s *scanner) next() byte {
	if s.at < len(s.src) && s.src[s.at] > ' ' {
		return s.src[s.at]
	}
	if s.space(); s.at < len(s.src) {
		return s.src[s.at]
	}
	return 0
}

func (s *scanner) emit(c byte) {
	if s.copying {
		s.out = append(s.out, c)
	}
}

// value reads one value at a depth.
func (s *scanner) value(depth int) bool {
	switch c := s.next(); {
	case c == '{', c == '[':
		if depth == s.depth {
			return s.fail("it is nested more than " + strconv.Itoa(s.depth) + " deep")
		}
		at := s.open(c, depth)
		s.emit(c)
		s.at++
		ok := false
		if c == '{' {
			ok = s.members(depth)
		} else {
			ok = s.entries(depth)
		}
		s.close(at)
		return ok
	case c == '"':
		at := s.open('"', depth)
		start, end, escaped, ok := s.str()
		if at >= 0 {
			n := &s.nodes[at]
			n.start, n.end, n.escaped = int32(start), int32(end), escaped
		}
		if ok {
			s.copyText(start, end, escaped)
		}
		return ok
	case c == '-', '0' <= c && c <= '9':
		return s.scalar('0', depth, s.number)
	case c == 't':
		return s.scalar(c, depth, func() bool { return s.word("true") })
	case c == 'f':
		return s.scalar(c, depth, func() bool { return s.word("false") })
	case c == 'n':
		return s.scalar(c, depth, func() bool { return s.word("null") })
	case c == 0 && s.at == len(s.src):
		return s.fail("it ends too early")
	}
	return s.fail("no value begins so")
}

// open keeps a node for what begins here; -1 where none is kept.
func (s *scanner) open(kind byte, depth int) int {
	if !s.keeping || depth > keptMax {
		return -1
	}
	s.nodes = append(s.nodes, node{kind: kind, start: int32(s.at), size: 1})
	return len(s.nodes) - 1
}

func (s *scanner) close(at int) {
	if at >= 0 {
		s.nodes[at].end, s.nodes[at].size = int32(s.at), int32(len(s.nodes)-at)
	}
}

func (s *scanner) scalar(kind byte, depth int, read func() bool) bool {
	at, from := s.open(kind, depth), s.at
	ok := read()
	s.close(at)
	if s.copying {
		s.out = append(s.out, s.src[from:s.at]...)
	}
	return ok
}

func (s *scanner) members(depth int) bool {
	open := len(s.names)
	for first := true; ; first = false {
		c := s.next()
		switch {
		case c == '}' && first:
			s.at++
			s.emit('}')
			return true
		case c != '"':
			return s.fail("a name should stand here")
		}
		name, nameEnd, spelt, ok := s.str()
		if !ok || !s.named(open, name, nameEnd, spelt) {
			return false
		}
		if s.next() != ':' {
			return s.fail("a colon should stand here")
		}
		s.emit(':')
		s.at++
		at := len(s.nodes)
		if !s.value(depth + 1) {
			return false
		}
		if at < len(s.nodes) {
			n := &s.nodes[at]
			n.name, n.nameEnd, n.nameSpelt = int32(name), int32(nameEnd), spelt
		}
		switch c := s.next(); c {
		case ',':
			s.emit(c)
			s.at++
		case '}':
			s.emit(c)
			s.at++
			s.names = s.names[:open]
			return true
		default:
			return s.fail("a comma or the end of the object should stand here")
		}
	}
}

// named copies a member's name, if its object, whose names begin at open, has no other of that name.
func (s *scanner) named(open, start, end int, spelt bool) bool {
	s.copyText(start, end, spelt)
	if !s.naming {
		return true
	}
	name := s.src[start:end]
	if spelt {
		name = []byte(textOf(name, true))
	}
	for _, other := range s.names[open:] {
		if len(other) == len(name) && string(other) == string(name) {
			return s.fail("a name stands twice in one object")
		}
	}
	if len(s.names)-open == namesMax {
		return s.fail("an object has more than " + strconv.Itoa(namesMax) + " names")
	}
	s.names = append(s.names, name)
	return true
}

func (s *scanner) entries(depth int) bool {
	if s.next() == ']' {
		s.at++
		s.emit(']')
		return true
	}
	for {
		if !s.value(depth + 1) {
			return false
		}
		switch c := s.next(); c {
		case ',':
			s.emit(c)
			s.at++
		case ']':
			s.emit(c)
			s.at++
			return true
		default:
			return s.fail("a comma or the end of the list should stand here")
		}
	}
}

func (s *scanner) copyText(start, end int, escaped bool) {
	switch {
	case !s.copying:
	case escaped:
		s.out, _ = appendText(s.out, textOf(s.src[start:end], true))
	default:
		s.out = append(s.out, s.src[start-1:end+1]...)
	}
}

// str reads a string, the quotes apart.
func (s *scanner) str() (start, end int, escaped, ok bool) {
	s.at++
	start = s.at
	for s.at < len(s.src) {
		if len(s.src)-s.at >= wordSize && ordinary(wordOf(s.src[s.at:])) {
			s.at += wordSize
			continue
		}
		switch c := s.src[s.at]; {
		case c == '"':
			s.at++
			return start, s.at - 1, escaped, true
		case c == '\\':
			escaped, s.loose = true, true
			if !s.escape() {
				return start, s.at, true, false
			}
		case c < ' ':
			return start, s.at, escaped, s.fail("a control character stands in a string; escape it")
		case c < utf8.RuneSelf:
			s.at++
		default:
			r, size := utf8.DecodeRune(s.src[s.at:])
			if r == utf8.RuneError && size == 1 {
				return start, s.at, escaped, s.fail("a string is not UTF-8")
			}
			s.at += size
		}
	}
	return start, s.at, escaped, s.fail("a string has no end")
}

func (s *scanner) word(want string) bool {
	if len(s.src)-s.at < len(want) || string(s.src[s.at:s.at+len(want)]) != want {
		return s.fail("no value begins so")
	}
	s.at += len(want)
	return true
}

func (s *scanner) digits() bool {
	from := s.at
	for s.at < len(s.src) && '0' <= s.src[s.at] && s.src[s.at] <= '9' {
		s.at++
	}
	return s.at > from || s.fail("a digit should stand here")
}

func (s *scanner) has(c byte) bool { return s.at < len(s.src) && s.src[s.at] == c }

func (s *scanner) number() bool {
	if s.has('-') {
		s.at++
	}
	if s.has('0') {
		s.at++
	} else if !s.digits() {
		return false
	}
	if s.has('.') {
		s.at++
		if !s.digits() {
			return false
		}
	}
	if s.has('e') || s.has('E') {
		s.at++
		if s.has('+') || s.has('-') {
			s.at++
		}
		return s.digits()
	}
	return true
}
