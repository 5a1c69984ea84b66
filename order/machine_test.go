package order

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/looplab/fsm"

	"github.com/tilltape/tilltape/events"
)

// takes asks a fresh looplab machine built from the rows, not the pooled arbiter: does it take the event, and where does
// it lead?
func takes(rows []fsm.EventDesc, state, event string) (to string, ok bool) {
	m := fsm.NewFSM(state, rows, nil)
	if !m.Can(event) {
		return state, false
	}
	err := m.Event(context.Background(), event)
	if _, same := err.(fsm.NoTransitionError); err != nil && !same {
		return state, false
	}
	return m.Current(), true
}

func TestTheStatusMachineIsTheTable(t *testing.T) {
	rows := statusEvents()
	for _, s := range append(Statuses(), Unplaced) {
		for f := range factCount {
			cell := StatusCell(FactKind(f), s)
			to, ok := takes(rows, s.String(), FactKind(f).String())
			assert.Equal(t, cell.Effect.recorded(), ok, "%s × %s", FactKind(f), s)
			assert.Equal(t, ok, statusArbiter.can(s.String(), FactKind(f).String()))
			if ok {
				assert.Equal(t, cell.To.String(), to, "%s × %s", FactKind(f), s)
			}
		}
		for _, v := range Verbs() {
			permit, _ := CommandPermit(v, s)
			to, ok := takes(rows, s.String(), v.String())
			assert.Equal(t, permit != Refused, ok, "%s × %s", v, s)
			assert.Equal(t, ok, statusArbiter.can(s.String(), v.String()))
			assert.Equal(t, s.String(), to, "a command never moves the status")
		}
	}
	assert.Equal(t, Unplaced.String(), fsm.NewFSM(Unplaced.String(), rows, nil).Current())
}

var steps = []events.Kind{stepIntent, events.KindAttemptStarted, stepAccepted, stepUnresolved, stepAskAgain,
	events.KindOperationParked, stepEnded}

func TestTheOperationMachineIsTheTable(t *testing.T) {
	// Typed out a second time: rows are the phases, columns the steps above.
	want := map[Phase]string{
		Idle:       "requested - - - - - -",
		Requested:  "- requested accepted unresolved unresolved parked idle",
		Accepted:   "- - accepted unresolved unresolved parked idle",
		Unresolved: "- requested accepted unresolved unresolved parked idle",
		Parked:     "- - - - - - idle",
	}
	rows := operationEvents()
	for _, p := range Phases() {
		var got []string
		for _, step := range append(steps, events.KindAnomalyObserved) {
			next, ok := nextPhase(step, p)
			to, can := takes(rows, p.String(), string(step))
			assert.Equal(t, ok, can, "%s × %s", step, p)
			assert.Equal(t, ok, operationArbiter.can(p.String(), string(step)))
			assert.Equal(t, next.String(), to, "%s × %s", step, p)
			if !ok {
				to = "-"
			}
			got = append(got, to)
		}
		assert.Equal(t, want[p]+" -", join(got), p.String())
	}
}

func TestTheGatewayMachineIsTheTable(t *testing.T) {
	want := map[GatewayCapture]string{
		GatewayNone:        "outstanding - - -",
		GatewayOutstanding: "- none failed none",
		GatewayFailed:      "- none - none",
	}
	var rows []fsm.EventDesc
	for _, r := range gatewayRows {
		for _, from := range r.from {
			rows = append(rows, fsm.EventDesc{Name: r.event, Src: []string{from.String()}, Dst: r.to.String()})
		}
	}
	for _, g := range GatewayCaptures() {
		var got []string
		for _, event := range []string{gatewayOpened, gatewayCaptured, gatewayFailed, gatewayVoided} {
			to, can := takes(rows, g.String(), event)
			assert.Equal(t, nextGateway(event, g).String(), to, "%s × %s", event, g)
			if !can {
				to = "-"
			}
			got = append(got, to)
		}
		assert.Equal(t, want[g], join(got), g.String())
	}
}

func join(words []string) string {
	out := ""
	for i, w := range words {
		if i > 0 {
			out += " "
		}
		out += w
	}
	return out
}

func TestNoRowStandsTwice(t *testing.T) {
	seen := map[string]int{}
	count := func(format string, args ...any) { seen[fmt.Sprintf(format, args...)]++ }
	for _, r := range statusRows {
		for _, s := range r.from {
			count("fact %s %s", r.fact, s)
		}
	}
	for _, r := range commandRows {
		for _, s := range r.from {
			count("command %s %s", r.verb, s)
		}
	}
	for _, r := range phaseRows {
		for _, p := range r.from {
			count("step %s %s", r.kind, p)
		}
	}
	for _, r := range gatewayRows {
		for _, g := range r.from {
			count("gateway %s %s", r.event, g)
		}
	}
	for _, r := range operationRows {
		count("operation %s %s", r.op, r.proven)
	}
	for _, r := range reasonRows {
		count("reason %d", r.reason)
		count("word %s", r.word)
	}
	for row, n := range seen {
		assert.Equal(t, 1, n, row)
	}
	for _, v := range Verbs() {
		for _, s := range append(Statuses(), Unplaced) {
			assert.Equal(t, 1, seen[fmt.Sprintf("command %s %s", v, s)], "%s × %s", v, s)
		}
	}
	assert.Len(t, reasonRows, reasonCount)
}

