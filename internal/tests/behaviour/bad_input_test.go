package behaviour_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// badIDs are identifiers that no order, payment, command or person can have.
var badIDs = map[string]string{
	"over-long":     strings.Repeat("x", events.IDMax+1),
	"with NUL":      "o\x00",
	"with newline":  "o\n1",
	"with tab":      "o\t1",
	"invalid UTF-8": "o\xff",
}

// untouched gives a command and asserts that it is refused with one clear error, and that nothing came of it.
func untouched(t *testing.T, log store.Log, give func(*tilltest.Till) error, is error, says ...string) {
	t.Helper()
	x := tilltest.NewTill(t, log)
	x.Captured(tilltest.ThePart)
	before, calls := x.Get(), x.Bank.Touched()
	var records uint64
	for r, err := range log.All(x.Ctx, store.Start()) {
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
	assert.Equal(t, before, x.Get(), "nothing is appended")
	assert.Equal(t, calls, x.Bank.Touched(), "nothing is sent")
	for r, err := range log.All(x.Ctx, store.After(events.Record{Position: records})) {
		require.NoError(t, err)
		if r.Stream.Category != events.CategoryRefusal { // what was wanted and not done is on record beside the order
			assert.Fail(t, "appended", r.Event.Kind())
		}
	}
}

type bad struct {
	name string
	give func(*tilltest.Till) error
	is   error
	says []string
}

func creating(change func(*order.Create)) func(*tilltest.Till) error {
	return func(x *tilltest.Till) error {
		c := tilltest.Placing(order.CaptureManual)
		c.OrderID, c.PaymentRequestID = "o-2", "preq-2"
		change(&c)
		_, err := x.Orders.Create(x.Ctx, c)
		return err
	}
}

func badCreates() []bad {
	out := []bad{
		{"create, empty order id", creating(func(c *order.Create) { c.OrderID = "" }), order.ErrInvalid,
			[]string{"order id"}},
		{"create, empty paymentRequestId", creating(func(c *order.Create) { c.PaymentRequestID = "" }), order.ErrInvalid,
			[]string{"paymentRequestId"}},
		{"create, empty method", creating(func(c *order.Create) { c.Method = "" }), order.ErrInvalid, []string{"method"}},
		{"create, no amount", creating(func(c *order.Create) { c.Amount.Minor = 0 }), order.ErrInvalid,
			[]string{"amount", "more than zero"}},
		{"create, negative amount", creating(func(c *order.Create) { c.Amount.Minor = -1 }), order.ErrInvalid,
			[]string{"amount", "USD -0.01"}},
		{"create, least amount", creating(func(c *order.Create) { c.Amount.Minor = math.MinInt64 }), order.ErrInvalid,
			[]string{"amount"}},
		{"create, no currency", creating(func(c *order.Create) { c.Amount.Currency = "" }), order.ErrInvalid,
			[]string{"currency"}},
		{"create, unknown currency", creating(func(c *order.Create) { c.Amount.Currency = "XXQ" }), order.ErrInvalid,
			[]string{"currency", "XXQ"}},
		{"create, lower case currency", creating(func(c *order.Create) { c.Amount.Currency = "usd" }), order.ErrInvalid,
			[]string{`currency is "usd"; give an ISO 4217 code in capitals`}},
		{"create, unknown capture mode", creating(func(c *order.Create) { c.CaptureMode = 9 }), order.ErrInvalid,
			[]string{"capture mode"}},
	}
	for name, id := range badIDs {
		for field, set := range map[string]func(*order.Create){
			"order id":          func(c *order.Create) { c.OrderID = id },
			"paymentRequestId":  func(c *order.Create) { c.PaymentRequestID = id },
			"paymentId":         func(c *order.Create) { c.PaymentID = id },
			"method":            func(c *order.Create) { c.Method = id },
			"acquirer":          func(c *order.Create) { c.Acquirer = id },
			"merchantAccountId": func(c *order.Create) { c.MerchantAccountID = id },
			"command id":        func(c *order.Create) { c.CommandID = id },
			"actor":             func(c *order.Create) { c.Actor = id },
		} {
			out = append(out, bad{"create, " + field + " " + name, creating(set), order.ErrInvalid, []string{field}})
		}
	}
	return out
}

// eachCommand gives each command of an order, with those three fields.
func eachCommand(id, commandID, actor string) map[string]func(*tilltest.Till) error {
	return map[string]func(*tilltest.Till) error{
		"cancel": func(x *tilltest.Till) error {
			_, err := x.Orders.Cancel(x.Ctx, id, order.Cancel{CommandID: commandID, Actor: actor})
			return err
		},
		"capture": func(x *tilltest.Till) error {
			_, err := x.Orders.Capture(x.Ctx, id, order.Capture{CommandID: commandID, Actor: actor, Amount: tilltest.USD(1)})
			return err
		},
		"refund": func(x *tilltest.Till) error {
			_, err := x.Orders.Refund(x.Ctx, id, order.Refund{CommandID: commandID, Actor: actor, Amount: tilltest.USD(1)})
			return err
		},
		"resolve": func(x *tilltest.Till) error {
			_, err := x.Orders.Resolve(x.Ctx, id,
				order.Resolve{CommandID: commandID, Actor: actor, Resolution: events.ResolvedFailed, Statement: "s"})
			return err
		},
		"clear anomaly": func(x *tilltest.Till) error {
			_, err := x.Orders.ClearAnomaly(x.Ctx, id, order.ClearAnomaly{CommandID: commandID, Actor: actor, Anomaly: 1})
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
		for verb, give := range eachCommand(tilltest.TheOrder, id, "") {
			out = append(out, bad{verb + ", command id " + name, give, order.ErrInvalid,
				[]string{tilltest.TheOrder, "command id"}})
		}
		for verb, give := range eachCommand(tilltest.TheOrder, "", id) {
			out = append(out, bad{verb + ", actor " + name, give, order.ErrInvalid, []string{tilltest.TheOrder, "actor"}})
		}
		for verb, give := range eachCommand(id, "", "") {
			out = append(out, bad{verb + ", order id " + name, give, order.ErrInvalid, []string{verb, "order id"}})
		}
	}
	out = append(out, bad{"get, order id with tab", func(x *tilltest.Till) error {
		_, err := x.Orders.Get(x.Ctx, "o\t1")
		return err
	}, order.ErrInvalid, []string{`order "o\t1": read: order id "o\t1" has the control character U+0009 at byte 2`,
		"leave it out"}})
	for verb, give := range eachCommand("", "", "") {
		out = append(out, bad{verb + ", order id empty", give, order.ErrInvalid, []string{verb, "order id"}})
	}
	return out
}

func badAmountsAndTexts() []bad {
	var out []bad
	for name, m := range map[string]order.Money{
		"zero": tilltest.USD(0), "negative": tilltest.USD(-1), "least": tilltest.USD(math.MinInt64),
		"above the remainder": tilltest.USD(tilltest.TheAmount - tilltest.ThePart + 1),
		"overflowing":         tilltest.USD(math.MaxInt64), "other currency": {Minor: 1, Currency: "EUR"},
		"unknown currency": {Minor: 1, Currency: "XXQ"}, "no currency": {Minor: 1},
	} {
		out = append(out,
			bad{"capture, amount " + name, func(x *tilltest.Till) error {
				_, err := x.Orders.Capture(x.Ctx, tilltest.TheOrder, order.Capture{Amount: m})
				return err
			}, order.ErrRejected, []string{tilltest.TheOrder, "capture rejected"}},
			bad{"refund, amount " + name, func(x *tilltest.Till) error {
				_, err := x.Orders.Refund(x.Ctx, tilltest.TheOrder, order.Refund{Amount: m})
				return err
			}, order.ErrRejected, []string{tilltest.TheOrder, "refund rejected"}})
	}
	long := strings.Repeat("x", events.TextMax+1)
	return append(out,
		bad{"cancel, reason too long", func(x *tilltest.Till) error {
			_, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{Reason: long})
			return err
		}, order.ErrInvalid, []string{tilltest.TheOrder, "reason"}},
		bad{"cancel, reason not text", func(x *tilltest.Till) error {
			_, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{Reason: "\xff"})
			return err
		}, order.ErrInvalid, []string{"reason", "UTF-8"}},
		bad{"refund, reason too long for APO", func(x *tilltest.Till) error {
			_, err := x.Orders.Refund(x.Ctx, tilltest.TheOrder,
				order.Refund{Amount: tilltest.USD(1), Reason: long[:order.RefundReasonMax+1]})
			return err
		}, order.ErrInvalid, []string{"reason", "256"}},
		bad{"resolve, no statement", func(x *tilltest.Till) error {
			_, err := x.Orders.Resolve(x.Ctx, tilltest.TheOrder, order.Resolve{Resolution: events.ResolvedFailed})
			return err
		}, order.ErrInvalid, []string{"statement"}},
		bad{"resolve, no such resolution", func(x *tilltest.Till) error {
			_, err := x.Orders.Resolve(x.Ctx, tilltest.TheOrder, order.Resolve{Resolution: 7, Statement: "s"})
			return err
		}, order.ErrInvalid, []string{"resolution"}},
		bad{"clear anomaly, reason too long", func(x *tilltest.Till) error {
			_, err := x.Orders.ClearAnomaly(x.Ctx, tilltest.TheOrder, order.ClearAnomaly{Anomaly: 1, Reason: long})
			return err
		}, order.ErrInvalid, []string{"reason"}})
}

