package tilltest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rsa"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/testkeys"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// ServerKeys are the merchant's and APO's, shared by the servers of all tests.
func ServerKeys() [2]*rsa.PrivateKey {
	return [2]*rsa.PrivateKey{testkeys.Merchant(), testkeys.APO()}
}

// Untouched checks that nothing was recorded.
func (x *Ear) Untouched() {
	x.T.Helper()
	assert.Equal(x.T, order.Created, x.Order("o-1").Status)
	assert.EqualValues(x.T, 1, x.Order("o-1").Version)
	assert.Zero(x.T, x.Handler.Stats().Acknowledged)
}

func Body(r *http.Request, b []byte) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
}

// Dial sends the head of a notification and as much of its body as is wanted, and returns the answer's status line.
func (x *Ear) Dial(n apotest.Notification, change func(http.Header), part []byte, hangUp bool) string {
	x.T.Helper()
	c := x.Begin(n, change, part)
	if hangUp {
		return c.HangUp()
	}
	return c.Answer()
}

// Caller is somebody who has begun to send a notification.
type Caller struct {
	t    *testing.T
	conn *net.TCPConn
}

// Begin sends the head of a notification and as much of its body as is wanted.
func (x *Ear) Begin(n apotest.Notification, change func(http.Header), part []byte) Caller {
	x.T.Helper()
	at, err := url.Parse(n.URL)
	require.NoError(x.T, err)
	c, err := net.Dial("tcp", at.Host)
	require.NoError(x.T, err)
	header := n.Header.Clone()
	header.Set("Content-Length", fmt.Sprint(len(n.Body)))
	if change != nil {
		change(header)
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: %s\r\n", n.Path, at.Host)
	require.NoError(x.T, header.Write(&head))
	head.WriteString("\r\n")
	head.Write(part)
	_, err = c.Write(head.Bytes())
	require.NoError(x.T, err)
	return Caller{x.T, c.(*net.TCPConn)}
}

// HangUp ends the body where it is, and returns the answer's status line.
func (c Caller) HangUp() string {
	c.t.Helper()
	require.NoError(c.t, c.conn.CloseWrite())
	return c.Answer()
}

// Answer waits for the answer, and returns its status line.
func (c Caller) Answer() string {
	c.t.Helper()
	defer c.conn.Close()
	require.NoError(c.t, c.conn.SetReadDeadline(time.Now().Add(answerPatience)))
	line, err := bufio.NewReader(c.conn).ReadString('\n')
	require.NoError(c.t, err)
	return strings.TrimSpace(line)
}

// answerPatience is far above what an answer takes on a busy machine.
const answerPatience = 30 * time.Second

// EarPath is where APO was told to call, query included.
const EarPath = "/apo/notify?till=7"

// Ear is a service that hears APO over HTTP: APO on loopback, an Orders, and the handler on a port of its own.
type Ear struct {
	T       *testing.T
	Ctx     context.Context
	Server  *apotest.Server
	Clock   *apotest.Clock
	log     store.Log
	Orders  *tilltape.Orders
	Handler *notify.Handler
	Web     *httptest.Server
	Said    *bytes.Buffer // the logger's lines
}

// EarConfig is what a test of ears wants otherwise.
type EarConfig struct {
	Orders   tilltape.Config
	Notify   notify.Config
	Verifier apo.VerifierConfig
	Script   []apotest.Fault
	Async    bool // refunds end when the test says so
	Gateway  func(*apo.Client) tilltape.Gateway
	Front    func(http.Handler) http.Handler
}

func NewEar(t *testing.T, log store.Log, c EarConfig) *Ear {
	x := &Ear{T: t, Ctx: t.Context(), Clock: apotest.NewClock(Dawn()), log: log, Said: &bytes.Buffer{}}
	var served http.Handler
	x.Web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { served.ServeHTTP(w, r) }))
	keys := ServerKeys()
	var err error
	x.Server, err = apotest.NewServer(&apotest.Config{Merchant: keys[0], APO: keys[1], Now: x.Clock.Now,
		ManualDelivery: true, NotifyURL: x.Web.URL + EarPath, Script: c.Script,
		Behaviour: apotest.Behaviour{AsyncRefund: c.Async}})
	require.NoError(t, err)
	client, err := apo.NewClient(x.Server.URL(), x.Server.ClientID(), x.Server.Keys(), nil)
	require.NoError(t, err)
	c.Orders.Now, c.Orders.Logger = x.Clock.Now, slog.New(slog.NewTextHandler(x.Said, nil))
	var gateway tilltape.Gateway = client
	if c.Gateway != nil {
		gateway = c.Gateway(client)
	}
	x.Orders, err = tilltape.New(log, gateway, &c.Orders)
	require.NoError(t, err)
	c.Verifier.Now = x.Clock.Now
	verifier, err := client.Verifier(&c.Verifier)
	require.NoError(t, err)
	x.Handler, err = notify.NewHandler(x.Orders, verifier, &c.Notify)
	require.NoError(t, err)
	served = x.Handler
	if c.Front != nil {
		served = c.Front(x.Handler)
	}
	t.Cleanup(func() {
		x.Web.Close()
		require.NoError(t, x.Orders.Close())
		client.Close()
		require.NoError(t, x.Server.Close())
	})
	return x
}

