package export_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/store"
)

// answers are what a log says to every question that a reader has.
func answers(t *testing.T, log store.Reader) map[string]any {
	t.Helper()
	ctx, said := t.Context(), map[string]any{}
	streams := map[events.Stream]bool{events.OrderStream("nobody"): true}
	for _, r := range all(t, log, store.Start()) {
		streams[r.Stream] = true
		said["after "+r.ID] = len(all(t, log, store.After(r)))
		for _, key := range append(r.Keys, "paymentId:nobody") {
			owner, err := log.Lookup(ctx, key)
			said["key "+string(key)] = []any{owner, errors.Is(err, store.ErrNotFound)}
		}
	}
	for stream := range streams {
		head, err := log.Head(ctx, stream)
		said["head of "+stream.Category+stream.ID] = []any{head, errors.Is(err, store.ErrNotFound)}
		for _, after := range []uint64{0, 2, 1000} {
			var records []events.Record
			for r, err := range log.Read(ctx, stream, after) {
				require.NoError(t, err)
				records = append(records, r)
			}
			said["read "+stream.Category+stream.ID+string(rune('0'+after%10))] = records
		}
	}
	for _, filter := range []store.Filter{store.AllOrders(), store.InStatus("paid"), store.AllOrders().Limit(2),
		store.DueBy(noon.AddDate(10, 0, 0)), store.Outstanding(), store.Attention(events.AttentionParked)} {
		var heads []store.Head
		for h, err := range log.Heads(ctx, filter) {
			require.NoError(t, err)
			heads = append(heads, h)
		}
		said[filter.String()] = heads
	}
	return said
}

// An export answers whatever its log answers.
func TestAnExportAnswersAsItsLog(t *testing.T) {
	for _, fill := range []func(*testing.T, store.Log){everyKind, func(t *testing.T, l store.Log) { sold(t, l, 5) }} {
		original := engines(t)["bolt"]()
		fill(t, original)
		_, text := exported(t, original, nil)
		assert.Equal(t, answers(t, original), answers(t, opened(t, text)))
	}
}

// What a log refuses, an export refuses, with the same sentinels.
func TestQuestionsThatAreNone(t *testing.T) {
	original := inMemory(t)
	sold(t, original, 1)
	_, text := exported(t, original, nil)
	l, ctx := opened(t, text), t.Context()
	questions := func(ctx context.Context, cursor store.Cursor, stream events.Stream, key events.Key,
		filter store.Filter) (errs []error) {
		for _, err := range l.All(ctx, cursor) {
			errs = append(errs, err)
			break
		}
		for _, err := range l.Read(ctx, stream, 0) {
			errs = append(errs, err)
			break
		}
		for _, err := range l.Heads(ctx, filter) {
			errs = append(errs, err)
			break
		}
		_, errLookup := l.Lookup(ctx, key)
		_, errHead := l.Head(ctx, stream)
		return append(errs, errLookup, errHead)
	}
	beyond := store.After(events.Record{Position: 1 << 40})
	for _, err := range questions(ctx, beyond, events.Stream{}, "", store.Filter{}) {
		require.ErrorIs(t, err, store.ErrInvalid)
	}
	ended, end := context.WithCancel(ctx)
	end()
	good := func(ctx context.Context) []error {
		_, _, errProven := l.Proven(ctx)
		_, errAncestry := l.Ancestry(ctx)
		_, errCheckpoint := l.Checkpoint(ctx)
		return append(questions(ctx, store.Start(), events.OrderStream("o-0"), "paymentId:x", store.AllOrders()), errProven,
			errAncestry, errCheckpoint, l.Verify(ctx, nil))
	}
	for _, err := range good(ended) {
		require.ErrorIs(t, err, context.Canceled)
	}
	require.NoError(t, l.Close())
	for _, err := range good(ctx) {
		require.ErrorIs(t, err, store.ErrClosed)
	}
}

