package tilltape_test

import (
	"fmt"
	"hash/crc32"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

func TestMain(m *testing.M) { tilltest.Main(m) }

// impossible says which cells no order can stand in, by the design alone; every other cell must be reached, so that the
// laws below leave none out.
func impossible(c tilltest.Cell) bool {
	at := func(ss ...order.Status) bool { return slices.Contains(ss, c.Status) }
	idle := c.Op == order.CallNone
	switch {
	case idle != (c.Phase == order.Idle):
		return true
	case c.Gateway != order.GatewayNone && at(order.Created, order.Paid, order.Failed):
		return true // a capture by APO itself begins with an authorization
	case c.Gateway != order.GatewayNone && c.Status == order.Cancelled && !idle:
		return true // cancelling ends it, and late money is no command's
	}
	switch c.Op {
	case order.CallCancel:
		return !at(order.Created, order.Authorized, order.Paid) || c.Phase == order.Accepted || c.Phase == order.Parked
	case order.CallCapture:
		return !at(order.Authorized, order.Captured, order.Refunded, order.Cancelled) || c.Gateway == order.GatewayOutstanding
	case order.CallRefund:
		return !at(order.Paid, order.Captured, order.Refunded, order.Cancelled) || c.Phase == order.Parked
	}
	return false
}

func TestLaw_EveryPossibleCellIsReachedAndNoOther(t *testing.T) {
	reached := map[tilltest.Cell]bool{}
	for _, mode := range tilltest.Modes {
		for p := range tilltest.Paths(t, mode) {
			reached[p.Cell] = true
		}
	}
	for _, s := range order.Statuses() {
		for _, op := range append([]law.OpKind{law.OpNone}, law.Operations()...) {
			for _, phase := range law.Phases() {
				for _, g := range law.GatewayCaptures() {
					c := tilltest.Cell{Status: s, Op: order.CallKind(op), Phase: order.Phase(phase), Gateway: order.GatewayCapture(g)}
					assert.Equal(t, !impossible(c), reached[c], c.String())
				}
			}
		}
	}
}

// attempt is a command tried in every cell.
type attempt struct {
	name string
	verb order.Verb
	rule func(order.Order, time.Time) tilltest.Ruling
	give func(*tilltest.Till) (tilltape.Result, error)
}

// attempts are the commands of section 3.3 with every amount that matters to an order.
func attempts(o order.Order) []attempt {
	cancel := attempt{"cancel", order.VerbCancel,
		func(o order.Order, _ time.Time) tilltest.Ruling { return tilltest.MayCancel(o) },
		func(x *tilltest.Till) (tilltape.Result, error) { return x.Cancel() }}
	out := []attempt{cancel}
	amounts := func(rest int64) []int64 { return []int64{1, rest, rest + 1, 0, -1, 1<<63 - 1, -1 << 63} }
	for _, minor := range amounts(o.Authorized - o.Captured) {
		out = append(out, attempt{fmt.Sprint("capture ", minor), order.VerbCapture,
			func(o order.Order, now time.Time) tilltest.Ruling { return tilltest.MayCapture(o, minor, now, true) },
			func(x *tilltest.Till) (tilltape.Result, error) { return x.Capture(minor) }})
	}
	for _, minor := range amounts(o.Captured - o.Refunded - tilltest.Accepted(o)) {
		out = append(out, attempt{fmt.Sprint("refund ", minor), order.VerbRefund,
			func(o order.Order, _ time.Time) tilltest.Ruling { return tilltest.MayRefund(o, minor) },
			func(x *tilltest.Till) (tilltape.Result, error) { return x.Refund(minor) }})
	}
	never := func(order.Order, time.Time) tilltest.Ruling { return tilltest.Refusal }
	euros := order.Money{Minor: 1, Currency: "EUR"}
	return append(out,
		attempt{"capture euros", order.VerbCapture, never, func(x *tilltest.Till) (tilltape.Result, error) {
			return x.Orders.Capture(x.Ctx, tilltest.TheOrder, order.Capture{Amount: euros})
		}},
		attempt{"refund euros", order.VerbRefund, never, func(x *tilltest.Till) (tilltape.Result, error) {
			return x.Orders.Refund(x.Ctx, tilltest.TheOrder, order.Refund{Amount: euros})
		}},
		attempt{"create other content", order.VerbCreate, never, func(x *tilltest.Till) (tilltape.Result, error) {
			c := tilltest.Placing(x.Get().CaptureMode)
			c.Amount = tilltest.USD(tilltest.TheAmount + 1)
			return x.Orders.Create(x.Ctx, c)
		}},
		attempt{"clear an anomaly that is not open", order.VerbClearAnomaly, never,
			func(x *tilltest.Till) (tilltape.Result, error) {
				return x.Orders.ClearAnomaly(x.Ctx, tilltest.TheOrder, order.ClearAnomaly{Anomaly: 1, Reason: "checked"})
			}},
		attempt{"resolve what is not parked", order.VerbResolve, func(o order.Order, _ time.Time) tilltest.Ruling {
			if o.Operation.Phase == order.Parked {
				return tilltest.Local
			}
			return tilltest.Refusal
		}, func(x *tilltest.Till) (tilltape.Result, error) {
			x.Bank.Deaf = false
			return x.Orders.Resolve(x.Ctx, tilltest.TheOrder,
				order.Resolve{Resolution: events.ResolvedFailed, Statement: "APO support, case 17"})
		}},
	)
}

func TestLaw_CommandsInEveryCell(t *testing.T) {
	for name, mode := range tilltest.Modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for p, path := range tilltest.Paths(t, mode) {
				if !drawn(p.Cell.String(), p.Held) {
					continue
				}
				x := tilltest.Reach(t, mode, path)
				for _, a := range attempts(x.Get()) {
					if judgeAttempt(t, x, a, fmt.Sprintf("%s in %s (held %d)", a.name, p.Cell, p.Held)) {
						x = tilltest.Reach(t, mode, path)
					}
				}
			}
		})
	}
}

