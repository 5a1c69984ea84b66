package browser

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

// contains tells whether a page has a text.
func contains(t *testing.T, address, text string) bool {
	t.Helper()
	answer, err := http.Get(address)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return strings.Contains(string(body), text)
}

// shown is what a page is shown as.
type shown struct {
	width  int64
	height int64
	scheme string
}

// violations has axe-core judge the page, and tells what it found.
const violations = `axe.run(document, {resultTypes: ["violations"]}).then((r) => JSON.stringify(r.violations.map(
	(v) => v.id + ": " + v.help + " " + v.nodes.map((n) => n.target.join(" ") + " " + n.failureSummary).join("; "))))`

// Every page at every width, light and dark: nothing complains, nothing sticks out, and axe-core finds nothing.
func TestEveryPageIsForEverybody(t *testing.T) {
	rules := axe(t)
	b := open(t)
	w := newWorld(t)
	w.counted(t)
	for _, levels := range []string{"all"} {
		require.True(t, contains(t, w.url+"/log/verify?run="+levels, "Log"))
	}
	require.Eventually(t, func() bool { return contains(t, w.url+"/log.json", `"ended"`) }, 20*time.Second,
		10*time.Millisecond)
	for name, address := range map[string]string{"overview": "/", "orders": "/orders", "open": "/orders?only=open",
		"none": "/orders?only=parked", "order": w.order("2026-00001"), "late": w.order(tilltest.TheOrder),
		"evil": w.order(evil), "search": "/search?q=nobody",
		"older": "/search?q=nobody&before=5", "log": "/log", "problem": "/nothing"} {
		for _, as := range []shown{{360, 740, "light"}, {360, 740, "dark"}, {800, 1000, "light"}, {800, 1000, "dark"},
			{1440, 900, "light"}, {1440, 900, "dark"}} {
			t.Run(fmt.Sprintf("%s-%d-%s", name, as.width, as.scheme), func(t *testing.T) {
				b.judge(t, w.url+address, as, rules)
				b.keep(t, strings.ReplaceAll(strings.SplitN(t.Name(), "/", 2)[1], "/", "-"))
			})
		}
	}
}

// judge looks at a page.
func (b *tab) judge(t *testing.T, address string, as shown, rules string) {
	t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: as.scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"}}})
	require.NoError(t, err)
	b.do(t, chromedp.EmulateViewport(as.width, as.height), chromedp.Navigate(address))
	ask[chromedp.Void](t, b, `document.querySelectorAll("details").forEach((d, i) => { d.open = i === 0; })`)
	assert.Empty(t, ask[string](t, b, `String([...document.querySelectorAll("body *")].filter((e) =>
		!e.closest(".scroll, .skip") && e.getBoundingClientRect().right > innerWidth + 1).map((e) =>
		e.outerHTML.slice(0, 80)))`), "it sticks out")
	assert.LessOrEqual(t, ask[int](t, b, `document.documentElement.scrollWidth`), int(as.width),
		"the page has to be moved sideways to be read: a word in it is too long")
	assert.Empty(t, ask[string](t, b, `String([...document.querySelectorAll("main td .id, main th .id")].filter((e) =>
		e.getBoundingClientRect().width < Math.min(e.textContent.length, 9) * 7).map((e) => e.textContent))`),
		"an id is broken after every few letters")
	assert.Empty(t, ask[string](t, b, `(() => { const all = [...document.querySelectorAll("button")].map((e) =>
		e.getBoundingClientRect()); return String(all.filter((a, i) => all.some((b, j) => i < j && a.left < b.right + 4 &&
		b.left < a.right + 4 && a.top < b.bottom + 4 && b.top < a.bottom + 4)).map((a) => a.top)); })()`),
		"buttons touch")
	ask[chromedp.Void](t, b, rules)
	assert.Equal(t, "[]", ask[string](t, b, violations))
	complaints := b.complaints()
	if strings.HasSuffix(address, "/nothing") { // the browser says that there is no such page, as it should
		complaints = filtered(complaints, "404 (Not Found)")
	}
	assert.Empty(t, complaints)
}

func filtered(all []string, without string) (left []string) {
	for _, text := range all {
		if !strings.Contains(text, without) {
			left = append(left, text)
		}
	}
	return left
}

func TestHostileTextIsTextInABrowser(t *testing.T) {
	b := open(t)
	w := newWorld(t)
	b.do(t, chromedp.Navigate(w.url+"/orders?status=created&limit=200"))
	ask[chromedp.Void](t, b, `[...document.querySelectorAll("table.orders a")].find((a) =>
		a.textContent.includes("script")).click()`)
	b.until(t, `document.querySelector(".story")`)
	assert.Equal(t, evil, ask[string](t, b, `document.querySelector("h1 .id").textContent`),
		"the list's link leads to the order, and its id is what it is")
	story := ask[string](t, b, `document.querySelector(".story").textContent`)
	assert.Contains(t, story, "<script>alert(3)</script>")
	assert.Contains(t, story, "javascript:alert(4)")
	assert.Zero(t, ask[int](t, b, `document.querySelectorAll("main script, main img, main b, [onerror]").length`))
	assert.Empty(t, b.complaints())
}

