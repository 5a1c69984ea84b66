package main

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// What a shop does is what Prometheus is shown: commands, calls, notifications, what stands open, and the log. No order
// is named.
func TestMetrics(t *testing.T) {
	w := newWorld(t)
	w.authorized()
	cancelled := w.do("POST", "/orders/o-1/cancel", "c-1", `{"reason":"canary"}`)
	require.Equal(t, 200, cancelled.status, cancelled.body)
	refused := w.do("POST", "/orders/o-1/capture", "c-2", `{"amount":"USD 1.00"}`)
	require.Equal(t, http.StatusConflict, refused.status)

	shown := w.looks(here, "/metrics", nil)
	require.Equal(t, 200, shown.Code)
	text := shown.Body.String()
	for _, want := range []string{
		`tilltape_command_duration_seconds_count\{.*tilltape_command="cancel",tilltape_outcome="done"\} 1`,
		`tilltape_command_refused_total\{.*tilltape_command="capture",tilltape_reason="cancelled"\} 1`,
		`tilltape_call_duration_seconds_count\{.*tilltape_call="cancel",tilltape_call_answer="succeeded"\} 1`,
		`tilltape_notification_duration_seconds_count\{.*tilltape_outcome="recorded"\} \d+`,
		`tilltape_order_unresolved\{.*\} 0`,
		`tilltape_log_position\{.*\} \d+`,
		`tilltape_log_size_bytes\{.*\} \d`,
		`process_resident_memory_bytes \d`,
	} {
		assert.Regexp(t, regexp.MustCompile("(?m)^"+want), text)
	}
	assert.NotContains(t, text, "o-1")
	assert.NotContains(t, text, "canary")
}

// Numbers of a business are for those who may look at the pages, and Prometheus sends a token.
func TestMetrics_AreForThoseWhoMayLook(t *testing.T) {
	const token = "01234567890123456789"
	w := newWorld(t)
	assert.Equal(t, 200, w.looks(here, "/metrics", nil).Code)
	assert.Equal(t, 403, w.looks(elsewhere, "/metrics", nil).Code)
	w.begin(token)
	assert.Equal(t, 401, w.looks(elsewhere, "/metrics", nil).Code)
	assert.Equal(t, 200, w.looks(elsewhere, "/metrics", bearer(token)).Code)
	assert.Equal(t, 404, w.do("GET", "/metrics", "", "").status, "not where shoppers are")
}

// Probes try appends that the log has to refuse. They are no refusals that anybody has to look at.
func TestMetrics_ProbesAreNoRefusedAppends(t *testing.T) {
	w := newWorld(t)
	w.authorized()
	refused := func() string {
		return regexp.MustCompile(`(?m)^tilltape_log_appends_total\{.*tilltape_outcome="refused"\} (.*)$`).
			FindStringSubmatch(w.looks(here, "/metrics", nil).Body.String())[1]
	}
	for range 5 {
		_, checks := w.readyz()
		require.True(t, checks["append"].OK)
	}
	assert.EqualValues(t, 5, w.log.Figures().Refused, "they are tried")
	assert.Equal(t, "0", refused())
	_, err := w.shop.log.Append(t.Context(), events.OrderStream("o-1"), 0, events.Record{ID: "r", Recorded: w.clock.Now(),
		Event: events.PaymentPending{}})
	require.ErrorIs(t, err, store.ErrConflict)
	assert.Equal(t, "1", refused())

	require.NoError(t, w.log.Close())
	_, checks := w.readyz()
	assert.False(t, checks["append"].OK)
	assert.EqualValues(t, 1, w.shop.log.Figures().Refused, "a probe that was not refused is not taken off")
}

// slow is a log that is asked, and answers once it may.
type slow struct {
	store.Log
	goOn chan struct{}
}

func (s *slow) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	<-s.goOn
	return s.Log.Heads(ctx, f)
}

// A log that is slow is not asked ever more by scrapes that wait for it.
func TestMetrics_FewScrapesAtOnce(t *testing.T) {
	w := newWorld(t)
	log := &slow{Log: w.log, goOn: make(chan struct{})}
	m, err := newMetrics(nil, nil)
	require.NoError(t, err)
	stop, err := m.telemetry.Measure(log)
	require.NoError(t, err)
	defer func() { assert.NoError(t, stop()) }()
	codes := make(chan int, scrapesMax+1)
	for range scrapesMax + 1 {
		go func() {
			rec := httptest.NewRecorder()
			m.pages.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			codes <- rec.Code
		}()
	}
	assert.Equal(t, http.StatusServiceUnavailable, <-codes, "one is turned away while the others wait")
	close(log.goOn)
	for range scrapesMax {
		assert.Equal(t, http.StatusOK, <-codes)
	}
}
