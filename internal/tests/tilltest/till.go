package tilltest

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

// PaidLate is an order that was cancelled while nobody had paid, and whose buyer paid afterwards.
func (x *Till) PaidLate(mode events.CaptureMode) *Account {
	x.T.Helper()
	x.Place(mode)
	x.Bank.BuyerPays(TheRequest, TheAmount, mode != order.CaptureNone)
	_, err := x.Cancel()
	require.NoError(x.T, err)
	x.Clock.Pass(time.Minute)
	a := x.Bank.Accounts[0]
	a.State, a.at = apo.StateSuccess, x.Clock.Now() // the buyer was faster than the cancel reached the acquirer
	o := x.Observe(PaymentNotice(Notice{Payment: a.ID, PaymentRequest: a.Request, Minor: a.Minor, At: a.at}))
	require.Equal(x.T, order.Cancelled, o.Status)
	require.Equal(x.T, []events.AnomalyReason{events.LatePayment}, Anomalies(o))
	return a
}

const CommandID = "cmd-1"

// RequestID is the one that the outstanding operation froze, or else the refund that was accepted first.
func (x *Till) RequestID() string { return Op(x.Get()).RequestID }

// Op is the operation that is neither decided nor accepted, or else the refund that was accepted first.
func Op(o order.Order) order.Operation {
	if all := o.Operations(); len(all) > 0 {
		return all[0]
	}
	return order.Operation{}
}

// The order every test is about, unless it says otherwise.
const (
	TheOrder   = "o-1"
	TheRequest = "preq-1"
	ThePayment = "pay-preq-1"
	TheAmount  = int64(1000)
	ThePart    = int64(400)
)

// clock is a clock that a test sets.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: Dawn()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// Counter mints ids that are the same in every run.
type Counter struct {
	mu     sync.Mutex
	Prefix string
	n      int
}

func (c *Counter) Next() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return fmt.Sprintf("%s%d", c.Prefix, c.n)
}

// Till is a service under test: a log, a bank, a clock, and an Orders over them.
type Till struct {
	T      testing.TB
	Ctx    context.Context
	Log    store.Log
	Bank   *Bank
	Clock  *clock
	IDs    *Counter
	Config tilltape.Config
	Orders *tilltape.Orders
}

func NewTill(t testing.TB, log store.Log) *Till {
	c := newClock()
	x := &Till{T: t, Ctx: context.Background(), Log: log, Bank: NewBank(c.Now), Clock: c, IDs: &Counter{Prefix: "id-"}}
	x.Config = tilltape.Config{Now: c.Now, NewID: x.IDs.Next,
		Policy: order.Policy{Jitter: order.NoJitter, ReconcileFor: order.NoReconcile, SeveralCaptures: []string{"CARD"},
			ZeroLastCaptures: []string{"CARD"}},
		Concurrency: 1}
	x.Open(x.Bank)
	return x
}

// Open puts a new Orders on the same log, as a restart does.
func (x *Till) Open(g tilltape.Gateway) {
	x.T.Helper()
	orders, err := tilltape.New(x.Log, g, &x.Config)
	require.NoError(x.T, err)
	x.Orders = orders
}

// Stores runs a test over every engine.
func Stores(t *testing.T, test func(*testing.T, store.Log)) {
	t.Run("memory", func(t *testing.T) {
		test(t, memory.New())
	})
	t.Run("bolt", func(t *testing.T) {
		log, err := bolt.Open(filepath.Join(t.TempDir(), "orders.log"), nil)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, log.Close()) })
		test(t, log)
	})
}

func USD(minor int64) order.Money { return order.Money{Minor: minor, Currency: TestCurrency} }

// Placing is what an order of a mode is placed with.
func Placing(mode events.CaptureMode) order.Create {
	method := "CARD"
	if mode == order.CaptureNone {
		method = "ALIPAY_CN"
	}
	return order.Create{OrderID: TheOrder, PaymentRequestID: TheRequest, Amount: USD(TheAmount), Method: method,
		CaptureMode: mode}
}

func (x *Till) Place(mode events.CaptureMode) {
	x.T.Helper()
	_, err := x.Orders.Create(x.Ctx, Placing(mode))
	require.NoError(x.T, err)
}

