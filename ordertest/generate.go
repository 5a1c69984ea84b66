package ordertest

import (
	"errors"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// StepsMax is the most steps that [Commands] draws after an order's creation.
const StepsMax = 30

// Commands generates what may happen to one order, from its creation on: commands that people give, facts that APO
// proves, claims, and answers of all classes to what is claimed. Each is legal where it stands and changes something; a
// [Till] that plays the steps is never refused. Every order has the id, and its ids and lookup keys contain it, so that
// several can stand in one log. It is shrunk to fewer and simpler steps.
func Commands(id string) *rapid.Generator[[]Step] {
	return rapid.Custom(func(t *rapid.T) []Step {
		steps, _ := draw(t, id)
		return steps
	})
}

// Histories generates tills that have kept one order: its records as a log would hold them, every prefix that ends at
// one of Bounds a log itself, and the order as they tell it. Otherwise as [Commands].
func Histories(id string) *rapid.Generator[*Till] {
	return rapid.Custom(func(t *rapid.T) *Till {
		_, till := draw(t, id)
		return till
	})
}

// author draws one order's life.
type author struct {
	*Till
	t     *rapid.T
	id    string
	given int // commands so far, for their ids
	steps []Step
}

func draw(t *rapid.T, id string) ([]Step, *Till) {
	if err := events.CheckID("order id", id); err != nil || len(id) > orderIDMax {
		panic(fmt.Sprintf("ordertest: order id %q: give 1 to %d bytes, so that ids made from it stay within %d", id,
			orderIDMax, events.IDMax))
	}
	a := &author{Till: NewTill(), t: t, id: id}
	a.try(a.create())
	for range rapid.IntRange(0, StepsMax).Draw(t, "steps") {
		if c := a.next(); c != nil {
			a.try(c)
		}
	}
	return a.steps, a.Till
}

// orderIDMax leaves room for what is put around an order's id.
const orderIDMax = 40

// try gives the command and keeps it as a step, if it is legal now and changes something.
func (a *author) try(c order.Command) {
	records, err := a.Do(c)
	var rejected *order.RejectedError
	switch {
	case err == nil && len(records) > 0:
		a.steps = append(a.steps, Step{At: a.Now, Command: c})
	case err == nil, errors.As(err, &rejected), errors.Is(err, order.ErrNotDue):
	default:
		panic(fmt.Sprintf("ordertest: %#v was made badly: %v", c, err))
	}
}

// name makes an id for something of this order.
func (a *author) name(what string) string {
	a.given++
	return fmt.Sprintf("%s-%s-%d", what, a.id, a.given)
}

func (a *author) create() order.Create {
	c := order.Create{CommandID: a.name("create"), OrderID: a.id, PaymentRequestID: "pr-" + a.id, Actor: "shop",
		Amount: order.Money{
			Minor:    rapid.Int64Range(2, 1_000_000).Draw(a.t, "amount"),
			Currency: rapid.SampledFrom([]string{"EUR", "JPY", "KWD", "USD"}).Draw(a.t, "currency"),
		},
		CaptureMode: rapid.SampledFrom([]events.CaptureMode{order.CaptureManual, order.CaptureAutomatic,
			order.CaptureNone}).Draw(a.t, "capture mode"),
		Method: order.MethodCard, Acquirer: "ACME",
	}
	if c.CaptureMode == order.CaptureNone {
		c.Method = "ALIPAY_CN"
	}
	if rapid.Bool().Draw(a.t, "payment id known") {
		c.PaymentID = a.paymentID()
	}
	if rapid.Bool().Draw(a.t, "pay by known") {
		c.PayBy = Opened().Add(14 * time.Minute)
	}
	return c
}

func (a *author) paymentID() string { return "payment-" + a.id }

// next draws what happens next; nil where it does not apply.
func (a *author) next() order.Command {
	if a.parked() > 0 && rapid.Bool().Draw(a.t, "somebody looks after it") {
		if _, asking := a.Order.Claimed(); asking {
			return a.answer()
		}
		return a.operator()
	}
	switch rapid.IntRange(0, 9).Draw(a.t, "what") {
	case 0:
		return order.Cancel{CommandID: a.name("cancel"), Reason: "changed their mind", Actor: "shop"}
	case 1:
		return order.Capture{CommandID: a.name("capture"), Amount: a.part(a.Order.Capturable()),
			Last: rapid.Bool().Draw(a.t, "last"), Actor: "shop"}
	case 2:
		return order.Refund{CommandID: a.name("refund"), Amount: a.part(a.Order.Refundable()), Reason: "came back",
			Actor: "desk"}
	case 3:
		return a.claim()
	case 4, 5:
		return a.answer()
	case 6:
		return a.operator()
	case 7:
		a.Now = a.Now.Add(rapid.SampledFrom([]time.Duration{time.Second, 5 * time.Minute, 2 * time.Hour,
			8 * 24 * time.Hour}).Draw(a.t, "later"))
		return nil
	}
	return order.Observe{Fact: a.notified(a.fact())}
}

// claim takes what is due, or asks although nothing is.
func (a *author) claim() order.Command {
	if due := a.Order.NextDue(); due.After(a.Now) && rapid.Bool().Draw(a.t, "wait until due") {
		a.Now = due
	}
	return order.Claim{Inquire: rapid.Bool().Draw(a.t, "inquire anyway")}
}

// parked is the intent of an operation that a person has; 0: none.
func (a *author) parked() uint64 {
	for _, p := range a.Order.Operations() {
		if p.Phase == order.Parked {
			return p.Intent
		}
	}
	return 0
}

// operator looks after what needs a person.
func (a *author) operator() order.Command {
	switch intent := a.parked(); {
	case intent > 0:
		if rapid.Bool().Draw(a.t, "ask first") {
			return order.Claim{Inquire: true, Record: intent}
		}
		return order.Resolve{CommandID: a.name("resolve"), Actor: "ops", Statement: "APO's support says so, case 7",
			Record: intent, Resolution: a.resolution(), Override: rapid.Bool().Draw(a.t, "override")}
	case len(a.Order.Doubts()) > 0 && rapid.Bool().Draw(a.t, "settle it"):
		return order.Resolve{CommandID: a.name("settle"), Actor: "ops", Statement: "APO's support says so, case 8",
			Record: a.Order.Doubts()[0], Resolution: a.resolution()}
	case !a.Order.Late.IsZero() && rapid.Bool().Draw(a.t, "give it back"):
		return order.Compensate{CommandID: a.name("compensate"), Actor: "ops"}
	case len(a.Order.Anomalies) > 0:
		return order.ClearAnomaly{CommandID: a.name("clear"), Anomaly: a.Order.Anomalies[0].Version, Reason: "looked into it",
			Actor: "ops"}
	}
	return nil
}

func (a *author) resolution() events.Resolution {
	return rapid.SampledFrom([]events.Resolution{events.ResolvedSucceeded, events.ResolvedFailed}).Draw(a.t, "resolution")
}

// part draws some or all of what is left; where nothing is left, an amount that the order refuses.
func (a *author) part(left int64) order.Money {
	minor := max(left, 1)
	if rapid.Bool().Draw(a.t, "a part") {
		minor = rapid.Int64Range(1, minor).Draw(a.t, "minor")
	}
	return order.Money{Minor: minor, Currency: a.Order.Amount.Currency}
}
