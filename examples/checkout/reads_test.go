package main

import (
	"context"
	"iter"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// counted is a log that counts how often an order is read.
type counted struct {
	store.Log
	reads atomic.Int64
}

func (c *counted) Read(ctx context.Context, of events.Stream, after uint64) iter.Seq2[events.Record, error] {
	c.reads.Add(1)
	return c.Log.Read(ctx, of, after)
}

// What a request has put on record itself is not read again for its answer: that would be a tenth of what it costs
// beside the signature. A repetition is, since the log alone knows what it was.
func TestACommandReadsItsOrderOnce(t *testing.T) {
	w := newWorld(t)
	log := &counted{Log: w.shop.log.Log}
	w.shop.log.Log = log
	reads := func(path, key, body string) (n int64) {
		t.Helper()
		log.reads.Store(0)
		a := w.do("POST", path, key, body)
		require.Less(t, a.status, http.StatusMultipleChoices, a.body)
		return log.reads.Load()
	}
	assert.EqualValues(t, 2, reads("/orders", "pay-1", placeO1), "as it is placed, and with APO's answer")
	require.NoError(t, w.apo.Submit("pay-1"))
	require.Equal(t, 1, w.apo.Deliver(t.Context()))
	const capture = `{"amount":"USD 4.00","actor":"shop"}`
	assert.EqualValues(t, 1, reads("/orders/o-1/capture", "cap-1", capture))
	assert.EqualValues(t, 2, reads("/orders/o-1/capture", "cap-1", capture), "a repetition")
	assert.EqualValues(t, 1, reads("/orders/o-1/refund", "ref-1", `{"amount":"USD 1.00","reason":"dents","actor":"shop"}`))

	assert.EqualValues(t, 2, reads("/orders", "pay-2", `{"order":"o-2","amount":"USD 10.00","method":"CARD",`+
		`"captureMode":"manual","actor":"shop"}`))
	const cancel = `{"reason":"changed their mind","actor":"buyer"}`
	assert.EqualValues(t, 1, reads("/orders/o-2/cancel", "can-2", cancel))
	assert.EqualValues(t, 2, reads("/orders/o-2/cancel", "can-2", cancel), "a repetition")
}
