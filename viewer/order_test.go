package viewer

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/testkeys"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

func TestAnOrdersPageTellsItsWholeStory(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		w := worldOn(t, log, keyed)
		w.Captured(tilltest.TheAmount)
		w.Refunded(tilltest.ThePart)
		_, err := w.Cancel()
		require.ErrorIs(t, err, order.ErrRejected)
		require.NoError(t, w.Orders.Close()) // the refusal is on record then
		page := w.get("/order?id=o-1")
		for _, want := range []string{"partly refunded", "USD 10.00 by CARD, captured by us",
			"USD 6.00 captured, and kept", "USD 4.00 refunded", "<strong>refund</strong> up to USD 6.00",
			"<strong>cancel</strong>: ", "refund what remains instead", "cancel refused", "by ada", "capture, attempt 1",
			`aria-label="status: start to created`, "signature holds", tilltest.ThePayment, `data-live="/live?order=o-1"`} {
			assert.Contains(t, page, want)
		}
		assert.NotContains(t, page, "no key of APO")
		doc := w.read("/order?id=o-1")
		assert.Equal(t, "refunded", doc["order"].(map[string]any)["status"])
		entries := doc["history"].([]any)
		assert.Len(t, entries, len(w.History())+1)
		assert.Equal(t, true, entries[len(entries)-1].(map[string]any)["refused"])
		for _, m := range doc["messages"].([]any) {
			assert.Equal(t, "holds", m.(map[string]any)["signature"])
		}
		assert.NotEmpty(t, doc["messages"])
	})
}

// What may be done is judged by the clock and the policy that the viewer was given.
func TestActionsAreJudgedByTheServicesPolicy(t *testing.T) {
	w := newWorld(t, nil)
	w.Captured(tilltest.ThePart)
	legal := func() (verbs []string) {
		for _, a := range w.read("/order?id=o-1")["actions"].([]any) {
			if a := a.(map[string]any); a["legal"] == true {
				verbs = append(verbs, a["command"].(string))
			}
		}
		return verbs
	}
	assert.Contains(t, legal(), "capture", "its policy has CARD take several captures")
	other := worldOn(t, w.Log, func(c *Config) {
		c.Orders.Policy.SeveralCaptures, c.Orders.Policy.ZeroLastCaptures = nil, nil
	})
	for _, a := range other.read("/order?id=o-1")["actions"].([]any) {
		if a := a.(map[string]any); a["command"] == "capture" {
			assert.Nil(t, a["legal"])
			assert.Equal(t, "single-capture", a["reason"])
		}
	}
}

func TestAMessageThatAPODidNotSignIsShownAsSuch(t *testing.T) {
	stranger := testkeys.Stranger()
	for name, c := range map[string]struct {
		keys []audit.Key
		says string
		bad  bool
	}{
		"none":        {nil, "signature not checked", false},
		"another key": {[]audit.Key{{Version: "1", Public: &stranger.PublicKey}}, "signature does not hold", true},
		"of another day": {[]audit.Key{{Version: "1", Public: &tilltest.TheOffice().Key.PublicKey, Until: time.Unix(1, 0)}},
			"key", true},
		"of another version": {[]audit.Key{{Version: "7", Public: &tilltest.TheOffice().Key.PublicKey},
			{Version: "8", Public: &stranger.PublicKey}}, "not checked: no key of version", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(cfg *Config) { cfg.Keys = c.keys })
			w.Captured(tilltest.TheAmount)
			page := w.get("/order?id=o-1")
			assert.Contains(t, page, c.says)
			assert.Equal(t, c.bad, strings.Contains(page, `badge bad">`))
			assert.NotContains(t, page, "signature holds")
		})
	}
	w := newWorld(t, func(cfg *Config) { cfg.Keys = []audit.Key{{}} })
	w.Captured(tilltest.TheAmount)
	assert.Equal(t, http.StatusBadRequest, w.do(local(http.MethodGet, "/order?id=o-1")).Code, "a key that is none")
}

