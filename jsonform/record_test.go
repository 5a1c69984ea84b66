package jsonform

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// What is written is JSON on one line, and comes back, with and without the stored bytes; and what comes back is
// written again byte for byte.
func TestAnyRecordComesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := anyRecord(rt, t)
		stored, err := events.AppendFrame(nil, r)
		require.NoError(rt, err)
		for _, frame := range [][]byte{nil, stored} {
			doc, err := AppendStored([]byte("before"), r, frame)
			require.NoError(rt, err)
			doc, before := bytes.CutPrefix(doc, []byte("before"))
			require.True(rt, before)
			require.True(rt, json.Valid(doc), "%s", doc)
			require.NotContains(rt, string(doc), "\n")
			kept := bytes.Clone(doc)

			spaced, spacedFrame, err := DecodeRecord(append([]byte(" "), doc...))
			require.NoError(rt, err, "member by member: %s", doc)
			require.Equal(rt, r, spaced)
			require.Equal(rt, frame, spacedFrame)
			got, gotFrame, err := DecodeRecord(doc)
			require.NoError(rt, err, "%s", doc)
			clear(doc)
			require.Equal(rt, r, got, "and the record shares no memory with its document")
			require.Equal(rt, frame, gotFrame)
			again, err := AppendStored(nil, got, gotFrame)
			require.NoError(rt, err)
			require.Equal(rt, string(kept), string(again))
		}
	})
}

// Members may come in any order and with spaces: what encoding/json makes of a document is the same record, where it
// keeps digits as they are.
func TestOrderAndSpacesDoNotMatter(t *testing.T) {
	for _, k := range events.Kinds() {
		r := full(t, k)
		doc, err := AppendRecord(nil, r)
		require.NoError(t, err)
		var loose map[string]any
		require.NoError(t, json.Unmarshal(doc, &loose))
		shuffled, err := json.MarshalIndent(loose, "", "\t")
		require.NoError(t, err)
		require.NotEqual(t, string(doc), string(shuffled))
		got, _, err := DecodeRecord(shuffled)
		require.NoError(t, err, k)
		assert.Equal(t, r, got, k)
	}
}

// A name is what it spells: JSON lets any character be escaped.
func TestNamesAndTextsMayBeEscaped(t *testing.T) {
	r := full(t, events.KindPaymentPending)
	doc, err := AppendRecord(nil, r)
	require.NoError(t, err)
	spelt := strings.NewReplacer(`"commandId"`, `"comm\u0061ndId"`, `"cmd-1"`, `"cmd\u002d1"`, `Zoë@shop`,
		`Zo\u00EB\u0040shop`).Replace(string(doc))
	require.NotEqual(t, string(doc), spelt)
	got, _, err := DecodeRecord([]byte(spelt))
	require.NoError(t, err)
	assert.Equal(t, r, got)
}

func TestFactsComeBack(t *testing.T) {
	for _, k := range events.Kinds() {
		for _, e := range []events.Event{full(t, k).Event, minimal(t, k).Event} {
			doc, err := AppendFact([]byte("before"), e)
			require.NoError(t, err)
			got, err := DecodeFact(doc[len("before"):])
			require.NoError(t, err, "%s", doc)
			assert.Equal(t, e, got)
		}
	}
}

func TestHeadsComeBack(t *testing.T) {
	r := full(t, events.KindPaymentPaid)
	for _, h := range []store.Head{{Stream: r.Stream, Version: r.Version, Position: r.Position, Head: r.Head},
		{Stream: r.Stream}} {
		doc, err := AppendHead([]byte("before"), h)
		require.NoError(t, err)
		got, err := DecodeHead(doc[len("before"):])
		require.NoError(t, err)
		assert.Equal(t, h, got)
	}
	_, err := DecodeHead([]byte(`{"stream":{"category":"order","id":"a\nb"},"version":"1","position":"1"}`))
	require.EqualError(t, err, `reading JSON: the document cannot be held by a log: stream id "a\nb" has the control `+
		`character U+000A at byte 2, which breaks lines of logs and headers; leave it out`)
	require.ErrorIs(t, err, events.ErrInvalidID)
}

func TestEveryKindHasAWalk(t *testing.T) {
	for _, k := range events.Kinds() {
		assert.Equal(t, k, blank(t, k).Kind())
	}
	assert.Len(t, kinds, len(events.Kinds()))
}

// disguised is a fact of a type that is not ours.
type disguised struct{ events.PaymentPending }

// melted is a fact of a kind that is not ours.
type melted struct{ events.PaymentPending }

func (melted) Kind() events.Kind { return "order.melted.v1" }

