package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

func randomOperations(t *testing.T, f Factory) { Same(t, f) }

// Same drives logs of all the factories with the same random operations, restarts included, and demands that each
// answers as a list in memory would: the same records in the same bytes, the same heads in the same order, the same
// refusals. Reopen is used where a factory has it.
func Same(t *testing.T, factories ...Factory) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{ctx: context.Background(), factories: factories, keys: map[events.Key]events.Stream{}}
		for _, f := range factories {
			m.logs = append(m.logs, f.Open(t))
		}
		defer func() {
			for _, log := range m.logs {
				require.NoError(rt, log.Close(), "close")
			}
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"append": m.append,
			"retry":  m.retry,
			"read":   m.read,
			"lookup": m.lookup,
			"heads":  m.heads,
			"reopen": func(rt *rapid.T) { m.reopen(t, rt) },
			"":       m.whole,
		})
	})
}

// machine is the logs under test and what they must hold: a list, looked through from its beginning for every answer.
type machine struct {
	ctx       context.Context
	factories []Factory
	logs      []store.Log
	all       []events.Record
	keys      map[events.Key]events.Stream
	appends   []attempt
	made      int // record ids so far
}

// attempt is an append that succeeded.
type attempt struct {
	stream  events.Stream
	after   uint64
	given   []events.Record
	written []events.Record
}

func (m *machine) of(stream events.Stream) []events.Record {
	return slices.DeleteFunc(slices.Clone(m.all), func(r events.Record) bool { return r.Stream != stream })
}

func drawStream(rt *rapid.T) events.Stream {
	return rapid.SampledFrom([]events.Stream{
		events.OrderStream("a"), events.OrderStream("aa"), events.OrderStream("b:a"), events.RefusalStream("a"),
		events.OrderStream("日本"),
	}).Draw(rt, "stream")
}

func drawKey(rt *rapid.T) events.Key {
	return events.NewKey(events.KeyPaymentID, rapid.SampledFrom([]string{"1", "2", "3", "4", "5", "6"}).Draw(rt, "key"))
}

func drawTime(rt *rapid.T) time.Time {
	return noon.Add(time.Duration(rapid.IntRange(-2, 2).Draw(rt, "time")))
}

func drawHead(rt *rapid.T) events.Head {
	h := events.Head{Status: rapid.SampledFrom([]string{"created", "paid", "paid2"}).Draw(rt, "status"),
		StatusSince: drawTime(rt), Phase: "idle"}
	if rapid.Bool().Draw(rt, "is due") {
		h.Due = drawTime(rt)
	}
	for _, since := range []*time.Time{&h.OperationSince, &h.ParkedSince, &h.AnomalySince, &h.DisputeBy} {
		if rapid.IntRange(0, 2).Draw(rt, "is so") == 0 {
			*since = drawTime(rt)
		}
	}
	return h
}

func (m *machine) append(rt *rapid.T) {
	a := attempt{stream: drawStream(rt)}
	have := m.of(a.stream)
	a.after = uint64(len(have))
	if rapid.IntRange(0, 4).Draw(rt, "wrong version") == 0 {
		a.after = uint64(rapid.IntRange(0, len(have)+2).Draw(rt, "after"))
	}
	for range rapid.IntRange(1, 4).Draw(rt, "records") {
		m.made++
		var keys []events.Key
		if rapid.IntRange(0, 2).Draw(rt, "has key") == 0 {
			keys = append(keys, drawKey(rt))
		}
		a.given = append(a.given, record(fmt.Sprintf("id-%d", m.made),
			func(r *events.Record) { r.Head, r.Keys = drawHead(rt), keys }))
	}
	refusal := m.judge(a, len(have))
	if refusal == nil {
		a.written = m.place(a, have)
	}
	for i, log := range m.logs {
		written, err := log.Append(m.ctx, a.stream, a.after, a.given...)
		if refusal != nil {
			require.Equal(rt, refusal, err, "log %d", i)
			continue
		}
		require.NoError(rt, err, "log %d", i)
		sameBytes(rt, a.written, written, "what Append returns")
	}
	if refusal == nil {
		m.appends = append(m.appends, a)
	}
}

// judge returns the refusal that the append must meet with.
func (m *machine) judge(a attempt, have int) error {
	if a.after != uint64(have) {
		return &store.ConflictError{Stream: a.stream, Want: a.after, Have: uint64(have)}
	}
	for _, r := range a.given {
		for _, key := range r.Keys {
			if owner, taken := m.keys[key]; taken && owner != a.stream {
				return &store.KeyTakenError{Stream: a.stream, Key: key, Owner: owner}
			}
		}
	}
	return nil
}

