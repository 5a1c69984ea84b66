package tilltest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/internal/translate"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// step is one thing that happens to an order.
type step struct {
	name string
	do   func(*Till)
}

var Modes = map[string]events.CaptureMode{"one-step": order.CaptureNone, "automatic": order.CaptureAutomatic,
	"manual": order.CaptureManual}

// steps is the alphabet that brings an order into every cell the tests are about.
func steps() []step {
	answered := func(f Fault, command func(*Till)) func(*Till) {
		return func(x *Till) {
			x.Bank.Script = []Fault{f}
			command(x)
			x.Bank.Script = nil
		}
	}
	cancel := func(x *Till) { _, _ = x.Cancel() }
	capture := func(x *Till) { _, _ = x.Capture(ThePart) }
	refund := func(x *Till) { _, _ = x.Refund(ThePart) }
	at := Dawn()
	return []step{
		{"paid", func(x *Till) { x.Paid() }},
		{"failed", func(x *Till) {
			x.Observe(PaymentNotice(Notice{Payment: ThePayment, PaymentRequest: TheRequest, Code: "USER_BALANCE_NOT_ENOUGH",
				At: at}))
		}},
		{"captured in full", func(x *Till) {
			x.Observe(CaptureNotice(Notice{Payment: ThePayment, Transfer: "cap-f", Minor: TheAmount, At: at}))
		}},
		{"captured in part", func(x *Till) {
			x.Observe(CaptureNotice(Notice{Payment: ThePayment, Transfer: "cap-p", Minor: ThePart, At: at}))
		}},
		{"capture failed", func(x *Till) {
			x.Observe(CaptureNotice(Notice{Payment: ThePayment, Transfer: "cap-x", Code: "PROCESS_FAIL", At: at}))
		}},
		{"capture reversed", func(x *Till) {
			x.Observe(CaptureNotice(Notice{Payment: ThePayment, Transfer: "cap-p", Code: "PROCESS_FAIL", At: at}))
		}},
		{"cancelled", func(x *Till) { x.Observe(CancelAnswer(ThePayment)) }},
		{"refunded in part", func(x *Till) { x.Observe(x.RefundOfOurs(ThePart)) }},
		{"cancel U", answered(SaysU, cancel)},
		{"cancel S", answered(Fault{Status: "S", Code: "SUCCESS", Undone: true}, cancel)},
		{"cancel dies", func(x *Till) { x.dies(order.Cancel{CommandID: x.IDs.Next()}) }},
		{"capture U", answered(SaysU, capture)},
		{"capture accepted", answered(Fault{Status: "U", Code: "CAPTURE_IN_PROCESS", Undone: true}, capture)},
		{"capture dies", func(x *Till) { x.dies(order.Capture{CommandID: x.IDs.Next(), Amount: USD(ThePart)}) }},
		{"capture parked", func(x *Till) {
			known, deaf := x.Bank.Accounts, x.Bank.Deaf
			x.Bank.Accounts, x.Bank.Deaf = nil, false // APO answers that it has never heard of the payment
			_, _ = x.Capture(ThePart)
			x.Bank.Accounts, x.Bank.Deaf = known, deaf
		}},
		{"refund U", answered(SaysU, refund)},
		{"refund accepted", answered(Fault{Status: "S", Code: "SUCCESS", Undone: true}, refund)},
		{"refund dies", func(x *Till) { x.dies(order.Refund{CommandID: x.IDs.Next(), Amount: USD(ThePart)}) }},
	}
}

// RefundOfOurs is a refund's notification as APO finds the order by: a request id that is on record. Where no refund of
// ours is, none can be correlated, and it is told by an inquiry instead; here a key of the order stands in.
func (x *Till) RefundOfOurs(minor int64) apo.Verified {
	facts, _ := TheOffice().Answer(apo.OpInquirePayment,
		map[string]any{"result": Result("S", "SUCCESS"), "paymentStatus": "SUCCESS",
			"paymentId": ThePayment, "paymentRequestId": TheRequest, "paymentAmount": Wire(TheAmount),
			"transactions": []map[string]any{{"transactionType": "REFUND", "transactionStatus": "SUCCESS",
				"transactionId":        "ref-d",
				"transactionRequestId": "dash-r", "transactionAmount": Wire(minor), "transactionTime": Stamp(Dawn())}}})
	return facts[len(facts)-1]
}

