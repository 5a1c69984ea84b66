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
	drives  []*engine.Drive     // live ones; nil where the drive has ended or its process died
	ids     []*tilltest.Counter // each drive's own, so that who minted first makes no difference
	past    past
	crashes int
	way     []string
	wrong   []string
}

func newRun(t testing.TB, s scene, given int, way *choices) *run {
	x := tilltest.NewTill(t, memory.New())
	c := tilltest.Placing(s.mode)
	c.PayBy = tilltest.Dawn().Add(14 * time.Minute) // then APO is asked what became of it
	_, err := x.Orders.Create(x.Ctx, c)
	require.NoError(t, err)
	s.setup(x)
	r := &run{Till: x, c: way, scene: s}
	for i, command := range s.commands(x) {
		r.drives = append(r.drives, nil)
		if given&(1<<i) != 0 {
			r.drives[i] = x.Drive(command)
		}
		r.ids = append(r.ids, &tilltest.Counter{Prefix: fmt.Sprintf("drive-%d-", i)})
	}
	r.past.drives = make([]sum, len(r.drives))
	return r
}

// play takes one step after the other, of whichever drive the choices say, until none is left or something is wrong. It
// reports false where it has come to what was walked from before.
func (r *run) play(w *walk) bool {
	for len(r.wrong) == 0 {
		var live []int
		for i, d := range r.drives {
			if d != nil {
				live = append(live, i)
			}
		}
		if len(live) == 0 {
			return true
		}
		if r.c.fresh() && !w.enter(r.state()) {
			return false
		}
		i := live[0]
		if len(live) > 1 {
			i = live[r.c.pick(len(live))]
		}
		r.step(i)
	}
	return true
}

