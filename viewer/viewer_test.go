package viewer

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// addresses is one of each page.
var addresses = []string{"/", "/overview", "/orders", "/orders?only=due", "/orders?status=captured&limit=1", "/search",
	"/search?q=nobody", "/order?id=o-1", "/log", "/log/verify"}

func TestEveryAnswerIsKeptNowhereAndRunsNothingOfOthers(t *testing.T) {
	w := newWorld(t, nil)
	w.Captured(tilltest.TheAmount)
	for _, address := range append([]string{"/nothing", "/orders?what=1", "/assets/style.css"}, addresses...) {
		h := w.do(local(http.MethodGet, address)).Header()
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'",
			"base-uri 'none'", "form-action 'self'"} {
			assert.Contains(t, policy, want, address)
		}
		assert.NotContains(t, policy, "unsafe", address)
		assert.Equal(t, []string{"DENY", "nosniff", "no-referrer", "no-store"}, []string{h.Get("X-Frame-Options"),
			h.Get("X-Content-Type-Options"), h.Get("Referrer-Policy"), h.Get("Cache-Control")}, address)
	}
}

func TestOnlyGetAndHeadAreAnswered(t *testing.T) {
	w := newWorld(t, nil)
	w.Captured(tilltest.TheAmount)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
		rec := w.do(local(method, "/orders"))
		assert.Equal(t, http.StatusMethodNotAllowed, rec.Code, method)
		assert.Equal(t, "GET, HEAD", rec.Header().Get("Allow"))
	}
	server := httptest.NewServer(w.v)
	defer server.Close()
	for _, address := range addresses {
		got, err := http.Get(server.URL + address)
		require.NoError(t, err)
		require.NoError(t, got.Body.Close())
		head, err := http.Head(server.URL + address)
		require.NoError(t, err)
		require.NoError(t, head.Body.Close())
		assert.Equal(t, http.StatusOK, head.StatusCode, address)
		assert.Equal(t, got.Header.Get("Content-Type"), head.Header.Get("Content-Type"), address)
	}
}

func TestBadAddressesGetClearAnswers(t *testing.T) {
	w := newWorld(t, nil)
	w.Captured(tilltest.TheAmount)
	for address, want := range map[string]struct {
		status int
		says   string
	}{
		"/nothing":                             {404, "no such page"},
		"/order/o-1":                           {404, "no such page"},
		"/assets/nothing.css":                  {404, "no such page"},
		"/assets/../viewer.go":                 {404, "no such page"},
		"/assets/style.css.json":               {404, "no such page"},
		"/.json":                               {404, "no such page"},
		"/orders?colour=red":                   {400, "takes no \"colour\""},
		"/orders?only=due&only=open":           {400, "takes \"only\" once"},
		"/orders?only=%zz":                     {400, "cannot be read"},
		"/orders?only=a;b":                     {400, "cannot be read"},
		"/orders?only=nothing":                 {400, "no list \"nothing\""},
		"/orders?status=nothing":               {400, "no status \"nothing\""},
		"/orders?status=paid&only=due":         {400, "two questions"},
		"/orders?limit=0":                      {400, "1 to 200"},
		"/orders?limit=201":                    {400, "1 to 200"},
		"/orders?limit=x":                      {400, "1 to 200"},
		"/orders?after=x":                      {400, "no place of a list"},
		"/orders?after=2026-11-23T09:00:00Z/":  {400, "no place of a list"},
		"/order":                               {400, "which order"},
		"/order?id=o-2":                        {404, "no such order"},
		"/order?id=" + strings.Repeat("x", 65): {400, "65 bytes"},
		"/order?id=%1b":                        {400, "control character"},
		"/search?q=%ff":                        {400, "Nothing can have that id"},
		"/log/verify?run=everything":           {400, "Run"},
		"/orders?only=" + strings.Repeat("x", QueryMax): {414, "too long"},
	} {
		r := local(http.MethodGet, "/")
		var err error
		r.URL, err = url.Parse("http://127.0.0.1" + address)
		require.NoError(t, err)
		rec := w.do(r)
		assert.Equal(t, want.status, rec.Code, address)
		assert.Contains(t, strings.ReplaceAll(rec.Body.String(), "&#34;", `"`), want.says, address)
		r.Header.Set("Accept", "application/json")
		rec = w.do(r)
		assert.Equal(t, "application/problem+json", rec.Header().Get("Content-Type"), address)
		var p problemDocument
		require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &p), address)
		assert.Equal(t, want.status, p.Status, address)
		assert.Contains(t, p.Detail, want.says, address)
	}
}

