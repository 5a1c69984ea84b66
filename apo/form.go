package apo

import "strings"

// Messages of one kind differ in their strings alone: the names, their order and
// all that stands around the strings is the same from one to the next. So a
// [Reader] keeps a few bodies that it has parsed. A body that has the same around
// its strings as one of them is the same JSON with other strings, which are all
// that is left to be found.

const (
	formsMax  = 8       // that a Reader keeps: APO's messages come in few
	formEvery = 16      // of so many bodies that fit none one is kept: to keep one costs as much as to parse it
	formBytes = 4 << 10 // of the longest body that is kept
)

// form is a body without its strings. Its nodes are of the body that fitted last.
type form struct {
	nodes  object
	pieces []piece
	rest   string // after the last string
}

// piece is a string's node, and the text before it, from the end of the string before; both quotes are text.
type piece struct {
	before string
	node   int32
}

// stringAt is where a string begins with its quote, and its node.
type stringAt struct{ at, node int32 }

// newForm is the form of a body that was parsed; nil where there is none, since a string with an escape is not as it
// is written, or where it is too large to be kept.
func newForm(p *parser) *form {
	if len(p.text) > formBytes || strings.IndexByte(p.text, '\\') >= 0 {
		return nil
	}
	text := strings.Clone(p.text) // it is part of a message, which is its caller's
	s := &form{nodes: make(object, len(p.nodes)), pieces: make([]piece, len(p.strings))}
	end := 0
	for i, found := range p.strings {
		begin := int(found.at) + 1
		s.pieces[i] = piece{text[end:begin], found.node}
		end = begin + len(p.nodes[found.node].text)
	}
	s.rest = text[end:]
	// Names and scalars are the form's own.
	again := parser{text: text, nodes: s.nodes[:0]}
	if _, err := again.whole(); err != nil {
		return nil
	}
	return s
}

// fit puts the strings of a body, which is UTF-8, into the form's nodes; false where it is of another form.
func (s *form) fit(text string) bool {
	for i := range s.pieces {
		p := &s.pieces[i]
		if !strings.HasPrefix(text, p.before) {
			return false
		}
		text = text[len(p.before):]
		n := plain(text) // what comes next, and has to be a quote, is part of what stands around the strings
		s.nodes[p.node].text, text = text[:n], text[n:]
	}
	return text == s.rest
}

// forms are the forms that a Reader keeps, those that came of late before the others.
type forms struct {
	kept   []*form
	others int // bodies that fitted none
}

// fit returns the nodes of the body, if it is of a form that is kept.
func (s *forms) fit(text string) (object, bool) {
	for i, kept := range s.kept {
		if kept.fit(text) {
			if i > 0 {
				s.kept[i], s.kept[i-1] = s.kept[i-1], kept
			}
			return kept.nodes, true
		}
	}
	return nil, false
}

// keep keeps the form of a body that was parsed, if it is its turn.
func (s *forms) keep(p *parser) {
	s.others++
	if len(s.kept) == formsMax && s.others%formEvery != 0 {
		return
	}
	kept := newForm(p)
	switch {
	case kept == nil:
	case len(s.kept) < formsMax:
		s.kept = append(s.kept, kept)
	default:
		s.kept[formsMax-1] = kept
	}
}
