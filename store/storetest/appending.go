package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// span is more records than any sensible page holds.
const span = 600

func emptyLog(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	assert.Empty(t, readAll(t, log), "records of an empty log")
	assert.Empty(t, readStream(t, log, events.OrderStream("o-1"), 0), "records of a stream that is not there")
	assert.Empty(t, readStream(t, log, events.OrderStream("o-1"), 7),
		"records of a stream that is not there, after a version")
	assert.Empty(t, collect(t, log.Heads(ctx, store.AllOrders())), "heads of an empty log")

	_, err := log.Head(ctx, events.OrderStream("o-1"))
	require.ErrorIs(t, err, store.ErrNotFound, "head of a stream that is not there")
	assert.Contains(t, err.Error(), "o-1", "the error names the stream")
	_, err = log.Lookup(ctx, "paymentId:p-1")
	require.ErrorIs(t, err, store.ErrNotFound, "a key nobody owns")
	assert.Contains(t, err.Error(), "paymentId:p-1", "the error names the key")
}

func appendAndRead(t *testing.T, f Factory) {
	log := f.open(t)
	one, two := events.OrderStream("o-1"), events.RefusalStream("o-1")
	given := records("a", 5)
	first := mustAppend(t, log, one, 0, given[0], given[1])
	mustAppend(t, log, two, 0, given[2])
	mustAppend(t, log, one, 2, given[3])
	mustAppend(t, log, two, 1, given[4])

	all := readAll(t, log)
	assert.Equal(t, []string{"a-1", "a-2", "a-3", "a-4", "a-5"}, ids(all), "the log in order of commits")
	inPlace(t, all)
	assert.Equal(t, []string{"a-1", "a-2", "a-4"}, ids(readStream(t, log, one, 0)), "a stream")
	assert.Equal(t, []string{"a-3", "a-5"}, ids(readStream(t, log, two, 0)), "the other stream")
	assert.Equal(t, []string{"a-4"}, ids(readStream(t, log, one, 2)), "a stream after a version")
	assert.Empty(t, readStream(t, log, one, 3), "a stream after its newest version")
	assert.Empty(t, readStream(t, log, one, 1<<63), "a stream after a version it will never have")

	want := given[1]
	want.Stream, want.Version, want.Position, want.Previous = one, 2, 2, 1
	assert.Equal(t, want, first[1], "a record comes back as it was given, with its place")
	assert.Equal(t, want, all[1], "and is read as it came back")
}

func longStreams(t *testing.T, f Factory) {
	log := f.open(t)
	stream, other := events.OrderStream("long"), events.OrderStream("other")
	given := records("l", span)
	const step = 100
	for i := 0; i < span; i += step {
		mustAppend(t, log, stream, uint64(i), given[i:i+step]...)
		mustAppend(t, log, other, uint64(i/step), record(given[i].ID+"-other", nil))
	}
	for _, after := range []int{0, 1, step - 1, 255, 256, 257, 343, 344, 345, span - 1} {
		assert.Equal(t, ids(given[after:]), ids(readStream(t, log, stream, uint64(after))), "after version %d", after)
	}
	all := readAll(t, log)
	assert.Len(t, all, span+span/step)
	inPlace(t, all)

	read := 0
	for _, err := range log.Read(context.Background(), stream, 0) {
		require.NoError(t, err)
		if read++; read == span/2 {
			break
		}
	}
	assert.Equal(t, span/2, read, "a loop may end early")
}

func versions(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	stream := events.OrderStream("o-1")
	refused := func(after, have uint64) {
		t.Helper()
		_, err := log.Append(ctx, stream, after, record("late", nil))
		var conflict *store.ConflictError
		require.ErrorAs(t, err, &conflict, "append after version %d of %d", after, have)
		assert.Equal(t, store.ConflictError{Stream: stream, Want: after, Have: have}, *conflict)
		assert.ErrorIs(t, err, store.ErrConflict)
		assert.Contains(t, err.Error(), "o-1", "the error names the stream")
	}
	refused(1, 0)
	refused(1<<63, 0)
	assert.Empty(t, readAll(t, log), "a refused append writes nothing")

	mustAppend(t, log, stream, 0, records("v", 3)...)
	for _, after := range []uint64{0, 1, 2, 4, 1<<64 - 1} {
		refused(after, 3)
	}
	mustAppend(t, log, stream, 3, record("v-4", nil))
	refused(3, 4)
	assert.Equal(t, []string{"v-1", "v-2", "v-3", "v-4"}, ids(readAll(t, log)),
		"refused appends write nothing and use up no position")
	mustAppend(t, log, events.OrderStream("o-2"), 0, record("w-1", nil))
	inPlace(t, readAll(t, log))
}

