package law

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/pages"
)

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
	for _, r := range stepRows {
		for _, p := range r.from {
			count("step %s %s", r.step, p)
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
		c := StatusCell(Fact(f), Cancelled)
		if c.Effect != Impossible {
			assert.Equal(t, Cancelled, c.To, Fact(f).String())
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
	speaks(t, statusCount, Status.String)
	speaks(t, phaseCount, Phase.String)
	speaks(t, gatewayCount, GatewayCapture.String)
	speaks(t, opCount, OpKind.String)
	speaks(t, verbCount, Verb.String)
	speaks(t, len(effectNames), Effect.String)
	speaks(t, factCount, Fact.String)
	speaks(t, provenCount, Proven.String)
	speaks(t, len(thenNames), Then.String)
	speaks(t, stepCount, Step.String)
	speaks(t, gatewayEventCount, GatewayEvent.String)
	speaks(t, reasonCount, Reason.String)
	speaks(t, len(machineNames), Machine.String)
	// A remedy names the command that helps, or what to look at; of a wrong amount, what to give instead. It reaches who
	// calls over HTTP, too, so it does not speak of Go.
	helps := regexp.MustCompile(
		`\b(create|cancel|capture|refund|resolve|anomal(y|ies)|compensate|reconcile|settling)\b|^give `)
	for _, r := range Reasons() {
		assert.Regexp(t, helps, r.Remedy(), r.String())
		assert.NotRegexp(t, `Orders\.|Resolve|Override|[{}]`, r.Remedy(), r.String())
		assert.NotEmpty(t, r.Says(""), r.String())
	}
	assert.Empty(t, Reason(reasonCount).Remedy())
	assert.Equal(t, "unknown", Reason(reasonCount).Says(""))
	require.Len(t, Statuses(), statusCount-1)
	require.Len(t, Phases(), phaseCount)
	require.Len(t, GatewayCaptures(), gatewayCount)
	require.Len(t, Operations(), opCount-1)
	require.Len(t, Verbs(), verbCount-1)
	require.Len(t, Facts(), factCount-1)
	require.Len(t, RuleRows(), int(GuardAnomaly))
}

// What is out of range is nothing that the law knows.
func TestTheTablesKnowNothingElse(t *testing.T) {
	for _, s := range append(Statuses(), Unplaced, Status(statusCount)) {
		for _, f := range []Fact{FactNone, Fact(factCount)} {
			assert.Equal(t, Impossible, StatusCell(f, s).Effect, "%s × %s", f, s)
		}
	}
	permit, reason := CommandPermit(Verb(verbCount), Created)
	assert.Equal(t, []any{Refused, ReasonNone}, []any{permit, reason})
	permit, reason = CommandPermit(VerbCancel, Status(statusCount))
	assert.Equal(t, []any{Refused, ReasonNone}, []any{permit, reason})
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
cancelled, perhaps since before the late payment | again, after F later | . | .
`
	words := map[Then]string{InquireLater: "later", Succeed: "succeed", Fail: "fail", AskAgain: "again", Accept: "accept",
		Park: "park", NeverPaid: "never paid", CancelledUnpaid: "unpaid"}
	want := pages.Grid(t, operationGrid)
	assert.Len(t, want, provenCount)
	for proven, row := range want {
		for op, want := range row {
			k, p := OpKind(slices.Index(opNames[:], op)), Proven(slices.Index(provenNames[:], proven))
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
	for _, p := range []Proven{ProvenNothing, Proven(provenCount)} {
		_, ok := OperationThen(OpNone, p, false)
		assert.False(t, ok)
		_, ok = OperationThen(OpKind(opCount), p, false)
		assert.False(t, ok)
	}
}