// drawn tells whether a place is walked: where tests run whole every one is, and everyday one of sixteen by lot, which
// are the same each time.
func drawn(place ...any) bool {
	return crc32.ChecksumIEEE(fmt.Append(nil, place...))%uint32(long.Walk(1, 16)) == 0
}

// judgeAttempt gives the command, holds what happens against the rule, and tells whether anything was to happen.
func judgeAttempt(t *testing.T, x *tilltest.Till, a attempt, where string) (changed bool) {
	before, calls := x.Get(), x.Bank.Wired()
	x.Bank.Script = nil
	x.Bank.Next(tilltest.Fault{Status: "S", Code: "SUCCESS", Undone: true})
	result, err := a.give(x)
	after, rule := x.Get(), a.rule(before, x.Clock.Now())
	switch rule {
	case tilltest.Refusal:
		var r *order.RejectedError
		require.ErrorAs(t, err, &r, where)
		assert.NotEmpty(t, r.Remedy, where)
		assert.Contains(t, err.Error(), r.Remedy, where)
		assert.NotEmpty(t, r.Why(), where)
		assert.Equal(t, a.verb, r.Command, where)
		assert.Equal(t, before.Status, r.Status, where)
		assert.Equal(t, before, after, "%s: a refused command changes nothing", where)
		assert.Equal(t, calls, x.Bank.Wired(), "%s: a refused command sends nothing", where)
	case tilltest.Already:
		require.NoError(t, err, where)
		assert.Equal(t, before, after, where)
		assert.Equal(t, calls, x.Bank.Wired(), where)
	case tilltest.Local:
		require.NoError(t, err, where)
		assert.Greater(t, after.Version, before.Version, where)
		assert.Equal(t, calls, x.Bank.Wired(), where)
	case tilltest.Sends:
		if err != nil {
			require.NotErrorIs(t, err, order.ErrRejected, where)
		}
		assert.Equal(t, calls+1, x.Bank.Wired(), "%s: one call", where)
		assert.Equal(t, result.Order.Version, after.Version, where)
	}
	require.NoError(t, x.Lawful(), where)
	return rule == tilltest.Local || rule == tilltest.Sends
}

func TestLaw_ActionsAgreeWithCommandsInEveryCell(t *testing.T) {
	for name, mode := range tilltest.Modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for p, path := range tilltest.Paths(t, mode) {
				if !drawn(p.Cell.String(), p.Held) {
					continue
				}
				x := tilltest.Reach(t, mode, path)
				o := x.Get()
				actions, err := x.Orders.Actions(x.Ctx, tilltest.TheOrder)
				require.NoError(t, err)
				require.Len(t, actions, len(law.Verbs()))
				rest := map[order.Verb]int64{order.VerbCapture: o.Authorized - o.Captured,
					order.VerbRefund: o.Captured - o.Refunded - tilltest.Accepted(o)}
				for _, a := range actions {
					want, known := tilltest.Refusal, true
					switch a.Verb {
					case order.VerbCancel:
						want = tilltest.MayCancel(o)
					case order.VerbCapture:
						want = tilltest.MayCapture(o, max(1, rest[a.Verb]), x.Clock.Now(), true)
					case order.VerbRefund:
						want = tilltest.MayRefund(o, max(1, rest[a.Verb]))
					default:
						known = false
					}
					if known {
						assert.Equal(t, want != tilltest.Refusal, a.Legal, "%s in %v", a.Verb, p)
					}
					assert.Equal(t, a.Legal, a.Rejected == nil, "%s in %v", a.Verb, p)
					switch {
					case !a.Legal:
						assert.NotEmpty(t, a.Rejected.Remedy, "%s in %v", a.Verb, p)
						assert.LessOrEqual(t, a.Rejected.Cause.Version, o.Version, "%s in %v", a.Verb, p)
					case rest[a.Verb] > 0:
						assert.Equal(t, tilltest.USD(rest[a.Verb]), a.Max, "%s in %v", a.Verb, p)
					}
				}
			}
		})
	}
}

