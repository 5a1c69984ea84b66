package tilltape_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

func TestNew_RefusesWhatNoOrdersCanRunWith(t *testing.T) {
	log, gateway := memory.New(), newBank(time.Now)
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
		"negative lease":       {log, gateway, &tilltape.Config{Policy: order.Policy{Lease: -1}}, "negative"},
		"call outlives its lease": {log, gateway, &tilltape.Config{CallTimeout: time.Minute, Policy: order.Policy{Lease: time.Minute}},
			"not shorter than the lease"},
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
	x := newTill(t, memory.New())
	x.bank.now = time.Now
	orders, err := tilltape.New(x.log, x.bank, nil)
	require.NoError(t, err)
	x.orders = orders
	x.place(order.CaptureManual)
	x.paid()
	o, err := orders.Cancel(x.ctx, theOrder, order.Cancel{})
	require.NoError(t, err)
	assert.Equal(t, order.Cancelled, o.Status)
	seen := map[string]bool{}
	for _, r := range x.history() {
		assert.False(t, seen[r.ID], "ids are minted once")
		seen[r.ID] = true
		assert.Equal(t, time.UTC, r.Recorded.Location())
		assert.Equal(t, tilltape.DefaultActor, r.Actor)
	}
}

func TestCreate(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		c := placing(order.CaptureManual)
		c.Actor, c.PayBy = "checkout", dawn().Add(14*time.Minute)
		o, err := x.orders.Create(x.ctx, c)
		require.NoError(t, err)
		assert.Equal(t, order.Created, o.Status)
		assert.Equal(t, c.PayBy.Add(order.DefaultMargin), o.NextDue(), "asked about once the buyer can no longer pay")
		assert.Equal(t, "checkout", x.history()[0].Actor)
		assert.Zero(t, x.bank.touched())

		again, err := x.orders.Create(x.ctx, c)
		require.NoError(t, err, "the same content again")
		assert.Equal(t, o, again)

		c.Amount = usd(theAmount + 1)
		_, err = x.orders.Create(x.ctx, c)
		refused(t, err, order.ReasonExists)

		c.Order, c.Amount = "o-2", usd(theAmount)
		_, err = x.orders.Create(x.ctx, c)
		var taken *store.KeyTakenError
		require.ErrorAs(t, err, &taken, "one payment is one order")
		assert.Equal(t, theOrder, taken.Owner.ID)
		_, err = x.orders.Get(x.ctx, "o-2")
		require.ErrorIs(t, err, order.ErrUnknownOrder)
	})
}

func TestGetActionsHistory(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		_, err := x.orders.Get(x.ctx, theOrder)
		require.ErrorIs(t, err, order.ErrUnknownOrder)
		assert.Equal(t, `order "o-1": unknown order; create it first`, err.Error())
		_, err = x.orders.Actions(x.ctx, theOrder)
		require.ErrorIs(t, err, order.ErrUnknownOrder)
		assert.Empty(t, x.history())

		x.captured(theAmount)
		assert.Equal(t, []events.Kind{events.KindOrderCreated, events.KindPaymentAuthorized, events.KindCaptureRequested,
			events.KindCaptureSucceeded}, x.kinds())
		actions, err := x.orders.Actions(x.ctx, theOrder)
		require.NoError(t, err)
		for _, a := range actions {
			assert.Equal(t, a.Verb == order.VerbRefund, a.Legal, a.Verb.String())
		}

		// The loop's body may give commands.
		for r, err := range x.orders.History(x.ctx, theOrder) {
			require.NoError(t, err)
			if r.Event.Kind() == events.KindCaptureSucceeded {
				_, err := x.refund(theAmount)
				require.ErrorIs(t, err, tilltape.ErrAccepted)
				break
			}
		}
		assert.Equal(t, order.CallRefund, x.get().Operation.Kind)
	})
}

func TestClearAnomaly(t *testing.T) {
	x := newTill(t, memory.New())
	x.captured(theAmount)
	o := x.observe(cancelAnswer(thePayment))
	require.Equal(t, []events.AnomalyReason{events.StatusContradicts}, anomalies(o))
	c := order.ClearAnomaly{ID: "clear-1", Anomaly: o.Anomalies[0].Version, Reason: "APO confirmed the capture, case 4", Actor: "grace"}

	o, err := x.orders.ClearAnomaly(x.ctx, theOrder, c)
	require.NoError(t, err)
	assert.Empty(t, o.Anomalies)
	again, err := x.orders.ClearAnomaly(x.ctx, theOrder, c)
	require.NoError(t, err, "the same command again")
	assert.Equal(t, o, again)
	c.ID = "clear-2"
	_, err = x.orders.ClearAnomaly(x.ctx, theOrder, c)
	refused(t, err, order.ReasonNoAnomaly)
	last := x.history()[o.Version-1]
	assert.Equal(t, "grace", last.Actor)
	require.NoError(t, x.lawful())
}

