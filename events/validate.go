package events

import (
	"fmt"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/tilltape/tilltape/internal/words"
)

// Validate says whether a log can hold the record: its ids, times, keys, and every field of its fact. The place that a
// store gives it (version, position, previous) is not looked at, nor the order's rules. The error is an *[InvalidError]
// that names the field and the remedy. Nothing else can make [AppendFrame] fail.
func (r Record) Validate() error {
	if err := r.check(); err != nil {
		return err
	}
	_, _, kind, err := current.kind(r.Event)
	if err != nil {
		return err
	}
	return kind.encode(wire{name: string(r.Event.Kind()), writing: true, dry: true}, r.Event).err
}

// check is Validate without the fact's fields, which are checked as they are written or read.
func (r *Record) check() error {
	if err := CheckID("record id", r.ID); err != nil {
		return err
	}
	if err := r.Stream.check(); err != nil {
		return err
	}
	for _, f := range [...]struct{ field, id string }{{"command id", r.CommandID}, {"actor", r.Actor},
		{"head's status", r.Head.Status},
		{"head's phase", r.Head.Phase}} {
		if f.id == "" {
			continue
		}
		if err := CheckID(f.field, f.id); err != nil {
			return err
		}
	}
	for _, f := range [...]struct {
		field string
		t     time.Time // no pointer: it would send the record to the heap
	}{{"recorded time", r.Recorded}, {"occurred time", r.Occurred}, {"head's status time", r.Head.StatusSince},
		{"head's operation time", r.Head.OperationSince}, {"head's parked time", r.Head.ParkedSince},
		{"head's anomaly time", r.Head.AnomalySince}, {"head's dispute time", r.Head.DisputeBy},
		{"head's due time", r.Head.Due}} {
		if f.t.IsZero() {
			continue
		}
		if _, ok := nanosOf(f.t); !ok {
			return &InvalidError{Field: f.field, Problem: outsideYears}
		}
	}
	switch {
	case r.Event == nil:
		return &InvalidError{Field: "event", Problem: "is missing; a record carries exactly one fact"}
	case reflect.TypeOf(r.Event).Kind() == reflect.Pointer: // its methods are there too, but a fact is a value
		return &InvalidError{Field: "event", Problem: fmt.Sprintf("is a %T; give the value that it points to", r.Event)}
	}
	return checkKeys(r.Keys)
}

func (s *Stream) check() error {
	if len(s.Category) > CategoryMax {
		return &InvalidError{Field: "category",
			Problem: fmt.Sprintf("has %d bytes; give at most %d", len(s.Category), CategoryMax), Err: ErrInvalidID}
	}
	if err := CheckID("category", s.Category); err != nil {
		return err
	}
	return CheckID("stream id", s.ID)
}

// checkKeys takes any characters: the values are often others' ids, and a signed fact must not be lost for how they
// look.
func checkKeys(keys []Key) error {
	if len(keys) > KeysMax {
		return &InvalidError{Field: "lookup keys", Problem: fmt.Sprintf("are %d; give at most %d", len(keys), KeysMax)}
	}
	for _, k := range keys {
		problem := ""
		switch {
		case k == "":
			problem = fmt.Sprintf("is empty; give 1 to %d bytes", KeyMax)
		case len(k) > KeyMax:
			problem = fmt.Sprintf("%.48q… has %d bytes; give at most %d", string(k), len(k), KeyMax)
		case !utf8.ValidString(string(k)):
			problem = fmt.Sprintf("%q is not UTF-8; give text", string(k))
		default:
			continue
		}
		return &InvalidError{Field: "lookup key", Problem: problem, Err: ErrInvalidID}
	}
	return nil
}

// CheckID says whether an identifier is usable: 1 to [IDMax] bytes of UTF-8 without control characters. That is what
// APO takes of its merchants' ids, slashes included, so an id has to be escaped where it becomes part of a URL
// ([net/url.PathEscape]) or of a file's name. The error is an *[InvalidError] that begins with name, has the character
// that is wrong and its place, and wraps [ErrInvalidID]. Cost: one pass over the bytes, and no allocation where all is
// well.
func CheckID(name, id string) error {
	if id != "" && len(id) <= IDMax && plain(id) {
		return nil
	}
	problem := ""
	switch {
	case id == "":
		problem = fmt.Sprintf("is empty; give 1 to %d bytes", IDMax)
	case len(id) > IDMax:
		problem = fmt.Sprintf("has %d bytes; give at most %d", len(id), IDMax)
	default:
		if problem = words.Unfit(id); problem == "" {
			return nil
		}
		problem = fmt.Sprintf("%q %s", id, problem)
	}
	return &InvalidError{Field: name, Problem: problem, Err: ErrInvalidID}
}

// plain reports whether all is printable ASCII, as nearly every id is. It looks at eight bytes at a time, at the end at
// some of them twice: it is most of what reading a header costs.
func plain(id string) bool {
	if len(id) < wordSize {
		for i := range len(id) {
			if c := id[i]; c < ' ' || c > '~' {
				return false
			}
		}
		return true
	}
	bad := notPlain(wordOf(id[len(id)-wordSize:]))
	for ; len(id) > wordSize; id = id[wordSize:] {
		bad |= notPlain(wordOf(id))
	}
	return bad == 0
}

const wordSize = 8

// wordOf is the first eight bytes.
func wordOf(s string) uint64 {
	_ = s[wordSize-1]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// notPlain is 0 where eight bytes are plain: the top bits of those that are not ASCII, below the space, or the one that
// deletes. A borrow can only come out of a byte that is bad itself, so it hides nothing and invents nothing.
func notPlain(w uint64) uint64 {
	const ones = 0x0101010101010101
	del := w ^ ones*0x7f
	return (w | (w-ones*' ')&^w | (del-ones)&^del) & (ones * 0x80)
}
