package law

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tilltape/tilltape/internal/words"
)

// Machine is one of the three machines that an order is made of, for drawing.
type Machine uint8

// The machines.
const (
	MachineStatus    Machine = iota // what is proven about the money; facts move it
	MachineOperation                // how far the commanded operation is
	MachineGateway                  // the capture that APO starts by itself
)

var machineNames = [...]string{"status", "operation", "gateway"}

// String is the machine's name in one word.
func (m Machine) String() string { return words.Of(machineNames[:], m) }

// Machines returns the machines, in order.
func Machines() []Machine { return []Machine{MachineStatus, MachineOperation, MachineGateway} }

// Mermaid draws the machine as a Mermaid state diagram, from the tables that decide: the same bytes every time, ending
// in a newline. Parallel edges are one, with a label per line. What changes neither state nor amounts is left out. Of
// what is none of [Machines] there is no drawing: "".
func (m Machine) Mermaid() string {
	if int(m) >= len(machineNames) {
		return ""
	}
	d := m.draw()
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n")
	fmt.Fprintf(&b, "    [*] --> %s%s\n", d.start, prefixed(" : ", d.by))
	for _, e := range d.edges {
		fmt.Fprintf(&b, "    %s --> %s : %s\n", e.from, e.to, strings.Join(e.labels, "<br/>"))
	}
	return b.String()
}

// DOT draws the same as [Machine.Mermaid] for Graphviz. An edge that always comes with an anomaly is dashed; a state
// that nothing leaves has a double border.
func (m Machine) DOT() string {
	if int(m) >= len(machineNames) {
		return ""
	}
	d := m.draw()
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n", m)
	b.WriteString("    graph [nodesep=0.5, ranksep=0.6];\n")
	b.WriteString("    node [shape=box, style=rounded, fontname=\"Helvetica\"];\n")
	b.WriteString("    edge [fontname=\"Helvetica\", fontsize=10];\n")
	b.WriteString("    start [shape=point, width=0.15, label=\"\"];\n")
	for _, s := range d.states {
		last := ""
		if d.keeps(s) {
			last = " [peripheries=2]"
		}
		fmt.Fprintf(&b, "    %s%s;\n", s, last)
	}
	fmt.Fprintf(&b, "    start -> %s [label=%q];\n", d.start, prefixed(" ", d.by))
	for _, e := range d.edges {
		dashed := ""
		if e.anomaly {
			dashed = ", style=dashed"
		}
		fmt.Fprintf(&b, "    %s -> %s [label=\" %s \"%s];\n", e.from, e.to, strings.Join(e.labels, ` \n `), dashed)
	}
	b.WriteString("}\n")
	return b.String()
}

// drawing is a machine as boxes and arrows.
type drawing struct {
	states []string
	start  string
	by     string // what leads to the start; may be empty
	edges  []edge
}

type edge struct {
	from, to string
	labels   []string
	anomaly  bool // none of them comes without an anomaly
}

func (m Machine) draw() *drawing {
	switch m {
	case MachineStatus:
		return drawStatus()
	case MachineOperation:
		return drawOperation()
	}
	return drawGateway()
}

func drawStatus() *drawing {
	d := &drawing{start: Created.String(), by: VerbCreate.String()}
	for _, s := range Statuses() {
		d.states = append(d.states, s.String())
	}
	for _, from := range Statuses() {
		for _, f := range Facts() {
			switch cell := StatusCell(f, from); cell.Effect {
			case Applied:
				d.connect(from.String(), cell.To.String(), f.String(), false)
			case AppliedAnomaly:
				d.connect(from.String(), cell.To.String(), f.String()+" (anomaly)", true)
			case LateMoney:
				d.connect(from.String(), cell.To.String(), cell.Effect.String(), true)
			}
		}
	}
	return d
}

func drawOperation() *drawing {
	d := &drawing{start: Idle.String()}
	for _, p := range Phases() {
		d.states = append(d.states, p.String())
	}
	for _, a := range StepArrows() {
		d.connect(a.From, a.To, a.Event, false)
	}
	return d
}

func drawGateway() *drawing {
	d := &drawing{start: GatewayNone.String()}
	for _, g := range GatewayCaptures() {
		d.states = append(d.states, g.String())
	}
	for _, a := range GatewayArrows() {
		d.connect(a.From, a.To, a.Event, false)
	}
	return d
}

// connect adds an arrow, or a label to the arrow that is there.
func (d *drawing) connect(from, to, label string, anomaly bool) {
	at := slices.IndexFunc(d.edges, func(e edge) bool { return e.from == from && e.to == to })
	if at < 0 {
		d.edges = append(d.edges, edge{from: from, to: to, labels: []string{label}, anomaly: anomaly})
		return
	}
	e := &d.edges[at]
	e.anomaly = e.anomaly && anomaly
	if !slices.Contains(e.labels, label) {
		e.labels = append(e.labels, label)
	}
}

// keeps reports whether nothing leaves the state.
func (d *drawing) keeps(state string) bool {
	return !slices.ContainsFunc(d.edges, func(e edge) bool { return e.from == state && e.to != state })
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}
