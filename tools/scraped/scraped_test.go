package scraped

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/otel"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// noon is when everything here happens.
var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// scrape returns what Prometheus gets from a service that has told something by every instrument.
func scrape(t *testing.T) string {
	t.Helper()
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry))
	require.NoError(t, err)
	telemetry, err := otel.New(otel.Config{Meters: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)),
		Now: func() time.Time { return noon }})
	require.NoError(t, err)
	log, ctx := memory.New(), context.Background()
	stop, err := telemetry.Measure(log)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, stop()) })
	records, err := log.Append(ctx, events.OrderStream("o-1"), 0, events.Record{ID: "r-1", Recorded: noon,
		Head: events.Head{Status: "authorized", StatusSince: noon, AnomalySince: noon.Add(-time.Hour),
			Phase: order.Unresolved.String(), OperationSince: noon},
		Event: events.PaymentPending{}})
	require.NoError(t, err)

	o := telemetry.Observer(nil)
	o.Appended(ctx, records)
	o.Refused(ctx, tilltape.Refusal{Err: &order.RejectedError{Command: order.VerbCancel, Reason: order.ReasonCaptured}})
	o.Called(o.Calling(ctx, tilltape.CallBegun{Call: order.Call{Kind: order.CallCancel}}),
		tilltape.CallMade{Call: order.Call{Kind: order.CallCancel}, Took: time.Second})
	o.Commanded(o.Commanding(ctx, tilltape.CommandGiven{}), tilltape.CommandEnded{Outcome: tilltape.Done})
	o.Parked(ctx, tilltape.Alarm{Operation: order.Operation{Kind: order.CallCancel}})
	o.Anomaly(ctx, tilltape.Contradiction{Fact: events.AnomalyObserved{Reason: events.LatePayment}})
	o.Failed(ctx, tilltape.Trouble{})
	telemetry.Heard(ctx, notify.Notification{Outcome: notify.Recorded})
	warehouse, err := outbox.New(log, outbox.SenderFunc(nil), &outbox.Config{Name: "warehouse", Source: "shop",
		Keeper: outbox.MemoryKeeper()})
	require.NoError(t, err)
	unasked, err := telemetry.Consumers(warehouse)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, unasked()) })

	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer server.Close()
	response, err := http.Get(server.URL)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}

var (
	typed  = regexp.MustCompile(`(?m)^# TYPE (tilltape_\w+) `)
	series = regexp.MustCompile(`(?m)^(tilltape_\w+)(?:\{([^}]*)\})? `)
	label  = regexp.MustCompile(`(\w+)="`)
)

// found returns what the expression's group matches, each once, sorted.
func found(in *regexp.Regexp, text string) []string {
	var all []string
	for _, m := range in.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(raw)
}

// The page's column has the names that Prometheus shows, no more and no fewer.
func TestThePageHasPrometheusNames(t *testing.T) {
	var onPage []string
	for line := range strings.Lines(read(t, "../../docs/reference/metrics.md")) {
		if cells := strings.Split(line, " | "); strings.HasPrefix(line, "| `tilltape.") && len(cells) == 6 {
			onPage = append(onPage, strings.Trim(cells[4], "`"))
		}
	}
	slices.Sort(onPage)
	assert.Equal(t, found(typed, scrape(t)), onPage)
}

// A histogram that somebody else has counted is a counter by class.
func TestAppendsAreCountedByClass(t *testing.T) {
	text := scrape(t)
	assert.Contains(t, text, "# TYPE tilltape_log_append_within_total counter")
	assert.Regexp(t, regexp.MustCompile(`(?m)^tilltape_log_append_within_total\{.*tilltape_within="\+Inf".*\} 1$`), text)
	assert.Len(t, regexp.MustCompile(`(?m)^tilltape_log_append_within_total\{.*tilltape_within="`).FindAllString(text, -1),
		store.DurationClasses)
}

// The shown files, and what they may ask for.
const (
	rulesFile     = "../../otel/prometheus/tilltape.rules.yml"
	testsFile     = "../../otel/prometheus/tilltape.rules.test.yml"
	dashboardFile = "../../otel/grafana/tilltape.json"
)

var (
	asked   = regexp.MustCompile(`\b(tilltape_\w+)`)
	matched = regexp.MustCompile(`\b(tilltape_\w+)\s*(?:=~|!~|!=|=)\s*\\?"([^"\\]*)\\?"`)
)

// words are all that an attribute can say.
func words() map[string][]string {
	var outcomes []string
	for o := tilltape.Broken; o <= tilltape.Unavailable; o++ {
		outcomes = append(outcomes, o.String())
	}
	for o := notify.Undecided; o <= notify.Failed; o++ {
		outcomes = append(outcomes, o.String())
	}
	answers := []string{"not sent"}
	for v := order.VerdictUnknown; v <= order.VerdictUnknownF; v++ {
		answers = append(answers, v.String())
	}
	for o := events.InquiryUnknown; o <= events.InquiryNotExist; o++ {
		answers = append(answers, o.String())
	}
	var attentions []string
	for _, a := range events.Attentions() {
		attentions = append(attentions, a.String())
	}
	commands := []string{"observe"}
	for v := order.VerbCreate; v <= order.VerbCompensate; v++ {
		commands = append(commands, v.String())
	}
	var phases []string
	for p := order.Idle; p <= order.Parked; p++ {
		phases = append(phases, p.String())
	}
	return map[string][]string{"tilltape_order_phase": phases, "tilltape_command": commands,
		"tilltape_outcome":   append(outcomes, "written"),
		"tilltape_attention": attentions, "tilltape_call_answer": answers}
}

// Alerts and panels ask for metrics, labels and words that there are: a name that was mistyped is never alarmed about.
func TestAlertsAndDashboardAskForWhatThereIs(t *testing.T) {
	text := scrape(t)
	there := found(series, text)
	for _, m := range series.FindAllStringSubmatch(text, -1) {
		there = append(there, found(label, m[2])...)
	}
	known := words()
	for _, file := range []string{rulesFile, dashboardFile} {
		content := read(t, file)
		names := found(asked, content)
		require.NotEmpty(t, names)
		for _, name := range names {
			assert.Contains(t, there, name, file)
		}
		for _, m := range matched.FindAllStringSubmatch(content, -1) {
			for word := range strings.SplitSeq(m[2], "|") {
				assert.Contains(t, known[m[1]], word, "%s: %s", file, m[1])
			}
		}
	}
}

// Every metric that tells of trouble is on the dashboard.
func TestTheDashboardShowsEveryMetric(t *testing.T) {
	names := found(asked, read(t, dashboardFile))
	for _, name := range found(typed, scrape(t)) {
		shown := slices.ContainsFunc(names, func(n string) bool {
			return n == name || n == name+"_bucket" || n == name+"_count" || n == name+"_sum"
		})
		assert.True(t, shown, fmt.Sprintf("%s is on no panel", name))
	}
}
