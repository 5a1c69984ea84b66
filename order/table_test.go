package order

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
	"github.com/tilltape/tilltape/internal/tests/pages"
)

// The status table of docs/reference/states.md typed out a second time, by hand. "→s" moves, "add" changes amounts, "!"
// adds an anomaly, "anomaly" appends nothing else, "–" and "dup" append nothing, "noted" changes nothing, "." cannot
// be.
const statusGrid = `
fact                        | created      | authorized   | paid       | captured   | refunded | cancelled | failed
payment pending             | noted        | –            | –          | –          | –        | –         | –
payment authorized          | →authorized  | dup          | anomaly    | noted      | noted    | late    | →authorized!
authorized after a refund   | .            | .            | .          | .          | →authorized | .      | .
payment paid                | →paid        | .            | dup        | →paid      | add      | late      | →paid!
paid beside captures        | .            | .            | .          | →paid!     | add!     | late      | .
paid without a capture      | →captured!   | →captured!   | .          | add!       | add!     | late      | →captured!
paid in one step after all  | →paid!       | →paid!       | .          | →paid!     | add!     | late      | →paid!
payment only held           | .            | .            | →authorized! | →authorized! | add!   | late      | .
only held beside captures   | .            | .            | →captured! | add!       | add!     | late      | .
payment undone              | .            | .            | .          | .          | .        | add       | .
payment failed              | →failed      | .            | .          | .          | .        | noted     | dup
payment reversed            | anomaly      | anomaly      | anomaly    | anomaly    | anomaly  | anomaly   | anomaly
payment taken back          | →failed!     | →failed!     | →failed!   | →failed!   | →failed! | late      | released
payment raised              | noted        | add          | anomaly    | add        | add      | late      | noted
raise undone                | .            | .            | .          | .          | .        | add       | .
raise contradicts           | anomaly      | anomaly      | anomaly    | anomaly    | anomaly  | anomaly   | anomaly
raise failed                | noted        | noted        | noted      | noted      | noted    | noted     | noted
capture succeeded           | →captured    | →captured    | anomaly    | add        | add      | late      | →captured!
capture after a refund      | .            | →refunded    | .          | .          | .        | .         | .
capture failed              | noted        | ends         | anomaly    | ends       | ends     | noted     | noted
capture reversed            | .            | anomaly      | anomaly    | anomaly    | anomaly  | anomaly   | .
capture taken back          | .            | add!         | add!       | add!       | add!     | late      | .
only capture taken back     | .            | .            | .          | →authorized! | .      | .         | .
capture settled by a person | →captured    | →captured    | add        | add        | add      | late      | →captured
refund succeeded            | .            | .            | →refunded  | →refunded  | add      | add!      | .
refund ahead of its capture | held         | held         | anomaly    | held       | held     | held      | held
refund beyond authorized    | held         | anomaly      | anomaly    | anomaly    | anomaly  | held      | held
refund of late money        | .            | .            | .          | .          | .        | late      | .
refund failed               | noted        | noted        | ends       | ends       | ends     | ends      | noted
refund reversed             | .            | anomaly      | anomaly    | anomaly    | anomaly  | anomaly   | .
refund taken back           | .            | add!         | .          | .          | add!     | late      | .
only refund taken back      | .            | .            | .          | .          | →captured! | .       | .
only refund of a payment taken back | .    | .            | .          | .          | →paid!   | .         | .
only refund of what is held taken back | . | .            | .          | .          | →authorized! | .     | .
only transfer of no payment taken back | . | .            | .          | →created!  | →created! | .        | .
refund of what is held settled by a person | . | add       | .          | .          | .        | .         | .
refund settled by a person  | →refunded    | .            | →refunded  | →refunded  | add      | late      | →refunded
held refund failed          | released     | released     | .          | released   | released | released  | released
payment cancelled           | →cancelled   | →cancelled   | →cancelled | anomaly    | anomaly  | dup       | →cancelled
captured payment cancelled  | .            | .            | .          | →cancelled! | →cancelled! | .     | .
cancel dated                | .            | .            | .          | .          | .        | noted     | .
late authorization released | .            | .            | .          | .          | .        | late      | .
rest released               | .            | .            | .          | –          | –        | .         | .
part released               | anomaly      | anomaly      | anomaly    | anomaly    | anomaly  | .         | anomaly
dispute opened              | noted        | noted        | noted      | noted      | noted    | noted     | noted
dispute due                 | noted        | noted        | noted      | noted      | noted    | noted     | noted
dispute defended            | noted        | noted        | noted      | noted      | noted    | noted     | noted
dispute closed              | apart        | apart        | apart      | apart      | apart    | apart     | apart
`

