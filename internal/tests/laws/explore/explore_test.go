// Package explore_test walks every way in which commands that come together can go, with every answer of the bank's and
// a crash at every boundary.
package explore_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/internal/translate"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

func TestMain(m *testing.M) { tilltest.Main(m) }

// choices makes every run of a test that asks it different, until all have been made: the first answers of a run repeat
// the last one's, up to where there is something left to choose. Where chance is set, so many runs are drawn by lot
// instead.
type choices struct {
	taken []int
	of    []int
	at    int

	chance *rand.Rand
	drawn  int // runs that are still to come
}

// drawnRuns is how many of a scene's runs with crashes are walked in everyday runs, of up to some thousands.
const drawnRuns = 60

// walked are the runs of a scene with crashes: all of them, or everyday some that are drawn, the same ones each time.
func walked() *choices {
	if long.Enabled() {
		return &choices{}
	}
	return &choices{chance: rand.New(rand.NewPCG(1, 1)), drawn: drawnRuns - 1}
}

// pick returns 0 … n-1, a different one in each run that comes here by the same way.
func (c *choices) pick(n int) int {
	if c.chance != nil {
		return c.chance.IntN(n)
	}
	if c.at == len(c.taken) {
		c.taken, c.of = append(c.taken, 0), append(c.of, n)
	}
	c.at++
	return c.taken[c.at-1]
}

// next begins another run; false once all have been made.
func (c *choices) next() bool {
	if c.chance != nil {
		c.drawn--
		return c.drawn >= 0
	}
	c.at = 0
	for n := len(c.taken); n > 0; n-- {
		if c.taken[n-1]++; c.taken[n-1] < c.of[n-1] {
			c.taken, c.of = c.taken[:n], c.of[:n]
			return true
		}
	}
	return false
}

func TestChoicesWalkTheWholeTree(t *testing.T) {
	var c choices
	seen := map[string]bool{}
	for again := true; again; again = c.next() {
		way := ""
		for range 2 {
			n := c.pick(3)
			way += fmt.Sprint(n)
			if n == 2 {
				way += fmt.Sprint(c.pick(2))
			}
		}
		require.False(t, seen[way], way)
		seen[way] = true
	}
	assert.Len(t, seen, 16, "(2 + 2) ways to answer, twice")
}

func TestChoicesDrawnByLotDiffer(t *testing.T) {
	c := choices{chance: rand.New(rand.NewPCG(1, 1)), drawn: 19}
	seen, runs := map[int]bool{}, 0
	for again := true; again; again = c.next() {
		seen[c.pick(3)] = true
		runs++
	}
	assert.Len(t, seen, 3)
	assert.Equal(t, 20, runs)
}

// scene is what the explorer plays: commands that come at the same time to one order.
type scene struct {
	name     string
	mode     events.CaptureMode
	setup    func(*tilltest.Till)
	commands func(*tilltest.Till) []order.Command
	answers  []tilltest.Fault     // what the bank may do with a command's call, besides what it does by itself
	crashes  int                  // how often the process may die
	later    func(*tilltest.Till) // what happens at the bank before the restart settles; may be nil
}

// observing is the command that a notification becomes.
func observing(v apo.Verified) order.Observe {
	f, message := translate.Fact(v), v.Evidence()
	f.Proof = events.Proof{Via: translate.Channel(v.Op()), Evidence: translate.Evidence(&message)}
	return order.Observe{Fact: f}
}

func explorerScenes() []scene {
	paid := func(x *tilltest.Till) { x.Paid() }
	captured := func(x *tilltest.Till) {
		x.Paid()
		_, err := x.Capture(tilltest.TheAmount)
		require.NoError(x.T, err)
	}
	cancel := order.Cancel{CommandID: "c-1"}
	capture := order.Capture{CommandID: "k-1", Amount: tilltest.USD(tilltest.TheAmount)}
	part := order.Capture{CommandID: "k-2", Amount: tilltest.USD(tilltest.ThePart)}
	refund := order.Refund{CommandID: "r-1", Amount: tilltest.USD(600)}
	other := order.Refund{CommandID: "r-2", Amount: tilltest.USD(600)}
	paying := observing(tilltest.PaymentNotice(tilltest.Notice{Payment: tilltest.ThePayment,
		PaymentRequest: tilltest.TheRequest, Minor: tilltest.TheAmount, At: tilltest.Dawn()}))
	lost := []tilltest.Fault{tilltest.LostBefore, tilltest.LostAfter}
	both := func(cs ...order.Command) func(*tilltest.Till) []order.Command {
		return func(*tilltest.Till) []order.Command { return cs }
	}
	return []scene{
		{"cancel alone", order.CaptureManual, paid, both(cancel),
			[]tilltest.Fault{tilltest.LostBefore, tilltest.LostAfter, tilltest.SaysU, tilltest.DoneSaysU,
				tilltest.SaysF("ORDER_STATUS_INVALID")}, 1, nil},
		{"capture alone", order.CaptureManual, paid, both(capture),
			[]tilltest.Fault{tilltest.LostBefore, tilltest.LostAfter, tilltest.SaysU, tilltest.DoneSaysU,
				tilltest.SaysF("PROCESS_FAIL")}, 1, nil},
		{"refund alone", order.CaptureManual, captured, both(refund),
			[]tilltest.Fault{tilltest.LostBefore, tilltest.LostAfter, tilltest.SaysU, tilltest.DoneSaysU,
				tilltest.SaysF("PROCESS_FAIL")}, 1, nil},
		{"refund alone, two crashes", order.CaptureManual, captured, both(refund), nil, 2, nil},
		{"the same cancel twice", order.CaptureManual, paid, both(cancel, cancel), lost, 1, nil},
		{"cancel and capture", order.CaptureManual, paid, both(cancel, capture), lost, 1, nil},
		{"cancel of a one-step payment and its refund", order.CaptureNone, paid, both(cancel, refund), lost, 1, nil},
		{"capture and capture", order.CaptureManual, paid, both(capture, part), lost, 1, nil},
		{"refund and refund, more than there is", order.CaptureManual, captured, both(refund, other), lost, 1, nil},
		{"cancel and the payment's notification", order.CaptureManual,
			func(x *tilltest.Till) { x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, true) },
			both(cancel, paying), lost, 1, nil},
		{"cancel and a payment that APO captures", order.CaptureAutomatic, func(x *tilltest.Till) {
			x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, true)
		}, both(cancel, paying), nil, 1, func(x *tilltest.Till) {
			if a := x.Bank.Accounts[0]; a.State == apo.StateSuccess {
				a.Captures = []tilltest.Move{{ID: "cap-auto", Request: "", Minor: tilltest.TheAmount, State: apo.StateSuccess}}
			}
		}},
	}
}

