// Package explore_test walks every way in which commands that come together can go, with every answer of the bank's and
// a crash at every boundary.
package explore_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

func TestMain(m *testing.M) { tilltest.Main(m) }

// run is one way through a scene.
type run struct {
	*tilltest.Till
	c       *choices
	scene   scene
	drives  []*engine.Drive // live ones; nil where the drive has ended or its process died
	crashes int
	way     []string
	wrong   []string
}

func newRun(t testing.TB, s scene, way *choices) *run {
	x := tilltest.NewTill(t, memory.New())
	c := tilltest.Placing(s.mode)
	c.PayBy = tilltest.Dawn().Add(14 * time.Minute) // then APO is asked what became of it
	_, err := x.Orders.Create(x.Ctx, c)
	require.NoError(t, err)
	s.setup(x)
	r := &run{Till: x, c: way, scene: s}
	for _, command := range s.commands(x) {
		r.drives = append(r.drives, x.Drive(command))
	}
	return r
}

// play takes one step after the other, of whichever drive the choices say, until none is left.
func (r *run) play() {
	for {
		var live []int
		for i, d := range r.drives {
			if d != nil {
				live = append(live, i)
			}
		}
		if len(live) == 0 {
			return
		}
		i := live[0]
		if len(live) > 1 {
			i = live[r.c.pick(len(live))]
		}
		r.step(i)
	}
}

// step performs one drive's task. Where crashes are left, its process may die before it, or after it and before the
// drive learns of it. The other drives run in the same process, or in another on the same store.
func (r *run) step(i int) {
	d := r.drives[i]
	task := d.Task()
	if task.Kind == engine.Done {
		r.drives[i] = nil
		return
	}
	r.way = append(r.way, fmt.Sprintf("%d:%s", i, taskWord(task)))
	dies, alone := 0, false
	if r.crashes < r.scene.crashes && task.Kind != engine.Read {
		dies = r.c.pick(3)
		alone = dies > 0 && len(r.drives) > 1 && r.c.pick(2) == 1
	}
	if dies == 1 {
		r.crash("before", i, alone)
		return
	}
	if task.Kind == engine.Ask {
		r.asking(task.Call)
	}
	r.Perform(d)
	if dies == 2 {
		r.crash("after", i, alone)
	}
}

// asking checks that a call is claimed by what is durable, and chooses what the bank does with it.
func (r *run) asking(call order.Call) {
	replayed, err := audit.Replay(r.Ctx, r.Log, nil)
	if err != nil {
		r.wrong = append(r.wrong, err.Error())
		return
	}
	o, _ := replayed.Order(tilltest.TheOrder)
	claimed, ok := o.Claimed()
	if !ok || claimed != call {
		r.wrong = append(r.wrong, fmt.Sprintf("call %+v, claimed is %+v", call, claimed))
	}
	if by := r.claimedBeside(); call.Kind == order.CallRefund && by != 0 {
		r.wrong = append(r.wrong, fmt.Sprintf("the refund was claimed by version %d, beside an open dispute", by))
	}
	r.Bank.Script = nil
	if !call.IsInquiry() && len(r.scene.answers) > 0 {
		if n := r.c.pick(1 + len(r.scene.answers)); n > 0 {
			r.Bank.Script = []tilltest.Fault{r.scene.answers[n-1]}
			r.way = append(r.way, fmt.Sprintf("%+v", r.scene.answers[n-1]))
		}
	}
}

// claimedBeside is the newest claim, where a dispute was open when it was made; 0: none was.
func (r *run) claimedBeside() (version uint64) {
	open := map[string]bool{}
	for _, rec := range r.History() {
		switch e := rec.Event.(type) {
		case events.DisputeOpened:
			open[e.DisputeID] = true
		case events.DisputeClosed:
			delete(open, e.DisputeID)
		case events.RefundRequested, events.AttemptStarted:
			if version = 0; len(open) > 0 {
				version = rec.Version
			}
		}
	}
	return version
}

// crash ends the drive's process, and with it every other drive unless they run apart from it.
func (r *run) crash(when string, i int, alone bool) {
	r.way = append(r.way, fmt.Sprintf("crash %s, alone: %t", when, alone))
	r.crashes++
	r.drives[i] = nil
	if !alone {
		clear(r.drives)
	}
}

// recover is the restart: a new Orders on the same log, settling until nothing is owed any more.
func (r *run) recover() order.Order {
	r.Bank.Script = nil
	if r.scene.later != nil {
		r.scene.later(r.Till)
	}
	r.Open(r.Bank)
	return r.Exhaust(72 * time.Hour)
}

func taskWord(t engine.Task) string {
	switch t.Kind {
	case engine.Read:
		return "read"
	case engine.Append:
		return "append " + string(t.Records[0].Event.Kind())
	case engine.Ask:
		return "ask " + t.Call.Kind.String()
	}
	return "done"
}