// By keyboard alone: the first thing leads past the navigation, everything that can be used is reached in the order in
// which it stands, each shows that it is reached, and an order is opened.
func TestAPageIsWalkedByKeyboard(t *testing.T) {
	b := open(t)
	w := newWorld(t)
	const (
		where = `(() => { const e = document.activeElement; return e.tagName + "|" +
			(e.getAttribute("href") || e.id || e.textContent) + "|" + getComputedStyle(e).outlineStyle; })()`
		usable = `[...document.querySelectorAll("a[href], button, input, select, [tabindex='0']")].length`
	)
	b.do(t, chromedp.EmulateViewport(1440, 900), chromedp.Navigate(w.url+"/orders?limit=5"), chromedp.KeyEvent(kb.Tab))
	at := ask[string](t, b, where)
	assert.Equal(t, "A|#main|solid", at)
	seen := map[string]bool{at: true}
	for range ask[int](t, b, usable) - 1 {
		b.do(t, chromedp.KeyEvent(kb.Tab))
		at = ask[string](t, b, where)
		assert.NotContains(t, at, "BODY")
		assert.Regexp(t, `\|(solid|auto)$`, at, "nobody sees where the focus is")
		seen[at] = true
	}
	assert.Greater(t, len(seen), 15)
	b.do(t, chromedp.Focus(`table.orders a`), chromedp.KeyEvent(kb.Enter))
	b.until(t, `document.querySelector(".story")`)
	assert.Contains(t, ask[string](t, b, `location.href`), "/order?id=")
	b.do(t, chromedp.Navigate(w.url+"/"), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	b.until(t, `document.activeElement.id === "main"`) // the first link leads past the navigation
	assert.Empty(t, b.complaints())
}

func TestPagesWorkWithoutJavaScript(t *testing.T) {
	b := open(t)
	w := newWorld(t)
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: true})
	require.NoError(t, err)
	text := func(selector string) string {
		t.Helper()
		is, err := chromedp.Run(b.ctx, chromedp.TextContent(selector))
		require.NoError(t, err)
		return is
	}
	b.do(t, chromedp.Navigate(w.url+"/"), chromedp.SendKeys("#q", "request-3"+kb.Enter),
		chromedp.Query(".story", chromedp.NodeVisible))
	assert.Equal(t, "2026-00003", text("h1 .id"), "a search by a paymentRequestId leads to its order")
	b.do(t, chromedp.Navigate(w.url+"/log"), chromedp.Click(`button[value="bytes"]`))
	require.Eventually(t, func() bool { return contains(t, w.url+"/log", "verdict good") }, 20*time.Second,
		10*time.Millisecond)
	assert.Empty(t, b.complaints())
}

// A list shows a new order by itself, and leaves the focus as it is.
func TestAListIsLive(t *testing.T) {
	b := open(t)
	w := newWorld(t)
	b.do(t, chromedp.EmulateViewport(1440, 900), chromedp.Navigate(w.url+"/orders?status=created"))
	b.until(t, `document.getElementById("live").textContent.includes("Live")`)
	b.do(t, chromedp.Focus(`table.orders a`))
	const focused = `document.activeElement.getAttribute("href")`
	before := ask[string](t, b, focused)
	c := tilltest.Placing(order.CaptureManual)
	c.OrderID, c.PaymentRequestID = "brand-new", "request-new"
	_, err := w.Orders.Create(w.Ctx, c)
	require.NoError(t, err)
	b.until(t, `[...document.querySelectorAll("table.orders a")].some((a) => a.textContent === "brand-new")`)
	assert.Equal(t, before, ask[string](t, b, focused))
	assert.Empty(t, b.complaints())
}

// TestAListIsLiveWhileMuchComes: what comes all the time puts off no page for ever.
func TestAListIsLiveWhileMuchComes(t *testing.T) {
	b := open(t)
	w := newWorld(t)
	b.do(t, chromedp.EmulateViewport(1440, 900), chromedp.Navigate(w.url+"/orders?status=created"))
	b.until(t, `document.getElementById("live").textContent.includes("Live")`)
	const pace = 100 * time.Millisecond // less than the page waits for more
	enough, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 0; ; n++ {
			c := tilltest.Placing(order.CaptureManual)
			c.OrderID, c.PaymentRequestID = fmt.Sprint("busy-", n), fmt.Sprint("request-busy-", n)
			if _, err := w.Orders.Create(w.Ctx, c); err != nil {
				ended <- err
				return
			}
			select {
			case <-enough:
				ended <- nil
				return
			case <-time.After(pace):
			}
		}
	}()
	b.until(t, `[...document.querySelectorAll("table.orders a")].some((a) => a.textContent.startsWith("busy-"))`)
	close(enough)
	require.NoError(t, <-ended)
	assert.Empty(t, b.complaints())
}

func TestAVerificationShowsItsEndByItself(t *testing.T) {
	b := open(t)
	w := newWorld(t)
	b.do(t, chromedp.Navigate(w.url+"/log"), chromedp.Click(`button[value="all"]`))
	b.until(t, `document.querySelector(".verdict")`)
	assert.Empty(t, b.complaints())
}
