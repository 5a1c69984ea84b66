package events

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// noon is the day these tests play on.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)

// enumMax is the highest value of each enumeration, typed here a second time.
var enumMax = map[reflect.Type]uint64{
	reflect.TypeFor[Channel]():        4,
	reflect.TypeFor[CaptureMode]():    2,
	reflect.TypeFor[CancelCause]():    5,
	reflect.TypeFor[Subject]():        2,
	reflect.TypeFor[InquiryOutcome](): 2,
	reflect.TypeFor[Resolution]():     2,
	reflect.TypeFor[AnomalyReason]():  11,
	reflect.TypeFor[DisputeOutcome](): 8,
}

// blank returns the kind's fact with nothing in it.
func blank(t testing.TB, k Kind) Event {
	t.Helper()
	name, version, err := k.split()
	require.NoError(t, err)
	require.Contains(t, current, name)
	e, err := current.decode(name, version, nil, "", 0, 0)
	require.NoError(t, err)
	require.Equal(t, k, e.Kind())
	return e
}

// filler makes the value of a leaf: the field's path, and its number counted through the fact.
type filler interface {
	text(path string) string
	body(path string) []byte
	number(path string) uint64
	signed(path string) int64
	flag(path string) bool
	moment(path string) time.Time
	choice(path string, most uint64) uint64
	present(path string) bool
}

// filled returns the kind's fact with every field made by f. It walks the Go type, so that a field added to a fact
// cannot be forgotten in its walk.
func filled(t testing.TB, k Kind, f filler) Event {
	t.Helper()
	v := reflect.New(reflect.TypeOf(blank(t, k))).Elem()
	fill(t, v, "", f)
	return v.Interface().(Event)
}

func fill(t testing.TB, v reflect.Value, path string, f filler) {
	t.Helper()
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(f.moment(path)))
		return
	case reflect.TypeFor[[]byte]():
		v.SetBytes(f.body(path))
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
		if f.present(path) {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), path, f)
		}
	case reflect.String:
		v.SetString(f.text(path))
	case reflect.Bool:
		v.SetBool(f.flag(path))
	case reflect.Int64:
		v.SetInt(f.signed(path))
	case reflect.Uint64:
		v.SetUint(f.number(path))
	case reflect.Uint8:
		most, known := enumMax[v.Type()]
		require.True(t, known, "%s at %s is not in the table", v.Type(), path)
		v.SetUint(f.choice(path, most))
	default:
		require.Fail(t, "no payload holds such a field", "%s at %s", v.Type(), path)
	}
}

// plausible fills every field with something other than its zero value, each with its own.
type plausible struct{ count *uint64 }

func newPlausible() plausible { return plausible{new(uint64)} }

func (p plausible) next() uint64 { *p.count++; return *p.count }

func (p plausible) text(path string) string {
	switch path[strings.LastIndex(path, ".")+1:] {
	case "Currency":
		return "USD"
	case "Fact":
		return string(KindPaymentPaid)
	}
	return fmt.Sprintf("%s-%d", strings.ToLower(path), p.next())
}
func (p plausible) body(string) []byte               { return fmt.Appendf(nil, `{"n":%d,"name":"Zoë"}`, p.next()) }
func (p plausible) number(string) uint64             { return p.next() + 200 }
func (p plausible) signed(string) int64              { return int64(p.next()) * 1000 }
func (p plausible) flag(string) bool                 { return true }
func (p plausible) moment(string) time.Time          { return noon.Add(time.Duration(p.next()) * time.Second) }
func (p plausible) choice(_ string, m uint64) uint64 { return 1 + p.next()%m }
func (p plausible) present(string) bool              { return true }

// full is a record of the kind with everything in it that can be.
func full(t testing.TB, k Kind) Record {
	return Record{
		ID: "rec-1", Stream: OrderStream("order-1"), Version: 3, Position: 1 << 40, Previous: 300, Recorded: noon,
		Occurred: noon.Add(-time.Minute), CommandID: "cmd-1", Actor: "Zoë@shop",
		Head: Head{Status: "authorized", StatusSince: noon.Add(-time.Hour), Phase: "parked",
			OperationSince: noon.Add(-2 * time.Second), ParkedSince: noon.Add(-time.Second), AnomalySince: noon,
			DisputeBy: noon.Add(48 * time.Hour),
			Due:       noon.Add(time.Hour)},
		Keys: []Key{NewKey(KeyPaymentID, "p-1"), NewKey(KeyPaymentRequestID, "r-1"), NewKey(KeyCaptureRequestID, "c-1"),
			NewKey(KeyRefundRequestID, "f-1")},
		Event: filled(t, k, newPlausible()),
	}
}

// minimal is a record of the kind with nothing in it that can be left out.
func minimal(t testing.TB, k Kind) Record {
	return Record{ID: "r", Stream: RefusalStream("o"), Version: 1, Position: 1, Recorded: noon, Event: blank(t, k)}
}
