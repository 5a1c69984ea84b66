package viewer

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// world is a till, and a viewer of its log.
type world struct {
	*tilltest.Till
	t *testing.T
	v *Viewer
}

func newWorld(t *testing.T, change func(*Config)) *world {
	t.Helper()
	return worldOn(t, memory.New(), change)
}

func worldOn(t *testing.T, log store.Log, change func(*Config)) *world {
	t.Helper()
	x := tilltest.NewTill(t, log)
	cfg := &Config{Orders: x.Config}
	if change != nil {
		change(cfg)
	}
	v, err := New(log, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, v.Close()) })
	return &world{x, t, v}
}

// keyed gives the viewer APO's key.
func keyed(c *Config) {
	c.Keys = []audit.Key{{Version: "1", Public: &tilltest.TheOffice().Key.PublicKey}}
}

// request is one from this machine.
func local(method, target string) *http.Request {
	r := httptest.NewRequest(method, "http://127.0.0.1:8080"+target, nil)
	r.RemoteAddr = "127.0.0.1:50000"
	return r
}

func (w *world) do(r *http.Request) *httptest.ResponseRecorder {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.v.ServeHTTP(rec, r)
	return rec
}

// get asks for a page that is there.
func (w *world) get(target string) string {
	w.t.Helper()
	rec := w.do(local(http.MethodGet, target))
	require.Equal(w.t, http.StatusOK, rec.Code, rec.Body.String())
	return rec.Body.String()
}

// read asks for a document that is there.
func (w *world) read(target string) map[string]any {
	w.t.Helper()
	r := local(http.MethodGet, target)
	r.Header.Set("Accept", "application/json")
	rec := w.do(r)
	require.Equal(w.t, http.StatusOK, rec.Code, rec.Body.String())
	require.Equal(w.t, "application/json", rec.Header().Get("Content-Type"))
	var doc map[string]any
	require.NoError(w.t, json.Unmarshal(rec.Body.Bytes(), &doc))
	return doc
}

// counted waits until the viewer has counted all that the log has.
func (w *world) counted() {
	w.t.Helper()
	end := uint64(0)
	for r, err := range w.Log.All(context.Background(), store.Start()) {
		require.NoError(w.t, err)
		end = r.Position
	}
	w.get("/")
	require.Eventually(w.t, func() bool {
		c := w.v.counter.counts(w.Ctx, w.v.now())
		return c.Done && c.Read >= end
	}, 10*time.Second, time.Millisecond)
}

// place places an order, with words of somebody else's.
func (w *world) place(id, method string) {
	w.t.Helper()
	c := tilltest.Placing(order.CaptureManual)
	c.OrderID, c.PaymentRequestID, c.Method = id, "p-"+fmt.Sprint(len(w.History())), method
	_, err := w.Orders.Create(w.Ctx, c)
	require.NoError(w.t, err)
}

// append puts facts at the end of an order, as they are.
func appendFacts(t *testing.T, log store.Log, id string, at time.Time, facts ...events.Event) {
	t.Helper()
	var o order.Order
	for r, err := range log.Read(t.Context(), events.OrderStream(id), 0) {
		require.NoError(t, err)
		o = order.Evolve(o, r)
	}
	after := o.Version
	var records []events.Record
	for i, fact := range facts {
		r := events.Record{ID: fmt.Sprintf("%s-%d", id, o.Version+1), Stream: events.OrderStream(id), Version: o.Version + 1,
			Recorded: at.Add(time.Duration(i)), Occurred: at, Actor: "test", Event: fact}
		o = order.Evolve(o, r)
		r.Head = o.Head()
		records = append(records, r)
	}
	_, err := log.Append(t.Context(), events.OrderStream(id), after, records...)
	require.NoError(t, err)
}
