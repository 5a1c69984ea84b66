package behaviour_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

func TestNew_RefusesWhatNoOrdersCanRunWith(t *testing.T) {
	log, gateway := memory.New(), tilltest.NewBank(time.Now)
	for name, tt := range map[string]struct {
		log     store.Log
		gateway tilltape.Gateway
		cfg     *tilltape.Config
		says    string
	}{
		"no log":               {nil, gateway, nil, "a log and a gateway"},
		"no gateway":           {log, nil, nil, "a log and a gateway"},
		"negative timeout":     {log, gateway, &tilltape.Config{CallTimeout: -1}, "negative"},
		"negative record time": {log, gateway, &tilltape.Config{RecordTimeout: -1}, "negative"},
		"negative concurrency": {log, gateway, &tilltape.Config{Concurrency: -1}, "negative"},
		"negative lease":       {log, gateway, &tilltape.Config{Policy: order.Policy{Lease: -1}}, "policy: Lease is -1ns"},
		"nanoseconds for seconds": {log, gateway, &tilltape.Config{Policy: order.Policy{Retries: []time.Duration{1, 5, 30}}},
			"policy: Retries[0] is 1ns, and 1s is the least; a plain number counts nanoseconds"},
		"call outlives its lease": {log, gateway,
			&tilltape.Config{CallTimeout: time.Minute, Policy: order.Policy{Lease: time.Minute}}, "not shorter than the lease"},
		"actor too long":        {log, gateway, &tilltape.Config{Actor: strings.Repeat("a", events.IDMax+1)}, "actor"},
		"actor with a new line": {log, gateway, &tilltape.Config{Actor: "ada\n"}, "actor"},
	} {
		t.Run(name, func(t *testing.T) {
			orders, err := tilltape.New(tt.log, tt.gateway, tt.cfg)
			assert.Nil(t, orders)
			require.ErrorIs(t, err, tilltape.ErrConfig)
			assert.Contains(t, err.Error(), tt.says)
		})
	}
}

func TestNew_TheZeroConfigWorks(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Bank.Now = time.Now
	orders, err := tilltape.New(x.Log, x.Bank, nil)
	require.NoError(t, err)
	x.Orders = orders
	x.Place(order.CaptureManual)
	x.Paid()
	result, err := orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{})
	require.NoError(t, err)
	assert.Equal(t, order.Cancelled, result.Order.Status)
	seen := map[string]bool{}
	for _, r := range x.History() {
		assert.False(t, seen[r.ID], "ids are minted once")
		seen[r.ID] = true
		assert.Equal(t, time.UTC, r.Recorded.Location())
		assert.Equal(t, tilltape.DefaultActor, r.Actor)
	}
}

func TestCreate(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		c := tilltest.Placing(order.CaptureManual)
		c.Actor, c.PayBy = "checkout", tilltest.Dawn().Add(14*time.Minute)
		result, err := x.Orders.Create(x.Ctx, c)
		require.NoError(t, err)
		assert.Equal(t, order.Created, result.Order.Status)
		assert.Equal(t, c.PayBy.Add(order.DefaultMargin), result.Order.NextDue(),
			"asked about once the buyer can no longer pay")
		assert.Equal(t, "checkout", x.History()[0].Actor)
		assert.Zero(t, x.Bank.Touched())

		again, err := x.Orders.Create(x.Ctx, c)
		require.NoError(t, err, "the same content again")
		assert.Equal(t, result.Order, again.Order)

		c.Amount = tilltest.USD(tilltest.TheAmount + 1)
		_, err = x.Orders.Create(x.Ctx, c)
		tilltest.Rejected(t, err, order.ReasonExists)

		c.OrderID, c.Amount = "o-2", tilltest.USD(tilltest.TheAmount)
		_, err = x.Orders.Create(x.Ctx, c)
		var taken *store.KeyTakenError
		require.ErrorAs(t, err, &taken, "one payment is one order")
		assert.Equal(t, tilltest.TheOrder, taken.Owner.ID)
		_, err = x.Orders.Get(x.Ctx, "o-2")
		require.ErrorIs(t, err, order.ErrUnknownOrder)
	})
}