// unreachable are the cells whose fact cannot be classified so by amounts: nothing is authorized before the payment, a
// one-step payment has nothing between captured and authorized, and a refund moves a paid or captured order on.
var unreachable = map[string]bool{
	"refund ahead of its capture/created": true, "refund ahead of its capture/paid": true,
	"refund ahead of its capture/failed": true,
	"refund reversed/paid":               true, "refund reversed/captured": true,
	"capture taken back/authorized": true, // of zero: see TestReversal_OfALastCaptureOfZero
}

func TestStatusTable_ValuesAreTheDesigns(t *testing.T) {
	words := map[law.Effect]string{law.Impossible: ".", law.Ignored: "–", law.Duplicate: "dup", law.Noted: "noted",
		law.Ends: "ends", law.Applied: "add", law.AppliedAnomaly: "add!", law.Held: "held", law.LateMoney: "late",
		law.Released: "released", law.Contradicts: "anomaly", law.Apart: "apart"}
	want := pages.Grid(t, statusGrid)
	assert.Len(t, want, len(law.Facts()))
	for _, f := range law.Facts() {
		for _, s := range law.Statuses() {
			c := law.StatusCell(f, s)
			got := words[c.Effect]
			if c.Effect != law.Impossible && c.To != s {
				got = "→" + c.To.String() + strings.TrimPrefix(got, "add")
			}
			assert.Equal(t, want[f.String()][s.String()], got, "%s × %s", f, s)
		}
	}
}

// What a person settles is driven by TestResolve_RowsOfEveryStatus.
func TestStatusTable_EveryCellDriven(t *testing.T) {
	for fact, row := range pages.Grid(t, statusGrid) {
		for status, want := range row {
			kind, s := factNamed(fact), statusNamed(status)
			cell := fact + "/" + status
			if want == "." || unreachable[cell] || strings.HasSuffix(fact, "by a person") {
				continue
			}
			t.Run(cell, func(t *testing.T) {
				x, f := meeting(t, kind, s)
				before := x.o
				facts := x.observe(f)
				holdCell(t, want, before, x.o, facts)
				again := x.observe(f)
				assert.Empty(t, again, "the same fact again appends nothing")
			})
		}
	}
}

func factNamed(word string) law.Fact {
	all := law.Facts()
	return all[slices.IndexFunc(all, func(f law.Fact) bool { return f.String() == word })]
}

func statusNamed(word string) Status {
	all := law.Statuses()
	return Status(all[slices.IndexFunc(all, func(s law.Status) bool { return s.String() == word })])
}

// holdCell holds what happened against a cell of the grid.
func holdCell(t *testing.T, want string, before, after Order, facts []events.Event) {
	t.Helper()
	to, moves := strings.CutPrefix(want, "→")
	to, raises := strings.CutSuffix(to, "!")
	raises = raises || want == "late" || want == "anomaly" || want == "released"
	if moves {
		assert.Equal(t, to, after.Status.String())
	} else {
		assert.Equal(t, before.Status, after.Status, "the status stays")
	}
	if want == "late" && after.Late.IsZero() {
		raises = false // the anomaly that stood for it is closed
	}
	if !raises || want != "late" || before.Late.IsZero() {
		assert.Equal(t, raises, len(after.Anomalies) > len(before.Anomalies), "anomaly")
	}
	money := func(o Order) [7]int64 {
		return [7]int64{o.Authorized, o.Captured, o.Refunded, o.Disputed, o.Late.Authorized, o.Late.Captured,
			o.Late.Refunded}
	}
	switch word := strings.TrimSuffix(want, "!"); {
	case word == "–", word == "dup":
		assert.Empty(t, facts)
		assert.Equal(t, before, after)
	case word == "anomaly":
		assert.Equal(t, []events.Kind{events.KindAnomalyObserved}, kindsOf(facts))
		assert.Equal(t, money(before), money(after))
	case word == "noted", word == "ends":
		assert.Len(t, facts, 1)
		assert.NotEqual(t, events.KindAnomalyObserved, facts[0].Kind())
		assert.Equal(t, money(before), money(after))
	case word == "released":
		assert.Len(t, facts, 2)
		assert.Contains(t, []events.Kind{events.KindRefundFailed, events.KindPaymentFailed}, facts[0].Kind())
		assert.Equal(t, events.KindAnomalyObserved, facts[1].Kind())
		assert.Len(t, after.Held, len(before.Held)-1)
		assert.Equal(t, money(before), money(after))
	case word == "held":
		assert.Equal(t, []events.Kind{events.KindRefundHeld}, kindsOf(facts))
		assert.Len(t, after.Held, len(before.Held)+1)
		assert.Equal(t, money(before), money(after))
	case word == "late":
		assert.NotEqual(t, before.Late, after.Late)
		assert.Equal(t, [3]int64{before.Authorized, before.Captured, before.Refunded},
			[3]int64{after.Authorized, after.Captured, after.Refunded})
		assert.True(t, hasAnomaly(after, events.LatePayment) || after.Late.IsZero())
	case word == "apart":
		assert.Len(t, facts, 1)
		assert.Greater(t, after.Disputed, before.Disputed)
		assert.Equal(t, [3]int64{before.Authorized, before.Captured, before.Refunded},
			[3]int64{after.Authorized, after.Captured, after.Refunded})
	case word == "→failed" && raises:
		assert.Len(t, facts, 2)
		assert.Zero(t, money(after))
	case word == "→failed", word == "→cancelled":
		assert.Len(t, facts, map[bool]int{false: 1, true: 2}[raises])
	default:
		assert.NotEqual(t, money(before), money(after), "amounts change")
		assert.Equal(t, before.Late, after.Late)
	}
}

