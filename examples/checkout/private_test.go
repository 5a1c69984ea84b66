package main

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/problem"
	"github.com/tilltape/tilltape/store"
)

const here, elsewhere = "127.0.0.1:4000", "10.0.0.7:4000"

// looks asks on the private address, from there, after change.
func (w *world) looks(from, path string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8081"+path, nil)
	r.RemoteAddr = from
	if change != nil {
		change(r)
	}
	rec := httptest.NewRecorder()
	w.private.ServeHTTP(rec, r)
	return rec
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func TestWhoMayLook(t *testing.T) {
	const token = "01234567890123456789"
	for name, c := range map[string]struct {
		token, from string
		change      func(*http.Request)
		page, whole int // how the overview and a backup are answered
	}{
		"this machine, no token":    {"", here, nil, 200, 403},
		"another one, no token":     {"", elsewhere, nil, 403, 403},
		"any, none is set":          {"", elsewhere, bearer(token), 403, 403},
		"an empty one, none is set": {"", elsewhere, bearer(""), 403, 403},
		"this machine":              {token, here, nil, 200, 401},
		"another one":               {token, elsewhere, nil, 401, 401},
		"with the token":            {token, elsewhere, bearer(token), 200, 200},
		"with another token":        {token, elsewhere, bearer(token + "0"), 401, 401},
		"a browser":                 {token, elsewhere, func(r *http.Request) { r.SetBasicAuth("me", token) }, 200, 200},
		"a guessing browser":        {token, elsewhere, func(r *http.Request) { r.SetBasicAuth(token, "") }, 401, 401},
		"a proxy on this machine":   {token, here, func(r *http.Request) { r.Header.Set("Via", "1.1 proxy") }, 401, 401},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.begin(c.token)
			page, whole := w.looks(c.from, "/overview.json", c.change), w.looks(c.from, "/log/backup", c.change)
			assert.Equal(t, c.page, page.Code, page.Body)
			assert.Equal(t, c.whole, whole.Code, whole.Body)
			for _, path := range []string{"/log/export", "/log/heads?index=outstanding", "/log/stream?category=order&id=o-1"} {
				assert.Equal(t, c.whole, w.looks(c.from, path, c.change).Code, path)
			}
			if c.whole == http.StatusUnauthorized {
				assert.Equal(t, []string{"Bearer", `Basic realm="checkout, with the token as the password"`},
					whole.Header().Values("WWW-Authenticate"))
				assert.Equal(t, problem.ContentType, whole.Header().Get("Content-Type"))
			}
			assert.Equal(t, c.page, w.looks(c.from, "/debug/pprof/heap", c.change).Code, "as what pages show")
			if c.page != 200 { // else it would take its second
				assert.Equal(t, c.page, w.looks(c.from, "/debug/pprof/profile?seconds=1", c.change).Code)
			}
			assert.Equal(t, 200, w.looks(c.from, "/livez", nil).Code, "probes have no token")
			assert.Equal(t, 404, w.do("GET", "/overview", "", "").status, "not where shoppers are")
		})
	}
}

// Who may look is found out once, in front; the pages behind believe nobody who did not come that way.
func TestThePagesTakeWhoeverWasAdmitted(t *testing.T) {
	const token = "01234567890123456789"
	w := newWorld(t)
	w.begin(token)
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8081/overview.json", nil)
	r.RemoteAddr = here
	bearer(token)(r)
	rec := httptest.NewRecorder()
	w.shop.viewer.ServeHTTP(rec, r)
	assert.Equal(t, http.StatusForbidden, rec.Code, "past the door")
	assert.Equal(t, http.StatusOK, w.looks(here, "/overview.json", bearer(token)).Code, "through it")
}