// Observe gives Orders a fact, which it may never refuse.
func (x *Till) Observe(v apo.Verified) order.Order {
	x.T.Helper()
	o, err := x.Orders.Observe(x.Ctx, v)
	require.NoError(x.T, err)
	return o
}

// Paid lets the buyer pay and APO tell it.
func (x *Till) Paid() {
	x.T.Helper()
	o := x.Get()
	a := x.Bank.BuyerPays(o.PaymentRequestID, o.Amount.Minor, o.CaptureMode != order.CaptureNone)
	x.Observe(PaymentNotice(Notice{Payment: a.ID, PaymentRequest: a.Request, Minor: a.Minor, At: x.Clock.Now()}))
}

func (x *Till) Get() order.Order {
	x.T.Helper()
	o, err := x.Orders.Get(x.Ctx, TheOrder)
	require.NoError(x.T, err)
	return o
}

// CancelUnderWay gives a cancel whose call waits at the bank until it is released, and returns once it is there.
func (x *Till) CancelUnderWay(by *tilltape.Orders) (release func(), answered <-chan error) {
	entered, leave, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	x.Bank.Enter = func(context.Context, WireCall) {
		close(entered)
		<-leave
	}
	go func() {
		_, err := by.Cancel(x.Ctx, TheOrder, order.Cancel{CommandID: CommandID})
		done <- err
	}()
	<-entered
	return func() { close(leave) }, done
}

func (x *Till) Cancel() (tilltape.Result, error) {
	return x.Orders.Cancel(x.Ctx, TheOrder, order.Cancel{Reason: "the buyer changed their mind", Actor: "ada"})
}

func (x *Till) Capture(minor int64) (tilltape.Result, error) {
	return x.Orders.Capture(x.Ctx, TheOrder, order.Capture{Amount: USD(minor), Actor: "ada"})
}

func (x *Till) Refund(minor int64) (tilltape.Result, error) {
	return x.Orders.Refund(x.Ctx, TheOrder, order.Refund{Amount: USD(minor), Actor: "ada"})
}

// Captured brings a manual card order to captured.
func (x *Till) Captured(minor int64) {
	x.T.Helper()
	x.Place(order.CaptureManual)
	x.Paid()
	_, err := x.Capture(minor)
	require.NoError(x.T, err)
}

// Refunded lets a refund be made and known. The bank makes it; the next settling finds it.
func (x *Till) Refunded(minor int64) {
	x.T.Helper()
	r, err := x.Refund(minor)
	require.NoError(x.T, err)
	require.Equal(x.T, tilltape.Accepted, r.Outcome)
	x.Settle(time.Hour)
}

// Settle lets time pass and drives what is due.
func (x *Till) Settle(after time.Duration) tilltape.Settled {
	x.T.Helper()
	x.Clock.Pass(after)
	s, err := x.Orders.SettleDue(x.Ctx)
	require.NoError(x.T, err)
	return s
}

// RoundsMax is how many rounds of settling a test makes at most; a schedule that needs more has gone wrong.
const RoundsMax = 60

// Exhaust drives until nothing is due within the horizon.
func (x *Till) Exhaust(horizon time.Duration) order.Order {
	x.T.Helper()
	until := x.Clock.Now().Add(horizon)
	for range RoundsMax {
		o := x.Get()
		due := o.NextDue()
		if due.IsZero() || due.After(until) {
			return o
		}
		x.Settle(max(0, due.Sub(x.Clock.Now())))
	}
	x.T.Fatalf("still due after %d rounds: %s", RoundsMax, x.Get().NextDue())
	return order.Order{}
}

// History is the order's records.
func (x *Till) History() []events.Record {
	x.T.Helper()
	var out []events.Record
	for r, err := range x.Orders.History(x.Ctx, TheOrder) {
		require.NoError(x.T, err)
		out = append(out, r)
	}
	return out
}

func (x *Till) Kinds() []events.Kind {
	x.T.Helper()
	var out []events.Kind
	for _, r := range x.History() {
		out = append(out, r.Event.Kind())
	}
	return out
}

// IDsOf lists the orders of a sequence that must not fail.
func IDsOf(t *testing.T, seq func(func(order.Order, error) bool)) (ids []string) {
	t.Helper()
	for o, err := range seq {
		require.NoError(t, err)
		ids = append(ids, o.ID)
	}
	return ids
}