// parked brings a capture to a state only a person can end: APO knows no such payment.
func parked(t *testing.T) *till {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.paid()
	accounts := x.bank.accounts
	x.bank.accounts = nil
	_, err := x.orders.Capture(x.ctx, theOrder, order.Capture{ID: commandID, Amount: usd(thePart)})
	var unresolved *tilltape.UnresolvedError
	require.ErrorAs(t, err, &unresolved)
	require.Equal(t, order.Parked, unresolved.Phase)
	require.Contains(t, err.Error(), "contact APO support")
	x.bank.accounts = accounts
	return x
}

func TestResolve(t *testing.T) {
	word := order.Resolve{ID: "res-1", Resolution: events.ResolvedFailed, Statement: "APO support, case 17: never arrived", Actor: "grace"}

	t.Run("on a fresh inquiry", func(t *testing.T) {
		x := parked(t)
		calls := x.bank.touched()
		o, err := x.orders.Resolve(x.ctx, theOrder, word)
		require.NoError(t, err)
		assert.Equal(t, calls, x.bank.touched(), "APO has just been asked")
		assert.Equal(t, order.Idle, o.Operation.Phase)
		assert.Equal(t, order.OutcomeFailed, o.Command(commandID).Outcome)
		assert.Equal(t, order.CodeResolved, o.Command(commandID).Code)
		require.NoError(t, x.lawful())
	})
	t.Run("after a while APO is asked first", func(t *testing.T) {
		x := parked(t)
		x.clock.pass(order.FreshInquiry + time.Second)
		calls := x.bank.touched()
		_, err := x.orders.Resolve(x.ctx, theOrder, word)
		require.NoError(t, err)
		assert.Equal(t, calls+1, x.bank.touched())
	})
	t.Run("APO decides by itself", func(t *testing.T) {
		x := parked(t)
		x.clock.pass(time.Hour)
		done("cap", apo.StateSuccess)(x)
		o, err := x.orders.Resolve(x.ctx, theOrder, word)
		refused(t, err, order.ReasonNotParked)
		assert.Equal(t, order.OutcomeSucceeded, o.Command(commandID).Outcome, "the inquiry proved the capture")
		assert.Equal(t, thePart, x.get().Captured)
	})
	t.Run("APO does not answer", func(t *testing.T) {
		x := parked(t)
		x.clock.pass(time.Hour)
		x.bank.deaf = true
		_, err := x.orders.Resolve(x.ctx, theOrder, word)
		refused(t, err, order.ReasonStaleInquiry)
		assert.Equal(t, order.Parked, x.get().Operation.Phase)
	})
	t.Run("with the word that it succeeded", func(t *testing.T) {
		x := parked(t)
		yes := word
		yes.Resolution, yes.Override = events.ResolvedSucceeded, true
		o, err := x.orders.Resolve(x.ctx, theOrder, yes)
		require.NoError(t, err)
		assert.Equal(t, order.Captured, o.Status)
		assert.Equal(t, thePart, o.Captured)
		again, err := x.orders.Resolve(x.ctx, theOrder, yes)
		require.NoError(t, err, "the same command again")
		assert.Equal(t, o, again)
		require.NoError(t, x.lawful())
	})
	t.Run("nothing is parked", func(t *testing.T) {
		x := newTill(t, memory.New())
		x.place(order.CaptureManual)
		_, err := x.orders.Resolve(x.ctx, theOrder, word)
		refused(t, err, order.ReasonNotParked)
		assert.Zero(t, x.bank.touched())
	})
}

func TestObserve_UnknownOrdersAndEmptyFacts(t *testing.T) {
	x := newTill(t, memory.New())
	_, err := x.orders.Observe(x.ctx, apo.Verified{})
	require.ErrorIs(t, err, tilltape.ErrUnverified)

	_, err = x.orders.Observe(x.ctx, paymentNotice(notice{Payment: "pay-9", PaymentRequest: "preq-9", Minor: 1}))
	require.ErrorIs(t, err, order.ErrUnknownOrder)
	assert.Contains(t, err.Error(), "do not acknowledge")
	_, err = x.orders.Observe(x.ctx, refundNotice(notice{Transfer: "ref-9", Request: "rreq-9", Minor: 1}))
	require.ErrorIs(t, err, order.ErrUnknownOrder, "a refund made in APO's dashboard cannot be correlated")
	n := 0
	for range x.log.All(x.ctx, store.Start()) {
		n++
	}
	assert.Zero(t, n)
}