func TestWhatHasNoForm(t *testing.T) {
	for want, change := range map[string]func(*events.Record){
		"id is empty; give text":                             func(r *events.Record) { r.ID = "" },
		"actor is not UTF-8; give text":                      func(r *events.Record) { r.Actor = "a\xff" },
		"stream.id is empty; give text":                      func(r *events.Record) { r.Stream.ID = "" },
		"keys[1] is not UTF-8; give text":                    func(r *events.Record) { r.Keys[1] = "\xff" },
		"fact is missing; a record carries exactly one fact": func(r *events.Record) { r.Event = nil },
		"fact is a *events.PaymentPaid; give a events.PaymentPaid": func(r *events.Record) {
			r.Event = &events.PaymentPaid{}
		},
		"fact is a jsonform.disguised; give a events.PaymentPending": func(r *events.Record) { r.Event = disguised{} },
		`fact.kind is "order.melted.v1", which this version does not write; give one of events.Kinds`: func(
			r *events.Record) {
			r.Event = melted{}
		},
		"fact.proof.via is 200, which has no word; use one of its constants": func(r *events.Record) {
			r.Event = events.PaymentPending{Proof: events.Proof{Via: 200}}
		},
		"fact.amount.currency is not UTF-8; give text": func(r *events.Record) {
			r.Event = events.PaymentPaid{Amount: events.Money{Currency: "\xff"}}
		},
		"head.due lies outside the years 1678 to 2262, which a log can hold; check the clock it comes from": func(
			r *events.Record) {
			r.Head.Due = noon.AddDate(300, 0, 0)
		},
	} {
		r := full(t, events.KindPaymentPaid)
		change(&r)
		dst, err := AppendRecord([]byte("before"), r)
		require.ErrorIs(t, err, ErrValue)
		require.EqualError(t, err, "writing JSON: "+want)
		assert.Equal(t, "before", string(dst), "what was there stays")
	}
	_, err := AppendFact(nil, nil)
	require.EqualError(t, err, "writing JSON: the document is no fact; give one")
}

func TestTheFrameCounts(t *testing.T) {
	r := full(t, events.KindPaymentPaid)
	frame, err := events.AppendFrame(nil, r)
	require.NoError(t, err)
	other := r
	other.Actor = "eve"
	for want, doc := range map[string]func() ([]byte, error){
		"reading JSON: frame holds another record than the document tells; the frame counts": func() ([]byte, error) {
			return AppendStored(nil, other, frame)
		},
		"reading JSON: frame cannot be read: damaged frame: at byte ": func() ([]byte, error) {
			return AppendStored(nil, r, frame[:len(frame)-1])
		},
	} {
		b, err := doc()
		require.NoError(t, err)
		_, _, err = DecodeRecord(b)
		require.ErrorIs(t, err, ErrDocument)
		assert.True(t, strings.HasPrefix(err.Error(), want), "%v", err)
	}
}

// Forms are used again, by whoever comes next: nothing of one record is in another's, and run with -race nothing is
// shared.
func TestManyAtOnce(t *testing.T) {
	want := map[events.Kind]string{}
	for _, k := range events.Kinds() {
		doc, err := AppendRecord(nil, full(t, k))
		require.NoError(t, err)
		want[k] = string(doc)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var dst []byte
			for k, doc := range want {
				_, _, err := DecodeRecord([]byte(doc[:len(doc)-2]))
				assert.Error(t, err)
				r, _, err := DecodeRecord([]byte(doc))
				assert.NoError(t, err)
				bad := r
				bad.Actor = "\xff"
				_, err = AppendRecord(nil, bad)
				assert.Error(t, err)
				dst, err = AppendRecord(dst[:0], r)
				assert.NoError(t, err)
				assert.Equal(t, doc, string(dst), k)
			}
		})
	}
	all.Wait()
}

// Where there is room, writing allocates nothing.
func TestWritingAllocatesNothing(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates, and empties pools")
	}
	for name, r := range usual() {
		dst := make([]byte, 0, 8<<10)
		assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = AppendRecord(dst, r) }), name)
	}
}

// Stored is read byte for byte: a document that means the same and is spelled otherwise is refused, and says so.
func TestDecodeStoredReadsWhatWasWritten(t *testing.T) {
	r := full(t, events.KindPaymentPending)
	frame, err := events.AppendFrame(nil, r)
	require.NoError(t, err)
	doc, err := AppendStored(nil, r, frame)
	require.NoError(t, err)
	kept := bytes.Clone(doc)
	got, gotFrame, err := DecodeStored(doc)
	require.NoError(t, err)
	clear(doc)
	assert.Equal(t, r, got)
	assert.Equal(t, frame, gotFrame)

	const spelling = "is not spelled as it was written"
	without, err := AppendRecord(nil, r)
	require.NoError(t, err)
	doc = kept
	for what, c := range map[string]struct{ give, want string }{
		"a space before":       {" " + string(doc), spelling},
		"a line break after":   {string(doc) + "\n", spelling},
		"a space within":       {strings.Replace(string(doc), `:`, `: `, 1), spelling},
		"an escape":            {strings.Replace(string(doc), `"cmd-1"`, `"cmd\u002d1"`, 1), spelling},
		"no stored bytes":      {string(without), "frame is missing"},
		"another record":       {strings.Replace(string(doc), `"cmd-1"`, `"cmd-2"`, 1), "holds another record"},
		"something else in it": {strings.Replace(string(doc), `,"frame"`, `,"more":"","frame"`, 1), "more"},
		"nothing":              {"", ""},
	} {
		_, _, err := DecodeStored([]byte(c.give))
		require.ErrorIs(t, err, ErrDocument, what)
		assert.ErrorContains(t, err, c.want, what)
	}
}
