package viewer

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/sealed"
)

// ordersVariable says how many orders the benchmark's log has.
const ordersVariable = "TILLTAPE_VIEWER_ORDERS"

// BenchmarkPages asks for each page of a log of ten thousand orders, or as many as TILLTAPE_VIEWER_ORDERS says, and
// tells how long counting them took. What the design asks of a million: the overview within 200 ms, an order within 50.
func BenchmarkPages(b *testing.B) {
	n := 10_000
	if text := os.Getenv(ordersVariable); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(b, err)
	}
	log, err := bolt.Open(filepath.Join(b.TempDir(), "orders"), nil)
	require.NoError(b, err)
	defer func() { require.NoError(b, log.Close()) }()
	fillLog(b, log, n)
	v, err := New(log, &Config{Orders: tilltape.Config{Now: func() time.Time { return tilltest.Dawn().Add(time.Hour) }}})
	require.NoError(b, err)
	defer func() { require.NoError(b, v.Close()) }()
	get := func(target string) {
		rec := httptest.NewRecorder()
		v.ServeHTTP(rec, local(http.MethodGet, target))
		require.Equal(b, http.StatusOK, rec.Code)
	}
	ask := func(name, target string) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				get(target)
			}
		})
	}
	begun := time.Now()
	get("/")
	b.Run("overview while it counts", func(b *testing.B) {
		for b.Loop() {
			get("/")
		}
	})
	for !v.counter.counts(b.Context(), v.now()).Done {
		time.Sleep(time.Millisecond)
	}
	b.Logf("%d orders counted in %s, under the requests above", n, time.Since(begun))
	for name, target := range map[string]string{"overview": "/", "orders": "/orders", "open": "/orders?only=open",
		"order": fmt.Sprintf("/order?id=order-%d", n/2), "search": "/search?q=nobody",
		"log": "/log"} {
		ask(name, target)
	}
}

// fillLog gives a log that many orders of four records, a tenth of them with a capture that nobody has decided, the
// records of ten orders between each other.
func fillLog(b *testing.B, log *bolt.Log, n int) {
	at := tilltest.Dawn()
	var batch []sealed.Append
	flush := func() {
		require.NoError(b, log.AppendAll(b.Context(), batch))
		batch = batch[:0]
	}
	for first := 0; first < n; first += 10 {
		orders := make([]order.Order, 10)
		for step := range 4 {
			for i := range orders {
				o, id := &orders[i], fmt.Sprintf("order-%d", first+i)
				fact := stepOf(step, id, at)
				r := events.Record{ID: fmt.Sprintf("r-%d-%d", first+i, step), Recorded: at, Occurred: at, Actor: "bench",
					Event: fact}
				stream := events.OrderStream(id)
				folded := r
				folded.Stream, folded.Version = stream, o.Version+1
				*o = order.Evolve(*o, folded)
				r.Head, r.Keys = o.Head(), nil
				if step == 0 {
					r.Keys = []events.Key{events.NewKey(events.KeyPaymentRequestID, "p-"+id)}
				}
				batch = append(batch, sealed.Append{Stream: stream, After: uint64(step), Records: []events.Record{r}})
			}
		}
		at = at.Add(time.Millisecond)
		if len(batch) >= 4000 {
			flush()
		}
	}
	flush()
}

// stepOf is an order's next fact.
func stepOf(step int, id string, at time.Time) events.Event {
	usd := tilltest.USD(1000)
	proof := events.Proof{Via: events.ViaNotification}
	switch step {
	case 0:
		return events.OrderCreated{PaymentRequestID: "p-" + id, Amount: usd, Method: "CARD", CaptureMode: order.CaptureManual}
	case 1:
		return events.PaymentAuthorized{PaymentID: "pay-" + id, Amount: usd, At: at, Proof: proof}
	case 2:
		return events.CaptureRequested{Amount: usd, CaptureRequestID: "c-" + id, PaymentID: "pay-" + id,
			Lease: at.Add(time.Minute)}
	}
	if strings.HasSuffix(id, "7") {
		return events.CaptureUnresolved{Unresolved: events.Unresolved{Attempt: 1, Due: at.Add(time.Minute)}}
	}
	return events.CaptureSucceeded{CaptureID: "cap-" + id, CaptureRequestID: "c-" + id, Amount: usd, At: at, Proof: proof}
}