// step performs one drive's task. Where crashes are left, its process may die before it, or after it and before the
// drive learns of it. The other drives run in the same process, or in another on the same store.
func (r *run) step(i int) {
	d := r.drives[i]
	task := d.Task()
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
	r.IDs = r.ids[i]
	r.Perform(d)
	r.performed(i, task.Kind)
	if d.Task().Kind == engine.Done {
		r.drives[i] = nil
	}
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
	if o.Status == order.Cancelled && o.Operation.Compensates == 0 && !call.IsInquiry() {
		r.wrong = append(r.wrong, fmt.Sprintf("a %s is sent for an order that is cancelled", call.Kind))
	}
	r.Bank.Script = nil
	if !call.IsInquiry() && len(r.scene.answers) > 0 {
		if n := r.c.pick(1 + len(r.scene.answers)); n > 0 {
			r.Bank.Script = []tilltest.Fault{r.scene.answers[n-1]}
			r.way = append(r.way, fmt.Sprintf("%+v", r.scene.answers[n-1]))
		}
	}
	r.asked(call)
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
		fmt.Fprintf(&b, "; bank %s captured %d refunded %d", a.State, tilltest.Sum(a.Captures),
			tilltest.Sum(a.Refunds)+tilltest.Sum(a.Others))
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
			tilltest.Sum(a.Refunds)+tilltest.Sum(a.Others) == o.Refunded+o.Late.Refunded || !a.Card
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

// explore walks the scene in every way but those that w has walked. given has a bit for each of its commands.
func explore(t *testing.T, s scene, given int, w *walk) {
	t.Helper()
	var c choices
	for again := true; again; again = c.next() {
		r := newRun(t, s, given, &c)
		over := r.play(w)
		w.runs++
		require.Empty(t, r.wrong, "by way of %q", r.way)
		if !over {
			continue
		}
		final := r.state()
		end, known := w.finals[final]
		if !known || w.again {
			o := r.recover()
			require.NoError(t, r.check(o), "by way of %q", r.way)
			if end = r.end(o); known {
				require.Equal(t, w.finals[final], end, "by way of %q", r.way)
			}
			w.finals[final] = end
		}
		if r.crashes == 0 {
			w.calm[end] = r.way
		} else {
			w.crashed[end] = r.way
		}
	}
}

// exploreFewer walks the scene with each of its commands but not all given, and without a crash, because a process that
// dies before an intent is durable leaves nothing of it.
func exploreFewer(t *testing.T, s scene, w *walk) {
	t.Helper()
	s.crashes = 0
	all := len(s.commands(nil))
	for given := range 1<<all - 1 {
		explore(t, s, given, w)
	}
}

// tally counts what the explorer has walked.
type tally struct{ scenes, states, runs, finals, ends atomic.Int64 }

func (n *tally) add(w *walk) {
	n.scenes.Add(1)
	n.states.Add(int64(w.count()))
	n.runs.Add(int64(w.runs))
	n.finals.Add(int64(len(w.finals)))
	n.ends.Add(int64(len(w.calm)))
}

func (n *tally) String() string {
	return fmt.Sprintf("%d scenes: %d states, %d of them at an end; %d runs, %d ends", n.scenes.Load(), n.states.Load(),
		n.finals.Load(), n.runs.Load(), n.ends.Load())
}

// statesLeast is what all scenes come to at least, statesEveryday those of every day, each a tenth less than they do:
// who walks fewer has lost some.
const (
	statesLeast    = 8000
	statesEveryday = 720
)

func scenes() []scene {
	return slices.Concat(explorerScenes(), newsScenes(), raiseScenes(), paymentScenes(), standingScenes(),
		settlerScenes(), personScenes())
}

// exploreWhole walks all of a scene. The race detector makes walking ten times slower and no more thorough, and has to
// do without crashes.
func exploreWhole(t *testing.T, s scene, w *walk) {
	t.Helper()
	if long.Raced {
		s.crashes = 0
	}
	exploreFewer(t, s, w)
	explore(t, s, 1<<len(s.commands(nil))-1, w)
}

// Commands that come together, every step of each in every order, with every answer of the bank's, and the process
// dying at any boundary: the invariants hold, and a crash leads nowhere that a run without one does not lead.
func TestExplore(t *testing.T) {
	var total tally
	all, least := scenes(), statesLeast
	if !long.Enabled() {
		all, least = everyday(all), statesEveryday
	}
	t.Cleanup(func() {
		t.Log(total.String())
		if !long.Raced && int(total.scenes.Load()) == len(all) { // and not of some, by -run
			assert.GreaterOrEqual(t, int(total.states.Load()), least)
		}
	})
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWalk()
			exploreWhole(t, s, w)
			for end, way := range w.crashed {
				assert.Contains(t, w.calm, end, "reached by way of %q", way)
			}
			total.add(w)
			t.Logf("%d states, %d at an end; %d runs, %d ends", w.count(), len(w.finals), w.runs, len(w.calm))
		})
	}
}

// everyday is one scene of eight.
func everyday(all []scene) (some []scene) {
	for i := 0; i < len(all); i += 8 {
		some = append(some, all[i])
	}
	return some
}

// walkedAgain are the scenes that are also walked the long way: everyday one, and of the others none that takes
// minutes.
func walkedAgain() []scene {
	switch {
	case long.Everything():
		return scenes()
	case long.Enabled():
		return explorerScenes()
	}
	return slices.DeleteFunc(explorerScenes(), func(s scene) bool {
		return s.name != "the same cancel twice"
	})
}

// To go on once from each state loses nothing: the walk that goes on from a state whenever a run comes there finds the
// same states, and of each that its runs end alike.
func TestExplore_OnceFromEachStateIsEnough(t *testing.T) {
	for _, s := range walkedAgain() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			once, again := newWalk(), newWalk()
			again.again = true
			exploreWhole(t, s, once)
			exploreWhole(t, s, again)
			assert.Equal(t, once.states, again.states)
			assert.Equal(t, once.finals, again.finals)
			assert.Equal(t, slices.Sorted(maps.Keys(once.calm)), slices.Sorted(maps.Keys(again.calm)))
			assert.Equal(t, slices.Sorted(maps.Keys(once.crashed)), slices.Sorted(maps.Keys(again.crashed)))
			if len(s.commands(nil)) > 1 {
				assert.Greater(t, again.runs, once.runs)
			}
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
