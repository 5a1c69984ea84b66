package jsonform

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/filled"
)

// noon is the day these tests play on.
var noon = time.Date(2026, 11, 29, 12, 0, 0, 123456789, time.UTC)

// blank is the kind's fact with nothing in it. Its type is taken from the walk, so that a kind that package events has
// and this one has not is found.
func blank(t testing.TB, k events.Kind) events.Event {
	t.Helper()
	require.Contains(t, kinds, k, "it has no walk")
	f := form{src: []byte("{}"), nodes: []node{{kind: '{', size: 1, end: 2}}, next: 1}
	return kinds[k].read(&f)
}

// fact is the kind's fact with every field made by f.
func fact(t testing.TB, k events.Kind, f filled.Filler) events.Event {
	t.Helper()
	v := reflect.New(reflect.TypeOf(blank(t, k))).Elem()
	filled.Fill(t, v, f)
	return v.Interface().(events.Event)
}

func plausible() filled.Plausible { return filled.NewPlausible(noon, string(events.KindPaymentPaid)) }

// full is a record of the kind with everything in it that can be.
func full(t testing.TB, k events.Kind) events.Record {
	return events.Record{
		ID: "rec-1", Stream: events.OrderStream("order-1"), Version: 3, Position: 1 << 60, Previous: 300, Recorded: noon,
		Occurred: noon.Add(-time.Minute), CommandID: "cmd-1", Actor: "Zoë@shop",
		Head: events.Head{Status: "authorized", StatusSince: noon.Add(-time.Hour), Phase: "parked",
			OperationSince: noon.Add(-2 * time.Second), ParkedSince: noon.Add(-time.Second), AnomalySince: noon,
			DisputeBy: noon.Add(48 * time.Hour), Due: noon.Add(time.Hour)},
		Keys: []events.Key{events.NewKey(events.KeyPaymentID, "p-1"), events.NewKey(events.KeyPaymentRequestID, "r-1"),
			events.NewKey(events.KeyCaptureRequestID, "c-1"), events.NewKey(events.KeyRefundRequestID, "f-1")},
		Event: fact(t, k, plausible()),
	}
}

// minimal is a record of the kind with nothing in it that can be left out.
func minimal(t testing.TB, k events.Kind) events.Record {
	return events.Record{ID: "r", Stream: events.RefusalStream("o"), Version: 1, Position: 1, Event: blank(t, k)}
}

// anyRecord is any that a frame can hold, however odd.
func anyRecord(rt *rapid.T, t *testing.T) events.Record {
	o := filled.Odd{T: rt, TextMax: events.IDMax}
	r := events.Record{ID: o.ID("id"), Stream: events.Stream{Category: rapid.StringMatching(`[a-z]{1,16}`).Draw(rt,
		"category"), ID: o.ID("stream")},
		Version: o.Number("version"), Position: o.Number("position"), Previous: o.Number("previous"),
		Recorded: o.Moment("recorded"), Occurred: o.Moment("occurred"), CommandID: o.Maybe("command"),
		Actor: o.Maybe("actor"), Head: events.Head{Status: o.Maybe("status"), StatusSince: o.Moment("since"),
			Phase: o.Maybe("phase"), OperationSince: o.Moment("operation since"), ParkedSince: o.Moment("parked since"),
			AnomalySince: o.Moment("anomaly since"), DisputeBy: o.Moment("dispute by"), Due: o.Moment("due")},
		Event: fact(t, rapid.SampledFrom(events.Kinds()).Draw(rt, "kind"), o)}
	for range rapid.IntRange(0, events.KeysMax).Draw(rt, "keys") {
		r.Keys = append(r.Keys, events.Key("k"+o.Text("key")))
	}
	return r
}