func TestGetActionsHistory(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		_, err := x.Orders.Get(x.Ctx, tilltest.TheOrder)
		require.ErrorIs(t, err, order.ErrUnknownOrder)
		assert.Equal(t, `order "o-1": unknown order; create it first`, err.Error())
		_, err = x.Orders.Actions(x.Ctx, tilltest.TheOrder)
		require.ErrorIs(t, err, order.ErrUnknownOrder)
		assert.Empty(t, x.History())

		x.Captured(tilltest.TheAmount)
		assert.Equal(t, []events.Kind{events.KindOrderCreated, events.KindPaymentAuthorized, events.KindCaptureRequested,
			events.KindCaptureSucceeded}, x.Kinds())
		actions, err := x.Orders.Actions(x.Ctx, tilltest.TheOrder)
		require.NoError(t, err)
		for _, a := range actions {
			assert.Equal(t, a.Verb == order.VerbRefund, a.Legal, a.Verb.String())
		}

		// The loop's body may give commands.
		for r, err := range x.Orders.History(x.Ctx, tilltest.TheOrder) {
			require.NoError(t, err)
			if r.Event.Kind() == events.KindCaptureSucceeded {
				accepted, err := x.Refund(tilltest.TheAmount)
				require.NoError(t, err)
				assert.Equal(t, tilltape.Accepted, accepted.Outcome)
				break
			}
		}
		assert.Equal(t, order.CallRefund, tilltest.Op(x.Get()).Kind)
	})
}

func TestClearAnomaly(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Captured(tilltest.TheAmount)
	o := x.Observe(tilltest.CancelAnswer(tilltest.ThePayment))
	require.Equal(t, []events.AnomalyReason{events.StatusContradicts}, tilltest.Anomalies(o))
	c := order.ClearAnomaly{CommandID: "clear-1", Anomaly: o.Anomalies[0].Version,
		Reason: "APO confirmed the capture, case 4", Actor: "grace"}

	cleared, err := x.Orders.ClearAnomaly(x.Ctx, tilltest.TheOrder, c)
	require.NoError(t, err)
	assert.Empty(t, cleared.Order.Anomalies)
	again, err := x.Orders.ClearAnomaly(x.Ctx, tilltest.TheOrder, c)
	require.NoError(t, err, "the same command again")
	assert.Equal(t, cleared, again)
	c.CommandID = "clear-2"
	_, err = x.Orders.ClearAnomaly(x.Ctx, tilltest.TheOrder, c)
	tilltest.Rejected(t, err, order.ReasonNoAnomaly)
	last := x.History()[cleared.Order.Version-1]
	assert.Equal(t, "grace", last.Actor)
	require.NoError(t, x.Lawful())
}

// parkedCapture brings a capture to a state only a person can end: APO knows no such payment.
func parkedCapture(t *testing.T) *tilltest.Till {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	accounts := x.Bank.Accounts
	x.Bank.Accounts = nil
	_, err := x.Orders.Capture(x.Ctx, tilltest.TheOrder,
		order.Capture{CommandID: tilltest.CommandID, Amount: tilltest.USD(tilltest.ThePart)})
	var unresolved *tilltape.UnresolvedError
	require.ErrorAs(t, err, &unresolved)
	require.Equal(t, order.Parked, unresolved.Phase)
	require.Contains(t, err.Error(), "contact APO support")
	x.Bank.Accounts = accounts
	return x
}

