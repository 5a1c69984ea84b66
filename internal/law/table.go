package law

import "slices"

// tables are the rows compiled for look-up by index: a replay folds by them in nanoseconds.
type tables struct {
	cells    [factCount][statusCount]Cell
	commands [verbCount][statusCount]commandRow
	rules    [verbCount][]Rule
	steps    [stepCount][phaseCount]int8 // target, or -1
	gateway  [gatewayEventCount][gatewayCount]int8
	ops      [opCount][provenCount]*operationRow
	reasons  [reasonCount]reasonRow
}

var compiled = compile()

func compile() *tables {
	t := &tables{}
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
	for v, gs := range guards {
		for _, g := range gs {
			at := slices.IndexFunc(ruleRows, func(r Rule) bool { return r.Guard == g })
			t.rules[v] = append(t.rules[v], ruleRows[at])
		}
	}
	for _, r := range stepRows {
		t.steps[r.step] = [phaseCount]int8{-1, -1, -1, -1, -1}
		for _, p := range r.from {
			t.steps[r.step][p] = int8(r.to)
		}
	}
	for _, r := range gatewayRows {
		t.gateway[r.event] = [gatewayCount]int8{-1, -1, -1}
		for _, g := range r.from {
			t.gateway[r.event][g] = int8(r.to)
		}
	}
	for i := range operationRows {
		r := &operationRows[i]
		t.ops[r.op][r.proven] = r
	}
	for _, r := range reasonRows {
		t.reasons[r.reason] = r
	}
	return t
}

// StatusCell returns what the fact does to an order in that status.
func StatusCell(f Fact, s Status) Cell {
	if int(f) >= factCount || int(s) >= statusCount {
		return Cell{}
	}
	return compiled.cells[f][s]
}

// CommandPermit returns what the command table says, and the reason where it refuses.
func CommandPermit(v Verb, s Status) (Permit, Reason) {
	if int(v) >= verbCount || int(s) >= statusCount {
		return Refused, ReasonNone
	}
	r := &compiled.commands[v][s]
	return r.permit, r.reason
}

// OperationThen returns what follows for an outstanding operation when something is proven about it; ok is false for
// pairs that cannot be. afterF says that the operation's last answer was an F with a known code.
func OperationThen(op OpKind, p Proven, afterF bool) (then Then, ok bool) {
	if int(op) >= opCount || int(p) >= provenCount {
		return InquireLater, false
	}
	r := compiled.ops[op][p]
	if r == nil {
		return InquireLater, false
	}
	if afterF {
		return r.afterF, true
	}
	return r.then, true
}

// NextPhase returns where a step leads; ok is false where the machine of operations has no such step.
func NextPhase(s Step, from Phase) (Phase, bool) {
	if to := compiled.steps[s][from]; to >= 0 {
		return Phase(to), true
	}
	return from, false
}

// NextGateway returns where an event leads the gateway capture: where the machine has no such event, nowhere.
func NextGateway(e GatewayEvent, from GatewayCapture) GatewayCapture {
	if to := compiled.gateway[e][from]; to >= 0 {
		return GatewayCapture(to)
	}
	return from
}

// Arrow is a row as one event of a machine, in words: from one state to another.
type Arrow struct{ Event, From, To string }

// StatusArrows are the status and command tables as a machine's events: every fact that is recorded, and every command
// that may do something. A command never moves the status; only the facts that follow from it do.
func StatusArrows() []Arrow {
	var out []Arrow
	for _, r := range statusRows {
		if !r.cell.Effect.Recorded() {
			continue
		}
		for _, from := range r.from {
			to := r.cell.To
			if to == stay {
				to = from
			}
			out = append(out, Arrow{r.fact.String(), from.String(), to.String()})
		}
	}
	for _, r := range commandRows {
		if r.permit == Refused {
			continue
		}
		for _, from := range r.from {
			out = append(out, Arrow{r.verb.String(), from.String(), from.String()})
		}
	}
	return out
}

// StepArrows are the machine of an operation.
func StepArrows() []Arrow {
	var out []Arrow
	for _, r := range stepRows {
		for _, from := range r.from {
			out = append(out, Arrow{r.words, from.String(), r.to.String()})
		}
	}
	return out
}

// GatewayArrows are the machine of the gateway capture.
func GatewayArrows() []Arrow {
	var out []Arrow
	for _, r := range gatewayRows {
		for _, from := range r.from {
			out = append(out, Arrow{r.event.String(), from.String(), r.to.String()})
		}
	}
	return out
}