// Register tells APO of a payment, and sell the Orders too.
func (x *Ear) Register(id string, mode apotest.CaptureMode) {
	x.T.Helper()
	_, err := x.Server.Register(apotest.Payment{PaymentRequestID: "preq-" + id, PaymentID: "pay-" + id, Capture: mode,
		Amount: apotest.Amount{Currency: TestCurrency, Minor: TheAmount}})
	require.NoError(x.T, err)
}

func (x *Ear) Place(id string, mode events.CaptureMode) {
	x.T.Helper()
	_, err := x.Orders.Create(x.Ctx, order.Create{OrderID: id, PaymentRequestID: "preq-" + id, Amount: USD(TheAmount),
		Method: apotest.MethodCard, CaptureMode: mode})
	require.NoError(x.T, err)
}

func (x *Ear) Sell(id string) {
	x.T.Helper()
	x.Register(id, apotest.Manual)
	x.Place(id, order.CaptureManual)
}

// Deliver lets APO send what is due, and says whether all it has ever sent is acknowledged by now.
func (x *Ear) Deliver() (all bool) {
	x.T.Helper()
	x.Server.Deliver(x.Ctx)
	all = true
	for _, n := range x.Server.Notifications() {
		all = all && n.Acknowledged
	}
	return all
}

func (x *Ear) Order(id string) order.Order {
	x.T.Helper()
	o, err := x.Orders.Get(x.Ctx, id)
	require.NoError(x.T, err)
	return o
}

// Agrees holds an order against APO's ledger.
func (x *Ear) Agrees(id string) {
	x.T.Helper()
	o, totals := x.Order(id), x.Server.Totals("preq-"+id)
	assert.Equal(x.T, totals.Captured, o.Captured+o.Late.Captured, id)
	assert.Equal(x.T, totals.Refunded, o.Refunded+o.Late.Refunded, id)
	assert.Equal(x.T, totals.Disputed, o.Disputed, id)
}

// Newest is the notification that APO made last, signed now.
func (x *Ear) Newest() apotest.Notification {
	x.T.Helper()
	all := x.Server.Notifications()
	require.NotEmpty(x.T, all)
	return all[len(all)-1]
}

// Send sends a notification as its sender would, spoilt by change, and returns the answer.
func (x *Ear) Send(n apotest.Notification, change func(*http.Request)) (status int, body string) {
	x.T.Helper()
	r, err := http.NewRequestWithContext(x.Ctx, n.Method, n.URL, bytes.NewReader(n.Body))
	require.NoError(x.T, err)
	r.Header = n.Header.Clone()
	if change != nil {
		change(r)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(x.T, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(x.T, err)
	if answer.StatusCode != http.StatusOK {
		assert.Equal(x.T, http.StatusText(answer.StatusCode)+"\n", string(text), "no detail to any sender")
	}
	return answer.StatusCode, string(text)
}
