package tilltape_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// badIDs are identifiers that no order, payment, command or person can have.
var badIDs = map[string]string{
	"over-long":     strings.Repeat("x", events.IDMax+1),
	"with NUL":      "o\x00",
	"with newline":  "o\n1",
	"with slash":    "o/1",
	"invalid UTF-8": "o\xff",
}

// untouched gives a command and asserts that it is refused with one clear error, and that nothing came of it.
func untouched(t *testing.T, log store.Log, give func(*till) error, is error, says ...string) {
	t.Helper()
	x := newTill(t, log)
	x.captured(thePart)
	before, calls := x.get(), x.bank.touched()
	var records uint64
	for r, err := range log.All(x.ctx, store.Start()) {
		require.NoError(t, err)
		records = r.Position
	}
	var err error
	require.NotPanics(t, func() { err = give(x) })
	require.ErrorIs(t, err, is)
	for _, s := range says {
		assert.Contains(t, err.Error(), s)
	}
	assert.NotContains(t, err.Error(), "\n", "one line")
	assert.Equal(t, before, x.get(), "nothing is appended")
	assert.Equal(t, calls, x.bank.touched(), "nothing is sent")
	for r, err := range log.All(x.ctx, store.After(events.Record{Position: records})) {
		require.NoError(t, err)
		if r.Stream.Category != events.CategoryRefusal { // what was wanted and not done is on record beside the order
			assert.Fail(t, "appended", r.Event.Kind())
		}
	}
}

type bad struct {
	name string
	give func(*till) error
	is   error
	says []string
}

func creating(change func(*order.Create)) func(*till) error {
	return func(x *till) error {
		c := placing(order.CaptureManual)
		c.Order, c.PaymentRequestID = "o-2", "preq-2"
		change(&c)
		_, err := x.orders.Create(x.ctx, c)
		return err
	}
}

func badCreates() []bad {
	out := []bad{
		{"create, empty order id", creating(func(c *order.Create) { c.Order = "" }), order.ErrInvalid, []string{"order id"}},
		{"create, empty paymentRequestId", creating(func(c *order.Create) { c.PaymentRequestID = "" }), order.ErrInvalid, []string{"paymentRequestId"}},
		{"create, empty method", creating(func(c *order.Create) { c.Method = "" }), order.ErrInvalid, []string{"method"}},
		{"create, no amount", creating(func(c *order.Create) { c.Amount.Minor = 0 }), order.ErrInvalid, []string{"amount", "more than zero"}},
		{"create, negative amount", creating(func(c *order.Create) { c.Amount.Minor = -1 }), order.ErrInvalid, []string{"amount", "-1"}},
		{"create, least amount", creating(func(c *order.Create) { c.Amount.Minor = math.MinInt64 }), order.ErrInvalid, []string{"amount"}},
		{"create, no currency", creating(func(c *order.Create) { c.Amount.Currency = "" }), order.ErrInvalid, []string{"currency"}},
		{"create, unknown currency", creating(func(c *order.Create) { c.Amount.Currency = "XXQ" }), order.ErrInvalid, []string{"currency", "XXQ"}},
		{"create, lower case currency", creating(func(c *order.Create) { c.Amount.Currency = "usd" }), order.ErrInvalid, []string{"currency"}},
		{"create, unknown capture mode", creating(func(c *order.Create) { c.CaptureMode = 9 }), order.ErrInvalid, []string{"capture mode"}},
	}
	for name, id := range badIDs {
		for field, set := range map[string]func(*order.Create){
			"order id":         func(c *order.Create) { c.Order = id },
			"paymentRequestId": func(c *order.Create) { c.PaymentRequestID = id },
			"paymentId":        func(c *order.Create) { c.PaymentID = id },
			"method":           func(c *order.Create) { c.Method = id },
			"acquirer":         func(c *order.Create) { c.Acquirer = id },
			"command id":       func(c *order.Create) { c.ID = id },
			"actor":            func(c *order.Create) { c.Actor = id },
		} {
			out = append(out, bad{"create, " + field + " " + name, creating(set), order.ErrInvalid, []string{field}})
		}
	}
	return out
}

// commands gives each command of an order, with those three fields.
func eachCommand(id, commandID, actor string) map[string]func(*till) error {
	return map[string]func(*till) error{
		"cancel": func(x *till) error {
			_, err := x.orders.Cancel(x.ctx, id, order.Cancel{ID: commandID, Actor: actor})
			return err
		},
		"capture": func(x *till) error {
			_, err := x.orders.Capture(x.ctx, id, order.Capture{ID: commandID, Actor: actor, Amount: usd(1)})
			return err
		},
		"refund": func(x *till) error {
			_, err := x.orders.Refund(x.ctx, id, order.Refund{ID: commandID, Actor: actor, Amount: usd(1)})
			return err
		},
		"resolve": func(x *till) error {
			_, err := x.orders.Resolve(x.ctx, id, order.Resolve{ID: commandID, Actor: actor, Resolution: events.ResolvedFailed, Statement: "s"})
			return err
		},
		"clear anomaly": func(x *till) error {
			_, err := x.orders.ClearAnomaly(x.ctx, id, order.ClearAnomaly{ID: commandID, Actor: actor, Anomaly: 1})
			return err
		},
	}
}

