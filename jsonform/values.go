package jsonform

import (
	"encoding"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/tilltape/tilltape/events"
)

// plain is the text at a node without a copy, where it has no escapes: it is the document's, not to be kept.
func (f *form) plain(name string, at int) (text []byte, ok bool) {
	if !f.is(name, at, '"') {
		return nil, false
	}
	n := &f.nodes[at]
	if text = f.src[n.start:n.end]; n.escaped {
		text = []byte(textOf(text, true))
	}
	return text, true
}

// text is left out where it is empty.
func (f *form) text(name string, v *string) {
	if f.writing {
		if *v != "" {
			f.mustText(name, v)
		}
		return
	}
	f.readText(name, v, f.member(name))
}

// mustText is text that has to be there.
func (f *form) mustText(name string, v *string) {
	if !f.writing {
		f.readText(name, v, f.must(name))
		return
	}
	f.name(name)
	var ok bool
	if f.b, ok = appendText(f.b, *v); !ok {
		f.fail(name, "is not UTF-8; give text")
	}
	if *v == "" {
		f.fail(name, "is empty; give text")
	}
}

func (f *form) readText(name string, v *string, at int) {
	if s, ok := f.string(name, at); ok {
		if *v = s; s == "" {
			f.fail(name, "is empty; leave it out, or give text where it has to be there")
		}
	}
}

const wholeNumber = "give digits alone in a string, without zeros in front"

// number is left out where it is 0.
func (f *form) number(name string, v *uint64) {
	if f.writing {
		if *v != 0 {
			f.mustNumber(name, v)
		}
		return
	}
	if at := f.member(name); at >= 0 {
		if f.readNumber(name, v, at); *v == 0 {
			f.fail(name, "is 0; leave it out")
		}
	}
}

// mustNumber is a number that is always there.
func (f *form) mustNumber(name string, v *uint64) {
	if !f.writing {
		f.readNumber(name, v, f.must(name))
		return
	}
	f.name(name)
	f.b = append(strconv.AppendUint(append(f.b, '"'), *v, 10), '"')
}

func (f *form) readNumber(name string, v *uint64, at int) {
	text, ok := f.plain(name, at)
	if !ok {
		return
	}
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil || len(text) > 1 && text[0] == '0' {
		f.fail(name, "is not a whole number from 0 to 2^64-1; "+wholeNumber)
	}
	*v = n
}

// flag is there where it is true.
func (f *form) flag(name string, v *bool) {
	if f.writing {
		if *v {
			f.name(name)
			f.b = append(f.b, "true"...)
		}
		return
	}
	if at := f.member(name); at >= 0 {
		if f.nodes[at].kind == 'f' {
			f.fail(name, "is false; leave it out")
		} else {
			*v = f.is(name, at, 't')
		}
	}
}

// moment is a time, left out where there is none.
func (f *form) moment(name string, v *time.Time) {
	if f.writing {
		if v.IsZero() {
			return
		}
		f.name(name)
		var ok bool
		if f.b, ok = f.clock.append(append(f.b, '"'), *v); !ok {
			f.fail(name, "lies outside the years 1678 to 2262, which a log can hold; check the clock it comes from")
		}
		f.b = append(f.b, '"')
		return
	}
	text, ok := f.plain(name, f.member(name))
	if !ok {
		return
	}
	if *v, ok = f.clock.parse(text); !ok {
		f.fail(name, "is not a time of this form; write it in UTC with nine decimals, like 2026-11-29T12:00:00.000000000Z")
	}
}

// vocabulary is the words of an enumeration by its values, as it says itself; empty where a value has none.
func vocabulary[E interface {
	~uint8
	encoding.TextMarshaler
}]() (words []string) {
	for i := range 256 {
		word, err := E(i).MarshalText()
		if err != nil && len(words) > 0 {
			break // there are no more, and each of the others would make an error
		}
		for err == nil && len(words) <= i {
			words = append(words, "")
		}
		if err == nil {
			words[i] = string(word)
		}
	}
	return words
}

// word is a value of an enumeration, whose words are given; it is always there.
func word[E ~uint8](f *form, name string, words []string, v *E) {
	if !f.writing {
		readWord(f, name, words, v, f.must(name))
		return
	}
	f.name(name)
	if int(*v) >= len(words) || words[*v] == "" {
		f.fail(name, "is "+strconv.Itoa(int(*v))+", which has no word; use one of its constants")
		return
	}
	f.b = append(append(append(f.b, '"'), words[*v]...), '"')
}

// maybeWord is left out where it is the zero value.
func maybeWord[E ~uint8](f *form, name string, words []string, v *E) {
	if f.writing {
		if *v != 0 {
			word(f, name, words, v)
		}
		return
	}
	if at := f.member(name); at >= 0 {
		if readWord(f, name, words, v, at); *v == 0 {
			f.fail(name, "says nothing; leave it out")
		}
	}
}

func readWord[E ~uint8](f *form, name string, words []string, v *E, at int) {
	text, ok := f.plain(name, at)
	if !ok {
		return
	}
	for i, w := range words {
		if w == string(text) && w != "" {
			*v = E(i)
			return
		}
	}
	f.failed(name, "is "+strconv.Quote(clipped(string(text)))+"; give one of "+listed(words)+
		", or upgrade, if a newer version wrote it", events.ErrUpgrade)
}

func listed(words []string) string {
	out := ""
	for _, w := range words {
		if w != "" && out != "" {
			out += ", "
		}
		out += w
	}
	return out
}

// clipped is a text of others short enough for an error.
func clipped(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

var strictBase64 = base64.StdEncoding.Strict()

func fromBase64(text []byte) ([]byte, error) {
	return strictBase64.AppendDecode(make([]byte, 0, base64.StdEncoding.DecodedLen(len(text))), text)
}

// bytes are base64, left out where there are none.
func (f *form) bytes(name string, v *[]byte) {
	if f.writing {
		if len(*v) > 0 {
			f.name(name)
			f.b = append(appendBase64(append(f.b, '"'), *v), '"')
		}
		return
	}
	text, ok := f.plain(name, f.member(name))
	if !ok {
		return
	}
	b, err := fromBase64(text)
	if err != nil || base64.StdEncoding.EncodedLen(len(b)) != len(text) { // it would skip line breaks
		f.fail(name, "is not in base64; give the standard alphabet, padded, without line breaks")
		return
	}
	if *v = b; len(b) == 0 {
		f.fail(name, "is empty; leave it out")
	}
}
