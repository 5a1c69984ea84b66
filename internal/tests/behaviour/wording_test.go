package behaviour_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// inside are words of the rooms below, which nobody needs who gives commands on orders.
var inside = regexp.MustCompile(
	`(?i)\b(append\w*|streams?|lookup|keys?|versions?|frames?|heads?|record \d+ of|\w+\.v1)\b`)

// speaksOfOrders demands that an error, and each of several that were joined, can be read without knowing how a log is
// built, and that it says no word twice in a row.
func speaksOfOrders(t *testing.T, err error, about ...string) {
	t.Helper()
	require.Error(t, err)
	assert.NotRegexp(t, inside, err.Error())
	for _, word := range about {
		assert.Contains(t, err.Error(), word)
	}
	assert.LessOrEqual(t, strings.Count(err.Error(), "order "+tilltest.TheOrder+":"), 1, "named once: %s", err)
}

// theMethods is every method that asks the log, on an order that has been paid; and how it goes on where it yields.
func theMethods() map[string]func(*tilltest.Till, context.Context) error {
	list := func(seq func(*tilltest.Till, context.Context) iter.Seq2[order.Order, error],
	) func(*tilltest.Till, context.Context) error {
		return func(x *tilltest.Till, ctx context.Context) error {
			for _, err := range seq(x, ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	methods := map[string]func(*tilltest.Till, context.Context) error{
		"Create": func(x *tilltest.Till, ctx context.Context) error {
			c := tilltest.Placing(order.CaptureManual)
			c.OrderID, c.PaymentRequestID = "o-2", "preq-2"
			_, err := x.Orders.Create(ctx, c)
			return err
		},
		"Compensate": func(x *tilltest.Till, ctx context.Context) error {
			_, err := x.Orders.Compensate(ctx, tilltest.TheOrder, order.Compensate{CommandID: tilltest.CommandID})
			return err
		},
		"Hear": func(x *tilltest.Till, ctx context.Context) error {
			_, err := x.Orders.Hear(ctx, tilltest.PaymentNotice(tilltest.Notice{Payment: tilltest.ThePayment, Code: "LATE"}))
			return err
		},
		"Reconcile": func(x *tilltest.Till, ctx context.Context) error {
			_, err := x.Orders.Reconcile(ctx, tilltest.TheOrder)
			return err
		},
		"Get": func(x *tilltest.Till, ctx context.Context) error {
			_, err := x.Orders.Get(ctx, tilltest.TheOrder)
			return err
		},
		"Actions": func(x *tilltest.Till, ctx context.Context) error {
			_, err := x.Orders.Actions(ctx, tilltest.TheOrder)
			return err
		},
		"Refusals": func(x *tilltest.Till, ctx context.Context) error {
			for _, err := range x.Orders.Refusals(ctx, tilltest.TheOrder) {
				return err
			}
			return nil
		},
		"SettleDue": func(x *tilltest.Till, ctx context.Context) error {
			x.Clock.Pass(1000 * time.Hour)
			_, err := x.Orders.SettleDue(ctx)
			return err
		},
		"Anomalies": list(func(x *tilltest.Till, ctx context.Context) iter.Seq2[order.Order, error] {
			return x.Orders.Anomalies(ctx)
		}),
		"Outstanding": list(func(x *tilltest.Till, ctx context.Context) iter.Seq2[order.Order, error] {
			return x.Orders.Outstanding(ctx)
		}),
	}
	for verb, give := range eachCommand(tilltest.TheOrder, tilltest.CommandID, "") {
		methods[verb] = func(x *tilltest.Till, ctx context.Context) error {
			given := *x
			given.Ctx = ctx
			return give(&given)
		}
	}
	return methods
}

// Whatever a log may answer, an error of Orders is about orders and what was wanted of them.
func TestErrorsSpeakOfOrders(t *testing.T) {
	order2 := events.OrderStream("o-9")
	key := events.NewKey(events.KeyPaymentRequestID, "preq-9")
	troubles := map[string]error{
		"conflict":  &store.ConflictError{Stream: order2, Want: 2, Have: 3},
		"taken":     &store.KeyTakenError{Stream: order2, Key: key, Owner: order2},
		"damaged":   &store.DamagedError{Log: "orders.tilltape", Position: 7, Reason: "its checksum is wrong"},
		"full":      store.ErrFull,
		"read-only": store.ErrReadOnly,
		"away":      store.ErrUnavailable,
		"closed":    fmt.Errorf("log orders.tilltape: %w", store.ErrClosed),
		"cut":       store.CheckContext(cut(), `append to order "o-1"`),
		"invalid": fmt.Errorf(`%w: order "o-1": record 1 of 2: %w`, store.ErrInvalid,
			events.CheckID("record id", "")),
		"disk": tilltest.ErrDisk,
	}
	for name, trouble := range troubles {
		for where, set := range map[string]func(*tilltest.Flaky){
			"append": func(f *tilltest.Flaky) { f.OnAppendError = func() error { return trouble } },
			"read":   func(f *tilltest.Flaky) { f.OnRead = func() error { return trouble } },
			"heads":  func(f *tilltest.Flaky) { f.OnHeads = func() error { return trouble } },
			"lookup": func(f *tilltest.Flaky) { f.OnLookup = func() error { return trouble } },
		} {
			if where != "append" && (name == "conflict" || name == "taken" || name == "invalid" || name == "cut") {
				continue // no log answers a question so, but for the last, which has a test of its own
			}
			for method, call := range theMethods() {
				t.Run(method+", "+name+" at "+where, func(t *testing.T) {
					log := &tilltest.Flaky{Log: memory.New()}
					x := tilltest.NewTill(t, log)
					x.Place(order.CaptureManual)
					x.Paid()
					set(log)
					err := call(x, x.Ctx)
					if err == nil || errors.Is(err, order.ErrRejected) {
						return // it did not come to that
					}
					speaksOfOrders(t, err)
					if !errors.Is(trouble, store.ErrConflict) {
						require.ErrorIs(t, err, trouble, "what the log said can be matched")
					}
				})
			}
		}
	}
}

func cut() context.Context {
	ctx, end := context.WithCancel(context.Background())
	end()
	return ctx
}

// A context that has ended is told alike by every engine, whatever it was doing.
func TestErrorsSpeakOfOrders_WhenTheContextEnds(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Place(order.CaptureManual)
		x.Paid()
		for method, call := range theMethods() {
			err := call(x, cut())
			require.ErrorIs(t, err, context.Canceled, method)
			speaksOfOrders(t, err)
		}
	})
}

// The ids of another order: of a payment that is placed twice, and of a mint that gives an id twice.
func TestErrorsSpeakOfOrders_IdsOfAnother(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Place(order.CaptureManual)
		second := tilltest.Placing(order.CaptureManual)
		second.OrderID = "o-2"
		result, err := x.Orders.Create(x.Ctx, second)
		require.ErrorIs(t, err, store.ErrKeyTaken)
		assert.Equal(t, tilltape.Conflict, result.Outcome)
		assert.EqualError(t, err, `order o-2: create was not recorded: the paymentRequestId "preq-1" belongs to order "o-1" `+
			`already; one payment is one order: place this one with ids of its own, or go on with that one`)
		taken, ok := errors.AsType[*store.KeyTakenError](err)
		require.True(t, ok, "the details are where they were")
		assert.Equal(t, tilltest.TheOrder, taken.Owner.ID)

		second.PaymentRequestID = "preq-2"
		_, err = x.Orders.Create(x.Ctx, second)
		require.NoError(t, err)
		x.Paid()
		x.Observe(tilltest.PaymentNotice(tilltest.Notice{Payment: "pay-2", PaymentRequest: "preq-2",
			Minor: tilltest.TheAmount}))
		capture := func(id string) error {
			first := true
			x.Config.NewID = func() string {
				if first {
					first = false
					return "twice"
				}
				return x.IDs.Next()
			}
			x.Open(x.Bank)
			_, err := x.Orders.Capture(x.Ctx, id, order.Capture{CommandID: "c-" + id, Amount: tilltest.USD(1)})
			return err
		}
		require.NoError(t, capture(tilltest.TheOrder))
		touched := x.Bank.Touched()
		err = capture("o-2")
		require.ErrorIs(t, err, store.ErrKeyTaken)
		assert.EqualError(t, err, `order o-2: capture was not recorded: the captureRequestId "twice" belongs to order "o-1" `+
			`already; Config.NewID minted it, and must never give an id twice`)
		assert.Equal(t, touched, x.Bank.Touched(), "nothing is sent")
	})
}

