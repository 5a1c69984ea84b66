package events

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/filled"
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

// fact returns the kind's fact with every field made by f.
func fact(t testing.TB, k Kind, f filled.Filler) Event {
	t.Helper()
	v := reflect.New(reflect.TypeOf(blank(t, k))).Elem()
	filled.Fill(t, v, f)
	return v.Interface().(Event)
}

func newPlausible() filled.Plausible { return filled.NewPlausible(noon, string(KindPaymentPaid)) }

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
		Event: fact(t, k, newPlausible()),
	}
}

// minimal is a record of the kind with nothing in it that can be left out.
func minimal(t testing.TB, k Kind) Record {
	return Record{ID: "r", Stream: RefusalStream("o"), Version: 1, Position: 1, Recorded: noon, Event: blank(t, k)}
}
