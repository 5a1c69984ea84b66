package jsonform

import (
	"strconv"
	"sync"

	"github.com/tilltape/tilltape/events"
)

// Bounds of a document.
const (
	// DocumentMax is the length of the longest document that is read, in bytes: twice the largest frame in base64, with
	// the message in it decoded.
	DocumentMax = 4 << 20
	// MessageDepthMax and MessageNamesMax bound what is shown decoded of APO's messages: how deep it is nested, and how
	// many names an object has. APO's own stay far below both.
	MessageDepthMax = 32
	MessageNamesMax = 128

	keptMax  = 8 // the deepest value that this form has a name for
	depthMax = keptMax + MessageDepthMax
	namesMax = MessageNamesMax
)

// form walks a value and its JSON, writing or reading: each value describes its members once, and the same description
// does both, so that the two cannot disagree. Members are written in the order of the walk and read in any. What is
// empty is left out, and is not there.
type form struct {
	writing bool
	b       []byte // writing
	given   given  // writing: what is written, which lives on the heap as what is handed to a walk does
	clock   calendar
	copier  scanner // of messages

	src    []byte // reading
	nodes  []node
	object int // the object that is being read
	next   int // where its next member is looked for first

	path  [keptMax + 1]string // names on the way to where the walk is
	steps int
	err   error
}

// given is what was handed in to be written.
type given struct {
	record events.Record
	frame  []byte
}

var forms = sync.Pool{New: func() any { return new(form) }}

// release gives a form back without what it saw.
func (f *form) release() {
	f.given = given{}
	f.b, f.src, f.err = nil, nil, nil
	f.copier.src = nil
	clear(f.copier.names[:cap(f.copier.names)])
	f.nodes, f.object, f.next, f.steps = f.nodes[:0], 0, 0, 0
	if cap(f.copier.out) <= scratchMax && cap(f.nodes) <= scratchMax {
		forms.Put(f)
	}
}

// scratchMax is how much memory is kept to be used again: what nearly all records need, and not what the largest do.
const scratchMax = 64 << 10

// fail keeps the first thing that is wrong, at a name where the walk is; empty: with the whole that it walks.
func (f *form) fail(name, problem string) { f.failed(name, problem, nil) }

func (f *form) failed(name, problem string, err error) {
	if f.err != nil {
		return
	}
	path := ""
	for _, step := range f.path[:f.steps] {
		path = joined(path, step)
	}
	path = joined(path, name)
	if f.writing {
		f.err = &ValueError{Path: path, Problem: problem}
		return
	}
	f.err = &DocumentError{Path: path, Problem: problem, Err: err}
}

func joined(path, name string) string {
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}

// name begins a member.
func (f *form) name(name string) {
	b := f.b
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	f.b = append(b, '"', ':')
}

// member finds a member of the object that is read, and takes it; -1: it is not there, or something is wrong already.
func (f *form) member(name string) int {
	if f.err != nil {
		return -1
	}
	end := f.object + int(f.nodes[f.object].size)
	for at := f.next; at < end; at += int(f.nodes[at].size) {
		if f.called(at, name) {
			return f.take(at)
		}
	}
	for at := f.object + 1; at < f.next; at += int(f.nodes[at].size) {
		if f.called(at, name) {
			return f.take(at)
		}
	}
	return -1
}

func (f *form) called(at int, name string) bool {
	n := &f.nodes[at]
	b := f.src[n.name:n.nameEnd]
	return !n.used && (string(b) == name || n.nameSpelt && textOf(b, true) == name)
}

func (f *form) take(at int) int {
	n := &f.nodes[at]
	n.used = true
	f.next = at + int(n.size)
	return at
}

// must is member of what has to be there.
func (f *form) must(name string) int {
	at := f.member(name)
	if at < 0 {
		f.fail(name, "is missing")
	}
	return at
}

// kindNames says what a value is, for errors.
var kindNames = map[byte]string{'{': "an object", '[': "a list", '"': "text", '0': "a number", 't': "true",
	'f': "false", 'n': "null"}