func atomicAppends(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	owner, stream := events.OrderStream("owner"), events.OrderStream("o-1")
	mustAppend(t, log, owner, 0, record("owner-1", withKeys("paymentId:p-1")))

	// The last of three records is the one that cannot be: none of them may be there, nor their keys.
	_, err := log.Append(ctx, stream, 0, record("a-1", withKeys("paymentRequestId:r-1")), record("a-2", nil),
		record("a-3", withKeys("paymentId:p-1")))
	require.ErrorIs(t, err, store.ErrKeyTaken)
	_, err = log.Append(ctx, stream, 0, record("b-1", withKeys("paymentRequestId:r-2")), record("", nil))
	require.ErrorIs(t, err, store.ErrInvalid)

	assert.Equal(t, []string{"owner-1"}, ids(readAll(t, log)), "a refused append writes none of its records")
	assert.Empty(t, readStream(t, log, stream, 0))
	for _, key := range []events.Key{"paymentRequestId:r-1", "paymentRequestId:r-2"} {
		_, err = log.Lookup(ctx, key)
		assert.ErrorIs(t, err, store.ErrNotFound, "a refused append takes no key: %s", key)
	}
	_, err = log.Head(ctx, stream)
	require.ErrorIs(t, err, store.ErrNotFound, "a refused append makes no stream")
	assert.Len(t, collect(t, log.Heads(ctx, store.AllOrders())), 1, "a refused append makes no head")

	written := mustAppend(t, log, stream, 0, records("c", f.whole(store.AppendMax, store.AppendMax/8))...)
	assert.Equal(t, uint64(2), written[0].Position)
	inPlace(t, readAll(t, log))
	assert.Equal(t, ids(written), ids(readStream(t, log, stream, 0)), "as many as one append carries")
}

// hostileIDs are legal ids that have made other stores confuse streams.
var hostileIDs = []string{
	"a", "aa", "aaa", "A", ":", "::", "a:", ":a", "a:b", ".", "..", "...", "%", "%2F", "%00", " ", "  ", "a ", " a", "-",
	"_", "*", "?", "#", "&", "=", "+",
	"\\", "'", "\"", "`", "$(id)", "{}", "[]", "<a>", "'; DROP TABLE log; --", "order", "ordero", "refusal", "order:a",
	"refusal:a", "5order",
	"/", "//", "a/", "/a", "a/b", "order/a", "INV/2026/00001", "../..", "./a",
	"null", "0", "00", "01", "1", "é", "e\u0301", "ß", "ＳＳ", "日本語", "🧾", "\u202eabc", "ﬁ", "İ", "ı",
	strings.Repeat("x", events.IDMax-1), strings.Repeat("x", events.IDMax), strings.Repeat("🧾", events.IDMax/4),
}

func streamNames(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	var streams []events.Stream
	for _, id := range hostileIDs {
		streams = append(streams, events.OrderStream(id), events.RefusalStream(id))
	}
	// Where a name is only glued together, these are one stream.
	streams = append(streams, events.Stream{Category: "orde", ID: "ra"}, events.Stream{Category: "ordera", ID: "a"},
		events.Stream{Category: "order:", ID: "a"}, events.Stream{Category: "order/a", ID: "b"},
		events.Stream{Category: "orders", ID: "a"}, events.Stream{Category: "order", ID: "sa"},
		events.Stream{Category: "o", ID: "rder"}, events.Stream{Category: strings.Repeat("c", events.CategoryMax), ID: "a"})

	idOf := map[events.Stream]string{}
	together(t, "appends to many names", len(streams), func(i int) {
		_, err := log.Append(ctx, streams[i], 0, record("n-"+time.Duration(i).String(), nil))
		assert.NoError(t, err, "append to %q", streams[i])
	})
	for i, stream := range streams {
		idOf[stream] = "n-" + time.Duration(i).String()
	}
	require.Len(t, idOf, len(streams), "the suite's own names differ")

	for _, stream := range streams {
		read := readStream(t, log, stream, 0)
		require.Equal(t, []string{idOf[stream]}, ids(read), "stream %q holds its own record only", stream)
		assert.Equal(t, stream, read[0].Stream, "a stream keeps its name byte for byte")
		h, err := log.Head(ctx, stream)
		require.NoError(t, err)
		assert.Equal(t, stream, h.Stream)
	}
	found := map[string]bool{}
	for _, h := range collect(t, log.Heads(ctx, store.AllOrders())) {
		assert.Equal(t, events.CategoryOrder, h.Stream.Category, "heads are of orders only")
		assert.False(t, found[h.Stream.ID], "order %q has one head", h.Stream.ID)
		found[h.Stream.ID] = true
	}
	assert.Len(t, found, len(hostileIDs)+1, "every order has a head")
}

