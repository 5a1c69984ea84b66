package tilltape_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// witness writes down what an Observer is told.
type witness struct {
	mu       sync.Mutex
	appended []events.Record
	calls    []tilltape.CallMade
	refusals []tilltape.Refusal
	alarms   []tilltape.Alarm
	odd      []tilltape.Contradiction
	passes   []tilltape.Pass
	troubles []tilltape.Trouble
}

func (w *witness) observer() *tilltape.Observer {
	return &tilltape.Observer{
		Appended: func(_ context.Context, r []events.Record) { note(w, &w.appended, r...) },
		Called:   func(_ context.Context, c tilltape.CallMade) { note(w, &w.calls, c) },
		Refused:  func(_ context.Context, r tilltape.Refusal) { note(w, &w.refusals, r) },
		Parked:   func(_ context.Context, a tilltape.Alarm) { note(w, &w.alarms, a) },
		Anomaly:  func(_ context.Context, c tilltape.Contradiction) { note(w, &w.odd, c) },
		Settled:  func(_ context.Context, p tilltape.Pass) { note(w, &w.passes, p) },
		Failed:   func(_ context.Context, x tilltape.Trouble) { note(w, &w.troubles, x) },
	}
}

func note[T any](w *witness, to *[]T, what ...T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*to = append(*to, what...)
}

// seen is what was noted so far.
func seen[T any](w *witness, of *[]T) []T {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]T(nil), *of...)
}

// watched is a till whose Orders has a witness.
func watched(t testing.TB) (*till, *witness) {
	x, w := newTill(t, memory.New()), &witness{}
	x.cfg.Observer = w.observer()
	x.open(x.bank)
	return x, w
}

func TestObserver_IsToldOfFactsCallsAndPasses(t *testing.T) {
	x, w := watched(t)
	x.place(order.CaptureManual)
	x.paid()
	x.bank.next(saysU)
	_, err := x.orders.Cancel(x.ctx, theOrder, order.Cancel{ID: commandID})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	x.settle(time.Second)

	assert.Equal(t, x.history(), w.appended, "every record, in order, as it stands in the log")
	require.Len(t, w.calls, 2)
	first, second := w.calls[0], w.calls[1]
	assert.Equal(t, []any{order.CallCancel, uint64(1), order.VerdictUnknown, "UNKNOWN_EXCEPTION", false},
		[]any{first.Call.Kind, first.Call.Attempt, first.Verdict, first.Code, first.Proved()})
	assert.Equal(t, "unknown", first.Said())
	assert.NotEmpty(t, first.Problem)
	assert.Equal(t, []any{order.CallCancel, uint64(2), order.VerdictSucceeded, true, dawn().Add(time.Second)},
		[]any{second.Call.Kind, second.Call.Attempt, second.Verdict, second.Proved(), second.Began})
	assert.Equal(t, []tilltape.Pass{{Settled: tilltape.Settled{Driven: 1}}}, w.passes)
	x.settle(0)
	assert.Len(t, w.passes, 1, "a pass that found nothing is not told")
}

func TestObserver_MeasuresCallsByTheOrdersClock(t *testing.T) {
	x, w := watched(t)
	x.place(order.CaptureManual)
	x.paid()
	x.bank.enter = func(context.Context, wireCall) { x.clock.pass(3 * time.Second) }
	_, err := x.cancel()
	require.NoError(t, err)
	require.Len(t, w.calls, 1)
	assert.Equal(t, []any{dawn(), 3 * time.Second}, []any{w.calls[0].Began, w.calls[0].Took})
}

func TestObserver_IsToldOfInquiries(t *testing.T) {
	x, w := watched(t)
	c := placing(order.CaptureManual)
	c.PayBy = dawn().Add(time.Minute)
	_, err := x.orders.Create(x.ctx, c)
	require.NoError(t, err)
	x.bank.deaf = true
	x.settle(time.Hour)
	x.bank.deaf = false
	x.settle(time.Hour)
	require.Len(t, w.calls, 2)
	assert.Equal(t, []any{true, "unknown", false}, []any{w.calls[0].Call.IsInquiry(), w.calls[0].Said(), w.calls[0].Proved()})
	assert.Equal(t, []any{uint64(2), "does not exist", true}, []any{w.calls[1].Call.Number, w.calls[1].Said(), w.calls[1].Proved()})
}