// place puts the append's records into the list.
func (m *machine) place(a attempt, have []events.Record) []events.Record {
	previous := uint64(0)
	if len(have) > 0 {
		previous = have[len(have)-1].Position
	}
	written := slices.Clone(a.given)
	for i := range written {
		r := &written[i]
		r.Stream, r.Version, r.Position, r.Previous = a.stream, a.after+uint64(i)+1, uint64(len(m.all))+1, previous
		previous = r.Position
		m.all = append(m.all, *r)
		for _, key := range r.Keys {
			m.keys[key] = a.stream
		}
	}
	return written
}

func (m *machine) retry(rt *rapid.T) {
	if len(m.appends) == 0 {
		return
	}
	a := rapid.SampledFrom(m.appends).Draw(rt, "append")
	for _, log := range m.logs {
		written, err := log.Append(m.ctx, a.stream, a.after, a.given...)
		require.NoError(rt, err, "the same append again")
		sameBytes(rt, a.written, written, "what a retry returns")
	}
}

func (m *machine) read(rt *rapid.T) {
	stream := drawStream(rt)
	want := m.of(stream)
	after := rapid.IntRange(0, len(want)+1).Draw(rt, "after")
	from := rapid.IntRange(0, len(m.all)).Draw(rt, "cursor")
	for _, log := range m.logs {
		sameBytes(rt, want[min(after, len(want)):], readStream(rt, log, stream, uint64(after)), "a stream")
		sameBytes(rt, m.all[from:], collect(rt, log.All(m.ctx, store.After(events.Record{Position: uint64(from)}))),
			"the log from a cursor")
	}
}

func (m *machine) lookup(rt *rapid.T) {
	key := drawKey(rt)
	want, owned := m.keys[key]
	for _, log := range m.logs {
		have, err := log.Lookup(m.ctx, key)
		if !owned {
			require.ErrorIs(rt, err, store.ErrNotFound, "look up %s", key)
			continue
		}
		require.NoError(rt, err, "look up %s", key)
		require.Equal(rt, want, have, "owner of %s", key)
	}
}

// heads asks for one filter's heads and every stream's head.
func (m *machine) heads(rt *rapid.T) {
	filter := rapid.SampledFrom([]store.Filter{
		store.AllOrders(), store.InStatus("created"), store.InStatus("paid"), store.InStatus("paid2"),
		store.Attention(events.AttentionParked), store.Attention(events.AttentionAnomaly),
		store.Attention(events.AttentionDispute), store.Outstanding(),
		store.DueBy(noon), store.DueBy(noon.Add(1)), store.DueBy(noon.Add(-3)),
	}).Draw(rt, "filter")
	newest := map[events.Stream]store.Head{}
	for _, r := range m.all {
		newest[r.Stream] = store.Head{Stream: r.Stream, Version: r.Version, Position: r.Position, Head: r.Head}
	}
	if rapid.Bool().Draw(rt, "goes on") {
		filter = filter.After(store.Head{Stream: drawStream(rt), Head: drawHead(rt)})
	}
	if rapid.Bool().Draw(rt, "is limited") {
		filter = filter.Limit(rapid.IntRange(1, 3).Draw(rt, "limit"))
	}
	var want []store.Head
	for stream, h := range newest {
		if stream.Category == events.CategoryOrder && filter.Matches(h) {
			want = append(want, h)
		}
	}
	slices.SortFunc(want, filter.Compare)
	if most, limited := filter.Most(); limited {
		want = want[:min(most, len(want))]
	}
	for _, log := range m.logs {
		require.Equal(rt, want, collect(rt, log.Heads(m.ctx, filter)), "%s", filter)
		for stream, h := range newest {
			have, err := log.Head(m.ctx, stream)
			require.NoError(rt, err)
			require.Equal(rt, h, have, "head of %v", stream)
		}
	}
}

func (m *machine) reopen(t *testing.T, rt *rapid.T) {
	for i, f := range m.factories {
		if f.Reopen != nil {
			m.logs[i] = f.Reopen(t, m.logs[i])
		}
	}
}

// whole compares everything, after every operation.
func (m *machine) whole(rt *rapid.T) {
	for _, log := range m.logs {
		sameBytes(rt, m.all, readAll(rt, log), "the whole log")
	}
}