func TestResolve(t *testing.T) {
	word := order.Resolve{CommandID: "res-1", Resolution: events.ResolvedFailed,
		Statement: "APO support, case 17: never arrived", Actor: "grace"}

	t.Run("on a fresh inquiry", func(t *testing.T) {
		x := parkedCapture(t)
		calls := x.Bank.Touched()
		result, err := x.Orders.Resolve(x.Ctx, tilltest.TheOrder, word)
		require.NoError(t, err)
		assert.Equal(t, calls, x.Bank.Touched(), "APO has just been asked")
		assert.Equal(t, order.Idle, result.Order.Operation.Phase)
		assert.Equal(t, order.OutcomeFailed, result.Order.Command(tilltest.CommandID).Outcome)
		assert.Equal(t, order.CodeResolved, result.Order.Command(tilltest.CommandID).Code)
		require.NoError(t, x.Lawful())
	})
	t.Run("after a while APO is asked first", func(t *testing.T) {
		x := parkedCapture(t)
		x.Clock.Pass(order.FreshInquiry + time.Second)
		calls := x.Bank.Touched()
		_, err := x.Orders.Resolve(x.Ctx, tilltest.TheOrder, word)
		require.NoError(t, err)
		assert.Equal(t, calls+1, x.Bank.Touched())
	})
	t.Run("APO decides by itself", func(t *testing.T) {
		x := parkedCapture(t)
		x.Clock.Pass(time.Hour)
		tilltest.Done("cap", apo.StateSuccess)(x)
		result, err := x.Orders.Resolve(x.Ctx, tilltest.TheOrder, word)
		tilltest.Rejected(t, err, order.ReasonNotParked)
		assert.Equal(t, order.OutcomeSucceeded, result.Order.Command(tilltest.CommandID).Outcome,
			"the inquiry proved the capture")
		assert.Equal(t, tilltest.ThePart, x.Get().Captured)
	})
	t.Run("APO does not answer", func(t *testing.T) {
		x := parkedCapture(t)
		x.Clock.Pass(time.Hour)
		x.Bank.Deaf = true
		_, err := x.Orders.Resolve(x.Ctx, tilltest.TheOrder, word)
		tilltest.Rejected(t, err, order.ReasonStaleInquiry)
		assert.Equal(t, order.Parked, x.Get().Operation.Phase)
	})
	t.Run("with the word that it succeeded", func(t *testing.T) {
		x := parkedCapture(t)
		yes := word
		yes.Resolution, yes.Override = events.ResolvedSucceeded, true
		result, err := x.Orders.Resolve(x.Ctx, tilltest.TheOrder, yes)
		require.NoError(t, err)
		assert.Equal(t, order.Captured, result.Order.Status)
		assert.Equal(t, tilltest.ThePart, result.Order.Captured)
		again, err := x.Orders.Resolve(x.Ctx, tilltest.TheOrder, yes)
		require.NoError(t, err, "the same command again")
		assert.Equal(t, result, again)
		require.NoError(t, x.Lawful())
	})
	t.Run("nothing is parked", func(t *testing.T) {
		x := tilltest.NewTill(t, memory.New())
		x.Place(order.CaptureManual)
		_, err := x.Orders.Resolve(x.Ctx, tilltest.TheOrder, word)
		tilltest.Rejected(t, err, order.ReasonNotParked)
		assert.Zero(t, x.Bank.Touched())
	})
}

func TestObserve_UnknownOrdersAndEmptyFacts(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	_, err := x.Orders.Observe(x.Ctx, apo.Verified{})
	require.ErrorIs(t, err, tilltape.ErrUnverified)

	_, err = x.Orders.Observe(x.Ctx,
		tilltest.PaymentNotice(tilltest.Notice{Payment: "pay-9", PaymentRequest: "preq-9", Minor: 1}))
	require.ErrorIs(t, err, order.ErrUnknownOrder)
	assert.Contains(t, err.Error(), "do not acknowledge")
	_, err = x.Orders.Observe(x.Ctx,
		tilltest.RefundNotice(tilltest.Notice{Transfer: "ref-9", Request: "rreq-9", Minor: 1}))
	require.ErrorIs(t, err, order.ErrUnknownOrder, "a refund made in APO's dashboard cannot be correlated")
	n := 0
	for range x.Log.All(x.Ctx, store.Start()) {
		n++
	}
	assert.Zero(t, n)
}

func TestObserve_ContradictionsAreKeptWithTheirEvidence(t *testing.T) {
	for name, n := range map[string]tilltest.Notice{
		"currency": {Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest, Minor: tilltest.TheAmount,
			Currency: "EUR", At: tilltest.Dawn()},
		"paymentId": {Payment: "pay-other", PaymentRequest: tilltest.TheRequest, Minor: tilltest.TheAmount,
			At: tilltest.Dawn()},
	} {
		t.Run(name, func(t *testing.T) {
			x := tilltest.NewTill(t, memory.New())
			c := tilltest.Placing(order.CaptureManual)
			c.PaymentID = tilltest.ThePayment
			_, err := x.Orders.Create(x.Ctx, c)
			require.NoError(t, err)
			o := x.Observe(tilltest.PaymentNotice(n))
			assert.Equal(t, order.Created, o.Status, "nothing flips silently")
			require.Equal(t, []events.AnomalyReason{events.PaymentContradicts}, tilltest.Anomalies(o))
			kept := x.History()[o.Version-1].Event.(events.AnomalyObserved)
			require.NotNil(t, kept.Proof.Evidence)
			require.NoError(t, apo.Evidence(*kept.Proof.Evidence).Verify(&tilltest.TheOffice().Key.PublicKey))
			assert.Equal(t, o.Version, x.Observe(tilltest.PaymentNotice(n)).Version, "once, however often it is delivered")
		})
	}
}