func TestPagesAndDocumentsHaveTheSameAddresses(t *testing.T) {
	w := newWorld(t, nil)
	w.Captured(tilltest.TheAmount)
	for accept, page := range map[string]bool{"": true, "*/*": true, "text/html,application/xhtml+xml,*/*;q=0.8": true,
		"application/json": false, "text/html, application/json": true, "application/json;q=0.9, */*": false,
		"APPLICATION/JSON": false} {
		r := local(http.MethodGet, "/orders")
		r.Header.Set("Accept", accept)
		assert.Equal(t, page, w.do(r).Header().Get("Content-Type") == "text/html; charset=utf-8", accept)
	}
	for _, address := range []string{"/overview.json", "/orders.json", "/order.json?id=o-1", "/log.json", "/search.json"} {
		rec := w.do(local(http.MethodGet, address))
		assert.Equal(t, "application/json", rec.Header().Get("Content-Type"), address)
		assert.True(t, json.Valid(rec.Body.Bytes()), address)
	}
}

// Whatever an order's id, a reason, a person or a method is called, it is text.
func TestHostileTextIsText(t *testing.T) {
	w := newWorld(t, nil)
	const evil = `"><script>alert(1)</script>`
	id := evil + `/../%2e&x`
	w.place(id, `<img src=x onerror=alert(1)>`)
	_, err := w.Orders.Capture(w.Ctx, id, order.Capture{Amount: tilltest.USD(1), Actor: evil})
	require.Error(t, err)
	_, err = w.Orders.Cancel(w.Ctx, id, order.Cancel{Reason: "{{.}} " + evil + "\u202e", Actor: "'; alert(1); '"})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	require.NoError(t, w.Orders.Close()) // the refusal is on record then
	w.counted()
	query := "?" + url.Values{"id": {id}}.Encode()
	for _, address := range []string{"/", "/orders", "/order" + query, "/search?" + url.Values{"q": {evil}}.Encode()} {
		page := w.get(address)
		assert.NotContains(t, page, "<script>", address)
		assert.NotContains(t, page, "<img", address)
		assert.NotContains(t, page, "\u202e", address)
		assert.Equal(t, 1, strings.Count(page, "<html"), address)
	}
	list := w.get("/orders")
	_, link, ok := strings.Cut(list, `class="id" href="`)
	require.True(t, ok)
	link, _, _ = strings.Cut(link, `"`)
	page := w.get(strings.ReplaceAll(link, "&amp;", "&"))
	assert.Contains(t, page, "{{.}} &#34;&gt;&lt;script&gt;", "the link of a list leads to the order")
	doc := w.read("/order" + query)
	assert.Equal(t, id, doc["order"].(map[string]any)["id"], "a program gets it as it is")
}

func TestAViewerBelowAPath(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Prefix, c.Title = "/back/till", "The <Shop>" })
	w.Captured(tilltest.TheAmount)
	assert.Equal(t, http.StatusNotFound, w.do(local(http.MethodGet, "/orders")).Code)
	page := w.get("/back/till/orders")
	assert.Contains(t, page, "The &lt;Shop&gt;")
	for _, piece := range strings.Split(page, ` href="`)[1:] {
		link, _, _ := strings.Cut(piece, `"`)
		assert.True(t, strings.HasPrefix(link, "/back/till/") || strings.HasPrefix(link, "#"), link)
	}
	for _, piece := range strings.Split(page, ` action="`)[1:] {
		assert.True(t, strings.HasPrefix(piece, "/back/till/"), piece[:20])
	}
	mux := http.NewServeMux()
	mux.Handle("/back/till/", w.v)
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, local(http.MethodGet, "/back/till/order?id=o-1"))
	assert.Equal(t, http.StatusOK, rec.Code)
}