// settlerScenes are what two workers do who find the same operation without an outcome: soon after, when it is asked
// again, and after hours, when an inquiry has to come first.
func settlerScenes() []scene {
	paid := func(x *tilltest.Till) { x.Paid() }
	captured := func(x *tilltest.Till) {
		x.Paid()
		_, err := x.Capture(tilltest.TheAmount)
		require.NoError(x.T, err)
	}
	give := map[string]struct {
		before func(*tilltest.Till)
		give   func(*tilltest.Till) error
	}{
		"cancel": {paid, func(x *tilltest.Till) error {
			_, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: "c-1"})
			return err
		}},
		"capture": {paid, func(x *tilltest.Till) error { _, err := x.Capture(tilltest.TheAmount); return err }},
		"refund": {captured, func(x *tilltest.Till) error {
			_, err := x.Orders.Refund(x.Ctx, tilltest.TheOrder, order.Refund{CommandID: "r-1", Amount: tilltest.USD(600)})
			return err
		}},
	}
	var scenes []scene
	for _, what := range slices.Sorted(maps.Keys(give)) {
		for how, lost := range map[string]tilltest.Fault{"done": tilltest.LostAfter, "not done": tilltest.LostBefore} {
			for _, later := range []time.Duration{2 * time.Second, 2 * time.Hour} {
				g, answers := give[what], []tilltest.Fault{tilltest.LostBefore, tilltest.LostAfter}
				if later > time.Hour {
					answers = nil // each multiplies the ways, and the inquiry has made them many
				}
				scenes = append(scenes, scene{fmt.Sprintf("two settle a %s that was %s, %s later", what, how, later),
					order.CaptureManual, func(x *tilltest.Till) {
						g.before(x)
						x.Bank.Next(lost)
						require.ErrorIs(x.T, g.give(x), tilltape.ErrUnresolved)
						x.Clock.Pass(later)
					}, func(*tilltest.Till) []order.Command { return []order.Command{order.Claim{}, order.Claim{}} }, answers, 1, nil})
			}
		}
	}
	return scenes
}

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
	r.Bank.Script = nil
	if !call.IsInquiry() && len(r.scene.answers) > 0 {
		if n := r.c.pick(1 + len(r.scene.answers)); n > 0 {
			r.Bank.Script = []tilltest.Fault{r.scene.answers[n-1]}
			r.way = append(r.way, fmt.Sprintf("%+v", r.scene.answers[n-1]))
		}
	}
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
	fmt.Fprintf(&b, "%s %s captured %d refunded %d late %v", o.Status, o.Operation.Phase, o.Captured, o.Refunded, o.Late)
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
		if !agrees || a.Cancels > 1 || a.State == apo.StateCancelled && o.Status != order.Cancelled {
			return fmt.Errorf("the bank has %+v, the order %s", *a, r.end(o))
		}
	}
	if o.Operation.Outstanding() {
		return fmt.Errorf("the %s is still %s", o.Operation.Kind, o.Operation.Phase)
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

// Commands that come together, every step of each in every order, with every answer of the bank's, and the process
// dying at any boundary: the invariants hold, and a crash leads nowhere that a run without one does not lead. Everyday
// runs walk every way without a crash, and [drawnRuns] of those with one.
func TestExplore(t *testing.T) {
	for _, s := range append(explorerScenes(), settlerScenes()...) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			known, calmRuns := exploreCalm(t, s)
			if tilltest.Raced {
				t.Logf("%d runs without a crash; those with one are walked without the race detector", calmRuns)
				return
			}
			ends, runs := explore(t, s, walked())
			for end, way := range ends {
				assert.Contains(t, known, end, "reached by way of %q", way)
			}
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
