package browser

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/viewer"
)

// evil is an id that would be markup, if it were not escaped.
const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>/..%2e`

// world is a viewer of a log in which something of everything stands.
type world struct {
	*tilltest.Till
	url    string
	viewer *viewer.Viewer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	opened, err := bolt.Open(filepath.Join(t.TempDir(), "orders"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, opened.Close()) })
	x := tilltest.NewTill(t, opened)
	fill(x)
	pages, err := viewer.New(opened, &viewer.Config{Orders: x.Config, Title: "shop.example", Consumers: drinking(t, x),
		Keys: []audit.Key{{Version: "1", Public: &tilltest.TheOffice().Key.PublicKey}}})
	require.NoError(t, err)
	server := httptest.NewServer(pages)
	t.Cleanup(func() {
		require.NoError(t, pages.Close()) // which ends what follows the log
		server.Close()
	})
	return &world{x, server.URL, pages}
}

// drinking are two consumers: one that no longer gets anywhere, and one whose receiver has refused an order.
func drinking(t *testing.T, x *tilltest.Till) []*outbox.Consumer {
	t.Helper()
	refuses := outbox.SenderFunc(func(_ context.Context, m outbox.Message) error {
		if m.Subject == evil {
			return &outbox.SendError{Receiver: "ledger.example", Refused: true,
				Problem: "it answered 422 Unprocessable Content: \"<b>no such account</b>: " + strings.Repeat("x", 80) + "\""}
		}
		return nil
	})
	var all []*outbox.Consumer
	for name, sender := range map[string]outbox.SenderFunc{"warehouse": nil, "ledger": refuses} {
		c, err := outbox.New(x.Log, sender, &outbox.Config{Name: name, Source: "shop.example", Now: x.Clock.Now,
			Keeper: outbox.MemoryKeeper(), Waits: []time.Duration{time.Nanosecond}})
		require.NoError(t, err)
		all = append(all, c)
		if sender == nil {
			continue
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		require.Eventually(t, func() bool {
			lag, err := c.Lag(t.Context())
			return err == nil && lag.Records == 0
		}, 20*time.Second, 10*time.Millisecond)
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
	}
	return all
}

// fill lets happen what pages have something to show of.
func fill(x *tilltest.Till) {
	x.T.Helper()
	x.PaidLate(order.CaptureNone)
	for i := range 60 {
		c := tilltest.Placing(order.CaptureManual)
		c.OrderID, c.PaymentRequestID = fmt.Sprintf("2026-%05d", i), fmt.Sprint("request-", i)
		c.Amount = tilltest.USD(int64(1000 + 137*i))
		_, err := x.Orders.Create(x.Ctx, c)
		require.NoError(x.T, err)
		if i%10 == 9 {
			continue
		}
		a := x.Bank.BuyerPays(c.PaymentRequestID, c.Amount.Minor, true)
		x.Observe(tilltest.PaymentNotice(tilltest.Notice{Payment: a.ID, PaymentRequest: a.Request, Minor: c.Amount.Minor,
			At: x.Clock.Now()}))
		x.Clock.Pass(11 * time.Minute)
		switch i % 10 {
		case 0, 1, 2, 3:
			_, err = x.Orders.Capture(x.Ctx, c.OrderID, order.Capture{Amount: tilltest.USD(c.Amount.Minor / 2), Actor: "ada"})
			require.NoError(x.T, err)
			_, err = x.Orders.Cancel(x.Ctx, c.OrderID, order.Cancel{Actor: "bob", Reason: "a second thought"})
			require.ErrorIs(x.T, err, order.ErrRejected)
		case 4:
			x.Lost(c.OrderID)
		}
	}
	c := tilltest.Placing(order.CaptureManual)
	c.OrderID, c.PaymentRequestID, c.Method = evil, "request-evil", "<b>CARD</b>"
	_, err := x.Orders.Create(x.Ctx, c)
	require.NoError(x.T, err)
	_, err = x.Orders.Cancel(x.Ctx, evil, order.Cancel{Reason: "<script>alert(3)</script>", Actor: "javascript:alert(4)"})
	require.Error(x.T, err)
	require.NoError(x.T, x.Orders.Close()) // the refusals are on record then
	x.Open(x.Bank)
}

// counted waits until the viewer has counted what there is.
func (w *world) counted(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return !contains(t, w.url+"/overview.json", `"counting"`) }, 20*time.Second,
		10*time.Millisecond)
}

// order is the address of an order's page.
func (w *world) order(id string) string { return "/order?" + url.Values{"id": {id}}.Encode() }

// tab is a tab of a browser, and what it complained of.
type tab struct {
	ctx context.Context
	mu  sync.Mutex
	bad []string
}

// open opens a tab. The browser ends with the test.
func open(t *testing.T) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true))
	ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, end = chromedp.NewContext(ctx)
	t.Cleanup(end)
	ctx, end = context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(end)
	b := &tab{ctx: ctx}
	require.NoError(t, chromedp.Do(ctx))
	console, dialogs := chromedp.Console(ctx), chromedp.Events(ctx, page.JavascriptDialogOpening)
	go func() {
		for m, err := range console {
			if err != nil {
				return
			}
			switch m.Type {
			case "error", "warning", "assert", chromedp.ConsoleException:
				b.complain(fmt.Sprintf("%s: %s", m.Type, m.Text))
			}
		}
	}()
	go func() {
		for d, err := range dialogs {
			if err != nil {
				return
			}
			b.complain("dialog: " + d.Message)
		}
	}()
	return b
}

func (b *tab) complain(of string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bad = append(b.bad, of)
}

// complaints are those since the last call.
func (b *tab) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	bad := b.bad
	b.bad = nil
	return bad
}

func (b *tab) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	require.NoError(t, chromedp.Do(b.ctx, steps...))
}

// ask evaluates an expression in the page.
func ask[T any](t *testing.T, b *tab, expression string) T {
	t.Helper()
	is, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(t, err, expression[:min(len(expression), 80)])
	return is
}

// until waits until an expression is true in the page.
func (b *tab) until(t *testing.T, expression string) {
	t.Helper()
	require.Eventually(t, func() bool {
		is, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		return err == nil && is
	}, 30*time.Second, 20*time.Millisecond, expression)
}

// screenshotsVariable names the folder where screenshots are kept to look at; without it they are not kept.
const screenshotsVariable = "TILLTAPE_SCREENSHOTS"

// keep keeps a picture of the page as it is.
func (b *tab) keep(t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv(screenshotsVariable)
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600))
}