// Others who change the order all the time are told of as others, not as conflicts of versions.
func TestErrorsSpeakOfOrders_Contended(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	x.Place(order.CaptureManual)
	x.Paid()
	log.OnAppendError = func() error {
		return &store.ConflictError{Stream: events.OrderStream(tilltest.TheOrder), Want: 2, Have: 3}
	}
	_, err := x.Cancel()
	require.ErrorIs(t, err, tilltape.ErrContended)
	assert.EqualError(t, err, "order o-1: cancel never had its turn: order is contended: others changed the order 100 "+
		"times in a row; try again")
}

// A mint that gives what no log can hold is named, and not the record that it was for.
func TestErrorsSpeakOfOrders_AMintThatIsUnusable(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Place(order.CaptureManual)
		x.Paid()
		x.Config.NewID = func() string { return "" }
		x.Open(x.Bank)
		_, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: tilltest.CommandID})
		require.ErrorIs(t, err, store.ErrInvalid)
		speaksOfOrders(t, err, "order o-1: cancel was not recorded", "Config.NewID")
	})
}

// A log that was opened for reading has certainly not taken the command.
func TestALogForReadingLeavesNoDoubt(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	x.Place(order.CaptureManual)
	x.Paid()
	log.OnAppendError = func() error { return store.ErrReadOnly }
	result, err := x.Cancel()
	require.ErrorIs(t, err, store.ErrReadOnly)
	require.NotErrorIs(t, err, tilltape.ErrInDoubt)
	assert.Equal(t, tilltape.Broken, result.Outcome)
	assert.Zero(t, x.Bank.Touched())
}

// APO tells of a refund that failed, and not why: the error does not end in an empty place.
func TestAFailureWithoutACodeSaysSo(t *testing.T) {
	err := &order.FailedError{OrderID: "o-1", Command: order.VerbRefund}
	assert.EqualError(t, err, "order o-1: refund failed: APO gave no code; its id is closed, give the command again "+
		"under a new id if it is still wanted")
}
