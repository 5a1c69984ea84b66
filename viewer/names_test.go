package viewer

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// by is what a search for an id finds: each order, and by which name.
func (w *world) by(id string) map[string]string {
	w.t.Helper()
	found := map[string]string{}
	for _, f := range w.read("/search?" + url.Values{"q": {id}}.Encode())["found"].([]any) {
		row := f.(map[string]any)
		found[row["orderId"].(string)] = row["by"].(string)
	}
	return found
}

// What APO's reports and its dashboard name: its own id of a transfer, and what a person did there under another one.
func TestASearchFindsAnOrderByWhatAPOCallsItsTransfers(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		w := worldOn(t, log, nil)
		w.Captured(tilltest.TheAmount)
		w.Refunded(tilltest.ThePart)
		at := tilltest.Dawn()
		appendFacts(t, log, tilltest.TheOrder, at,
			events.DisputeOpened{DisputeID: "dispute-1", Amount: tilltest.USD(100), At: at},
			events.PaymentRaised{TransactionID: "raise-1", UpdateRequestID: "update-1", Amount: tilltest.USD(1100), At: at},
			events.AnomalyObserved{Reason: events.TransferContradicts, Fact: events.KindRefundSucceeded, TransferID: "refund-9",
				RequestID: "somebody's", PaymentID: "payment-9", Amount: tilltest.USD(1), At: at})
		w.counted()
		want := map[string]string{"dispute-1": "disputeId", "raise-1": "transactionId", "update-1": "updateRequestId",
			"refund-9": "refundId", "somebody's": "refundRequestId", "payment-9": "paymentId"}
		for _, r := range w.History() {
			switch e := r.Event.(type) {
			case events.CaptureSucceeded:
				want[e.CaptureID] = "captureId"
			case events.RefundSucceeded:
				want[e.RefundID] = "refundId"
			}
		}
		require.Len(t, want, 8)
		require.NotContains(t, want, "")
		for id, name := range want {
			assert.Equal(t, map[string]string{tilltest.TheOrder: name}, w.by(id), id)
			rec := w.do(local(http.MethodGet, "/search?"+url.Values{"q": {id}}.Encode()))
			assert.Equal(t, "/order?id=o-1", rec.Header().Get("Location"), id)
		}
		assert.Empty(t, w.by("refund-8"))
		assert.NotContains(t, w.read("/search?q=refund-8"), "counting")
		assert.NotContains(t, w.get("/search?q=refund-8"), "not all known")
	})
}

// Two orders that name one id are both shown: such an id keeps no fact out of the log, and so it is no lookup key.
func TestASearchShowsAllOrdersThatNameAnID(t *testing.T) {
	w := newWorld(t, nil)
	at := tilltest.Dawn()
	for _, id := range []string{"o-1", "o-2"} {
		placing := tilltest.Placing(order.CaptureManual)
		placing.OrderID, placing.PaymentRequestID = id, "preq-"+id
		_, err := w.Orders.Create(w.Ctx, placing)
		require.NoError(t, err)
		appendFacts(t, w.Log, id, at, events.CaptureSucceeded{CaptureID: "C", Amount: tilltest.USD(1), At: at})
	}
	w.counted()
	assert.Equal(t, map[string]string{"o-1": "captureId", "o-2": "captureId"}, w.by("C"))
	assert.Contains(t, w.get("/search?q=C"), "2 orders have the id")
}

// Until all is counted a search says so, and one that finds nothing is not taken for the last word.
func TestASearchSaysHowFarItKnows(t *testing.T) {
	log := &gated{Log: memory.New(), at: 2, gate: make(chan error, 1)}
	w := worldOn(t, log, nil)
	w.Captured(tilltest.TheAmount)
	capture := ""
	for _, r := range w.History() {
		if e, is := r.Event.(events.CaptureSucceeded); is {
			capture = e.CaptureID
		}
	}
	require.NotEmpty(t, capture)
	w.get("/")
	require.Eventually(t, func() bool { return w.v.counter.counts(w.Ctx, w.v.now()).Read == 1 }, 10*time.Second,
		time.Millisecond)
	doc := w.read("/search?q=" + capture)
	assert.Equal(t, []any{}, doc["found"])
	assert.Equal(t, map[string]any{"read": "1"}, doc["counting"])
	assert.Contains(t, w.get("/search?q="+capture), "are not all known yet: counting, 1 records so far.")

	log.gate <- &store.DamagedError{Log: "orders", Position: 2, Reason: "<its> sum"}
	require.Eventually(t, func() bool { return w.v.counter.counts(w.Ctx, w.v.now()).Err != nil }, 10*time.Second,
		time.Millisecond)
	page := w.get("/search?q=" + capture)
	assert.Contains(t, page, "are not all known. Counting stopped after position 1: ")
	assert.Contains(t, page, "&lt;its&gt; sum")
	assert.Contains(t, w.read("/search?q=" + capture)["counting"], "problem")
}

