package storetest

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// long makes records with as long a message as there can be, no two the same.
func long(prefix string, n int) []events.Record {
	all := records(prefix, n)
	for i := range all {
		body := bytes.Repeat([]byte{byte('a' + i)}, events.BodyMax)
		all[i].Event = events.PaymentPending{PaymentID: "p", Proof: events.Proof{Evidence: &events.Evidence{Body: body}}}
	}
	return all
}

// longMessages: a message is kept whole however long it may be, several in one append, and among others.
func longMessages(t *testing.T, f Factory) {
	log := f.open(t)
	stream, other := events.OrderStream("o-1"), events.OrderStream("o-2")
	var want []events.Record
	want = append(want, mustAppend(t, log, stream, 0, records("a", 3)...)...)
	want = append(want, mustAppend(t, log, stream, 3, long("b", 5)...)...)
	mustAppend(t, log, other, 0, records("c", 2)...)
	want = append(want, mustAppend(t, log, stream, 8, append(long("d", 2), records("e", span)...)...)...)
	want = append(want, mustAppend(t, log, stream, uint64(len(want)), long("f", 1)...)...)
	same := func(read []events.Record, what string) {
		t.Helper()
		if assert.Equal(t, ids(want), ids(read), "%s", what) {
			sameBytes(t, want, read, what)
		}
	}
	same(readStream(t, log, stream, 0), "the stream")
	assert.Equal(t, ids(want[4:]), ids(readStream(t, log, stream, 4)), "the stream's end")
	all := readAll(t, log)
	inPlace(t, all)
	assert.Len(t, all, len(want)+2)
	h, err := log.Head(context.Background(), stream)
	assert.NoError(t, err)
	assert.Equal(t, uint64(len(want)), h.Version)
	again := f.reopen(t, log)
	same(readStream(t, again, stream, 0), "the stream after a restart")
	_, err = again.Append(context.Background(), stream, 0, long("b", 1)...)
	assert.ErrorIs(t, err, store.ErrConflict)
}