// dies drives a command to its call and stops there for good, as a crash does.
func (x *Till) dies(c order.Command) {
	x.T.Helper()
	d := x.Drive(c)
	for d.Task().Kind == engine.Read || d.Task().Kind == engine.Append {
		x.Perform(d)
	}
}

func (x *Till) Drive(c order.Command) *engine.Drive {
	env := func() order.Env {
		return order.Env{Now: x.Clock.Now(), NewID: x.IDs.Next, Policy: x.Config.Policy}
	}
	return engine.New(TheOrder, c, env, "ada")
}

// Perform does what a drive asks for.
func (x *Till) Perform(d *engine.Drive) {
	x.T.Helper()
	switch t := d.Task(); t.Kind {
	case engine.Read:
		var records []events.Record
		for r, err := range x.Log.Read(x.Ctx, t.Stream, t.After) {
			require.NoError(x.T, err)
			records = append(records, r)
		}
		d.Loaded(records, nil)
	case engine.Append:
		_, err := x.Log.Append(x.Ctx, t.Stream, t.After, t.Records...)
		d.Appended(err)
	case engine.Ask:
		if t.Call.IsInquiry() {
			d.Inquired(translate.Inquire(x.Ctx, x.Bank, t.Call))
			return
		}
		d.Answered(translate.Command(x.Ctx, x.Bank, t.Call))
	}
}

// Cell is where an order stands, as the laws see it.
type Cell struct {
	Status  order.Status
	Op      order.CallKind
	Phase   order.Phase
	Gateway order.GatewayCapture
}

func (c Cell) String() string {
	return fmt.Sprintf("%s, %s %s, gateway %s", c.Status, c.Op, c.Phase, c.Gateway)
}

func cellOf(o order.Order) Cell {
	p := Op(o)
	return Cell{o.Status, p.Kind, p.Phase, o.Gateway}
}

// place is a cell with what else decides how it goes on; the search tells places apart, the laws cells.
type place struct {
	Cell
	captured, refunded, Held int64
	accepted, doubts         int
}

func placeOf(o order.Order) place {
	return place{cellOf(o), o.Captured + o.Late.Captured, o.Refunded + o.Late.Refunded, int64(len(o.Held)),
		len(o.Accepted), len(o.Doubts())}
}

// Reach builds the order that a path of steps leads to.
func Reach(t testing.TB, mode events.CaptureMode, path []step) *Till {
	x := NewTill(t, memory.New())
	x.Bank.Deaf = true
	c := Placing(mode)
	c.PaymentID = ThePayment // as where pay has answered: APO's notifications find the order by it
	_, err := x.Orders.Create(x.Ctx, c)
	require.NoError(t, err)
	for _, s := range path {
		s.do(x)
	}
	return x
}

// pathMax bounds the search: no cell needs more steps.
const pathMax = 5

// Paths is a shortest path to every place that the steps reach. It is searched once a mode, and must not be changed.
func Paths(t testing.TB, mode events.CaptureMode) map[place][]step {
	searched.Lock()
	defer searched.Unlock()
	if searched.paths[mode] == nil {
		searched.paths[mode] = search(t, mode)
	}
	return searched.paths[mode]
}

var searched = struct {
	sync.Mutex
	paths map[events.CaptureMode]map[place][]step
}{paths: map[events.CaptureMode]map[place][]step{}}

func search(t testing.TB, mode events.CaptureMode) map[place][]step {
	alphabet := steps()
	found := map[place][]step{placeOf(Reach(t, mode, nil).Get()): nil}
	frontier := [][]step{nil}
	for range pathMax {
		var next [][]step
		for _, path := range frontier {
			for _, s := range alphabet {
				longer := append(slices.Clip(path), s)
				p := placeOf(Reach(t, mode, longer).Get())
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