// A backup that could fill the log's disk is not begun, and says what to do.
func TestABackupLeavesTheLogItsRoom(t *testing.T) {
	const token = "01234567890123456789"
	w := newWorld(t)
	w.authorized()
	w.begin(token)
	assert.Equal(t, http.StatusOK, w.looks(elsewhere, "/log/backup", bearer(token)).Code)
	w.shop.settings.backups, w.shop.settings.diskMin = t.TempDir(), 1<<60
	if _, known := room(w.shop.settings.backups); !known {
		t.Skip("this system does not say how much room there is")
	}
	rec := w.looks(elsewhere, "/log/backup", bearer(token))
	assert.Equal(t, http.StatusInsufficientStorage, rec.Code)
	assert.Contains(t, rec.Body.String(), w.shop.settings.backups)
	assert.Contains(t, rec.Body.String(), "CHECKOUT_BACKUPS")
	assert.Equal(t, http.StatusUnauthorized, w.looks(elsewhere, "/log/backup", nil).Code, "a stranger learns no folder")
	assert.Equal(t, http.StatusOK, w.looks(elsewhere, "/log/export", bearer(token)).Code, "an export is made nowhere")
}

// Beside a database there is no folder of the log's: the system's own may be memory, and a backup as large as the
// database.
func TestABackupOfADatabaseIsMadeWhereItIsSaid(t *testing.T) {
	const token = "01234567890123456789"
	w := newWorld(t)
	w.authorized()
	w.begin(token)
	said, err := read(append(least[:len(least):len(least)], "CHECKOUT_DATABASE=postgres:///shop"))
	require.NoError(t, err)
	w.shop.settings.database, w.shop.settings.backups, w.shop.settings.diskMin = said.database, said.backups, 0
	rec := w.looks(elsewhere, "/log/backup", bearer(token))
	assert.Equal(t, http.StatusInsufficientStorage, rec.Code)
	assert.Contains(t, rec.Body.String(), "set CHECKOUT_BACKUPS to one on a disk")
	w.shop.settings.backups = t.TempDir()
	assert.Equal(t, http.StatusOK, w.looks(elsewhere, "/log/backup", bearer(token)).Code)
}

// readyz is whether the service is ready, by check.
func (w *world) readyz() (status int, checks map[string]check) {
	w.t.Helper()
	rec := w.looks(elsewhere, "/readyz", nil)
	var said readiness
	require.NoError(w.t, json.Unmarshal(rec.Body.Bytes(), &said))
	checks = map[string]check{}
	for _, c := range said.Checks {
		checks[c.Check] = c
	}
	assert.Equal(w.t, said.Ready, rec.Code == http.StatusOK)
	return rec.Code, checks
}

func TestItIsReadyOnceRunRuns(t *testing.T) {
	w := newWorld(t)
	status, checks := w.readyz()
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Contains(t, checks["run"].Says, "Run has ended")

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.shop.serve(ctx, listening(t), listening(t)) }()
	require.Eventually(t, func() bool { status, _ := w.readyz(); return status == 200 }, 10*time.Second, time.Millisecond)
	_, checks = w.readyz()
	for _, name := range []string{"serving", "append", "run", "unknown", "disk"} {
		assert.True(t, checks[name].OK, name)
		assert.NotEmpty(t, checks[name].Says, name)
	}
	size := func() uint64 {
		tree, err := w.log.Tree(t.Context())
		require.NoError(t, err)
		return tree.Size
	}
	assert.Zero(t, size(), "asking leaves nothing in the log")
	stop()
	require.NoError(t, <-ended)
	status, checks = w.readyz()
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.False(t, checks["serving"].OK)
	assert.False(t, checks["run"].OK)
}

func TestWhyItIsNotReady(t *testing.T) {
	w := newWorld(t)
	w.shop.state.settling.Store(true) // as in serve; what is due stays due here
	w.shop.state.driving(w.clock.Now())
	w.authorized()
	require.NoError(t, w.apo.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, Do: apotest.Undecided}))
	require.Equal(t, 202, w.do("POST", "/orders/o-1/cancel", "cancel-1", `{}`).status)
	status, checks := w.readyz()
	assert.Equal(t, 200, status)
	assert.Equal(t, "the oldest unknown outcome is one for 0s", checks["unknown"].Says)

	w.clock.Set(w.clock.Now().Add(10 * time.Minute))
	_, checks = w.readyz()
	assert.True(t, checks["run"].OK)
	w.clock.Set(w.clock.Now().Add(2 * time.Second))
	status, checks = w.readyz()
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Equal(t, check{"run", false, "due for 10m1s, and Run drove an order or began 10m2s ago"}, checks["run"])
	assert.Equal(t, check{"unknown", true, "the oldest unknown outcome is one for 10m2s"}, checks["unknown"])

	w.shop.settings.overdueMax, w.shop.settings.openMax = time.Hour, 10*time.Minute
	status, checks = w.readyz()
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.True(t, checks["run"].OK)
	assert.False(t, checks["unknown"].OK)
	w.shop.settings.openMax = time.Hour

	w.shop.settings.diskMin = 1 << 60
	status, checks = w.readyz()
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.False(t, checks["disk"].OK)
	assert.Contains(t, checks["disk"].Says, "MiB are free")
	w.shop.settings.diskMin = 0
	w.shop.settings.database = "postgres:///shop"
	status, checks = w.readyz()
	assert.Equal(t, 200, status)
	assert.NotContains(t, checks, "disk", "a database has its own")
}