// end is what a run comes to: the order, and the money at the bank.
func (r *run) end(o order.Order) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s captured %d refunded %d late %v", o.Status, tilltest.Op(o).Phase, o.Captured, o.Refunded,
		o.Late)
	for _, a := range r.Bank.Accounts {
		fmt.Fprintf(&b, "; bank %s captured %d refunded %d", a.State, tilltest.Sum(a.Captures), tilltest.Sum(a.Refunds))
	}
	return b.String()
}

// check holds the finished run against the invariants.
func (r *run) check(o order.Order) error {
	if len(r.wrong) > 0 {
		return fmt.Errorf("%s", strings.Join(r.wrong, "; "))
	}
	if err := r.Lawful(); err != nil {
		return err
	}
	if err := r.Honest(); err != nil {
		return err
	}
	for _, a := range r.Bank.Accounts {
		agrees := tilltest.Sum(a.Captures) == o.Captured+o.Late.Captured &&
			tilltest.Sum(a.Refunds) == o.Refunded+o.Late.Refunded || !a.Card
		held := a.Card && a.State == apo.StateSuccess && o.Status != order.Cancelled
		if !agrees || held && a.Minor != o.Authorized || a.Cancels > 1 ||
			a.State == apo.StateCancelled && o.Status != order.Cancelled {
			return fmt.Errorf("the bank has %+v, the order %s", *a, r.end(o))
		}
	}
	if p := tilltest.Op(o); p.Outstanding() {
		return fmt.Errorf("the %s is still %s", p.Kind, p.Phase)
	}
	return nil
}

// explore runs the scene in every way that c chooses and returns how it can end, with one way for each.
func explore(t *testing.T, s scene, c *choices) (ends map[string][]string, runs int) {
	t.Helper()
	ends = map[string][]string{}
	for again := true; again; again = c.next() {
		r := newRun(t, s, c)
		r.play()
		o := r.recover()
		runs++
		if err := r.check(o); err != nil {
			require.NoError(t, err, "by way of %q", r.way)
		}
		ends[r.end(o)] = slices.Clone(r.way)
	}
	return ends, runs
}

// exploreCalm runs the scene without a crash: with all its commands, and with any of them never given, because a
// process that dies before an intent is durable leaves nothing of it.
func exploreCalm(t *testing.T, s scene) (ends map[string][]string, runs int) {
	t.Helper()
	ends = map[string][]string{}
	all := s.commands(nil)
	for given := range 1 << len(all) {
		calm := s
		calm.crashes = 0
		calm.commands = func(*tilltest.Till) []order.Command {
			var some []order.Command
			for i, c := range all {
				if given&(1<<i) != 0 {
					some = append(some, c)
				}
			}
			return some
		}
		known, n := explore(t, calm, &choices{})
		maps.Copy(ends, known)
		runs += n
	}
	return ends, runs
}

// tally counts what the explorer has walked.
type tally struct{ scenes, calm, crashed, ends atomic.Int64 }

func (n *tally) add(calm, crashed, ends int) {
	if calm > 0 {
		n.scenes.Add(1)
	}
	n.calm.Add(int64(calm))
	n.crashed.Add(int64(crashed))
	n.ends.Add(int64(ends))
}

func (n *tally) String() string {
	return fmt.Sprintf("%d scenes: %d runs without a crash, %d with crashes, %d ends", n.scenes.Load(), n.calm.Load(),
		n.crashed.Load(), n.ends.Load())
}

// Commands that come together, every step of each in every order, with every answer of the bank's, and the process
// dying at any boundary: the invariants hold, and a crash leads nowhere that a run without one does not lead. Everyday
// runs walk every way without a crash, and [drawnRuns] of those with one.
func TestExplore(t *testing.T) {
	var total tally
	t.Cleanup(func() { t.Log(total.String()) })
	for _, s := range slices.Concat(explorerScenes(), newsScenes(), raiseScenes(), settlerScenes()) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			known, calmRuns := exploreCalm(t, s)
			total.add(calmRuns, 0, len(known))
			if long.Raced {
				t.Logf("%d runs without a crash; those with one are walked without the race detector", calmRuns)
				return
			}
			ends, runs := explore(t, s, walked())
			for end, way := range ends {
				assert.Contains(t, known, end, "reached by way of %q", way)
			}
			total.add(0, runs, 0)
			if long.Enabled() {
				assert.Greater(t, runs, calmRuns)
			}
			t.Logf("%d runs, %d with crashes, %d ends", calmRuns, runs, len(known))
		})
	}
}

// A refused append names no call, whichever it is.
func TestExplore_AConflictNamesNoCall(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	d := x.Drive(order.Cancel{CommandID: "c-1"})
	x.Perform(d)
	require.Equal(t, engine.Append, d.Task().Kind)
	d.Appended(&store.ConflictError{Stream: events.OrderStream(tilltest.TheOrder), Want: 2, Have: 3})
	assert.Equal(t, engine.Read, d.Task().Kind, "it reads what is new and decides again")
	assert.False(t, d.Called())
}