func TestBadInput(t *testing.T) {
	for _, list := range [][]bad{badCreates(), badCommands(), badAmountsAndTexts()} {
		for _, b := range list {
			t.Run(b.name, func(t *testing.T) {
				tilltest.Stores(t, func(t *testing.T, log store.Log) { untouched(t, log, b.give, b.is, b.says...) })
			})
		}
	}
}

// A caller's own NewID can go wrong too: what it returns is checked before anything is written or sent.
func TestBadInput_UnusableMintedIds(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Captured(tilltest.TheAmount)
		for name, id := range badIDs {
			version, calls := x.Get().Version, x.Bank.Touched()
			x.Config.NewID = func() string { return id }
			x.Open(x.Bank)
			_, err := x.Orders.Refund(x.Ctx, tilltest.TheOrder, order.Refund{CommandID: "r-1", Amount: tilltest.USD(1)})
			require.Error(t, err, name)
			assert.Contains(t, err.Error(), tilltest.TheOrder)
			assert.Equal(t, version, x.Get().Version, name)
			assert.Equal(t, calls, x.Bank.Touched(), name)
		}
	})
}

// The same record id for everything looks like a retried append; nothing may be taken for written that is not.
func TestBadInput_MintedIdsThatRepeat(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Place(order.CaptureManual)
		x.Paid()
		x.Config.NewID = func() string { return "always" }
		x.Open(x.Bank)
		_, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: "c-1"})
		if err != nil {
			require.ErrorIs(t, err, tilltape.ErrUnresolved)
		}
		require.LessOrEqual(t, x.Bank.Accounts[0].Cancels, 1)
		require.NoError(t, x.Lawful())
	})
}