func refusedInput(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	good := events.OrderStream("o-1")
	refused := func(what string, to events.Stream, given ...events.Record) {
		t.Helper()
		_, err := log.Append(ctx, to, 0, given...)
		assert.ErrorIs(t, err, store.ErrInvalid, "%s", what)
	}
	badIDs := map[string]string{
		"empty": "", "NUL": "a\x00b", "newline": "a\nb", "bad UTF-8": "a\xffb", "cut UTF-8": "\xf0\x9f\xa7",
		"too long":        strings.Repeat("x", events.IDMax+1),
		"carriage return": "a\rb", "tab": "a\tb", "escape": "a\x1bb", "delete": "a\x7fb",
	}
	for what, id := range badIDs {
		refused("stream id: "+what, events.OrderStream(id), record("r-1", nil))
		refused("category: "+what, events.Stream{Category: id, ID: "o-1"}, record("r-1", nil))
		refused("record id: "+what, good, record(id, nil))
		_, err := drain(log.Read(ctx, events.OrderStream(id), 0))
		assert.ErrorIs(t, err, store.ErrInvalid, "read of stream id: %s", what)
		_, err = log.Head(ctx, events.OrderStream(id))
		assert.ErrorIs(t, err, store.ErrInvalid, "head of stream id: %s", what)
	}
	refused("no records", good)
	refused("too many records", good, records("m", store.AppendMax+1)...)
	refused("the same record id twice", good, record("r-1", nil), record("r-2", nil), record("r-1", nil))
	refused("no event", good, record("r-1", func(r *events.Record) { r.Event = nil }))
	refused("long category", events.Stream{Category: strings.Repeat("c", events.CategoryMax+1), ID: "o-1"},
		record("r-1", nil))
	refused("too many keys", good,
		record("r-1", withKeys("paymentId:1", "paymentId:2", "paymentId:3", "paymentId:4", "paymentId:5")))
	refused("empty key", good, record("r-1", withKeys("")))
	refused("long key", good, record("r-1", withKeys(events.Key("paymentId:"+strings.Repeat("k", events.KeyMax)))))
	refused("long actor", good, record("r-1", func(r *events.Record) { r.Actor = strings.Repeat("a", events.IDMax+1) }))
	refused("long body", good, record("r-1", func(r *events.Record) {
		r.Event = events.PaymentPending{PaymentID: "p",
			Proof: events.Proof{Evidence: &events.Evidence{Body: make([]byte, events.FrameMax)}}}
	}))
	refused("more bytes than one append carries", good, long("m", store.AppendBytesMax/events.BodyMax+1)...)
	refused("a bad record after a good one", good, record("r-1", nil), record("r\t2", nil))

	for _, key := range []events.Key{"", events.Key(strings.Repeat("k", events.KeyMax+1))} {
		_, err := log.Lookup(ctx, key)
		assert.ErrorIs(t, err, store.ErrInvalid, "look up a key of %d bytes", len(key))
	}
	for what, filter := range map[string]store.Filter{
		"the zero filter": {}, "an empty status": store.InStatus(""), "no due time": store.DueBy(time.Time{}),
		"an attention that is none": store.Attention(0), "an attention that is not known": store.Attention(99),
		"a limit of nothing": store.AllOrders().Limit(0), "a negative limit": store.Outstanding().Limit(-1),
	} {
		_, err := drain(log.Heads(ctx, filter))
		assert.ErrorIs(t, err, store.ErrInvalid, "%s", what)
	}
	assert.Empty(t, readAll(t, log), "refused input writes nothing")
	mustAppend(t, log, good, 0,
		record("r-1", withKeys("paymentId:1", "paymentRequestId:2", "captureRequestId:3", "refundRequestId:4")))
}

