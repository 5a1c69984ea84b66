// Package path draws the way that one order took through its machines, for the command line and the viewer.
package path

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/internal/law"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Path is the way that an order took through its two machines, with the refused attempts to leave it. Make one with
// [Of], or [New] and [Path.Take].
type Path struct {
	id       string
	machines []machinePath
	last     order.Order // as the newest entry left it
}

// machinePath is the way through one machine.
type machinePath struct {
	name   string
	states []string // all that the machine has, in order
	been   map[string]bool
	steps  []step
}

// step is one arrow: from a state to another, or an attempt that was refused. Steps of one kind between the same two
// states are one, with a label each.
type step struct {
	from, to string // from is empty where the order began
	refused  bool
	labels   []string
}

// wanted is the state that a command would have led to.
var wanted = map[string]string{order.VerbCancel.String(): order.Cancelled.String(),
	order.VerbCapture.String(): order.Captured.String(), order.VerbRefund.String(): order.Refunded.String()}

// Of reads an order's history as a path. The error is that of [audit.History].
func Of(ctx context.Context, log store.Reader, id string) (*Path, error) {
	p := New(id)
	for e, err := range audit.History(ctx, log, id) {
		if err != nil {
			return nil, err
		}
		p.Take(&e)
	}
	return p, nil
}

// New is the path of an order to which nothing has happened yet.
func New(id string) *Path {
	status := machinePath{name: law.MachineStatus.String(), been: map[string]bool{}}
	for _, st := range order.Statuses() {
		status.states = append(status.states, st.String())
	}
	operation := machinePath{name: law.MachineOperation.String(), been: map[string]bool{}}
	for _, p := range law.Phases() {
		operation.states = append(operation.states, p.String())
	}
	return &Path{id: id, machines: []machinePath{status, operation}}
}

// Take goes on with the next entry of the order's history.
func (p *Path) Take(e *audit.Entry) {
	status, operation := &p.machines[0], &p.machines[1]
	label := fmt.Sprintf("%d %s", e.Record.Version, e.What)
	if e.Refused {
		command, _, _ := strings.Cut(e.What, " ")
		to := wanted[command]
		if to == "" {
			to = p.last.Status.String()
		}
		status.take(step{from: p.last.Status.String(), to: to, refused: true}, e.What)
		return
	}
	from, phase := p.last.Status.String(), p.last.Operation.Phase.String()
	if p.last.Version == 0 {
		from, phase = "", ""
	}
	if now := e.Order.Status.String(); now != from {
		status.take(step{from: from, to: now}, label)
	}
	if now := e.Order.Operation.Phase.String(); now != phase {
		if phase == "" { // it begins with the status, which tells more
			label = strconv.FormatUint(e.Record.Version, 10)
		}
		operation.take(step{from: phase, to: now}, label)
	}
	p.last = e.Order
}

// take adds a step, or its label to the one that is there.
func (m *machinePath) take(s step, label string) {
	if !s.refused {
		m.been[s.to] = true
	}
	same := func(o step) bool { return o.from == s.from && o.to == s.to && o.refused == s.refused }
	if at := slices.IndexFunc(m.steps, same); at >= 0 {
		m.steps[at].labels = append(m.steps[at].labels, label)
		return
	}
	s.labels = []string{label}
	m.steps = append(m.steps, s)
}

// Mermaid draws the path as a flowchart: state diagrams of Mermaid have no dashed arrows.
func (p *Path) Mermaid() string {
	quoted := strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;")
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for _, m := range p.machines {
		fmt.Fprintf(&b, "    subgraph %s\n", m.name)
		fmt.Fprintf(&b, "        %s_start((\" \"))\n", m.name)
		for _, s := range m.states {
			fmt.Fprintf(&b, "        %s_%s(\"%s\")\n", m.name, s, s)
		}
		for _, s := range m.steps {
			arrow := "-->"
			if s.refused {
				arrow = "-.->"
			}
			var labels []string
			for _, l := range s.labels {
				labels = append(labels, quoted.Replace(words.Plain(l)))
			}
			fmt.Fprintf(&b, "        %s_%s %s|\"%s\"| %s_%s\n", m.name, startOr(s.from), arrow, strings.Join(labels, "<br/>"),
				m.name, s.to)
		}
		for _, s := range m.states {
			if m.been[s] {
				fmt.Fprintf(&b, "        style %s_%s stroke-width:3px\n", m.name, s)
			}
		}
		b.WriteString("    end\n")
	}
	return b.String()
}

func startOr(state string) string {
	if state == "" {
		return "start"
	}
	return state
}

// DOT draws the path for Graphviz.
func (p *Path) DOT() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph order {\n    label=%q;\n", "order "+words.Plain(p.id))
	b.WriteString("    graph [rankdir=LR, nodesep=0.5];\n")
	b.WriteString("    node [shape=box, style=rounded, fontname=\"Helvetica\", color=gray];\n")
	b.WriteString("    edge [fontname=\"Helvetica\", fontsize=10];\n")
	for _, m := range p.machines {
		fmt.Fprintf(&b, "    subgraph cluster_%s {\n        label=%s;\n", m.name, m.name)
		fmt.Fprintf(&b, "        %s_start [shape=point, width=0.15, label=\"\"];\n", m.name)
		for _, s := range m.states {
			been := ""
			if m.been[s] {
				been = ", color=black, penwidth=2"
			}
			fmt.Fprintf(&b, "        %s_%s [label=%s%s];\n", m.name, s, s, been)
		}
		for _, s := range m.steps {
			dashed := ""
			if s.refused {
				dashed = ", style=dashed"
			}
			var labels []string
			for _, l := range s.labels {
				labels = append(labels, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(words.Plain(l)))
			}
			fmt.Fprintf(&b, "        %s_%s -> %s_%s [label=\" %s \"%s];\n", m.name, startOr(s.from), m.name, s.to,
				strings.Join(labels, ` \n `), dashed)
		}
		b.WriteString("    }\n")
	}
	b.WriteString("}\n")
	return b.String()
}