// Ordered 10.00, and APO signs a payment of 4.00: that is what is authorized, and all that can be captured. The order
// is known by its paymentId from then on, and a person is told.
func TestObserve_AnotherAmountIsTheOneThatAPOSigned(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Place(order.CaptureManual)
		n := tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest, Minor: tilltest.ThePart,
			At: tilltest.Dawn()}
		o := x.Observe(tilltest.PaymentNotice(n))
		assert.Equal(t, []any{order.Authorized, int64(tilltest.ThePart)}, []any{o.Status, o.Authorized})
		assert.Equal(t, []events.AnomalyReason{events.PaymentContradicts}, tilltest.Anomalies(o))
		assert.Equal(t, o.Version, x.Observe(tilltest.PaymentNotice(n)).Version, "once, however often it is delivered")
		_, err := x.Capture(tilltest.ThePart + 1)
		require.ErrorIs(t, err, order.ErrRejected)

		n.Transfer, n.PaymentRequest = "cap-1", ""
		o = x.Observe(tilltest.CaptureNotice(n)) // by its paymentId alone
		assert.Equal(t, []any{order.Captured, int64(tilltest.ThePart)}, []any{o.Status, o.Captured})
		require.NoError(t, x.Lawful())
	})

	x := tilltest.NewTill(t, memory.New()) // and where only an inquiry tells
	x.Place(order.CaptureNone)
	x.Bank.BuyerPays(tilltest.TheRequest, tilltest.ThePart, false)
	_, err := x.Orders.Reconcile(x.Ctx, tilltest.TheOrder)
	require.NoError(t, err)
	o := x.Get()
	assert.Equal(t, []any{order.Paid, int64(tilltest.ThePart)}, []any{o.Status, o.Captured})
	_, err = x.Refund(tilltest.ThePart)
	require.NoError(t, err)
	require.NoError(t, x.Lawful())
}

func TestObserve_AKeyOfAnotherOrderIsKeptAsAnAnomaly(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		other := tilltest.Placing(order.CaptureManual)
		other.OrderID, other.PaymentRequestID, other.PaymentID = "o-2", "preq-2", tilltest.ThePayment
		_, err := x.Orders.Create(x.Ctx, other)
		require.NoError(t, err)
		x.Place(order.CaptureManual)

		// A pay answer names our request and a payment that another order owns. The key leads to its owner.
		fact := tilltest.PaymentNotice(tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest,
			Minor: tilltest.TheAmount, At: tilltest.Dawn()})
		o, err := x.Orders.Observe(x.Ctx, fact)
		require.NoError(t, err)
		assert.Equal(t, "o-2", o.ID)
		assert.Equal(t, []events.AnomalyReason{events.PaymentContradicts}, tilltest.Anomalies(o))

		// An inquiry about our own order tells the same: the fact is appended without the key, with an anomaly.
		x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, true)
		x.Bank.Next(tilltest.SaysF("ORDER_STATUS_INVALID"))
		_, err = x.Cancel()
		require.ErrorIs(t, err, order.ErrFailed)
		o = x.Get()
		assert.Equal(t, order.Authorized, o.Status, "the fact is kept")
		assert.Equal(t, []events.AnomalyReason{events.KeyTaken}, tilltest.Anomalies(o))
		owner, err := x.Log.Lookup(x.Ctx, events.NewKey(events.KeyPaymentID, tilltest.ThePayment))
		require.NoError(t, err)
		assert.Equal(t, "o-2", owner.ID, "the key stays where it was")
		require.NoError(t, x.Lawful())
	})
}

func TestClose(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	release, answered := x.CancelUnderWay(x.Orders)
	closed := make(chan error, 1)
	go func() { closed <- x.Orders.Close() }()
	// Once new commands are refused, Close has begun, and it waits for the one under way.
	require.Eventually(t, func() bool {
		_, err := x.Orders.Create(x.Ctx, tilltest.Placing(order.CaptureManual))
		return errors.Is(err, tilltape.ErrClosed)
	}, 5*time.Second, time.Millisecond)
	select {
	case <-closed:
		t.Fatal("Close did not wait for the command under way")
	default:
	}
	release()
	require.NoError(t, <-answered)
	require.NoError(t, <-closed)
	require.NoError(t, x.Orders.Close(), "closing again does nothing")
	assert.Equal(t, order.Cancelled, x.Get().Status, "what was under way is on record")

	_, err := x.Cancel()
	require.ErrorIs(t, err, tilltape.ErrClosed)
	assert.Contains(t, err.Error(), "open the log again")
}
