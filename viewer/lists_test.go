package viewer

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// ofPage marks the context of a page's request.
type ofPage struct{}

// questions is a log that counts what pages ask it for. What is asked in the background waits at its gate.
type questions struct {
	store.Log
	heads, reads, walks atomic.Int64
	gate                chan struct{}
}

// isPage reports whether a page asks; all others wait.
func (q *questions) isPage(ctx context.Context) bool {
	if ctx.Value(ofPage{}) != nil {
		return true
	}
	select {
	case <-q.gate:
	case <-ctx.Done():
	}
	return false
}

func (q *questions) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	if q.isPage(ctx) {
		q.heads.Add(1)
	}
	return q.Log.Heads(ctx, filter)
}

func (q *questions) Read(ctx context.Context, of events.Stream, after uint64) iter.Seq2[events.Record, error] {
	if q.isPage(ctx) {
		q.reads.Add(1)
	}
	return q.Log.Read(ctx, of, after)
}

func (q *questions) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	if q.isPage(ctx) {
		q.walks.Add(1)
	}
	return q.Log.All(ctx, from)
}

// ask asks for a page, and returns what it asked the log for.
func (q *questions) ask(t *testing.T, v *Viewer, target string) (page string, heads, reads, walks int64) {
	t.Helper()
	q.heads.Store(0)
	q.reads.Store(0)
	q.walks.Store(0)
	r := local(http.MethodGet, target)
	rec := httptest.NewRecorder()
	v.ServeHTTP(rec, r.WithContext(context.WithValue(r.Context(), ofPage{}, true)))
	require.Equal(t, http.StatusOK, rec.Code, rec.Body.String())
	return rec.Body.String(), q.heads.Load(), q.reads.Load(), q.walks.Load()
}

// A question to an index takes a tenth of a second where a million orders are, so a page has two of them, and waits for
// no more: also the first one after a restart, when nothing is counted yet. An order's page reads that order, twice.
func TestAPageAsksTheLogForLittle(t *testing.T) {
	log := &questions{Log: memory.New(), gate: make(chan struct{})}
	w := worldOn(t, log, nil)
	till := log.gate
	log.gate = make(chan struct{})
	close(log.gate) // the till's own reading waits for nobody
	ids := w.Many(3)
	w.Lost(ids[0], ids[1])
	w.Clock.Pass(time.Hour)
	log.gate = till

	page, heads, reads, walks := log.ask(t, w.v, "/")
	assert.EqualValues(t, 2, heads, "what is due, and the oldest unknown")
	assert.LessOrEqual(t, reads, int64(unknownsMax))
	assert.Zero(t, walks)
	assert.Contains(t, page, "The oldest unknown is")
	assert.Contains(t, page, "counting,")
	assert.Contains(t, page, "being counted")
	page, _, _, _ = log.ask(t, w.v, "/overview.json")
	assert.Contains(t, page, `{"only":"open"}`, "nobody knows yet how many")

	_, heads, reads, walks = log.ask(t, w.v, "/order?id="+ids[0])
	assert.Equal(t, []int64{0, 2, 0}, []int64{heads, reads, walks}, "an order")

	close(log.gate)
	w.counted()
	page, heads, _, walks = log.ask(t, w.v, "/")
	assert.EqualValues(t, 2, heads, "once counted")
	assert.Zero(t, walks)
	assert.NotContains(t, page, "being counted")
}

// As long as the log is counted, its indexes tell how long the lists are, asked again after a while.
func TestTheListsAreKnownBeforeTheLogIsCounted(t *testing.T) {
	log := &gated{Log: memory.New(), at: 1, gate: make(chan error)}
	w := worldOn(t, log, nil)
	defer close(log.gate)
	ids := w.Many(3)
	w.Lost(ids[0])
	open := func() any {
		doc := w.read("/overview")
		require.Contains(t, doc, "counting")
		return doc["lists"].([]any)[1].(map[string]any)["count"]
	}
	require.Eventually(t, func() bool { return open() == "1" }, 10*time.Second, time.Millisecond)
	w.Lost(ids[1])
	assert.Equal(t, "1", open(), "it was asked just now")
	w.Clock.Pass(listsAgain)
	require.Eventually(t, func() bool { return open() == "2" }, 10*time.Second, time.Millisecond)
}