// newWorldWithAcceptedRefund has an order of which APO accepted a refund two hours ago.
func newWorldWithAcceptedRefund(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.shop.state.settling.Store(true)
	w.shop.settings.openMax, w.shop.settings.overdueMax = time.Hour, 24*time.Hour
	w.authorized()
	require.Equal(t, 200, w.do("POST", "/orders/o-1/capture", "c-1", `{"amount":"USD 10.00"}`).status)
	require.Equal(t, 202, w.do("POST", "/orders/o-1/refund", "r-1", `{"amount":"USD 4.00"}`).status)
	w.clock.Advance(2 * time.Hour)
	return w
}

// What APO has accepted takes days by rights: it closes no shop, and hides nothing that really is not known.
func TestWhatAPOHasAcceptedIsNotUnknown(t *testing.T) {
	w := newWorldWithAcceptedRefund(t)
	status, checks := w.readyz()
	assert.Equal(t, 200, status)
	assert.Equal(t, check{"unknown", true, "every outcome is known, or APO has accepted it"}, checks["unknown"])

	require.Equal(t, 201, w.do("POST", "/orders", "pay-2", strings.Replace(placeO1, "o-1", "o-2", 1)).status)
	require.NoError(t, w.apo.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, Do: apotest.Undecided}))
	require.Equal(t, 202, w.do("POST", "/orders/o-2/cancel", "cancel-2", `{}`).status)
	w.clock.Advance(59 * time.Minute)
	_, checks = w.readyz()
	assert.Equal(t, check{"unknown", true, "the oldest unknown outcome is one for 59m0s"}, checks["unknown"])
	w.clock.Advance(2 * time.Minute)
	status, checks = w.readyz()
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Equal(t, check{"unknown", false, "the oldest unknown outcome is one for 1h1m0s"}, checks["unknown"])
}

// An order of which APO accepted a refund hours ago, and of which another one is unknown for a minute, is unknown for a
// minute.
func TestAnUnknownBesideWhatAPOHasAcceptedHasItsOwnAge(t *testing.T) {
	w := newWorldWithAcceptedRefund(t)
	require.NoError(t, w.apo.Script(apotest.Fault{Op: apotest.OpRefund, From: 1, Do: apotest.Undecided}))
	require.Equal(t, 202, w.do("POST", "/orders/o-1/refund", "r-2", `{"amount":"USD 1.00"}`).status)
	w.clock.Advance(time.Minute)
	status, checks := w.readyz()
	assert.Equal(t, check{"unknown", true, "the oldest unknown outcome is one for 1m0s"}, checks["unknown"])
	assert.Equal(t, 200, status)
}

// lost is a log one of whose orders cannot be read.
type lost struct{ store.Log }

func (l *lost) Read(ctx context.Context, of events.Stream, after uint64) iter.Seq2[events.Record, error] {
	if of != events.OrderStream("o-1") {
		return l.Log.Read(ctx, of, after)
	}
	return func(yield func(events.Record, error) bool) { yield(events.Record{}, store.ErrDamaged) }
}