func badCommands() []bad {
	var out []bad
	for verb, give := range eachCommand("o-none", "", "") {
		out = append(out, bad{verb + ", unknown order", give, order.ErrUnknownOrder, []string{"o-none", "create it first"}})
	}
	for name, id := range badIDs {
		for verb, give := range eachCommand(theOrder, id, "") {
			out = append(out, bad{verb + ", command id " + name, give, order.ErrInvalid, []string{theOrder, "command id"}})
		}
		for verb, give := range eachCommand(theOrder, "", id) {
			out = append(out, bad{verb + ", actor " + name, give, order.ErrInvalid, []string{theOrder, "actor"}})
		}
		for verb, give := range eachCommand(id, "", "") {
			out = append(out, bad{verb + ", order id " + name, give, order.ErrInvalid, []string{verb, "order id"}})
		}
	}
	out = append(out, bad{"get, order id with slash", func(x *till) error {
		_, err := x.orders.Get(x.ctx, "o/1")
		return err
	}, order.ErrInvalid, []string{"o/1", "order id", "leave it out"}})
	for verb, give := range eachCommand("", "", "") {
		out = append(out, bad{verb + ", order id empty", give, order.ErrInvalid, []string{verb, "order id"}})
	}
	return out
}

func badAmountsAndTexts() []bad {
	var out []bad
	for name, m := range map[string]order.Money{
		"zero": usd(0), "negative": usd(-1), "least": usd(math.MinInt64), "above the remainder": usd(theAmount - thePart + 1),
		"overflowing": usd(math.MaxInt64), "other currency": {Minor: 1, Currency: "EUR"}, "unknown currency": {Minor: 1, Currency: "XXQ"}, "no currency": {Minor: 1},
	} {
		out = append(out,
			bad{"capture, amount " + name, func(x *till) error {
				_, err := x.orders.Capture(x.ctx, theOrder, order.Capture{Amount: m})
				return err
			}, order.ErrRejected, []string{theOrder, "capture rejected"}},
			bad{"refund, amount " + name, func(x *till) error {
				_, err := x.orders.Refund(x.ctx, theOrder, order.Refund{Amount: m})
				return err
			}, order.ErrRejected, []string{theOrder, "refund rejected"}})
	}
	long := strings.Repeat("x", events.TextMax+1)
	return append(out,
		bad{"cancel, reason too long", func(x *till) error {
			_, err := x.orders.Cancel(x.ctx, theOrder, order.Cancel{Reason: long})
			return err
		}, order.ErrInvalid, []string{theOrder, "reason"}},
		bad{"cancel, reason not text", func(x *till) error {
			_, err := x.orders.Cancel(x.ctx, theOrder, order.Cancel{Reason: "\xff"})
			return err
		}, order.ErrInvalid, []string{"reason", "UTF-8"}},
		bad{"refund, reason too long for APO", func(x *till) error {
			_, err := x.orders.Refund(x.ctx, theOrder, order.Refund{Amount: usd(1), Reason: long[:order.RefundReasonMax+1]})
			return err
		}, order.ErrInvalid, []string{"reason", "256"}},
		bad{"resolve, no statement", func(x *till) error {
			_, err := x.orders.Resolve(x.ctx, theOrder, order.Resolve{Resolution: events.ResolvedFailed})
			return err
		}, order.ErrInvalid, []string{"statement"}},
		bad{"resolve, no such resolution", func(x *till) error {
			_, err := x.orders.Resolve(x.ctx, theOrder, order.Resolve{Resolution: 7, Statement: "s"})
			return err
		}, order.ErrInvalid, []string{"resolution"}},
		bad{"clear anomaly, reason too long", func(x *till) error {
			_, err := x.orders.ClearAnomaly(x.ctx, theOrder, order.ClearAnomaly{Anomaly: 1, Reason: long})
			return err
		}, order.ErrInvalid, []string{"reason"}})
}

func TestBadInput(t *testing.T) {
	for _, list := range [][]bad{badCreates(), badCommands(), badAmountsAndTexts()} {
		for _, b := range list {
			t.Run(b.name, func(t *testing.T) {
				stores(t, func(t *testing.T, log store.Log) { untouched(t, log, b.give, b.is, b.says...) })
			})
		}
	}
}

// A caller's own NewID can go wrong too: what it returns is checked before anything is written or sent.
func TestBadInput_UnusableMintedIds(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		x.captured(theAmount)
		for name, id := range badIDs {
			version, calls := x.get().Version, x.bank.touched()
			x.cfg.NewID = func() string { return id }
			x.open(x.bank)
			_, err := x.orders.Refund(x.ctx, theOrder, order.Refund{ID: "r-1", Amount: usd(1)})
			require.Error(t, err, name)
			assert.Contains(t, err.Error(), theOrder)
			assert.Equal(t, version, x.get().Version, name)
			assert.Equal(t, calls, x.bank.touched(), name)
		}
	})
}

// The same record id for everything looks like a retried append; nothing may be taken for written that is not.
func TestBadInput_MintedIdsThatRepeat(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		x.place(order.CaptureManual)
		x.paid()
		x.cfg.NewID = func() string { return "always" }
		x.open(x.bank)
		_, err := x.orders.Cancel(x.ctx, theOrder, order.Cancel{ID: "c-1"})
		if err != nil {
			require.ErrorIs(t, err, tilltape.ErrUnresolved)
		}
		require.LessOrEqual(t, x.bank.accounts[0].cancels, 1)
		require.NoError(t, x.lawful())
	})
}