func TestAssetsAreWhole(t *testing.T) {
	w := newWorld(t, nil)
	names, err := fs.Glob(embedded, "assets/*")
	require.NoError(t, err)
	for _, name := range names {
		want, err := embedded.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, string(want), w.get("/"+name), name)
	}
	assert.Len(t, names, 3)
	page := w.get("/")
	assert.NotContains(t, page, "<style")
	assert.NotContains(t, page, " style=")
	assert.NotContains(t, page, " onclick=")
}

func TestALogThatCannotBeReadIsSaid(t *testing.T) {
	log := memory.New()
	w := worldOn(t, log, nil)
	require.NoError(t, log.Close())
	rec := w.do(local(http.MethodGet, "/orders"))
	assert.Equal(t, http.StatusServiceUnavailable, rec.Code)
	assert.Equal(t, "5", rec.Header().Get("Retry-After"))
	assert.NotContains(t, rec.Body.String(), "goroutine")
}

func TestACloseEndsWhatRuns(t *testing.T) {
	w := newWorld(t, nil)
	w.counted()
	require.NoError(t, w.v.Close())
	require.NoError(t, w.v.Close())
	assert.Equal(t, http.StatusOK, w.do(local(http.MethodGet, "/orders")).Code)
	assert.Equal(t, http.StatusServiceUnavailable, w.do(local(http.MethodGet, "/live")).Code)
}

func TestWordsForPeople(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0 ms", 1500 * time.Microsecond: "1 ms", 59 * time.Second: "59 s",
		time.Minute: "1 min", 61 * time.Second: "1 min 1 s", 25 * time.Hour: "1 d 1 h", 90 * time.Minute: "1 h 30 min",
		-time.Minute: "1 min", 48 * time.Hour: "2 d"} {
		assert.Equal(t, want, span(d))
	}
	at := tilltest.Dawn()
	assert.Equal(t, "5 s ago", ago(at, at.Add(5*time.Second)))
	assert.Equal(t, "just now", ago(at, at.Add(time.Millisecond)))
	assert.Equal(t, []string{"once", "twice", "3 times"}, []string{times(1), times(2), times(3)})
	assert.Equal(t, "in 5 s", ago(at, at.Add(-5*time.Second)))
	assert.Equal(t, "1\u202f234\u202f567", grouped(1234567))
	assert.Equal(t, "123", grouped(123))
}

// A page of another site's has a browser on this machine ask; what costs more than a page is not done for it.
func TestAnotherSitesPageKeepsNothingBusy(t *testing.T) {
	w := worldOn(t, &copying{Log: memory.New()}, nil)
	w.Many(1)
	costly := []string{"/log/verify?run=bytes", "/log/verify.json?run=all", "/search?q=x&before=3",
		"/search.json?q=x&before=3", "/live", "/log/stream?category=order&id=o-0", "/log/heads?index=status", "/log/export",
		"/log/backup"}
	for path, p := range transfers {
		if p.raw != nil {
			assert.Contains(t, strings.Join(costly, " ")+" ", path, "this test has each of them")
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for _, target := range costly {
			for _, site := range []string{"cross-site", "same-site", "what comes later"} {
				r := local(method, target)
				r.Header.Set("Sec-Fetch-Site", site)
				assert.Equal(t, http.StatusForbidden, w.do(r).Code, "%s %s %s", method, target, site)
			}
		}
	}
	assert.Zero(t, w.v.log.(*copying).made)
	assert.Nil(t, w.v.verifier.state())
	for _, target := range []string{"/", "/order?id=o-0", "/search?q=x", "/log", "/log/verify"} {
		r := local(http.MethodGet, target)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		assert.Equal(t, http.StatusOK, w.do(r).Code, "a link in a chat leads to %s", target)
	}
	for _, site := range []string{"", "none", "same-origin"} {
		r := local(http.MethodGet, "/log/backup")
		r.Header.Set("Sec-Fetch-Site", site)
		assert.Equal(t, http.StatusOK, w.do(r).Code, site)
	}
}
