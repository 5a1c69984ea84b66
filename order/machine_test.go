package order

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/looplab/fsm"

	"github.com/tilltape/tilltape/internal/law"
)

// takes asks a fresh looplab machine built from the rows, not the pooled arbiter: does it take the event, and where
// does it lead?
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
	rows := fsmEvents(law.StatusArrows())
	for _, s := range append(law.Statuses(), law.Unplaced) {
		for _, f := range append(law.Facts(), law.FactNone) {
			cell := law.StatusCell(f, s)
			to, ok := takes(rows, s.String(), f.String())
			assert.Equal(t, cell.Effect.Recorded(), ok, "%s × %s", f, s)
			assert.Equal(t, ok, statusArbiter.can(Status(s), f.String()))
			if ok {
				assert.Equal(t, cell.To.String(), to, "%s × %s", f, s)
			}
		}
		for _, v := range law.Verbs() {
			permit, _ := law.CommandPermit(v, s)
			to, ok := takes(rows, s.String(), v.String())
			assert.Equal(t, permit != law.Refused, ok, "%s × %s", v, s)
			assert.Equal(t, ok, statusArbiter.can(Status(s), v.String()))
			assert.Equal(t, s.String(), to, "a command never moves the status")
		}
	}
	assert.Equal(t, Unplaced.String(), fsm.NewFSM(Unplaced.String(), rows, nil).Current())
}

func TestTheOperationMachineIsTheTable(t *testing.T) {
	// Typed out a second time: rows are the phases, columns the steps in their order.
	want := map[law.Phase]string{
		law.Idle:       "requested - - - - - -",
		law.Requested:  "- requested accepted unresolved unresolved parked idle",
		law.Accepted:   "- - accepted unresolved unresolved parked idle",
		law.Unresolved: "- requested accepted unresolved unresolved parked idle",
		law.Parked:     "- - - - - - idle",
	}
	rows := fsmEvents(law.StepArrows())
	for _, p := range law.Phases() {
		var got []string
		for step := law.StepIntent; step <= law.StepEnded; step++ {
			next, ok := law.NextPhase(step, p)
			to, can := takes(rows, p.String(), step.String())
			assert.Equal(t, ok, can, "%s × %s", step, p)
			assert.Equal(t, ok, operationArbiter.can(Phase(p), step.String()))
			assert.Equal(t, next.String(), to, "%s × %s", step, p)
			if !ok {
				to = "-"
			}
			got = append(got, to)
		}
		assert.Equal(t, want[p], strings.Join(got, " "), p.String())
	}
}

func TestTheGatewayMachineIsTheTable(t *testing.T) {
	rows := fsmEvents(law.GatewayArrows())
	events := []law.GatewayEvent{law.EventOpened, law.EventCaptured, law.EventFailed, law.EventVoided}
	want := map[law.GatewayCapture]string{
		law.GatewayNone:        "outstanding - - -",
		law.GatewayOutstanding: "- none failed none",
		law.GatewayFailed:      "- none - none",
	}
	for _, g := range law.GatewayCaptures() {
		var got []string
		for _, event := range events {
			to, can := takes(rows, g.String(), event.String())
			assert.Equal(t, law.NextGateway(event, g).String(), to, "%s × %s", event, g)
			if !can {
				to = "-"
			}
			got = append(got, to)
		}
		assert.Equal(t, want[g], strings.Join(got, " "), g.String())
	}
}

func TestACallIsItsCommands(t *testing.T) {
	assert.Equal(t, []Verb{VerbNone, VerbCancel, VerbCapture, VerbRefund},
		[]Verb{CallNone.Verb(), CallCancel.Verb(), CallCapture.Verb(), CallRefund.Verb()})
}

// The enumerations that users meet and the law's are the same constants in the same order.
func TestTheEnumerationsAreTheLaws(t *testing.T) {
	here, laws := constants(t, "."), constants(t, "../internal/law")
	for _, first := range []string{"Unplaced", "Idle", "GatewayNone", "VerbNone", "ReasonNone"} {
		require.Greater(t, len(here[first]), 2, first)
		assert.Equal(t, laws[first], here[first])
	}
	for _, op := range append(law.Operations(), law.OpNone) {
		assert.Equal(t, op.String(), CallKind(op).String(), "an operation is the call that it makes")
	}
}

// constants lists the constants of each group in a folder's files, by the group's first.
func constants(t *testing.T, dir string) map[string][]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	out := map[string][]string{}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			var names []string
			for _, s := range group.Specs {
				names = append(names, s.(*ast.ValueSpec).Names[0].Name)
			}
			out[names[0]] = names
		}
	}
	return out
}