// A filtered export has the records that the filter takes, each with a proof, and says what it cannot say.
func TestAFilteredExport(t *testing.T) {
	original := inMemory(t)
	everyKind(t, original)
	everything := all(t, original, store.Start())
	c, err := original.Tree(t.Context())
	require.NoError(t, err)
	for name, filter := range map[string]export.Filter{
		"an order":       {Orders: []string{"o-1"}},
		"two, in a time": {Orders: []string{"o-4", "o-1", "o-4"}, From: noon.Add(5 * time.Hour)},
		"a time":         {From: noon.Add(3 * time.Hour), Until: noon.Add(9 * time.Hour)},
		"until a time":   {Until: noon.Add(9 * time.Hour).In(time.FixedZone("UTC+8", 8*60*60))},
		"nothing":        {Orders: []string{"nobody"}},
		"the newest":     {From: noon.Add(35 * time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			var want []events.Record
			for _, r := range everything {
				if filter.Matches(r) {
					want = append(want, r)
				}
			}
			require.Less(t, len(want), len(everything))
			var done, total uint64
			h, text := exported(t, original, &export.Config{Filter: filter,
				Progress: func(d, n uint64) { done, total = d, n }})
			assert.Equal(t, []uint64{0, 0}, []uint64{done, total}, "a short work tells nothing")
			assert.Equal(t, c, h.Checkpoint)
			assert.EqualValues(t, len(want), h.Count)
			assert.Equal(t, "each of these records is in the log; "+
				"not that the log has no others that fit the filter", h.Proves())
			assert.Contains(t, lines(text)[0], h.Proves())
			l := opened(t, text)
			assert.Equal(t, h, l.Header())
			assert.Equal(t, want, all(t, l, store.Start()))
			require.NoError(t, l.Verify(t.Context(), nil))
			if len(want) > 2 {
				assert.Equal(t, want[2:], all(t, l, store.After(want[1])))
			}
			_, _, err := l.Proven(t.Context())
			require.ErrorIs(t, err, export.ErrFiltered)
			_, err = export.Write(t.Context(), &bytes.Buffer{}, l, nil)
			require.ErrorIs(t, err, export.ErrFiltered)

			head, err := l.Head(t.Context(), events.OrderStream("o-1"))
			switch {
			case !filter.From.IsZero() || !filter.Until.IsZero():
				require.ErrorIs(t, err, export.ErrFiltered, "nobody can tell what comes later")
			case filter.Orders[0] == "o-1":
				require.NoError(t, err)
				is, err := original.Head(t.Context(), events.OrderStream("o-1"))
				require.NoError(t, err)
				assert.Equal(t, is, head)
			default:
				require.ErrorIs(t, err, store.ErrNotFound)
			}
		})
	}
}

// What a filtered export says is held against its root, record by record.
func TestAFilteredExportIsHeldAgainstItsRoot(t *testing.T) {
	original, other := inMemory(t), inMemory(t)
	everyKind(t, original)
	sold(t, other, 20)
	filter := &export.Config{Filter: export.Filter{Orders: []string{"o-1"}}}
	_, text := exported(t, original, filter)
	_, foreign := exported(t, other, filter)
	of := lines(text)
	require.Greater(t, len(of), 3)
	for what, c := range map[string]struct {
		text []byte
		line uint64
		want string
	}{
		"a record of another log": {joined(of[0], of[1], lines(foreign)[2]), 3, ""},
		"a record twice": {joined(append([]string{of[0], of[1], of[1]}, of[3:]...)...), 3,
			"a record after position"},
		"another root": {changed(of, 1, anotherRoot), 2, "does not lead to the root"},
		"no proof": {changed(of, 2, func(s string) string {
			before, _, _ := strings.Cut(s, `,"proof"`)
			return before + "}"
		}), 2, "has no proof"},
	} {
		err := wrong(t, c.text)
		require.ErrorIs(t, err, store.ErrDamaged, what)
		assert.ErrorContains(t, err, c.want, what)
		at, ok := errors.AsType[*export.LineError](err)
		require.True(t, ok, what)
		assert.Equal(t, c.line, at.Line, what)
	}
	// A record of the log that the filter does not take.
	_, two := exported(t, original, &export.Config{Filter: export.Filter{Orders: []string{"o-2"}}})
	err := wrong(t, joined(append([]string{of[0]}, lines(two)[1:]...)...))
	require.ErrorIs(t, err, store.ErrDamaged)
	assert.ErrorContains(t, err, "the header's filter does not take this record")
}

func TestFiltersThatAreNone(t *testing.T) {
	original := inMemory(t)
	for want, filter := range map[string]export.Filter{
		"is not before until": {From: noon, Until: noon},
		"10001 orders":        {Orders: make([]string, export.OrdersMax+1)},
		"order id":            {Orders: []string{""}},
		"no log can hold":     {Until: time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		_, err := export.Write(t.Context(), &bytes.Buffer{}, original, &export.Config{Filter: filter})
		require.ErrorIs(t, err, store.ErrInvalid, want)
		assert.ErrorContains(t, err, want)
	}
	assert.Equal(t, "everything", export.Filter{}.String())
	assert.Equal(t, `order "o-1", written from 2026-11-29T12:00:00Z`,
		export.Filter{Orders: []string{"o-1"}, From: noon}.String())
	assert.Equal(t, `2 orders, "o-1" the first, written before 2026-11-29T12:00:00Z`,
		export.Filter{Orders: []string{"o-1", "o-2"}, Until: noon}.String())
}
