package behaviour_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

func TestObserver_IsToldOfFactsCallsAndPasses(t *testing.T) {
	x, w := tilltest.Watched(t)
	x.Place(order.CaptureManual)
	x.Paid()
	x.Bank.Next(tilltest.SaysU)
	_, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: tilltest.CommandID})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	x.Settle(time.Second)

	assert.Equal(t, x.History(), w.Appended, "every record, in order, as it stands in the log")
	require.Len(t, w.Calls, 2)
	first, second := w.Calls[0], w.Calls[1]
	assert.Equal(t, []any{order.CallCancel, uint64(1), order.VerdictUnknown, "UNKNOWN_EXCEPTION", false},
		[]any{first.Call.Kind, first.Call.Attempt, first.Verdict, first.Code, first.Proved()})
	assert.Equal(t, "unknown", first.Said())
	assert.NotEmpty(t, first.Problem)
	assert.Equal(t, []any{order.CallCancel, uint64(2), order.VerdictSucceeded, true, tilltest.Dawn().Add(time.Second)},
		[]any{second.Call.Kind, second.Call.Attempt, second.Verdict, second.Proved(), second.Began})
	assert.Equal(t, []tilltape.Pass{{Settled: tilltape.Settled{Driven: 1}}}, w.Passes)
	x.Settle(0)
	assert.Len(t, w.Passes, 1, "a pass that found nothing is not told")
}

func TestObserver_MeasuresCallsByTheOrdersClock(t *testing.T) {
	x, w := tilltest.Watched(t)
	x.Place(order.CaptureManual)
	x.Paid()
	x.Bank.Enter = func(context.Context, tilltest.WireCall) { x.Clock.Pass(3 * time.Second) }
	_, err := x.Cancel()
	require.NoError(t, err)
	require.Len(t, w.Calls, 1)
	assert.Equal(t, []any{tilltest.Dawn(), 3 * time.Second}, []any{w.Calls[0].Began, w.Calls[0].Took})
}

func TestObserver_IsToldOfInquiries(t *testing.T) {
	x, w := tilltest.Watched(t)
	c := tilltest.Placing(order.CaptureManual)
	c.PayBy = tilltest.Dawn().Add(time.Minute)
	_, err := x.Orders.Create(x.Ctx, c)
	require.NoError(t, err)
	x.Bank.Deaf = true
	x.Settle(time.Hour)
	x.Bank.Deaf = false
	x.Settle(time.Hour)
	require.Len(t, w.Calls, 2)
	assert.Equal(t, []any{true, "unknown", false},
		[]any{w.Calls[0].Call.IsInquiry(), w.Calls[0].Said(), w.Calls[0].Proved()})
	assert.Equal(t, []any{uint64(2), "does not exist", true},
		[]any{w.Calls[1].Call.Number, w.Calls[1].Said(), w.Calls[1].Proved()})
}

func TestObserver_IsToldOfRefusals(t *testing.T) {
	x, w := tilltest.Watched(t)
	x.Captured(tilltest.TheAmount)
	_, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: tilltest.CommandID, Actor: "ada"})
	want := tilltest.Rejected(t, err, order.ReasonCaptured)
	_, err = x.Orders.Resolve(x.Ctx, tilltest.TheOrder,
		order.Resolve{Resolution: events.ResolvedFailed, Statement: "told so"})
	tilltest.Rejected(t, err, order.ReasonNotParked)
	require.Len(t, w.Refusals, 2)
	assert.Equal(t, tilltape.Refusal{CommandID: tilltest.CommandID, Actor: "ada", Err: want}, w.Refusals[0])
	assert.Equal(t, tilltape.DefaultActor, w.Refusals[1].Actor)
	assert.NotEmpty(t, w.Refusals[1].CommandID)

	_, err = x.Orders.Refund(x.Ctx, tilltest.TheOrder,
		order.Refund{Amount: tilltest.USD(1), Reason: strings.Repeat("x", events.BodyMax)})
	require.ErrorIs(t, err, order.ErrInvalid)
	assert.Len(t, w.Refusals, 2, "malformed is not refused")
}

// A stale inquiry is no refusal to anybody: APO is asked, and the command goes on.
func TestObserver_ACommandThatAsksAPOFirstIsNotRefused(t *testing.T) {
	x, w := tilltest.Watched(t)
	x.PaidLate(order.CaptureManual)
	_, err := x.Orders.Compensate(x.Ctx, tilltest.TheOrder, order.Compensate{CommandID: tilltest.CommandID})
	require.NoError(t, err)
	assert.Empty(t, w.Refusals)
}

func TestObserver_IsToldOfAnomalies(t *testing.T) {
	x, w := tilltest.Watched(t)
	x.PaidLate(order.CaptureManual)
	require.Len(t, w.Odd, 1)
	o := x.Get()
	assert.Equal(t, []any{tilltest.TheOrder, o.Anomalies[0].Version, events.LatePayment},
		[]any{w.Odd[0].OrderID, w.Odd[0].Version, w.Odd[0].Fact.Reason})
}

