package law

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

var (
	mermaidArrow = regexp.MustCompile(`(?m)^    (\S+) --> (\S+) : (.+)$`)
	dotArrow     = regexp.MustCompile(`(?m)^    (\S+) -> (\S+) \[label=" (.+?) "(, style=dashed)?\];$`)
)

// drawnArrows returns what a drawing shows as "from label to", sorted. The arrow to the start is left out.
func drawnArrows(t *testing.T, drawing string, arrow *regexp.Regexp, newLine string) []string {
	t.Helper()
	var out []string
	ends := map[string]bool{}
	for _, m := range arrow.FindAllStringSubmatch(drawing, -1) {
		if m[1] == "[*]" || m[1] == "start" {
			continue
		}
		assert.False(t, ends[m[1]+" "+m[2]], "parallel arrows %s to %s", m[1], m[2])
		ends[m[1]+" "+m[2]] = true
		for label := range strings.SplitSeq(m[3], newLine) {
			out = append(out, m[1]+" "+label+" "+m[2])
		}
	}
	slices.Sort(out)
	return out
}

// lawArrows returns the same from the compiled tables, which fold what is on record.
func lawArrows(m Machine) []string {
	var out []string
	add := func(from, label, to fmt.Stringer) {
		out = append(out, fmt.Sprintf("%s %s %s", from, label, to))
	}
	switch m {
	case MachineStatus:
		for f, row := range compiled.cells {
			for s, c := range row {
				switch c.Effect {
				case Applied:
					add(Status(s), Fact(f), c.To)
				case AppliedAnomaly:
					out = append(out, fmt.Sprintf("%s %s (anomaly) %s", Status(s), Fact(f), c.To))
				case LateMoney:
					add(Status(s), LateMoney, c.To)
				}
			}
		}
	case MachineOperation:
		for step, row := range compiled.steps {
			for p, to := range row {
				if to >= 0 {
					add(Phase(p), Step(step), Phase(to))
				}
			}
		}
	case MachineGateway:
		for event, row := range compiled.gateway {
			for g, to := range row {
				if to >= 0 {
					add(GatewayCapture(g), GatewayEvent(event), GatewayCapture(to))
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestDrawingsShowTheTablesAndNothingElse(t *testing.T) {
	for _, m := range Machines() {
		t.Run(m.String(), func(t *testing.T) {
			want := lawArrows(m)
			require.NotEmpty(t, want)
			assert.Equal(t, want, drawnArrows(t, m.Mermaid(), mermaidArrow, "<br/>"))
			assert.Equal(t, want, drawnArrows(t, m.DOT(), dotArrow, ` \n `))
			assert.Equal(t, m.Mermaid(), m.Mermaid(), "the order of the arrows changes")
			assert.Equal(t, m.DOT(), m.DOT(), "the order of the arrows changes")
		})
	}
}

func TestDrawingsBeginWhereAnOrderBegins(t *testing.T) {
	for m, start := range map[Machine]string{
		MachineStatus: "    [*] --> created : create\n", MachineOperation: "    [*] --> idle\n",
		MachineGateway: "    [*] --> none\n",
	} {
		assert.Contains(t, m.Mermaid(), start)
	}
}

func TestTheDrawingMarksWhatIsUnusual(t *testing.T) {
	dot := MachineStatus.DOT()
	for _, s := range Statuses() {
		final := strings.Contains(dot, "    "+s.String()+" [peripheries=2];\n")
		assert.Equal(t, s == Cancelled, final, "does anything leave %s?", s)
	}
	unusual := []string{"failed authorized", "failed paid", "paid authorized", "paid captured", "captured authorized",
		"captured created", "authorized paid",
		"refunded captured", "refunded paid", "refunded created", "authorized failed", "paid failed",
		"captured failed", "captured cancelled", "refunded failed", "refunded cancelled"}
	for _, m := range dotArrow.FindAllStringSubmatch(dot, -1) {
		assert.Equal(t, slices.Contains(unusual, m[1]+" "+m[2]), m[4] != "", "%s to %s", m[1], m[2])
	}
}

func TestDrawingInFull(t *testing.T) {
	assert.Equal(t, `digraph gateway {
    graph [nodesep=0.5, ranksep=0.6];
    node [shape=box, style=rounded, fontname="Helvetica"];
    edge [fontname="Helvetica", fontsize=10];
    start [shape=point, width=0.15, label=""];
    none;
    outstanding;
    failed;
    start -> none [label=""];
    none -> outstanding [label=" payment authorized, automatic "];
    outstanding -> none [label=" captured \n payment cancelled "];
    failed -> none [label=" captured \n payment cancelled "];
    outstanding -> failed [label=" capture failed "];
    none -> failed [label=" capture taken back "];
}
`, MachineGateway.DOT())
}

// A colon or a semicolon in a label ends it for some versions of Mermaid; a quote ends it for Graphviz.
func TestLabelsAreHarmless(t *testing.T) {
	for _, m := range Machines() {
		for _, e := range m.draw().edges {
			for _, label := range e.labels {
				assert.NotEmpty(t, label)
				assert.NotContains(t, label, ":")
				assert.NotContains(t, label, ";")
				assert.NotContains(t, label, `"`)
			}
		}
	}
}

func TestWhatIsNoMachineIsNotDrawn(t *testing.T) {
	none := Machine(len(Machines()))
	assert.Equal(t, "unknown", none.String())
	assert.Empty(t, none.Mermaid())
	assert.Empty(t, none.DOT())
}

func TestStepsStandForFactsOnRecord(t *testing.T) {
	seen := map[events.Kind]Step{}
	for _, r := range stepRows {
		assert.NotEmpty(t, r.words)
		for _, k := range r.facts {
			assert.Contains(t, events.Kinds(), k)
			assert.NotContains(t, seen, k, "%s stands for two steps", k)
			seen[k] = r.step
		}
	}
	assert.Len(t, stepRows, stepCount)
	for _, k := range events.Kinds() {
		subject, happened, _ := strings.Cut(string(k), ".")
		ofOperation := slices.Contains([]string{"cancel", "capture", "refund"}, subject) && k != events.KindRefundHeld &&
			k != events.KindCancelDated
		step, stands := seen[k]
		assert.Equal(t, stands, ofOperation || k == events.KindAttemptStarted || k == events.KindInquiryAnswered ||
			k == events.KindOperationParked, "%s", k)
		switch strings.TrimSuffix(happened, ".v1") {
		case "requested":
			assert.Equal(t, StepIntent, step, k)
		case "unresolved":
			assert.Equal(t, StepUnresolved, step, k)
		case "accepted":
			assert.Equal(t, StepAccepted, step, k)
		}
	}
}

// graphTable returns the table of that name.
func graphTable(t *testing.T, name string) Table {
	t.Helper()
	all := Tables()
	at := slices.IndexFunc(all, func(tab Table) bool { return tab.Name == name })
	require.GreaterOrEqual(t, at, 0, "no table %q", name)
	return all[at]
}

// graphRow returns the only row that begins with these cells.
func graphRow(t *testing.T, tab Table, cells ...string) []string {
	t.Helper()
	var found [][]string
	for _, r := range tab.Rows {
		if slices.Equal(r[:len(cells)], cells) {
			found = append(found, r)
		}
	}
	require.Len(t, found, 1, "rows that begin with %q", cells)
	return found[0][len(cells):]
}

func TestTablesAreWellFormed(t *testing.T) {
	names := map[string]bool{}
	for _, tab := range Tables() {
		assert.False(t, names[tab.Name], "two tables are called %q", tab.Name)
		names[tab.Name] = true
		require.NotEmpty(t, tab.Rows, tab.Name)
		for _, r := range tab.Rows {
			require.Len(t, r, len(tab.Columns), "%s: %q", tab.Name, r)
			for i, cell := range r {
				assert.NotEmpty(t, cell, "%s: %q, column %q", tab.Name, r, tab.Columns[i])
				assert.NotContains(t, cell, "%!", "%s: %q", tab.Name, r)
			}
		}
	}
	assert.Equal(t, Tables(), Tables(), "the order changes")
}

func TestTablesSayWhatTheLawSays(t *testing.T) {
	t.Run("facts", func(t *testing.T) {
		facts := graphTable(t, "facts")
		assert.Len(t, facts.Rows, len(Facts()))
		assert.Equal(t, []string{"fact", "created", "authorized", "paid", "captured", "refunded", "cancelled", "failed"},
			facts.Columns)
		assert.Equal(t, []string{"noted", "–", "–", "–", "–", "–", "–"}, graphRow(t, facts, "payment pending"))
		assert.Equal(t, []string{"→ captured", "→ captured", "anomaly", "adds", "adds", "late money", "→ captured, anomaly"},
			graphRow(t, facts, "capture succeeded"))
		assert.Equal(t, []string{"impossible", "impossible", "→ refunded", "→ refunded", "adds", "adds, anomaly",
			"impossible"}, graphRow(t, facts, "refund succeeded"))
		assert.Equal(t, []string{"→ cancelled", "→ cancelled", "→ cancelled", "anomaly", "anomaly", "duplicate",
			"→ cancelled"}, graphRow(t, facts, "payment cancelled"))
	})
	t.Run("commands", func(t *testing.T) {
		commands := graphTable(t, "commands")
		assert.Len(t, commands.Rows, len(Verbs()))
		assert.Equal(t, []string{"refused: `unknown-order`", "allowed", "allowed", "allowed", "refused: `captured`",
			"refused: `refunded`", "in effect already", "done without APO"}, graphRow(t, commands, "cancel"))
		assert.Equal(t, "allowed", graphRow(t, commands, "create")[0])
	})
	t.Run("operations", func(t *testing.T) {
		operations := graphTable(t, "operations")
		assert.Len(t, operations.Rows, len(operationRows))
		assert.Equal(t, []string{"inquiry", "asked again, same identifier", "failed"},
			graphRow(t, operations, "cancel", "payment alive, ours not listed"))
		assert.Equal(t, []string{"inquiry", "parked", "the same"}, graphRow(t, operations, "capture", "does not exist"))
	})
	t.Run("steps", func(t *testing.T) {
		steps := graphTable(t, "steps")
		assert.Len(t, steps.Rows, len(stepRows))
		assert.Equal(t, []string{"`attempt.started.v1`", "requested, unresolved", "requested"},
			graphRow(t, steps, "next attempt"))
	})
	t.Run("gateway", func(t *testing.T) {
		gateway := graphTable(t, "gateway")
		assert.Len(t, gateway.Rows, len(gatewayRows))
		assert.Equal(t, []string{"outstanding, failed", "none"}, graphRow(t, gateway, "captured"))
	})
	t.Run("reasons", func(t *testing.T) {
		reasons := graphTable(t, "reasons")
		assert.Len(t, reasons.Rows, len(Reasons()))
		assert.Equal(t, []string{"cancel", "captured *‹when›*", "refund instead"}, graphRow(t, reasons, "`captured`"))
		assert.Equal(t, []string{"cancel, capture", "refunded *‹when›*", "refund what remains instead"},
			graphRow(t, reasons, "`refunded`"))
	})
}

func TestEveryReasonRefusesACommand(t *testing.T) {
	for _, r := range Reasons() {
		assert.NotEmpty(t, r.verbs(), "nothing is refused as %s", r)
	}
}

func TestMarkdown(t *testing.T) {
	tab := Table{Columns: []string{"a", "b"}, Rows: [][]string{{"1", "x|y"}}}
	assert.Equal(t, "| a | b |\n|---|---|\n| 1 | x\\|y |\n", tab.Markdown())
}

func ExampleMachine_Mermaid() {
	fmt.Print(MachineGateway.Mermaid())
	// Output:
	// stateDiagram-v2
	//     [*] --> none
	//     none --> outstanding : payment authorized, automatic
	//     outstanding --> none : captured<br/>payment cancelled
	//     failed --> none : captured<br/>payment cancelled
	//     outstanding --> failed : capture failed
	//     none --> failed : capture taken back
}

func ExampleTables() {
	for _, t := range Tables() {
		if t.Name == "gateway" {
			fmt.Print(t.Markdown())
		}
	}
	// Output:
	// | event | from | to |
	// |---|---|---|
	// | payment authorized, automatic | none | outstanding |
	// | captured | outstanding, failed | none |
	// | capture failed | outstanding | failed |
	// | payment cancelled | outstanding, failed | none |
	// | capture taken back | none | failed |
}