func TestObserver_IsToldOfRefusals(t *testing.T) {
	x, w := watched(t)
	x.captured(theAmount)
	_, err := x.orders.Cancel(x.ctx, theOrder, order.Cancel{ID: commandID, Actor: "ada"})
	want := refused(t, err, order.ReasonCaptured)
	_, err = x.orders.Resolve(x.ctx, theOrder, order.Resolve{Resolution: events.ResolvedFailed, Statement: "told so"})
	refused(t, err, order.ReasonNotParked)
	require.Len(t, w.refusals, 2)
	assert.Equal(t, tilltape.Refusal{CommandID: commandID, Actor: "ada", Err: want}, w.refusals[0])
	assert.Equal(t, tilltape.DefaultActor, w.refusals[1].Actor)
	assert.NotEmpty(t, w.refusals[1].CommandID)

	_, err = x.orders.Refund(x.ctx, theOrder, order.Refund{Amount: usd(1), Reason: strings.Repeat("x", events.BodyMax)})
	require.ErrorIs(t, err, order.ErrInvalid)
	assert.Len(t, w.refusals, 2, "malformed is not refused")
}

// A stale inquiry is no refusal to anybody: APO is asked, and the command goes on.
func TestObserver_ACommandThatAsksAPOFirstIsNotRefused(t *testing.T) {
	x, w := watched(t)
	x.paidLate(order.CaptureManual)
	_, err := x.orders.Compensate(x.ctx, theOrder, order.Compensate{ID: commandID})
	require.NoError(t, err)
	assert.Empty(t, w.refusals)
}

func TestObserver_IsToldOfAnomalies(t *testing.T) {
	x, w := watched(t)
	x.paidLate(order.CaptureManual)
	require.Len(t, w.odd, 1)
	o := x.get()
	assert.Equal(t, []any{theOrder, o.Anomalies[0].Version, events.LatePayment}, []any{w.odd[0].Order, w.odd[0].Version, w.odd[0].Fact.Reason})
}

// parked is an order whose cancel got no answer from APO until its schedule was used up.
func (x *till) parked() order.Order {
	x.t.Helper()
	x.place(order.CaptureManual)
	x.paid()
	x.bank.deaf = true
	for range roundsMax {
		x.bank.next(lostBefore)
	}
	_, err := x.orders.Cancel(x.ctx, theOrder, order.Cancel{ID: commandID, Reason: "the buyer changed their mind", Actor: "ada"})
	require.ErrorIs(x.t, err, tilltape.ErrUnresolved)
	for range roundsMax {
		o := x.get()
		if o.Operation.Phase == order.Parked {
			return o
		}
		x.settle(o.NextDue().Sub(x.clock.now()))
	}
	x.t.Fatal("it is never parked")
	return order.Order{}
}

func TestObserver_IsAlarmedWhenTheScheduleIsUsedUp(t *testing.T) {
	x, w := watched(t)
	var text bytes.Buffer
	x.cfg.Logger = slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelError}))
	x.open(x.bank)
	o := x.parked()
	require.Len(t, w.alarms, 1)
	assert.Equal(t, theOrder, w.alarms[0].Order)
	assert.Contains(t, w.alarms[0].Reason, "contact APO support")
	assert.Equal(t, o.Operation, w.alarms[0].Operation)
	assert.Equal(t, 1, strings.Count(text.String(), "\n"), text.String())
	for _, part := range []string{"contact APO support", "Orders.Evidence", "order=" + theOrder, "operation=cancel", "command=" + commandID} {
		assert.Contains(t, text.String(), part)
	}
}