// parkedCancel is an order whose cancel got no answer from APO until its schedule was used up.
func parkedCancel(x *tilltest.Till) order.Order {
	x.T.Helper()
	x.Place(order.CaptureManual)
	x.Paid()
	x.Bank.Deaf = true
	for range tilltest.RoundsMax {
		x.Bank.Next(tilltest.LostBefore)
	}
	_, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder,
		order.Cancel{CommandID: tilltest.CommandID, Reason: "the buyer changed their mind", Actor: "ada"})
	require.ErrorIs(x.T, err, tilltape.ErrUnresolved)
	for range tilltest.RoundsMax {
		o := x.Get()
		if o.Operation.Phase == order.Parked {
			return o
		}
		x.Settle(o.NextDue().Sub(x.Clock.Now()))
	}
	x.T.Fatal("it is never parked")
	return order.Order{}
}

func TestObserver_IsAlarmedWhenTheScheduleIsUsedUp(t *testing.T) {
	x, w := tilltest.Watched(t)
	var text bytes.Buffer
	x.Config.Logger = slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelError}))
	x.Open(x.Bank)
	o := parkedCancel(x)
	require.Len(t, w.Alarms, 1)
	assert.Equal(t, tilltest.TheOrder, w.Alarms[0].OrderID)
	assert.Contains(t, w.Alarms[0].Reason, "contact APO support")
	assert.Equal(t, o.Operation, w.Alarms[0].Operation)
	assert.Equal(t, 1, strings.Count(text.String(), "\n"), text.String())
	for _, part := range []string{"contact APO support", "evidence.Of", "order=" + tilltest.TheOrder, "operation=cancel",
		"command=" + tilltest.CommandID} {
		assert.Contains(t, text.String(), part)
	}
}

// A command's context goes through all that it does, its calls' through what is sent; both are told with them, and
// neither outlives the context that they were made of.
func TestObserver_MakesTheContextOfCommandsAndCalls(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	type place struct{}
	var told []string
	tell := func(ctx context.Context, what string) {
		at, _ := ctx.Value(place{}).(string)
		told = append(told, what+" in "+at)
	}
	in := func(ctx context.Context, name string) context.Context {
		tell(ctx, name)
		at, _ := ctx.Value(place{}).(string)
		return context.WithValue(ctx, place{}, at+"/"+name)
	}
	x.Config.Observer = &tilltape.Observer{
		Commanding: func(ctx context.Context, c tilltape.CommandGiven) context.Context { return in(ctx, c.Verb.String()) },
		Commanded:  func(ctx context.Context, c tilltape.CommandEnded) { tell(ctx, c.Outcome.String()) },
		Calling:    func(ctx context.Context, c tilltape.CallBegun) context.Context { return in(ctx, "call") },
		Called:     func(ctx context.Context, c tilltape.CallMade) { tell(ctx, c.Said()) },
		Appended:   func(ctx context.Context, r []events.Record) { tell(ctx, string(r[0].Event.Kind())) },
		Refused:    func(ctx context.Context, r tilltape.Refusal) { tell(ctx, "refused") },
	}
	x.Open(x.Bank)
	x.Bank.Enter = func(ctx context.Context, _ tilltest.WireCall) {
		tell(ctx, "wire")
		_, ends := ctx.Deadline()
		assert.True(t, ends, "a hook takes no call's deadline away")
	}
	x.Paid()
	_, err := x.Cancel()
	require.NoError(t, err)
	_, err = x.Capture(tilltest.TheAmount)
	require.ErrorIs(t, err, order.ErrRejected)
	assert.Equal(t, []string{
		"none in ", "payment.authorized.v1 in /none", "done in /none", "cancel in ", "cancel.requested.v1 in /cancel",
		"call in /cancel", "wire in /cancel/call", "succeeded in /cancel/call", "cancel.succeeded.v1 in /cancel",
		"done in /cancel",
		"capture in ", "refused in /capture", "refused in /capture"}, told)
}

// Where what is called panics nobody knows how a fact ended: whoever counts is not told that it was done.
func TestObserver_IsNotToldThatAPanicIsDone(t *testing.T) {
	x, w := tilltest.Watched(t)
	x.Place(order.CaptureManual)
	observer := *x.Config.Observer
	observer.Appended = func(context.Context, []events.Record) { panic("theirs") }
	x.Config.Observer = &observer
	x.Open(x.Bank)
	told := len(w.Ended)
	assert.PanicsWithValue(t, "theirs", func() { x.Paid() })
	assert.Len(t, w.Ended, told)
	assert.Len(t, w.Given, told+1)
}

