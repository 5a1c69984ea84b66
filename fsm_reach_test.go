package tilltape_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// step is one thing that happens to an order.
type step struct {
	name string
	do   func(*till)
}

var modes = map[string]events.CaptureMode{"one-step": order.CaptureNone, "automatic": order.CaptureAutomatic, "manual": order.CaptureManual}

// steps is the alphabet that brings an order into every cell the tests are about.
func steps() []step {
	answered := func(f fault, command func(*till)) func(*till) {
		return func(x *till) {
			x.bank.script = []fault{f}
			command(x)
			x.bank.script = nil
		}
	}
	cancel := func(x *till) { _, _ = x.cancel() }
	capture := func(x *till) { _, _ = x.capture(thePart) }
	refund := func(x *till) { _, _ = x.refund(thePart) }
	at := dawn()
	return []step{
		{"paid", func(x *till) { x.paid() }},
		{"failed", func(x *till) {
			x.observe(paymentNotice(notice{Payment: thePayment, PaymentRequest: theRequest, Code: "USER_BALANCE_NOT_ENOUGH", At: at}))
		}},
		{"captured in full", func(x *till) {
			x.observe(captureNotice(notice{Payment: thePayment, Transfer: "cap-f", Minor: theAmount, At: at}))
		}},
		{"captured in part", func(x *till) {
			x.observe(captureNotice(notice{Payment: thePayment, Transfer: "cap-p", Minor: thePart, At: at}))
		}},
		{"capture failed", func(x *till) {
			x.observe(captureNotice(notice{Payment: thePayment, Transfer: "cap-x", Code: "PROCESS_FAIL", At: at}))
		}},
		{"capture reversed", func(x *till) {
			x.observe(captureNotice(notice{Payment: thePayment, Transfer: "cap-p", Code: "PROCESS_FAIL", At: at}))
		}},
		{"cancelled", func(x *till) { x.observe(cancelAnswer(thePayment)) }},
		{"refunded in part", func(x *till) { x.observe(x.refundOfOurs(thePart)) }},
		{"cancel U", answered(saysU, cancel)},
		{"cancel S", answered(fault{status: "S", code: "SUCCESS", undone: true}, cancel)},
		{"cancel dies", func(x *till) { x.dies(order.Cancel{ID: x.ids.next()}) }},
		{"capture U", answered(saysU, capture)},
		{"capture accepted", answered(fault{status: "U", code: "CAPTURE_IN_PROCESS", undone: true}, capture)},
		{"capture dies", func(x *till) { x.dies(order.Capture{ID: x.ids.next(), Amount: usd(thePart)}) }},
		{"capture parked", func(x *till) {
			known := x.bank.accounts
			x.bank.accounts = nil // APO has never heard of the payment
			_, _ = x.capture(thePart)
			x.bank.accounts = known
		}},
		{"refund U", answered(saysU, refund)},
		{"refund accepted", answered(fault{status: "S", code: "SUCCESS", undone: true}, refund)},
		{"refund dies", func(x *till) { x.dies(order.Refund{ID: x.ids.next(), Amount: usd(thePart)}) }},
	}
}

// refundOfOurs is a refund's notification as APO finds the order by: a request id that is on record. Where no refund of
// ours is, none can be correlated, and it is told by an inquiry instead; here a key of the order stands in.
func (x *till) refundOfOurs(minor int64) apo.Verified {
	facts, _ := theOffice().answer(apo.OpInquirePayment, map[string]any{"result": result("S", "SUCCESS"), "paymentStatus": "SUCCESS",
		"paymentId": thePayment, "paymentRequestId": theRequest, "paymentAmount": wire(theAmount),
		"transactions": []map[string]any{{"transactionType": "REFUND", "transactionStatus": "SUCCESS", "transactionId": "ref-d",
			"transactionRequestId": "dash-r", "transactionAmount": wire(minor), "transactionTime": stamp(dawn())}}})
	return facts[len(facts)-1]
}

// dies drives a command to its call and stops there for good, as a crash does.
func (x *till) dies(c order.Command) {
	x.t.Helper()
	d := x.drive(c)
	for d.Task().Kind == engine.Read || d.Task().Kind == engine.Append {
		x.perform(d)
	}
}

func (x *till) drive(c order.Command) *engine.Drive {
	env := func() order.Env {
		return order.Env{Now: x.clock.now(), NewID: x.ids.next, Policy: x.cfg.Policy}
	}
	return engine.New(theOrder, c, env, "ada")
}

// perform does what a drive asks for.
func (x *till) perform(d *engine.Drive) {
	x.t.Helper()
	switch t := d.Task(); t.Kind {
	case engine.Read:
		var records []events.Record
		for r, err := range x.log.Read(x.ctx, t.Stream, t.After) {
			require.NoError(x.t, err)
			records = append(records, r)
		}
		d.Loaded(records, nil)
	case engine.Append:
		_, err := x.log.Append(x.ctx, t.Stream, t.After, t.Records...)
		d.Appended(err)
	case engine.Ask:
		if t.Call.IsInquiry() {
			d.Inquired(tilltape.AskInquiry(x.ctx, x.bank, t.Call))
			return
		}
		d.Answered(tilltape.AskCommand(x.ctx, x.bank, t.Call))
	}
}

// cell is where an order stands, as the laws see it.
type cell struct {
	Status  order.Status
	Op      order.OpKind
	Phase   order.Phase
	Gateway order.GatewayCapture
}

func (c cell) String() string {
	return fmt.Sprintf("%s, %s %s, gateway %s", c.Status, c.Op, c.Phase, c.Gateway)
}

func cellOf(o order.Order) cell {
	return cell{o.Status, o.Operation.Kind, o.Operation.Phase, o.Gateway}
}

// place is a cell with what else decides how it goes on; the search tells places apart, the laws cells.
type place struct {
	cell
	captured, refunded, held int64
	reversed                 bool
}

func placeOf(o order.Order) place {
	return place{cellOf(o), o.Captured + o.Late.Captured, o.Refunded + o.Late.Refunded, int64(len(o.Held)), reversed(o)}
}

// reach builds the order that a path of steps leads to.
func reach(t testing.TB, mode events.CaptureMode, path []step) *till {
	x := newTill(t, memory.New())
	x.bank.deaf = true
	c := placing(mode)
	c.PaymentID = thePayment // as where pay has answered: APO's notifications find the order by it
	_, err := x.orders.Create(x.ctx, c)
	require.NoError(t, err)
	for _, s := range path {
		if s.name == "capture parked" {
			x.bank.deaf = false
		}
		s.do(x)
		x.bank.deaf = true
	}
	return x
}

// pathMax bounds the search: no cell needs more steps.
const pathMax = 5

// paths finds a shortest path to every place that the steps reach.
func paths(t testing.TB, mode events.CaptureMode) map[place][]step {
	alphabet := steps()
	found := map[place][]step{placeOf(reach(t, mode, nil).get()): nil}
	frontier := [][]step{nil}
	for range pathMax {
		var next [][]step
		for _, path := range frontier {
			for _, s := range alphabet {
				longer := append(slices.Clip(path), s)
				p := placeOf(reach(t, mode, longer).get())
				if _, known := found[p]; !known {
					found[p] = longer
					next = append(next, longer)
				}
			}
		}
		frontier = next
	}
	return found
}