// A hook may use the Orders it is told about: none of its locks is held.
func TestObserver_IsCalledOutsideLocks(t *testing.T) {
	x := newTill(t, memory.New())
	var hooks int
	look := func() {
		hooks++
		_, err := x.orders.Get(x.ctx, theOrder)
		assert.NoError(t, err)
		_, err = x.orders.Create(x.ctx, placing(order.CaptureManual))
		assert.NoError(t, err)
	}
	x.place(order.CaptureManual)
	x.cfg.Observer = &tilltape.Observer{
		Appended: func(context.Context, []events.Record) { look() },
		Called:   func(context.Context, tilltape.CallMade) { look() },
		Refused:  func(context.Context, tilltape.Refusal) { look() },
		Anomaly:  func(context.Context, tilltape.Contradiction) { look() },
		Settled:  func(context.Context, tilltape.Pass) { look() },
	}
	x.open(x.bank)
	x.paid()
	_, err := x.capture(theAmount)
	require.NoError(t, err)
	_, err = x.cancel()
	require.ErrorIs(t, err, order.ErrRejected)
	x.refunded(thePart)
	assert.GreaterOrEqual(t, hooks, 7)
}

func TestLogger_KnowsNoSecretAndNobodysWords(t *testing.T) {
	const canary = "Kanarienvogel"
	x := newTill(t, memory.New())
	var text bytes.Buffer
	x.cfg.Logger = slog.New(slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	x.open(x.bank)
	x.parked()
	x.bank.deaf, x.bank.script = false, nil
	_, err := x.orders.Resolve(x.ctx, theOrder, order.Resolve{Resolution: events.ResolvedFailed, Statement: canary})
	require.NoError(t, err)
	_, err = x.capture(theAmount)
	require.NoError(t, err)
	_, err = x.orders.Cancel(x.ctx, theOrder, order.Cancel{Reason: canary})
	require.ErrorIs(t, err, order.ErrRejected)
	_, err = x.orders.Refund(x.ctx, theOrder, order.Refund{Amount: usd(thePart), Reason: canary})
	require.ErrorIs(t, err, tilltape.ErrAccepted)
	x.exhaust(24 * time.Hour)

	logged := text.String()
	for _, word := range []string{"recorded", "asked APO", "command refused", "operation parked", "settled what was due", theOrder} {
		require.Contains(t, logged, word, "the log was not silent")
	}
	assert.NotContains(t, logged, canary)
	secret, err := x509.MarshalPKCS8PrivateKey(theOffice().key)
	require.NoError(t, err)
	for _, form := range []string{base64.StdEncoding.EncodeToString(secret)[40:80], theOffice().key.D.String()[:40], testClient} {
		assert.NotContains(t, logged, form)
	}
	messages := 0
	for _, r := range x.history() {
		if e := evidenceOf(r.Event); e != nil {
			messages++
			assert.NotContains(t, logged, e.Signature)
			assert.NotContains(t, logged, string(e.Body))
		}
	}
	assert.Positive(t, messages)
}

// evidenceOf is the message that a fact keeps.
func evidenceOf(e events.Event) *events.Evidence {
	switch e := e.(type) {
	case events.InquiryAnswered:
		return e.Evidence
	case events.PaymentAuthorized:
		return e.Proof.Evidence
	case events.CaptureSucceeded:
		return e.Proof.Evidence
	case events.RefundAccepted:
		return e.Proof.Evidence
	}
	return nil
}

func ExampleObserver() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	calls := map[string]int{} // a counter of your metrics library, which is safe for many goroutines
	observer := &tilltape.Observer{
		Called:  func(_ context.Context, c tilltape.CallMade) { calls[c.Call.Kind.String()+" "+c.Said()]++ },
		Refused: func(_ context.Context, r tilltape.Refusal) { fmt.Println("refused:", r.Err.Command, r.Err.Reason) },
	}
	client := must(apo.NewClient(shop.URL(), shop.ClientID(), shop.Keys(), nil))
	orders := must(tilltape.New(memory.New(), client, &tilltape.Config{Now: shop.clock.Now, Observer: observer}))
	must(orders.Create(ctx, order.Create{Order: "o-1", PaymentRequestID: "pay-1", Amount: order.Money{Minor: 1000, Currency: "USD"},
		Method: "CARD", CaptureMode: order.CaptureManual}))

	_, err := orders.Refund(ctx, "o-1", order.Refund{Amount: order.Money{Minor: 1, Currency: "USD"}})
	fmt.Println(err != nil)
	must(orders.Cancel(ctx, "o-1", order.Cancel{}))
	fmt.Println(calls)
	// Output:
	// refused: refund not-authorized
	// true
	// map[cancel succeeded:1]
}