func TestObserver_IsToldHowEveryCommandEnds(t *testing.T) {
	x, w := tilltest.Watched(t)
	x.Place(order.CaptureManual)
	x.Paid()
	x.Bank.Next(tilltest.SaysU)
	_, unknown := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: "c-1", Actor: "ada"})
	require.ErrorIs(t, unknown, tilltape.ErrUnresolved)
	x.Settle(time.Second)
	_, nowhere := x.Orders.Refund(x.Ctx, "o-none", order.Refund{CommandID: "r-1", Amount: tilltest.USD(1)})
	_, stale := x.Orders.Compensate(x.Ctx, tilltest.TheOrder, order.Compensate{CommandID: "k-1"})
	require.ErrorIs(t, stale, order.ErrRejected)
	require.NoError(t, x.Orders.Close())
	_, closed := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: "c-2"})
	require.ErrorIs(t, closed, tilltape.ErrClosed)

	given := func(id, command string, verb order.Verb) tilltape.CommandGiven {
		return tilltape.CommandGiven{OrderID: id, CommandID: command, Verb: verb}
	}
	cancel := given(tilltest.TheOrder, "c-1", order.VerbCancel)
	cancel.Actor = "ada"
	want := []tilltape.CommandEnded{
		{CommandGiven: given(tilltest.TheOrder, "", order.VerbNone), Outcome: tilltape.Done},
		{CommandGiven: cancel, Outcome: tilltape.Unknown, Err: unknown},
		{CommandGiven: given("o-none", "r-1", order.VerbRefund), Outcome: tilltape.NotFound, Err: nowhere},
		{CommandGiven: given(tilltest.TheOrder, "k-1", order.VerbCompensate), Outcome: tilltape.Refused, Err: stale},
		{CommandGiven: given(tilltest.TheOrder, "c-2", order.VerbCancel), Outcome: tilltape.Unavailable, Err: closed},
	}
	require.Len(t, w.Ended, 1+len(want), "and what settling drove is nobody's command")
	assert.Equal(t, order.VerbCreate, w.Ended[0].Verb)
	assert.NotEmpty(t, w.Ended[0].CommandID)
	assert.Equal(t, want, w.Ended[1:])
	for i, e := range w.Ended {
		assert.Equal(t, e.CommandGiven, w.Given[i])
	}
}

// A hook may use the Orders it is told about: none of its locks is held.
func TestObserver_IsCalledOutsideLocks(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	var hooks int
	look := func() {
		hooks++
		_, err := x.Orders.Get(x.Ctx, tilltest.TheOrder)
		assert.NoError(t, err)
		_, err = x.Orders.Create(x.Ctx, tilltest.Placing(order.CaptureManual))
		assert.NoError(t, err)
	}
	x.Place(order.CaptureManual)
	x.Config.Observer = &tilltape.Observer{
		Appended: func(context.Context, []events.Record) { look() },
		Called:   func(context.Context, tilltape.CallMade) { look() },
		Refused:  func(context.Context, tilltape.Refusal) { look() },
		Anomaly:  func(context.Context, tilltape.Contradiction) { look() },
		Settled:  func(context.Context, tilltape.Pass) { look() },
	}
	x.Open(x.Bank)
	x.Paid()
	_, err := x.Capture(tilltest.TheAmount)
	require.NoError(t, err)
	_, err = x.Cancel()
	require.ErrorIs(t, err, order.ErrRejected)
	x.Refunded(tilltest.ThePart)
	assert.GreaterOrEqual(t, hooks, 7)
}

func TestLogger_KnowsNoSecretAndNobodysWords(t *testing.T) {
	const canary = "Kanarienvogel"
	x := tilltest.NewTill(t, memory.New())
	var text bytes.Buffer
	x.Config.Logger = slog.New(slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	x.Open(x.Bank)
	parkedCancel(x)
	x.Bank.Deaf, x.Bank.Script = false, nil
	_, err := x.Orders.Resolve(x.Ctx, tilltest.TheOrder,
		order.Resolve{Resolution: events.ResolvedFailed, Statement: canary})
	require.NoError(t, err)
	_, err = x.Capture(tilltest.TheAmount)
	require.NoError(t, err)
	_, err = x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{Reason: canary})
	require.ErrorIs(t, err, order.ErrRejected)
	accepted, err := x.Orders.Refund(x.Ctx, tilltest.TheOrder,
		order.Refund{Amount: tilltest.USD(tilltest.ThePart), Reason: canary})
	require.NoError(t, err)
	assert.Equal(t, tilltape.Accepted, accepted.Outcome)
	x.Exhaust(24 * time.Hour)

	logged := text.String()
	for _, word := range []string{"recorded", "asked APO", "command refused", "operation parked", "settled what was due",
		tilltest.TheOrder} {
		require.Contains(t, logged, word, "the log was not silent")
	}
	assert.NotContains(t, logged, canary)
	secret, err := x509.MarshalPKCS8PrivateKey(tilltest.TheOffice().Key)
	require.NoError(t, err)
	for _, form := range []string{base64.StdEncoding.EncodeToString(secret)[40:80],
		tilltest.TheOffice().Key.D.String()[:40], tilltest.TestClient} {
		assert.NotContains(t, logged, form)
	}
	messages := 0
	for _, r := range x.History() {
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