func TestWhatStandsOpenIsSaid(t *testing.T) {
	w := newWorld(t, nil)
	w.PaidLate(order.CaptureNone)
	page := w.get("/order?id=o-1")
	for _, want := range []string{"needs attention", "<dt>anomaly</dt>", "late payment", "Came late",
		"USD 10.00 still here", `class="alarm"`, "<strong>compensate</strong>"} {
		assert.Contains(t, page, want)
	}
	assert.NotContains(t, page, "<strong>cancel</strong>", "it is done")
	other := newWorld(t, nil)
	ids := other.Many(1)
	other.Lost(ids...)
	page = other.get("/order?id=" + ids[0])
	for _, want := range []string{"<dt>cancel</dt>", "unresolved since 2026-11-23 09:00:00, asked once",
		"<dt>next</dt>", "USD 10.00 authorized, not captured"} {
		assert.Contains(t, page, want)
	}
}

func TestADisputeIsPartOfTheBar(t *testing.T) {
	w := newWorld(t, nil)
	at := w.Clock.Now()
	c := tilltest.Placing(order.CaptureNone)
	_, err := w.Orders.Create(w.Ctx, c)
	require.NoError(t, err)
	w.Paid()
	appendFacts(t, w.Log, "o-1", at, events.DisputeOpened{DisputeID: "d-1", Type: "CHARGEBACK", Amount: tilltest.USD(300),
		Proof: events.Proof{Via: events.ViaNotification}})
	page := w.get("/order?id=o-1")
	assert.Contains(t, page, "USD 3.00 captured, and disputed")
	assert.Contains(t, page, "USD 7.00 captured, and kept")
	assert.Contains(t, page, "<dt>dispute</dt>")
}

func TestAnOrderThatWasNeverPlacedHasItsRefusals(t *testing.T) {
	w := newWorld(t, nil)
	_, err := w.Log.Append(w.Ctx, events.RefusalStream("o-9"), 0, events.Record{ID: "r-1", Recorded: w.Clock.Now(),
		Occurred: w.Clock.Now(), Actor: "eve", Event: events.CommandRefused{Command: "cancel", Reason: "unknown", Count: 1},
		Head: events.Head{Status: "refused", StatusSince: w.Clock.Now(), Phase: "idle"}})
	require.NoError(t, err)
	page := w.get("/order?id=o-9")
	assert.Contains(t, page, "never placed")
	assert.Contains(t, page, "by eve")
	assert.NotContains(t, w.read("/order?id=o-9"), "order")
}

func TestALongStoryIsCutAndSaysSo(t *testing.T) {
	w := newWorld(t, nil)
	w.Place(order.CaptureManual)
	const more = TimelineMax + 7
	var facts []events.Event
	for range more {
		facts = append(facts, events.AnomalyObserved{Reason: events.LatePayment,
			Detail: fmt.Sprint("number ", len(facts)), Proof: events.Proof{Via: events.ViaNotification}})
	}
	for len(facts) > 0 {
		n := min(len(facts), 100)
		appendFacts(t, w.Log, "o-1", w.Clock.Now(), facts[:n]...)
		facts = facts[n:]
	}
	page := w.get("/order?id=o-1")
	assert.Contains(t, page, "The newest 500 entries; 8 came before")
	assert.Equal(t, TimelineMax, strings.Count(page, `<p class="what">`))
	assert.Contains(t, page, fmt.Sprint("number ", more-1))
	doc := w.read("/order?id=o-1")
	assert.Equal(t, "8", doc["earlier"])
	assert.Len(t, doc["history"], TimelineMax)
}

// The drawings are well-formed, and of the page's own colours.
func TestTheDrawingsOfAPageAreWhole(t *testing.T) {
	w := newWorld(t, nil)
	w.place("o<&>", "CARD")
	page := w.get("/order?id=o%3C%26%3E")
	rest, n := page, 0
	for {
		_, after, ok := strings.Cut(rest, "<svg")
		if !ok {
			break
		}
		body, more, ok := strings.Cut(after, "</svg>")
		require.True(t, ok)
		rest = more
		n++
		d := xml.NewDecoder(strings.NewReader("<svg" + body + "</svg>"))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			if at, is := token.(xml.StartElement); is {
				for _, a := range at.Attr {
					assert.NotEqual(t, "style", a.Name.Local)
					assert.False(t, a.Name.Local == "fill" && a.Value == "black", "it would not show in the dark")
				}
			}
		}
	}
	assert.Equal(t, 4, n, "the brand, the bar and two machines")
}
