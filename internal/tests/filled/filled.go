// Package filled makes values for tests of forms: every field of a fact filled, by walking its Go type, so that a field
// that is added cannot be forgotten. It knows no fact, so that the tests of package events can use it too.
package filled

import (
	"bytes"
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Filler makes the value of a leaf, by the field's path.
type Filler interface {
	Text(path string) string
	Body(path string) []byte
	Number(path string) uint64
	Signed(path string) int64
	Flag(path string) bool
	Moment(path string) time.Time
	Choice(path string, most uint64) uint64
	Present(path string) bool
}

// Fill fills every field of a value that can be set.
func Fill(t testing.TB, v reflect.Value, f Filler) {
	t.Helper()
	fill(t, v, "", f)
}

func fill(t testing.TB, v reflect.Value, path string, f Filler) {
	t.Helper()
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(f.Moment(path)))
		return
	case reflect.TypeFor[[]byte]():
		v.SetBytes(f.Body(path))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			inner := path
			if field := v.Type().Field(i); !field.Anonymous {
				inner = strings.TrimPrefix(path+"."+field.Name, ".")
			}
			fill(t, v.Field(i), inner, f)
		}
	case reflect.Pointer:
		if f.Present(path) {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), path, f)
		}
	case reflect.Slice:
		for i := 0; i < entriesMax && f.Present(path); i++ {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
			fill(t, v.Index(i), path, f)
		}
	case reflect.String:
		v.SetString(f.Text(path))
	case reflect.Bool:
		v.SetBool(f.Flag(path))
	case reflect.Int64:
		v.SetInt(f.Signed(path))
	case reflect.Uint64:
		v.SetUint(f.Number(path))
	case reflect.Uint8:
		v.SetUint(f.Choice(path, last(t, v.Type(), path)))
	default:
		require.Fail(t, "no payload holds such a field", "%s at %s", v.Type(), path)
	}
}

// entriesMax is how many entries a list gets at most.
const entriesMax = 2

// last is the highest value of an enumeration that has a word.
func last(t testing.TB, e reflect.Type, path string) (most uint64) {
	t.Helper()
	require.True(t, e.Implements(reflect.TypeFor[encoding.TextMarshaler]()), "%s at %s has no words", e, path)
	for i := range uint64(math.MaxUint8 + 1) {
		v := reflect.New(e).Elem()
		v.SetUint(i)
		if _, err := v.Interface().(encoding.TextMarshaler).MarshalText(); err == nil {
			most = i
		}
	}
	require.Positive(t, most, "%s at %s has no words", e, path)
	return most
}

// Plausible fills every field with something other than its zero value, each with its own.
type Plausible struct {
	count *uint64
	noon  time.Time
	kind  string
}

// NewPlausible returns one for a day, and with the name of a kind for fields that name one.
func NewPlausible(noon time.Time, kind string) Plausible { return Plausible{new(uint64), noon, kind} }

func (p Plausible) next() uint64 { *p.count++; return *p.count }

// Text is the field's path in small letters, and its number.
func (p Plausible) Text(path string) string {
	switch path[strings.LastIndex(path, ".")+1:] {
	case "Currency":
		return "USD"
	case "Fact":
		return p.kind
	}
	return fmt.Sprintf("%s-%d", strings.ToLower(path), p.next())
}

// Body is a message in JSON.
func (p Plausible) Body(string) []byte { return fmt.Appendf(nil, `{"n":%d,"name":"Zoë"}`, p.next()) }

// Number takes more than seven bits.
func (p Plausible) Number(string) uint64 { return p.next() + 200 }

// Signed is some thousands.
func (p Plausible) Signed(string) int64 { return int64(p.next()) * 1000 }

// Flag is up.
func (p Plausible) Flag(string) bool { return true }

// Moment is in the day's afternoon.
func (p Plausible) Moment(string) time.Time { return p.noon.Add(time.Duration(p.next()) * time.Second) }

// Choice is any but the first.
func (p Plausible) Choice(_ string, most uint64) uint64 { return 1 + p.next()%most }

// Present says that it is.
func (p Plausible) Present(string) bool { return true }

// Odd fills fields with values that a log takes, however odd.
type Odd struct {
	T *rapid.T
	// TextMax bounds texts, in bytes.
	TextMax int
}

// Text is any in UTF-8.
func (o Odd) Text(path string) string {
	return string(bytes.ToValidUTF8([]byte(rapid.StringN(0, 16, o.TextMax).Draw(o.T, path)), nil))
}

// Body is any, or none; some are JSON.
func (o Odd) Body(path string) []byte {
	if b := rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 0, 300), rapid.Custom(message)).Draw(o.T, path); len(b) > 0 {
		return b
	}
	return nil
}

// message is a text that is JSON, or nearly.
func message(t *rapid.T) []byte {
	return []byte(rapid.SampledFrom([]string{"{}", "null", "[]", ` { "a" : [ 1e5 , "\u00e9\/" , null ] } `,
		`{"a":1,"a":2}`,
		`{"paymentId":"2026112319401080010018888","n":2026112319401080010018888000}`, `"\ud83d\ude00"`, `"\ud83d"`, "{",
		"{\"b\":-0.10,\"\\u0061\":true}", "\xef\xbb\xbf{}"}).Draw(t, "message"))
}

// Number is any.
func (o Odd) Number(path string) uint64 { return rapid.Uint64().Draw(o.T, path) }

// Signed is any.
func (o Odd) Signed(path string) int64 { return rapid.Int64().Draw(o.T, path) }

// Flag is any.
func (o Odd) Flag(path string) bool { return rapid.Bool().Draw(o.T, path) }

// Choice is any.
func (o Odd) Choice(path string, most uint64) uint64 {
	return rapid.Uint64Range(0, most).Draw(o.T, path)
}

// Present is any.
func (o Odd) Present(path string) bool { return rapid.Bool().Draw(o.T, path) }

// Moment is any that 64 bits of nanoseconds hold, and none.
func (o Odd) Moment(path string) time.Time {
	nanos := rapid.OneOf(rapid.Int64Min(math.MinInt64+1), rapid.Just(int64(0)), rapid.Just(int64(math.MinInt64))).Draw(o.T,
		path)
	if nanos == math.MinInt64 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}

// ID is one of ours, of which many end in a UUID.
func (o Odd) ID(path string) string {
	if o.Flag(path + " ends in a UUID") {
		return rapid.StringMatching(`[a-z0-9é€]{0,8}[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`).Draw(o.T,
			path)
	}
	return rapid.StringMatching(`[a-z0-9 ._:\-é€🧾]{1,16}`).Draw(o.T, path)
}

// Maybe is an ID or none.
func (o Odd) Maybe(path string) string {
	if o.Flag("has " + path) {
		return o.ID(path)
	}
	return ""
}
