package law

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tilltape/tilltape/events"
)

// Table is a piece of the law in words. Each row has as many cells as there are columns.
type Table struct {
	Name    string // "facts", "commands", "conditions", "operations", "steps", "gateway" or "reasons"
	Columns []string
	Rows    [][]string
}

// Markdown writes the table for a page, ending in a newline.
func (t Table) Markdown() string {
	var b strings.Builder
	line := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + strings.ReplaceAll(c, "|", `\|`) + " ")
		}
		b.WriteString("|\n")
	}
	line(t.Columns)
	b.WriteString(strings.Repeat("|---", len(t.Columns)) + "|\n")
	for _, r := range t.Rows {
		line(r)
	}
	return b.String()
}

// Tables puts the tables that decide into words, in the order a reader needs them: the same every time. Programs ask
// [StatusCell], [CommandPermit] and [OperationThen] instead.
func Tables() []Table {
	return []Table{factTable(), commandTable(), conditionTable(), operationTable(), stepTable(), gatewayTable(),
		reasonTable()}
}

func factTable() Table {
	t := Table{Name: "facts", Columns: []string{"fact"}}
	for _, s := range Statuses() {
		t.Columns = append(t.Columns, s.String())
	}
	for _, f := range Facts() {
		row := []string{f.String()}
		for _, s := range Statuses() {
			row = append(row, StatusCell(f, s).words(s))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// words is what the cell does to an order that is from.
func (c Cell) words(from Status) string {
	move := "adds"
	if c.To != from {
		move = "→ " + c.To.String()
	}
	switch c.Effect {
	case Applied:
		return move
	case AppliedAnomaly:
		return move + ", anomaly"
	case Ignored:
		return "–"
	}
	return c.Effect.String()
}

func commandTable() Table {
	t := Table{Name: "commands", Columns: []string{"command"}}
	states := append([]Status{Unplaced}, Statuses()...)
	for _, s := range states {
		t.Columns = append(t.Columns, s.String())
	}
	for _, v := range Verbs() {
		row := []string{v.String()}
		for _, s := range states {
			p, reason := CommandPermit(v, s)
			row = append(row, p.words(reason))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (p Permit) words(reason Reason) string {
	switch {
	case p == Allowed:
		return "allowed"
	case p == Local:
		return "done without APO"
	case p == Already:
		return "in effect already"
	}
	return "refused: `" + reason.String() + "`"
}

func conditionTable() Table {
	t := Table{Name: "conditions", Columns: []string{"command", "must hold, asked in this order", "otherwise refused as"}}
	for _, v := range Verbs() {
		for _, r := range Rules(v) {
			holds := r.Holds
			if r.Policy {
				holds += " *(policy)*"
			}
			t.Rows = append(t.Rows, []string{v.String(), holds, code(r.Reasons)})
		}
	}
	return t
}

func operationTable() Table {
	t := Table{Name: "operations",
		Columns: []string{"outstanding", "proven", "by", "then", "if the last answer was a known `F`"}}
	for _, r := range operationRows {
		after := "the same"
		if r.afterF != r.then {
			after = r.afterF.String()
		}
		t.Rows = append(t.Rows, []string{r.op.String(), r.proven.String(), r.decidesBy, r.then.String(), after})
	}
	return t
}

func stepTable() Table {
	t := Table{Name: "steps", Columns: []string{"step", "facts on record", "from", "to"}}
	for _, r := range stepRows {
		t.Rows = append(t.Rows, []string{r.words, code(r.facts), joined(r.from), r.to.String()})
	}
	return t
}

func gatewayTable() Table {
	t := Table{Name: "gateway", Columns: []string{"event", "from", "to"}}
	for _, r := range gatewayRows {
		t.Rows = append(t.Rows, []string{r.event.String(), joined(r.from), r.to.String()})
	}
	return t
}

func reasonTable() Table {
	t := Table{Name: "reasons", Columns: []string{"reason", "refuses", "because", "instead"}}
	for _, r := range Reasons() {
		why := r.Says("*‹when›*")
		t.Rows = append(t.Rows, []string{"`" + r.String() + "`", joined(r.verbs()), why, r.Remedy()})
	}
	return t
}

// verbs returns the commands that can be refused for the reason.
func (r Reason) verbs() []Verb {
	return slices.DeleteFunc(Verbs(), func(v Verb) bool {
		byStatus := slices.ContainsFunc(commandRows, func(row commandRow) bool { return row.verb == v && row.reason == r })
		return !byStatus && !slices.ContainsFunc(Rules(v), func(row Rule) bool { return slices.Contains(row.Reasons, r) })
	})
}

func joined[T fmt.Stringer](values []T) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = v.String()
	}
	return strings.Join(words, ", ")
}

// code sets each word as code, and each as it stands on record.
func code[T Reason | events.Kind](values []T) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprintf("`%v`", v)
	}
	return strings.Join(words, ", ")
}