// What is kept of the ids is bounded: the newest are known, and the page says that older ones are not.
func TestOfTooManyIDsTheNewestAreKnown(t *testing.T) {
	w := newWorld(t, nil)
	w.v.counter.tally.names.max = 3
	w.Place(order.CaptureManual)
	at := tilltest.Dawn()
	for i := range 8 {
		appendFacts(t, w.Log, tilltest.TheOrder, at, events.RefundSucceeded{RefundID: fmt.Sprint("R", i),
			Amount: tilltest.USD(1), At: at})
		w.counted()
		for back := range 8 {
			id := fmt.Sprint("R", i-back)
			assert.Equal(t, back < 3 && back <= i, len(w.by(id)) == 1, "%s of %d", id, i)
		}
		assert.Equal(t, i >= 3, w.read("/search?q=nobody")["older"] == true)
	}
	assert.Contains(t, w.get("/search?q=R0"), "the newest 1\u202f048\u202f576 are known at once")
}

// The ring is whole from its first id on, so that the memory of a service does not grow with its orders.
func TestTheRingOfIDsDoesNotGrow(t *testing.T) {
	n := newNames()
	n.max = 64
	at := uint64(0)
	take := func() {
		at++
		n.take(&events.Record{Position: at, Event: events.RefundSucceeded{RefundID: "R"}})
	}
	take()
	assert.Equal(t, []int{64, 64}, []int{cap(n.hashes), cap(n.at)})
	first := &n.hashes[0]
	assert.Zero(t, testing.AllocsPerRun(200, take))
	assert.Same(t, first, &n.hashes[0])
}

// What is known no more stands in the log all the same: a search goes back through it, some records at a time, and
// says how far it has come and where it goes on.
func TestASearchGoesBackToTheFirstRecord(t *testing.T) {
	w := newWorld(t, nil)
	shortened(t, &olderPiece, 2)
	shortened(t, &olderWithin, 0)
	w.v.counter.tally.names.max = 3
	w.Place(order.CaptureManual) // at position 1
	at := tilltest.Dawn()
	for i := range 9 {
		appendFacts(t, w.Log, tilltest.TheOrder, at, events.RefundSucceeded{RefundID: fmt.Sprint("R", i),
			Amount: tilltest.USD(1), At: at}) // at i+2
	}
	w.counted()
	doc := w.read("/search?q=R1")
	assert.Equal(t, map[string]any{"found": []any{}, "older": true, "before": "8"}, doc, "7 is known no more")
	var pages []string
	for doc["older"] == true && len(doc["found"].([]any)) == 0 {
		before := doc["before"].(string)
		pages = append(pages, before)
		doc = w.read("/search?q=R1&before=" + before)
	}
	assert.Equal(t, []string{"8", "6", "4"}, pages)
	assert.Equal(t, []any{map[string]any{"orderId": tilltest.TheOrder, "by": "refundId"}}, doc["found"])
	assert.Equal(t, "2", doc["before"], "others before it may name it as well")
	page := w.get("/search?q=R1&before=4")
	assert.Contains(t, page, `One order has the id <span class="id">R1</span>`)
	assert.Contains(t, page, "Search the records before 2")
	assert.Contains(t, page, `href="/order?id=o-1"`)
	rec := w.do(local(http.MethodGet, "/search?q=R0&before=2"))
	assert.Equal(t, http.StatusOK, rec.Code, "it is at position 2")

	page = w.get("/search?q=R0")
	assert.Contains(t, page, `<a rel="next" href="/search?before=8&amp;q=R0">Search the records before 8</a>`)
	assert.Contains(t, page, "by what is known at once")
	page = w.get("/search?q=nobody&before=8")
	assert.Contains(t, page, "The records at positions 6 to 7 were searched")
	assert.Contains(t, page, `href="/search?before=6&amp;q=nobody"`)
	page = w.get("/search?q=nobody&before=2")
	assert.Contains(t, page, "There are none before them.")
	assert.NotContains(t, page, "Search the records")
	shortened(t, &olderWithin, time.Minute)
	assert.Contains(t, w.get("/search?q=nobody&before=8"), "The records at positions 1 to 7 were searched")
}

