package tilltape_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

// The order every test is about, unless it says otherwise.
const (
	theOrder   = "o-1"
	theRequest = "preq-1"
	thePayment = "pay-preq-1"
	theAmount  = int64(1000)
	thePart    = int64(400)
)

// clock is a clock that a test sets.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: dawn()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// counter mints ids that are the same in every run.
type counter struct {
	mu     sync.Mutex
	prefix string
	n      int
}

func (c *counter) next() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return fmt.Sprintf("%s%d", c.prefix, c.n)
}

// till is a service under test: a log, a bank, a clock, and an Orders over them.
type till struct {
	t      testing.TB
	ctx    context.Context
	log    store.Log
	bank   *bank
	clock  *clock
	ids    *counter
	cfg    tilltape.Config
	orders *tilltape.Orders
}

func newTill(t testing.TB, log store.Log) *till {
	c := newClock()
	x := &till{t: t, ctx: context.Background(), log: log, bank: newBank(c.now), clock: c, ids: &counter{prefix: "id-"}}
	x.cfg = tilltape.Config{Now: c.now, NewID: x.ids.next, Policy: order.Policy{Jitter: order.NoJitter, ReconcileFor: order.NoReconcile, SeveralCaptures: []string{"CARD"}}, Concurrency: 1}
	x.open(x.bank)
	return x
}

// open puts a new Orders on the same log, as a restart does.
func (x *till) open(g tilltape.Gateway) {
	x.t.Helper()
	orders, err := tilltape.New(x.log, g, &x.cfg)
	require.NoError(x.t, err)
	x.orders = orders
}