const commandGrid = `
command       | unplaced | created        | authorized       | paid     | captured | refunded | cancelled | failed
create        | allowed  | exists         | exists           | exists   | exists   | exists   | exists    | exists
cancel        | unknown  | allowed        | allowed          | allowed  | captured | refunded | already   | local
capture       | unknown  | not-authorized | allowed          | one-step | allowed  | refunded | cancelled | failed
refund        | unknown  | not-authorized | nothing-captured | allowed  | allowed  | allowed  | cancelled | failed
resolve       | unknown  | allowed        | allowed          | allowed  | allowed  | allowed  | allowed   | allowed
clear anomaly | unknown  | allowed        | allowed          | allowed  | allowed  | allowed  | allowed   | allowed
compensate|unknown|no-late-money|no-late-money|no-late-money|no-late-money|no-late-money|allowed|no-late-money
`

func TestCommandTable_EveryCellDriven(t *testing.T) {
	words := map[law.Permit]string{law.Allowed: "allowed", law.Local: "local", law.Already: "already"}
	commands := map[Verb]Command{VerbCreate: Create{CommandID: "x", OrderID: "o-1", PaymentRequestID: "pr-2",
		Amount: usd(1), Method: "ALIPAY_CN"},
		VerbCancel: Cancel{CommandID: "x"}, VerbCapture: Capture{CommandID: "x", Amount: usd(100)},
		VerbRefund:       Refund{CommandID: "x", Amount: usd(100)},
		VerbResolve:      Resolve{CommandID: "x", Resolution: events.ResolvedFailed, Statement: "ticket 7"},
		VerbClearAnomaly: ClearAnomaly{CommandID: "x", Anomaly: 99}, VerbCompensate: Compensate{CommandID: "x"}}
	guarded := map[Verb]Reason{VerbResolve: ReasonNotParked, VerbClearAnomaly: ReasonNoAnomaly,
		VerbCompensate: ReasonNoLateMoney}
	want := pages.Grid(t, commandGrid)
	assert.Len(t, want, len(law.Verbs()))
	for _, verb := range law.Verbs() {
		v := Verb(verb)
		for _, s := range append(Statuses(), Unplaced) {
			cell := want[v.String()][s.String()]
			t.Run(v.String()+"/"+s.String(), func(t *testing.T) {
				permit, reason := (&Order{Status: s}).permits(v)
				x := newTill(t)
				if s != Unplaced {
					x = in(t, s)
				}
				x.policy.SeveralCaptures = []string{"CARD"}
				before := x.o
				facts, err := x.do(commands[v])
				switch {
				case cell == "unknown":
					assert.ErrorIs(t, err, ErrUnknownOrder)
					assert.Equal(t, ReasonUnknownOrder, reason)
				case permit == law.Refused:
					assert.Equal(t, cell, reason.String())
					r := rejected(t, err)
					assert.Equal(t, reason, r.Reason)
					assert.Equal(t, s, r.Status)
					assert.NotZero(t, r.Cause.Version)
					assert.Equal(t, before, x.o)
				default:
					assert.Equal(t, cell, words[permit])
					assert.Equal(t, ReasonNone, reason)
				}
				if cell == "allowed" && guarded[v] != ReasonNone {
					assert.Equal(t, guarded[v], rejected(t, err).Reason)
				} else if cell == "allowed" || cell == "local" {
					assert.NoError(t, err)
					assert.Len(t, facts, 1)
				} else if cell == "already" {
					assert.NoError(t, err)
					assert.Empty(t, facts)
				}
				_, remembered := x.o.recall("x")
				assert.Equal(t, err == nil && len(facts) > 0, remembered, "a refused command's id is not remembered")
			})
		}
	}
}