// One order that names an id need not be the only one: as long as there are records that nobody has looked at, the page
// shows it and leads nowhere. By an id that no two orders can have it does.
func TestASearchLeadsToAnOrderWhereNoOtherCanBe(t *testing.T) {
	shortened(t, &olderPiece, 2)
	shortened(t, &olderWithin, 0)
	log := &gated{Log: memory.New(), at: 7, gate: make(chan error)}
	w := worldOn(t, log, nil)
	w.v.counter.tally.names.max = 3
	at := tilltest.Dawn()
	for _, id := range []string{"o-1", "o-2"} { // C is at 2 and 4
		placing := tilltest.Placing(order.CaptureManual)
		placing.OrderID, placing.PaymentRequestID = id, "preq-"+id
		_, err := w.Orders.Create(w.Ctx, placing)
		require.NoError(t, err)
		appendFacts(t, w.Log, id, at, events.CaptureSucceeded{CaptureID: "C", Amount: tilltest.USD(1), At: at})
	}
	for i := range 3 { // at 5 to 7
		appendFacts(t, w.Log, "o-2", at, events.RefundSucceeded{RefundID: fmt.Sprint("R", i),
			Amount: tilltest.USD(1), At: at})
	}
	leads := func(query string) string {
		return w.do(local(http.MethodGet, "/search?q="+query)).Header().Get("Location")
	}
	w.get("/")
	require.Eventually(t, func() bool { return w.v.counter.counts(w.Ctx, w.v.now()).Read == 6 }, 10*time.Second,
		time.Millisecond)
	assert.Empty(t, leads("R1"), "7 is not counted yet")
	assert.Equal(t, "/order?id=o-1", leads("preq-o-1"))
	close(log.gate)
	w.counted()
	assert.Empty(t, leads("R1"), "the records before 5 are known no more")
	assert.Contains(t, w.get("/search?q=R1"), "One order has the id")
	assert.Equal(t, "/order?id=o-2", leads("o-2"))
	assert.Empty(t, leads("C&before=5"))
	assert.Contains(t, w.get("/search?q=C&before=5"), `href="/order?id=o-2"`)
	assert.Equal(t, "/order?id=o-1", leads("C&before=3"), "there is nothing before that")
}

// shortened changes a bound for a test.
func shortened[T any](t *testing.T, bound *T, to T) {
	was := *bound
	*bound = to
	t.Cleanup(func() { *bound = was })
}

// Going back reads all of the log: few do so at once, and what no record can be before is refused.
func TestASearchOfOlderRecordsIsBounded(t *testing.T) {
	w := newWorld(t, nil)
	w.Place(order.CaptureManual)
	w.counted()
	for path, status := range map[string]int{"/search?q=R1&before=x": 400, "/search?q=R1&before=99": 200,
		"/search?q=" + strings.Repeat("x", 65) + "&before=1": 400, "/search?q=R1&before=1": 200, "/search?before=2": 200} {
		assert.Equal(t, status, w.do(local(http.MethodGet, path)).Code, path)
	}
	assert.Contains(t, w.get("/search?q=R1&before=99"), "at positions 1 to 1 were searched", "there are no more")
	for range OlderMax {
		w.v.older <- struct{}{}
	}
	rec := w.do(local(http.MethodGet, "/search?q=R1&before=1"))
	assert.Equal(t, http.StatusServiceUnavailable, rec.Code)
	assert.Contains(t, rec.Body.String(), "searches of older records")
	assert.Equal(t, 200, w.do(local(http.MethodGet, "/search?q=R1")).Code)
}

// A hash is no proof: what a search shows stands in the record.
func TestASearchReadsWhatItFinds(t *testing.T) {
	w := newWorld(t, nil)
	w.Captured(tilltest.TheAmount)
	w.counted()
	history, n := w.History(), w.v.counter.tally.names
	last := history[len(history)-1]
	require.NotEmpty(t, events.PartsOf(last.Event).TransferID)
	n.take(&events.Record{Position: last.Position, Event: events.RefundSucceeded{RefundID: "not there"}})
	require.Equal(t, []uint64{last.Position}, n.find("not there"))
	assert.Empty(t, w.by("not there"))
}

// An id that very many facts name costs a bounded number of reads, of the newest.
func TestAnIDThatManyFactsNameCostsSoManyReads(t *testing.T) {
	n := newNames()
	n.max = matchesMax + 3 // so that the newest are at the ring's beginning
	for i := range uint64(matchesMax + 10) {
		n.take(&events.Record{Position: i + 1, Event: events.RefundSucceeded{RefundID: "R"}})
	}
	at := n.find("R")
	require.Len(t, at, matchesMax)
	for i, position := range at {
		assert.Equal(t, uint64(matchesMax+10-i), position)
	}
	assert.Empty(t, newNames().find("R"))
}

// Each kind of fact with an id of APO's is known by a name of its own, whatever an anomaly says that it is about.
func TestEachIDHasAName(t *testing.T) {
	for kind, want := range map[events.Kind]string{events.KindCaptureFailed: "captureId",
		events.KindRefundHeld: "refundId", events.KindDisputeClosed: "disputeId", events.KindPaymentRaised: "transactionId",
		events.KindRaiseFailed: "transactionId", events.KindPaymentPaid: "transactionId"} {
		var got []string
		each(events.AnomalyObserved{Fact: kind, TransferID: "T", RequestID: "Q"}, func(name, id string) {
			got = append(got, name+" "+id)
		})
		require.Len(t, got, 2)
		assert.Equal(t, want+" T", got[0], kind)
		assert.True(t, strings.HasSuffix(got[1], "equestId Q"), got[1])
	}
}