// What is due for long says nothing of Run where it goes about its work: then one order is damaged, or many are due.
func TestOneOrderDoesNotCloseTheShop(t *testing.T) {
	w := newWorld(t)
	w.shop.state.settling.Store(true)
	w.authorized()
	require.NoError(t, w.apo.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, Do: apotest.Undecided}))
	require.Equal(t, 202, w.do("POST", "/orders/o-1/cancel", "cancel-1", `{}`).status)
	w.shop.log.Log = &lost{w.log}
	ready := func() bool {
		w.t.Helper()
		status, checks := w.readyz()
		assert.Equal(t, status == http.StatusOK, checks["run"].OK)
		return checks["run"].OK
	}
	later := func() { w.clock.Set(w.clock.Now().Add(11 * time.Minute)) }
	later()
	assert.False(t, ready())
	_, err := w.shop.Orders.SettleDue(t.Context())
	require.ErrorIs(t, err, store.ErrDamaged)
	assert.True(t, ready(), "it has come to the order")
	later()
	assert.False(t, ready(), "and to none since")

	told, ctx := w.shop.progress(), t.Context()
	told.Failed(ctx, tilltape.Trouble{Err: store.ErrUnavailable})
	told.Settled(ctx, tilltape.Pass{Err: store.ErrUnavailable})
	told.Called(told.Commanding(ctx, tilltape.CommandGiven{}), tilltape.CallMade{})
	assert.False(t, ready(), "a log without a list of what is due, and a command's call")
	told.Failed(ctx, tilltape.Trouble{OrderID: "o-1", Err: store.ErrDamaged})
	assert.True(t, ready(), "Run tells so long before its pass is over")
	later()
	told.Called(ctx, tilltape.CallMade{})
	assert.True(t, ready(), "and so of each call")
}

// failing is a log that takes nothing of what is given.
type failing struct {
	store.Log
	err error
}

func (f *failing) Append(ctx context.Context, to events.Stream, after uint64,
	r ...events.Record) ([]events.Record, error) {
	if f.err != nil && after != noVersion {
		return nil, f.err
	}
	return f.Log.Append(ctx, to, after, r...)
}

func TestALogThatTakesNothingIsNotReady(t *testing.T) {
	w := newWorld(t)
	w.shop.state.settling.Store(true)
	broken := &failing{Log: w.log}
	w.shop.log.Log = broken
	for _, err := range []error{store.ErrFull, store.ErrStorage, store.ErrUnavailable} {
		broken.err = err
		assert.GreaterOrEqual(t, w.do("POST", "/orders", "pay-1", placeO1).status, 500)
		status, checks := w.readyz()
		assert.Equal(t, http.StatusServiceUnavailable, status, err)
		assert.Contains(t, checks["append"].Says, "the log failed to take something ")
		w.shop.settings.failureMax = -time.Second
		status, _ = w.readyz()
		assert.Equal(t, 200, status, "else nothing would ever be sent that it could take")
		w.shop.settings.failureMax = time.Minute
	}
	broken.err = nil
	require.Equal(t, 201, w.do("POST", "/orders", "pay-1", placeO1).status)
	status, _ := w.readyz()
	assert.Equal(t, 200, status, "it took something")
	broken.err = errors.New("a conflict, say")
	w.do("POST", "/orders/o-1/cancel", "cancel-1", `{}`)
	status, _ = w.readyz()
	assert.Equal(t, 200, status)

	require.NoError(t, w.log.Close())
	status, checks := w.readyz()
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Equal(t, "the log takes nothing; the service's log says why", checks["append"].Says)
	assert.Equal(t, "the log does not say what is due", checks["run"].Says)
	assert.Equal(t, "the log does not say what is unknown", checks["unknown"].Says)
	assert.Equal(t, 200, w.looks(elsewhere, "/livez", nil).Code, "whether it can serve is asked of readyz")
}

// A page of another site that is open in the browser of somebody who may look has no profile made, and no log asked.
func TestAnotherSitesPageCostsNothing(t *testing.T) {
	w := newWorld(t)
	for path, status := range map[string]int{"/debug/pprof/heap": 403, "/debug/pprof/profile?seconds=1": 403,
		"/metrics": 403, "/log/verify?run=1": 403, "/livez": 200} {
		for _, site := range []string{"cross-site", "same-site"} {
			rec := w.looks(here, path, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", site) })
			assert.Equal(t, status, rec.Code, path)
		}
	}
	for _, site := range []string{"none", "same-origin"} {
		rec := w.looks(here, "/debug/pprof/heap", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", site) })
		assert.Equal(t, 200, rec.Code, site)
	}
}
