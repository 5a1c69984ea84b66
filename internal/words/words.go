// Package words makes the words of an enumeration its form in texts of every kind: JSON, flags, logs.
package words

import (
	"fmt"
	"strings"
)

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