func recordsAreCopied(t *testing.T, f Factory) {
	log := f.open(t)
	stream := events.OrderStream("o-1")
	body, keys := []byte("as signed"), []events.Key{"paymentId:p-1"}
	given := []events.Record{record("c-1", func(r *events.Record) {
		r.Keys = keys
		r.Event = events.PaymentPending{PaymentID: "p-1", Proof: events.Proof{Evidence: &events.Evidence{Body: body}}}
	})}
	written := mustAppend(t, log, stream, 0, given...)
	want := frames(t, written)

	copy(body, "FORGED!!!")
	keys[0] = "paymentId:p-2"
	given[0].ID = "other"
	assert.Equal(t, want, frames(t, written), "what Append returned shares nothing with what it was given")
	assert.Equal(t, want, frames(t, readStream(t, log, stream, 0)), "the log keeps nothing of what it was given")

	written[0].Keys[0] = "paymentId:p-3"
	written[0].Event.(events.PaymentPending).Proof.Evidence.Body[0] = '!'
	read := readStream(t, log, stream, 0)
	assert.Equal(t, want, frames(t, read), "nor of what it returned")
	read[0].Event.(events.PaymentPending).Proof.Evidence.Body[0] = '!'
	assert.Equal(t, want, frames(t, readAll(t, log)), "and every read is the reader's own")
	_, err := log.Lookup(context.Background(), "paymentId:p-2")
	assert.ErrorIs(t, err, store.ErrNotFound)
}

func byteIdentity(t *testing.T, f Factory) {
	log := f.open(t)
	one, two := events.OrderStream("o-1"), events.RefusalStream("o-1")
	money := events.Money{Minor: 1<<53 + 1, Currency: "USD"} // more than a float64 can tell apart
	var written []events.Record
	written = append(written, mustAppend(t, log, one, 0,
		record("b-1", func(r *events.Record) {
			r.Event = events.OrderCreated{PaymentRequestID: "r-1", Amount: money, Method: "CARD", Acquirer: "2C2P",
				CaptureMode: events.CaptureManual, PayBy: noon.Add(time.Hour)}
			r.Keys = []events.Key{"paymentRequestId:r-1", "paymentId:日本"}
			r.Head = events.Head{Status: "created", StatusSince: noon, Phase: "idle", AnomalySince: noon.Add(-1),
				Due: noon.Add(1)}
		}),
		record("b-2", func(r *events.Record) {
			r.CommandID, r.Actor, r.Head = "", "", events.Head{}
			r.Occurred = time.Unix(0, 0).UTC()
			r.Event = events.PaymentFailed{Code: "ORDER_IS_CLOSED"}
		}))...)
	written = append(written, mustAppend(t, log, two, 0, record("b-3", func(r *events.Record) {
		r.Event = events.CommandRefused{Command: "cancel", Reason: "captured", Remedy: "refund instead", Cause: 2, Count: 1}
	}))...)
	written = append(written, mustAppend(t, log, one, 2, record("b-4", func(r *events.Record) {
		body := make([]byte, events.BodyMax)
		for i := range body {
			body[i] = byte(i)
		}
		r.Event = events.PaymentPaid{PaymentID: "日本", Amount: money, At: noon,
			Proof: events.Proof{Via: events.ViaNotification, Evidence: &events.Evidence{Method: "POST", Body: body}}}
	}))...)

	sameBytes(t, written, readAll(t, log), "read from the log as appended")
	sameBytes(t, []events.Record{written[0], written[1], written[3]}, readStream(t, log, one, 0),
		"read from the stream as appended")
	again := f.reopen(t, log)
	sameBytes(t, written, readAll(t, again), "read as appended after a restart")
	sameBytes(t, []events.Record{written[2]}, readStream(t, again, two, 0), "read from the stream after a restart")
}
