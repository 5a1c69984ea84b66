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

	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// idsOf are the orders of a list's document.
func idsOf(doc map[string]any) (ids []string) {
	for _, row := range doc["orders"].([]any) {
		stream := row.(map[string]any)["head"].(map[string]any)["stream"].(map[string]any)
		ids = append(ids, stream["id"].(string))
	}
	return ids
}

func TestAListIsReadInPagesToItsEnd(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		w := worldOn(t, log, nil)
		want := w.Many(7)
		var got []string
		after := ""
		for pages := 0; ; pages++ {
			require.Less(t, pages, 5)
			doc := w.read("/orders?limit=2" + after)
			got = append(got, idsOf(doc)...)
			next, more := doc["next"].(string)
			if !more {
				break
			}
			assert.Len(t, doc["orders"], 2)
			after = "&" + url.Values{"after": {next}}.Encode()
		}
		assert.ElementsMatch(t, want, got)
	})
}

func TestAPageLeadsToTheNextAndTheFirst(t *testing.T) {
	w := newWorld(t, nil)
	w.Many(3)
	page := w.get("/orders?status=authorized&limit=2")
	_, link, ok := strings.Cut(page, `rel="next" href="`)
	require.True(t, ok)
	link, _, _ = strings.Cut(link, `"`)
	assert.NotContains(t, page, ">Beginning<")
	page = w.get(strings.ReplaceAll(link, "&amp;", "&"))
	assert.Contains(t, page, `<a href="/orders?limit=2&amp;status=authorized">Beginning</a>`)
	assert.NotContains(t, page, `rel="next"`)
	assert.Contains(t, page, ">o-2<")
	assert.NotContains(t, page, ">o-1<")
}

func TestListsAreThoseOfTheIndexes(t *testing.T) {
	w := newWorld(t, nil)
	ids := w.Many(4)
	w.Lost(ids[0])
	_, err := w.Orders.Capture(w.Ctx, ids[1], order.Capture{Amount: tilltest.USD(1000)})
	require.NoError(t, err)
	w.Clock.Pass(time.Minute)
	for query, want := range map[string][]string{"": ids, "?only=all": ids, "?only=open": ids[:1], "?only=due": ids[:1],
		"?only=parked": nil, "?only=anomalies": nil, "?only=disputes": nil, "?status=captured": ids[1:2],
		"?status=": ids, "?status=authorized": {ids[0], ids[2], ids[3]}} {
		assert.ElementsMatch(t, want, idsOf(w.read("/orders"+query)), query)
		page := w.get("/orders" + query)
		assert.Equal(t, len(want), strings.Count(page, `<th scope="row"`), query)
	}
	assert.Contains(t, w.get("/orders?only=open"), `<span class="badge busy">unresolved</span>`)
	assert.Contains(t, w.get("/orders?only=parked"), "There is none.")
	assert.Contains(t, w.get("/orders?only=open"), `only=open" aria-current="true"`)
	assert.Contains(t, w.get("/orders?status=captured"), "<option selected>captured</option>")
}

func TestASearchFindsAnOrderByAnyOfItsIDs(t *testing.T) {
	w := newWorld(t, nil)
	w.Captured(tilltest.TheAmount)
	w.Refunded(tilltest.ThePart)
	request := ""
	for _, r := range w.History() {
		for _, k := range r.Keys {
			if name, value, _ := strings.Cut(string(k), ":"); name == "refundRequestId" {
				request = value
			}
		}
	}
	require.NotEmpty(t, request)
	for _, id := range []string{"o-1", tilltest.TheRequest, tilltest.ThePayment, request, " o-1 "} {
		rec := w.do(local(http.MethodGet, "/search?"+url.Values{"q": {id}}.Encode()))
		assert.Equal(t, http.StatusSeeOther, rec.Code, id)
		assert.Equal(t, "/order?id=o-1", rec.Header().Get("Location"), id)
	}
	assert.Equal(t, []any{map[string]any{"orderId": "o-1", "by": "paymentId"}},
		w.read("/search?q=" + tilltest.ThePayment)["found"])
	assert.Equal(t, []any{}, w.read("/search?q=nobody")["found"])
	assert.Contains(t, w.get("/search?q=nobody"), "No order has the id")
	assert.Contains(t, w.get("/search"), "Type an order")
	w.get("/search?q=" + strings.Repeat("x", 64)) // longer than a key of it may be
}

func TestASearchThatFindsSeveralShowsThem(t *testing.T) {
	w := newWorld(t, nil)
	w.Captured(tilltest.TheAmount)
	c := tilltest.Placing(order.CaptureManual)
	c.OrderID, c.PaymentRequestID = tilltest.ThePayment, "another" // one order's id is another's paymentId
	_, err := w.Orders.Create(w.Ctx, c)
	require.NoError(t, err)
	page := w.get("/search?q=" + tilltest.ThePayment)
	assert.Contains(t, page, "2 orders have the id")
	assert.Contains(t, page, `href="/order?id=o-1"`)
	assert.Contains(t, page, fmt.Sprintf(`href="/order?id=%s"`, tilltest.ThePayment))
}

func TestAPlaceOfAListIsReadAsItIsWritten(t *testing.T) {
	h, err := parsePlace("2026-11-23T09:00:00.000000001Z/a/b")
	require.NoError(t, err)
	assert.Equal(t, "a/b", h.Stream.ID)
	assert.Equal(t, "2026-11-23T09:00:00.000000001Z/a/b", placeOf(store.AllOrders(), h))
}