// is reports whether the value at a node is of that kind.
func (f *form) is(name string, at int, kind byte) bool {
	if at < 0 {
		return false
	}
	if got := f.nodes[at].kind; got != kind {
		f.fail(name, "is "+kindNames[got]+"; give "+kindNames[kind])
		return false
	}
	return true
}

// string is the text at a node; ok is false where it is none.
func (f *form) string(name string, at int) (s string, ok bool) {
	if !f.is(name, at, '"') {
		return "", false
	}
	n := &f.nodes[at]
	return textOf(f.src[n.start:n.end], n.escaped), true
}

// raw is the text of the value at a node.
func (f *form) raw(at int) []byte {
	n := &f.nodes[at]
	if n.kind == '"' {
		return f.src[n.start-1 : n.end+1]
	}
	return f.src[n.start:n.end]
}

// begin opens the object that is written after dst.
func begin(dst []byte) *form {
	f := forms.Get().(*form)
	f.writing, f.b = true, append(dst, '{')
	return f
}

// end closes it.
func (f *form) end(dst []byte) ([]byte, error) {
	b, err := append(f.b, '}'), f.err
	f.release()
	if err != nil {
		return dst, err
	}
	return b, nil
}

// read walks over the members of the one object that a document is.
func read(src []byte, members func(*form)) error {
	if len(src) > DocumentMax {
		return &DocumentError{Problem: "has " + strconv.Itoa(len(src)) + " bytes; the longest has " +
			strconv.Itoa(DocumentMax)}
	}
	f := forms.Get().(*form)
	defer f.release()
	s := scanner{src: src, depth: depthMax, keeping: true, nodes: f.nodes[:0]}
	ok := s.whole()
	f.writing, f.src, f.nodes = false, src, s.nodes
	if !ok {
		return &DocumentError{Problem: s.problem}
	}
	if o, ok := f.enter("", 0); ok {
		members(f)
		f.close(o)
	}
	return f.err
}

// outer is where the walk goes on after an object.
type outer struct{ object, next int }

// open begins an object; where it reports true, its members are walked next and close ends it.
func (f *form) open(name string) (o outer, ok bool) {
	if !f.writing {
		return f.enter(name, f.member(name))
	}
	f.name(name)
	f.b = append(f.b, '{')
	f.step(name)
	return outer{}, true
}

// mustOpen is open of an object that is always there.
func (f *form) mustOpen(name string) (o outer, ok bool) {
	if f.writing {
		return f.open(name)
	}
	return f.enter(name, f.must(name))
}

// enter begins to read the object at a node.
func (f *form) enter(name string, at int) (o outer, ok bool) {
	if !f.is(name, at, '{') {
		return outer{}, false
	}
	o = outer{f.object, f.next}
	f.object, f.next = at, at+1
	f.step(name)
	return o, true
}

func (f *form) step(name string) {
	f.path[f.steps] = name
	f.steps++
}

// close ends an object. What is left of it has no meaning here, and must not be dropped silently.
func (f *form) close(o outer) {
	if f.writing {
		f.b = append(f.b, '}')
	} else {
		f.left()
		f.object, f.next = o.object, o.next
	}
	f.steps--
}

// left finds what is left of an object that was read.
func (f *form) left() {
	if f.err != nil {
		return
	}
	end := f.object + int(f.nodes[f.object].size)
	for at := f.object + 1; at < end; at += int(f.nodes[at].size) {
		n := &f.nodes[at]
		if n.used {
			continue
		}
		name := textOf(f.src[n.name:n.nameEnd], n.nameSpelt)
		for other := f.object + 1; other < end; other += int(f.nodes[other].size) {
			o := &f.nodes[other]
			if o.used && textOf(f.src[o.name:o.nameEnd], o.nameSpelt) == name {
				f.fail(clipped(name), "stands twice in one object; give it once")
				return
			}
		}
		f.fail(strconv.Quote(clipped(name)), "is no name that belongs here; leave it out")
		return
	}
}