// columns are those of the status × fact table of section 3.1, in the design's order.
var columns = []order.Status{order.Created, order.Authorized, order.Paid, order.Captured, order.Refunded,
	order.Cancelled, order.Failed}

// factRow is one row of the table, with its fact. The words of a cell: "-" appends nothing; "noted" appends and changes
// neither status nor amounts; "add" and a status name apply the amount; "late" adds to the late account; "held" keeps a
// refund; "!" opens an anomaly; "ends" may end a gateway capture; "after" is noted, but that a payment in one step has
// its amount and no captures.
type factRow struct {
	name  string
	cells [7]string
	fits  func(order.Order) bool // whether the row speaks of such an order at all; nil: of all
	fact  apo.Verified
}

func factRows() []factRow {
	at := tilltest.Dawn()
	known := func(o order.Order) bool { return o.Status != order.Created && o.Status != order.Failed }
	room := func(o order.Order) bool {
		return o.Captured+o.Late.Captured+tilltest.ThePart <= tilltest.TheAmount && len(o.Held) == 0
	}
	dashboard := func(minor int64) apo.Verified { return (&tilltest.Till{}).RefundOfOurs(minor) }
	fresh := func(o order.Order) bool {
		return o.Refunded+o.Late.Refunded == 0 && len(o.Held) == 0 && o.Late.Captured == 0
	}
	return []factRow{
		{"payment pending", [7]string{"noted", "-", "-", "-", "-", "-", "-"}, nil,
			tilltest.PendingNotice(tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest})},
		{"payment succeeded", [7]string{"paid up", "-", "-", "after", "after", "late", "paid up !"},
			// What was paid before the cancellation is not late.
			func(o order.Order) bool {
				return len(o.Held) == 0 && (o.Status != order.Cancelled || o.Authorized == 0)
			},
			tilltest.PaymentNotice(tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest,
				Minor: tilltest.TheAmount, At: at})},
		{"payment failed", [7]string{"failed", "!", "!", "!", "!", "noted", "-"},
			func(o order.Order) bool {
				return len(o.Held) == 0 && !(o.Status == order.Created && o.Operation.Kind == order.CallCancel)
			},
			tilltest.PaymentNotice(tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest,
				Code: "ORDER_IS_CLOSED", At: at})},
		{"payment failed, and a refund of it is held", [7]string{"!", "!", "!", "!", "!", "!", "!"},
			func(o order.Order) bool { return len(o.Held) > 0 },
			tilltest.PaymentNotice(tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest,
				Code: "ORDER_IS_CLOSED", At: at})},
		{"capture succeeded", [7]string{"captured", "captured", "!", "add", "add", "late", "captured !"},
			func(o order.Order) bool { return o.Status == order.Paid || room(o) },
			tilltest.CaptureNotice(tilltest.Notice{Payment: tilltest.ThePayment, Transfer: "cap-new", Minor: tilltest.ThePart,
				At: at})},
		{"capture failed", [7]string{"noted", "ends", "!", "ends", "ends", "noted", "noted"}, nil,
			tilltest.CaptureNotice(tilltest.Notice{Payment: tilltest.ThePayment, Transfer: "cap-none", Code: "PROCESS_FAIL",
				At: at})},
		{"refund succeeded, within captured", [7]string{"", "", "refunded", "refunded", "refunded", "", ""},
			func(o order.Order) bool { return fresh(o) && o.Captured >= tilltest.ThePart }, dashboard(tilltest.ThePart)},
		{"refund succeeded, beyond captured", [7]string{"held", "held", "!", "held", "held", "", "held"},
			func(o order.Order) bool {
				return fresh(o) && known(o) && o.Captured < tilltest.TheAmount && o.Authorized == tilltest.TheAmount
			}, dashboard(tilltest.TheAmount)},
		{"refund succeeded, beyond authorized", [7]string{"held", "!", "!", "!", "!", "", "held"},
			fresh, dashboard(tilltest.TheAmount + 1)},
		{"dispute opened", [7]string{"noted", "noted", "noted", "noted", "noted", "noted", "noted"}, nil,
			tilltest.DisputeNotice("DISPUTE_CREATED", tilltest.Notice{PaymentRequest: tilltest.TheRequest, Transfer: "dispute-n",
				Minor: tilltest.ThePart, At: at}, nil)},
		// Of late money it takes some, which the account of that money has.
		{"dispute lost", [7]string{"noted", "noted", "noted", "noted", "noted", "noted", "noted"},
			func(o order.Order) bool { return o.Late.Captured == 0 },
			tilltest.LostDispute(tilltest.Notice{PaymentRequest: tilltest.TheRequest, Transfer: "dispute-l",
				Minor: tilltest.ThePart})},
		{"cancel proven", [7]string{"cancelled", "cancelled", "cancelled", "!", "!", "-", "cancelled"}, nil,
			tilltest.CancelAnswer(tilltest.ThePayment)},
	}
}

