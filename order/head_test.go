package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// A head tells each thing that is so since when it is, and nothing of what is not: beside a parked operation too.
func TestHead_SinceWhen(t *testing.T) {
	x := asked(t, CallCapture)
	begun := x.o.Operation.Since
	assert.Equal(t, []time.Time{begun, {}, {}}, sinces(x.o))
	x.later(time.Minute)
	x.answer(silence)
	assert.Equal(t, []time.Time{begun, {}, {}}, sinces(x.o), "whatever was tried meanwhile")
	x.later(time.Minute)
	x.inquire(notExist)
	parked := x.now
	assert.Equal(t, []time.Time{begun, parked, {}}, sinces(x.o))
	x.later(time.Minute)
	x.observe(captured("C-foreign", theAmount+1))
	require.NotEmpty(t, x.o.Anomalies)
	contradicted := x.now
	assert.Equal(t, []time.Time{begun, parked, contradicted}, sinces(x.o))
	replayIsLive(t, x)

	x.later(time.Minute)
	x.must(ClearAnomaly{CommandID: "c", Anomaly: x.o.Anomalies[0].Version, Reason: "APO ticket 7"})
	assert.Equal(t, []time.Time{begun, parked, {}}, sinces(x.o))
}

func sinces(o Order) []time.Time {
	h := o.Head()
	return []time.Time{h.OperationSince, h.ParkedSince, h.AnomalySince}
}

// The oldest anomaly is the one with the earliest time, whatever the order of the records: a clock can go back.
func TestHead_TheOldestAnomaly(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	o := Order{Anomalies: []Anomaly{{Version: 3, At: noon, Reason: events.Reversal},
		{Version: 4, At: noon.Add(-time.Hour)}, {Version: 5, At: noon.Add(time.Hour)}}}
	assert.Equal(t, noon.Add(-time.Hour), o.Head().AnomalySince)
}
