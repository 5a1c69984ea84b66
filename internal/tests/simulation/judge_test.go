package simulation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// A capture that APO took back lets its authorization go on, and lapse. Until somebody tells us, a refund of that
// capture is what we may well ask for; once it is on record, it is not.
func TestVerdict_ACaptureTakenBackAndNoLongerAuthorized(t *testing.T) {
	const captured = 400
	for _, tt := range []struct {
		failed, byUs bool
		want         string
	}{
		{want: ""},
		{failed: true, want: "of 0 are 0 refunded and 0 lost"},
		{byUs: true, want: "it is cancelled"},
	} {
		s := &simulation{bank: newSimBank(1), log: memory.New()}
		p := s.bank.register("o-1", 1000, order.CaptureManual)
		p.exists, p.paidAt, p.state, p.expires = true, time.Now(), apo.StateSuccess, time.Now()
		p.captures = []*simMove{{id: "cap-1", request: "creq-1", minor: captured, state: apo.StateFail, takenBack: true}}
		facts := []events.Event{events.CaptureSucceeded{CaptureID: "cap-1", CaptureRequestID: "creq-1"}}
		if tt.failed {
			facts = append(facts, events.CaptureFailed{CaptureID: "cap-1", CaptureRequestID: "creq-1"})
		}
		var records []events.Record
		ids := tilltest.Counter{Prefix: "r-"}
		for _, e := range append(facts, events.RefundRequested{RefundRequestID: "rreq-1"}) {
			records = append(records, events.Record{ID: ids.Next(), Recorded: time.Now(), Event: e})
		}
		_, err := s.log.Append(t.Context(), events.OrderStream("o-1"), 0, records...)
		require.NoError(t, err)
		p.age(time.Now())
		require.Equal(t, apo.StateCancelled, p.state)
		p.byUs = tt.byUs
		refund := tilltest.WireCall{Op: apo.OpRefund, Payment: p.id, Request: "rreq-1", Minor: captured}
		assert.Equal(t, tt.want, s.verdictOf(p, refund))
	}
}