func TestObserve_ContradictionsAreKeptWithTheirEvidence(t *testing.T) {
	for name, n := range map[string]notice{
		"amount":    {Payment: thePayment, PaymentRequest: theRequest, Minor: theAmount + 1, At: dawn()},
		"currency":  {Payment: thePayment, PaymentRequest: theRequest, Minor: theAmount, Currency: "EUR", At: dawn()},
		"paymentId": {Payment: "pay-other", PaymentRequest: theRequest, Minor: theAmount, At: dawn()},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTill(t, memory.New())
			c := placing(order.CaptureManual)
			c.PaymentID = thePayment
			_, err := x.orders.Create(x.ctx, c)
			require.NoError(t, err)
			o := x.observe(paymentNotice(n))
			assert.Equal(t, order.Created, o.Status, "nothing flips silently")
			require.Equal(t, []events.AnomalyReason{events.PaymentContradicts}, anomalies(o))
			kept := x.history()[o.Version-1].Event.(events.AnomalyObserved)
			require.NotNil(t, kept.Proof.Evidence)
			require.NoError(t, apo.Evidence(*kept.Proof.Evidence).Verify(&theOffice().key.PublicKey))
			assert.Equal(t, o.Version, x.observe(paymentNotice(n)).Version, "once, however often it is delivered")
		})
	}
}

func TestObserve_AKeyOfAnotherOrderIsKeptAsAnAnomaly(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		other := placing(order.CaptureManual)
		other.Order, other.PaymentRequestID, other.PaymentID = "o-2", "preq-2", thePayment
		_, err := x.orders.Create(x.ctx, other)
		require.NoError(t, err)
		x.place(order.CaptureManual)

		// A pay answer names our request and a payment that another order owns. The key leads to its owner.
		fact := paymentNotice(notice{Payment: thePayment, PaymentRequest: theRequest, Minor: theAmount, At: dawn()})
		o, err := x.orders.Observe(x.ctx, fact)
		require.NoError(t, err)
		assert.Equal(t, "o-2", o.ID)
		assert.Equal(t, []events.AnomalyReason{events.PaymentContradicts}, anomalies(o))

		// An inquiry about our own order tells the same: the fact is appended without the key, with an anomaly.
		x.bank.buyerPays(theRequest, theAmount, true)
		x.bank.next(saysF("ORDER_STATUS_INVALID"))
		_, err = x.cancel()
		require.ErrorIs(t, err, order.ErrFailed)
		o = x.get()
		assert.Equal(t, order.Authorized, o.Status, "the fact is kept")
		assert.Equal(t, []events.AnomalyReason{events.KeyTaken}, anomalies(o))
		owner, err := x.log.Lookup(x.ctx, events.NewKey(events.KeyPaymentID, thePayment))
		require.NoError(t, err)
		assert.Equal(t, "o-2", owner.ID, "the key stays where it was")
		require.NoError(t, x.lawful())
	})
}

func TestClose(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.paid()
	entered, release := make(chan struct{}), make(chan struct{})
	x.bank.enter = func(context.Context, wireCall) {
		close(entered)
		<-release
	}
	answered := make(chan error, 1)
	go func() {
		_, err := x.cancel()
		answered <- err
	}()
	<-entered
	closed := make(chan error, 1)
	go func() { closed <- x.orders.Close() }()
	// Once new commands are refused, Close has begun, and it waits for the one under way.
	require.Eventually(t, func() bool {
		_, err := x.orders.Create(x.ctx, placing(order.CaptureManual))
		return errors.Is(err, tilltape.ErrClosed)
	}, 5*time.Second, time.Millisecond)
	select {
	case <-closed:
		t.Fatal("Close did not wait for the command under way")
	default:
	}
	close(release)
	require.NoError(t, <-answered)
	require.NoError(t, <-closed)
	require.NoError(t, x.orders.Close(), "closing again does nothing")
	assert.Equal(t, order.Cancelled, x.get().Status, "what was under way is on record")

	_, err := x.cancel()
	require.ErrorIs(t, err, tilltape.ErrClosed)
	assert.Contains(t, err.Error(), "open the log again")
}