func TestLaw_FactsInEveryCell(t *testing.T) {
	for name, mode := range tilltest.Modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tried := map[string]bool{}
			for p, path := range tilltest.Paths(t, mode) {
				if !drawn(p.Cell.String(), p.Held) {
					continue
				}
				reached := tilltest.Reach(t, mode, path).Get()
				for _, row := range factRows() {
					want := row.cells[slices.Index(columns, p.Status)]
					if want == "" || row.fits != nil && !row.fits(reached) {
						continue
					}
					x := tilltest.Reach(t, mode, path)
					tried[row.name+p.Status.String()] = true
					judgeFact(t, x, row, want, fmt.Sprintf("%s in %s (held %d)", row.name, p.Cell, p.Held))
				}
			}
			assert.Greater(t, len(tried), long.Walk(30, 5), "the table was walked")
		})
	}
}

// judgeFact lets the fact arrive and holds what happens against the table's cell. Twice is as good as once.
func judgeFact(t *testing.T, x *tilltest.Till, row factRow, want, where string) {
	before := x.Get()
	o := x.Observe(row.fact)
	status, captured, refunded, late, held := before.Status, before.Captured, before.Refunded, before.Late,
		len(before.Held)
	opened := false
	switch want {
	case "-":
		assert.Equal(t, before.Version, o.Version, "%s: appends nothing", where)
	case "noted", "ends":
		if want == "ends" && before.Gateway == order.GatewayOutstanding {
			assert.Equal(t, order.GatewayFailed, o.Gateway, where)
		}
	case "paid up", "paid up !":
		status = order.Authorized
		if before.CaptureMode == order.CaptureNone {
			status, captured = order.Paid, tilltest.TheAmount
		}
		opened = want == "paid up !"
	case "after":
		if before.CaptureMode == order.CaptureNone && o.Version > before.Version {
			if captured, opened = tilltest.TheAmount, true; status == order.Captured {
				status = order.Paid
			}
		}
	case "captured", "captured !":
		status, captured = order.Captured, captured+tilltest.ThePart
		opened = want == "captured !"
	case "add":
		captured += tilltest.ThePart
	case "refunded":
		status, refunded = order.Refunded, refunded+tilltest.ThePart
	case "held":
		held++
	case "late":
		if row.name == "capture succeeded" {
			late.Captured += tilltest.ThePart
		} else if before.CaptureMode == order.CaptureNone {
			late.Captured = tilltest.TheAmount
		}
		late.Authorized = o.Late.Authorized
		assert.Contains(t, tilltest.Anomalies(o), events.LatePayment, "%s: late money is never silent", where)
	case "cancelled", "failed":
		status = o.Status
		assert.Equal(t, want, o.Status.String(), where)
	case "!":
		opened = true
	}
	assert.Equal(t, status, o.Status, where)
	assert.Equal(t, []int64{captured, refunded}, []int64{o.Captured, o.Refunded}, where)
	assert.Equal(t, late, o.Late, where)
	assert.Len(t, o.Held, held, where)
	if opened && o.Version > before.Version {
		assert.Greater(t, len(o.Anomalies), len(before.Anomalies), "%s: opens an anomaly", where)
	}
	assert.False(t, opened && o.Version == before.Version && len(o.Anomalies) == 0, "%s: an anomaly is on record", where)
	assert.Equal(t, o, x.Observe(row.fact), "%s: a redelivery changes nothing", where)
	require.NoError(t, x.Lawful(), where)
}
