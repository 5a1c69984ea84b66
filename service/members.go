package service

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// memberError is about a name in the body: one that nobody reads, or one that is there twice.
type memberError struct {
	name  string
	twice bool
}

func (e *memberError) Error() string {
	if e.twice {
		return fmt.Sprintf("has %q twice", e.name)
	}
	return fmt.Sprintf("has a field that nobody reads: %q", e.name)
}

// members walks a value that is JSON, and finds names that are not exactly those of t's fields, and names that stand
// twice in one object. Package json takes AMOUNT for amount, and of two amounts the last: whoever else reads the same
// body, a proxy or an audit, may take it for another command. Below what reads itself, names may be any, but once.
func members(from *json.Decoder, t reflect.Type) error {
	token, err := from.Token()
	if err != nil {
		return err
	}
	begun, is := token.(json.Delim)
	if !is {
		return nil
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	below, known := within(t)
	seen := map[string]bool{}
	for from.More() {
		part := below
		if begun == '{' {
			token, err := from.Token()
			if err != nil {
				return err
			}
			name, _ := token.(string)
			if seen[name] {
				return &memberError{name, true}
			}
			seen[name] = true
			if known != nil {
				if part, is = known[name]; !is {
					return &memberError{name, false}
				}
			}
		}
		if err := members(from, part); err != nil {
			return err
		}
	}
	_, err = from.Token()
	return err
}

// What has one of these reads itself.
var (
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// within says what the parts of a type are: of a list or a map all are of one type, those of a struct are known by
// name; nil: nobody knows.
func within(t reflect.Type) (below reflect.Type, known map[string]reflect.Type) {
	if t == nil || reflect.PointerTo(t).Implements(unmarshaler) || reflect.PointerTo(t).Implements(textUnmarshaler) {
		return nil, nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return t.Elem(), nil
	case reflect.Struct:
		known = map[string]reflect.Type{}
		for _, f := range reflect.VisibleFields(t) {
			if name := nameOf(&f); name != "" {
				known[name] = f.Type
			}
		}
	}
	return nil, known
}

// nameOf is the name in JSON of a struct's field; empty: it has none.
func nameOf(f *reflect.StructField) string {
	tag := f.Tag.Get("json")
	name, _, _ := strings.Cut(tag, ",")
	switch {
	case tag == "-" || !f.IsExported() || f.Anonymous && name == "":
		return ""
	case name == "":
		return f.Name
	}
	return name
}