func TestNothingLeavesCancelled(t *testing.T) {
	for f := range factCount {
		c := StatusCell(FactKind(f), Cancelled)
		if c.Effect != Impossible {
			assert.Equal(t, Cancelled, c.To, FactKind(f).String())
		}
	}
}

// speaks walks an enum from zero until its words end.
func speaks[T ~uint8](t *testing.T, count int, word func(T) string) {
	t.Helper()
	seen := map[string]bool{}
	for i := range count {
		w := word(T(i))
		assert.NotEmpty(t, w)
		assert.False(t, seen[w], "%q stands twice in %T", w, T(0))
		seen[w] = true
	}
	assert.Equal(t, "unknown", word(T(count)), "%T", T(0))
	assert.Equal(t, "unknown", word(T(255)), "%T", T(0))
}

func TestEveryEnumHasItsWords(t *testing.T) {
	speaks(t, int(Failed)+1, Status.String)
	speaks(t, int(Parked)+1, Phase.String)
	speaks(t, int(GatewayFailed)+1, GatewayCapture.String)
	speaks(t, int(OpRefund)+1, OpKind.String)
	speaks(t, int(Contradicts)+1, Effect.String)
	speaks(t, int(SaidUndecided)+1, Said.String)
	speaks(t, int(OtherTransaction)+1, FactKind.String)
	speaks(t, int(VerbCompensate)+1, Verb.String)
	speaks(t, int(ProvenOldCancel)+1, Proven.String)
	speaks(t, int(CancelledUnpaid)+1, Then.String)
	speaks(t, int(VerdictWrong)+1, VerdictClass.String)
	speaks(t, int(CallInquireRefund)+1, CallKind.String)
	speaks(t, reasonCount, Reason.String)
	assert.Equal(t, []string{"unknown", "pending", "succeeded", "failed"},
		[]string{OutcomeUnknown.String(), OutcomePending.String(), OutcomeSucceeded.String(), OutcomeFailed.String()})
	assert.Empty(t, Reason(reasonCount).Remedy())
	for _, r := range Reasons() {
		assert.NotEmpty(t, r.Remedy(), r.String())
	}
	assert.Equal(t, []Verb{VerbNone, VerbCancel, VerbCapture, VerbRefund},
		[]Verb{OpNone.Verb(), OpCancel.Verb(), OpCapture.Verb(), OpRefund.Verb()})
	require.Len(t, Statuses(), statusCount-1)
	require.Len(t, Operations(), len(opNames)-1)
}

func TestTheOperationTable_ValuesAreTheDesigns(t *testing.T) {
	const operationGrid = `
proven                                       | cancel                | capture    | refund
nothing                                      | later                 | later      | later
cancelled                                    | succeed               | .          | .
a capture or refund                          | fail                  | .          | .
payment failed                               | unpaid                | .          | .
payment alive, ours not listed               | again, after F fail   | again, after F fail | .
payment cancelled or failed, ours not listed | .                     | fail       | .
does not exist                               | never paid            | park       | again, after F fail
ours succeeded                               | .                     | succeed    | succeed
ours failed                                  | .                     | fail       | fail
ours in process                              | .                     | accept     | accept
`
	words := map[Then]string{InquireLater: "later", Succeed: "succeed", Fail: "fail", AskAgain: "again", Accept: "accept", Park: "park",
		NeverPaid: "never paid", CancelledUnpaid: "unpaid"}
	for proven, row := range grid(t, operationGrid) {
		for op, want := range row {
			k, p := OpKind(indexOf(opNames[:], op)), Proven(indexOf(provenNames[:], proven))
			then, ok := OperationThen(k, p, false)
			after, _ := OperationThen(k, p, true)
			got := words[then]
			if after != then {
				got += ", after F " + words[after]
			}
			if !ok {
				got = "."
			}
			assert.Equal(t, want, got, "%s × %s", op, proven)
		}
	}
	for _, p := range []Proven{ProvenNothing, Proven(len(provenNames))} {
		_, ok := OperationThen(OpNone, p, false)
		assert.False(t, ok)
		_, ok = OperationThen(OpKind(len(opNames)), p, false)
		assert.False(t, ok)
	}
}
