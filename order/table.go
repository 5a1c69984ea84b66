package order

import (
	"slices"

	"github.com/tilltape/tilltape/events"
)

// tables is machine.go compiled for look-up by index. A static table folds a replay in nanoseconds; a test proves it
// equal to the FSM on every pair.
type tables struct {
	cells    [factCount][statusCount]Cell
	commands [len(verbNames)][statusCount]commandRow
	gateway  map[string][len(gatewayNames)]int8 // target, or -1
	phases   map[events.Kind][phaseCount]int8
	ops      [len(opNames)][len(provenNames)]*operationRow
	reasons  [reasonCount]reasonRow
	rules    [len(verbNames)][]rule
}

var law = compile()

func compile() *tables {
	t := &tables{gateway: map[string][len(gatewayNames)]int8{}, phases: map[events.Kind][phaseCount]int8{}}
	for _, r := range statusRows {
		for _, s := range r.from {
			c := r.cell
			if c.To == stay {
				c.To = s
			}
			t.cells[r.fact][s] = c
		}
	}
	for _, r := range commandRows {
		for _, s := range r.from {
			t.commands[r.verb][s] = r
		}
	}
	for _, r := range gatewayRows {
		to := [len(gatewayNames)]int8{-1, -1, -1}
		for _, g := range r.from {
			to[g] = int8(r.to)
		}
		t.gateway[r.event] = to
	}
	for _, r := range phaseRows {
		to := [phaseCount]int8{-1, -1, -1, -1, -1}
		for _, p := range r.from {
			to[p] = int8(r.to)
		}
		t.phases[r.kind] = to
	}
	for i := range operationRows {
		r := &operationRows[i]
		t.ops[r.op][r.proven] = r
	}
	for _, r := range reasonRows {
		t.reasons[r.reason] = r
	}
	for v, gs := range guards {
		for _, g := range gs {
			at := slices.IndexFunc(ruleRows, func(r rule) bool { return r.guard == g })
			t.rules[v] = append(t.rules[v], ruleRows[at])
		}
	}
	return t
}

// StatusCell returns what the fact does to an order in that status.
func StatusCell(f FactKind, s Status) Cell {
	if int(f) >= factCount || int(s) >= statusCount {
		return Cell{}
	}
	return law.cells[f][s]
}

// CommandPermit returns what the command table says, and the reason where it refuses.
func CommandPermit(v Verb, s Status) (Permit, Reason) {
	if int(v) >= len(verbNames) || int(s) >= statusCount {
		return Refused, ReasonNone
	}
	r := law.commands[v][s]
	return r.permit, r.reason
}

// OperationThen returns what follows for an outstanding operation when something is proven about it; ok is false for
// pairs that cannot be. afterF says that the operation's last answer was an F with a known code.
func OperationThen(op OpKind, p Proven, afterF bool) (then Then, ok bool) {
	if int(op) >= len(opNames) || int(p) >= len(provenNames) {
		return InquireLater, false
	}
	r := law.ops[op][p]
	if r == nil {
		return InquireLater, false
	}
	if afterF {
		return r.afterF, true
	}
	return r.then, true
}

// nextPhase returns where a step leads; ok is false where the machine of operations has no such step.
func nextPhase(step events.Kind, from Phase) (Phase, bool) {
	to, known := law.phases[step]
	if !known || to[from] < 0 {
		return from, false
	}
	return Phase(to[from]), true
}

func nextGateway(event string, from GatewayCapture) GatewayCapture {
	if to := law.gateway[event][from]; to >= 0 {
		return GatewayCapture(to)
	}
	return from
}
