// Package words makes the words of an enumeration its form in texts of every kind: JSON, flags, logs. It also knows
// what an identifier must not have, wherever it comes from.
package words

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Unfit says what keeps an identifier from standing in JSON, in a header and in a line of a log: the clause that
// follows the identifier, with the character, its place and the remedy; empty where nothing does. APO documents nothing
// else that an id must not have, a slash least of all, so nothing else is refused: whoever puts an id into a URL or the
// name of a file has to escape it.
func Unfit(id string) string {
	for at, c := range id {
		switch {
		case c == utf8.RuneError && !strings.HasPrefix(id[at:], string(utf8.RuneError)):
			return fmt.Sprintf("is not UTF-8 from byte %d on, and JSON carries nothing else; give text", at+1)
		case unicode.IsControl(c):
			return fmt.Sprintf("has the control character %U at byte %d, which breaks lines of logs and headers; leave it out",
				c, at+1)
		}
	}
	return ""
}

// Plain is a foreign text as a terminal or a page may have it: nothing in it moves the cursor, or turns the direction
// of writing.
func Plain(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
	}
	return b.String()
}

// Counted is a number of things: "1 order", "2 orders".
func Counted(n uint64, what string) string {
	return strconv.FormatUint(n, 10) + " " + Plural(n, what)
}

// List is words as a sentence has them: "a, b and c", with the word that stands before the last of them.
func List(all []string, before string) string {
	last := len(all) - 1
	if last <= 0 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:last], ", ") + " " + before + " " + all[last]
}

// Plural is the word for so many things: "order" for one, "orders" otherwise.
func Plural(n uint64, what string) string {
	if n == 1 {
		return what
	}
	return what + "s"
}

// Of is a value's word in the list of all of them, for String; "unknown" for a value that has none.
func Of[E ~uint8](all []string, v E) string {
	if int(v) < len(all) {
		return all[v]
	}
	return "unknown"
}

// Enumeration is a small one whose String gives each of its values a word of its own, and none the empty one.
type Enumeration interface {
	~uint8
	fmt.Stringer
}

// Marshal returns the word of a value, for MarshalText. last is the last value that there is.
func Marshal[E Enumeration](v, last E) ([]byte, error) {
	if word := v.String(); v <= last && word != "" {
		return []byte(word), nil
	}
	return nil, fmt.Errorf("%T has no value %d; use one of its constants", v, uint8(v))
}

// Unmarshal finds the value with that word, for UnmarshalText. The error lists the words; the value is left alone then.
func Unmarshal[E Enumeration](text []byte, to *E, last E) error {
	var known []string
	for i := range int(last) + 1 {
		v := E(i)
		switch word := v.String(); word {
		case "":
		case string(text):
			*to = v
			return nil
		default:
			known = append(known, word)
		}
	}
	return fmt.Errorf("%T has no word %q; use one of: %s", *to, text, strings.Join(known, ", "))
}