// stores runs a test over every engine.
func stores(t *testing.T, test func(*testing.T, store.Log)) {
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

func usd(minor int64) order.Money { return order.Money{Minor: minor, Currency: testCurrency} }

// placing is what an order of a mode is placed with.
func placing(mode events.CaptureMode) order.Create {
	method := "CARD"
	if mode == order.CaptureNone {
		method = "ALIPAY_CN"
	}
	return order.Create{Order: theOrder, PaymentRequestID: theRequest, Amount: usd(theAmount), Method: method, CaptureMode: mode}
}

func (x *till) place(mode events.CaptureMode) {
	x.t.Helper()
	_, err := x.orders.Create(x.ctx, placing(mode))
	require.NoError(x.t, err)
}

// observe gives Orders a fact, which it may never refuse.
func (x *till) observe(v apo.Verified) order.Order {
	x.t.Helper()
	o, err := x.orders.Observe(x.ctx, v)
	require.NoError(x.t, err)
	return o
}

// paid lets the buyer pay and APO tell it.
func (x *till) paid() {
	x.t.Helper()
	o := x.get()
	a := x.bank.buyerPays(o.PaymentRequestID, o.Amount.Minor, o.CaptureMode != order.CaptureNone)
	x.observe(paymentNotice(notice{Payment: a.id, PaymentRequest: a.request, Minor: a.minor, At: x.clock.now()}))
}

func (x *till) get() order.Order {
	x.t.Helper()
	o, err := x.orders.Get(x.ctx, theOrder)
	require.NoError(x.t, err)
	return o
}

func (x *till) cancel() (order.Order, error) {
	return x.orders.Cancel(x.ctx, theOrder, order.Cancel{Reason: "the buyer changed their mind", Actor: "ada"})
}

func (x *till) capture(minor int64) (order.Order, error) {
	return x.orders.Capture(x.ctx, theOrder, order.Capture{Amount: usd(minor), Actor: "ada"})
}

func (x *till) refund(minor int64) (order.Order, error) {
	return x.orders.Refund(x.ctx, theOrder, order.Refund{Amount: usd(minor), Actor: "ada"})
}

// captured brings a manual card order to captured.
func (x *till) captured(minor int64) {
	x.t.Helper()
	x.place(order.CaptureManual)
	x.paid()
	_, err := x.capture(minor)
	require.NoError(x.t, err)
}

// refunded lets a refund be made and known. The bank makes it; the next settling finds it.
func (x *till) refunded(minor int64) {
	x.t.Helper()
	_, err := x.refund(minor)
	require.ErrorIs(x.t, err, tilltape.ErrAccepted)
	x.settle(time.Hour)
}

// settle lets time pass and drives what is due.
func (x *till) settle(after time.Duration) tilltape.Settled {
	x.t.Helper()
	x.clock.pass(after)
	s, err := x.orders.SettleDue(x.ctx)
	require.NoError(x.t, err)
	return s
}

// Settling in tests ends after this many rounds; a schedule that needs more has gone wrong.
const roundsMax = 60

// exhaust drives until nothing is due within the horizon.
func (x *till) exhaust(horizon time.Duration) order.Order {
	x.t.Helper()
	until := x.clock.now().Add(horizon)
	for range roundsMax {
		o := x.get()
		due := o.NextDue()
		if due.IsZero() || due.After(until) {
			return o
		}
		x.settle(max(0, due.Sub(x.clock.now())))
	}
	x.t.Fatalf("still due after %d rounds: %s", roundsMax, x.get().NextDue())
	return order.Order{}
}

// history is the order's records.
func (x *till) history() []events.Record {
	x.t.Helper()
	var out []events.Record
	for r, err := range x.orders.History(x.ctx, theOrder) {
		require.NoError(x.t, err)
		out = append(out, r)
	}
	return out
}

func (x *till) kinds() []events.Kind {
	x.t.Helper()
	var out []events.Kind
	for _, r := range x.history() {
		out = append(out, r.Event.Kind())
	}
	return out
}

// anomalies is why the open anomalies stand open.
func anomalies(o order.Order) []events.AnomalyReason {
	var out []events.AnomalyReason
	for _, a := range o.Anomalies {
		out = append(out, a.Reason)
	}
	return out
}

// refused asserts a rejection that a person can act on: it says why, because of what, and what to do instead.
func refused(t testing.TB, err error, why order.Reason) *order.RejectedError {
	t.Helper()
	var r *order.RejectedError
	require.ErrorAs(t, err, &r)
	require.ErrorIs(t, err, order.ErrRejected)
	require.Equal(t, why, r.Reason, r.Error())
	require.NotEmpty(t, r.Remedy)
	require.Contains(t, r.Error(), r.Remedy)
	require.Contains(t, r.Error(), r.Order)
	require.NotContains(t, r.Error(), "%")
	return r
}

// lawful holds the log and the order against the invariants that must hold after every step. It returns what is wrong.
func (x *till) lawful() error {
	replayed, err := audit.Replay(x.ctx, x.log, nil)
	if err != nil {
		return err
	}
	folded, _ := replayed.Order(theOrder)
	live, err := x.orders.Get(x.ctx, theOrder)
	if err != nil {
		return err
	}
	if fmt.Sprint(folded) != fmt.Sprint(live) {
		return fmt.Errorf("replay gives %v, the live order is %v", folded, live)
	}
	if live.Operation.Outstanding() && live.NextDue().IsZero() {
		return errors.New("an operation is outstanding and nothing is due")
	}
	return lawfulHistory(x.history())
}

// lawfulHistory checks one order's records by rules of its own, without the tables.
func lawfulHistory(records []events.Record) error {
	var o order.Order
	ends := map[string]int{}
	var lastVersion uint64
	for _, r := range records {
		before := o
		o = order.Evolve(o, r)
		if r.Version != lastVersion+1 {
			return fmt.Errorf("version %d follows %d", r.Version, lastVersion)
		}
		lastVersion = r.Version
		if before.Status == order.Cancelled && o.Status != order.Cancelled {
			return fmt.Errorf("version %d leaves cancelled for %s", r.Version, o.Status)
		}
		if o.Captured > max(o.Authorized, 0) || o.Refunded > o.Captured {
			return fmt.Errorf("version %d: authorized %d, captured %d, refunded %d", r.Version, o.Authorized, o.Captured, o.Refunded)
		}
		cancelling := false // an intent or attempt that cancels
		switch e := r.Event.(type) {
		case events.CancelRequested:
			cancelling = true
		case events.CancelSucceeded:
			local := before.Status == order.Failed && e.Cause == events.CausePaymentFailed
			if e.Proof.Evidence == nil && e.Proof.Inquiry == 0 && !local {
				return fmt.Errorf("version %d cancels without evidence", r.Version)
			}
		case events.AttemptStarted:
			cancelling = before.Operation.Kind == order.CallCancel
		}
		if cancelling && (before.Captured > 0 && before.Status != order.Paid || before.Refunded > 0 || before.Gateway == order.GatewayOutstanding ||
			before.Operation.Kind == order.CallCapture || before.Operation.Kind == order.CallRefund) {
			return fmt.Errorf("version %d cancels beside a capture or refund", r.Version)
		}
		if before.Operation.Outstanding() && !o.Operation.Outstanding() {
			if ends[before.Operation.CommandID]++; ends[before.Operation.CommandID] > 1 {
				return fmt.Errorf("version %d ends command %s again", r.Version, before.Operation.CommandID)
			}
		}
	}
	return nil
}

// moved is how much money the commands of the log that are not definitely failed ask for.
func asked(records []events.Record) (captured, refunded int64) {
	failed := map[string]bool{}
	for _, r := range records {
		switch e := r.Event.(type) {
		case events.CaptureFailed:
			failed[e.CaptureRequestID] = true
		case events.RefundFailed:
			failed[e.RefundRequestID] = true
		}
	}
	for _, r := range records {
		switch e := r.Event.(type) {
		case events.CaptureRequested:
			if !failed[e.CaptureRequestID] {
				captured += e.Amount.Minor
			}
		case events.RefundRequested:
			if !failed[e.RefundRequestID] {
				refunded += e.Amount.Minor
			}
		}
	}
	return captured, refunded
}

// honest checks that the bank moved no more for us than our commands ask for, and that all calls of one request agree.
func (x *till) honest() error {
	captured, refunded := asked(x.history())
	var moved [2]int64
	for _, a := range x.bank.accounts {
		moved[0] += sum(slices.DeleteFunc(slices.Clone(a.captures), byAPO))
		moved[1] += sum(a.refunds)
	}
	if moved[0] > captured || moved[1] > refunded {
		return fmt.Errorf("the bank captured %d and refunded %d, asked for were %d and %d", moved[0], moved[1], captured, refunded)
	}
	content := map[string]wireCall{}
	for _, c := range x.bank.seen() {
		if c.Request == "" || c.Op == apo.OpInquireRefund {
			continue
		}
		if first, ok := content[c.Request]; ok && first != c {
			return fmt.Errorf("calls of one request differ: %v, %v", first, c)
		}
		content[c.Request] = c
	}
	return nil
}

// byAPO reports whether APO made a move by itself.
func byAPO(m move) bool { return m.request == "" }
