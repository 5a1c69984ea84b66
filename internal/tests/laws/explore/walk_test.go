package explore_test

import (
	"crypto/sha256"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

// Two runs that have come to one state go on alike, so one of them is enough. A state is all that what follows depends
// on: the log, what the bank was asked for and how it answered, and how far each live drive is, which is what it has
// done and what came of it. Nothing here asks what a drive keeps: it may keep what it likes of that.

// sum stands for everything that was said to it, in that order.
type sum [sha256.Size]byte

func (s sum) then(format string, args ...any) sum {
	return sha256.Sum256(fmt.Appendf(s[:], format, args...))
}

// past is what has happened to a run.
type past struct {
	version uint64 // of the newest record in log
	log     sum
	bank    sum   // of the commands that came there; an inquiry changes nothing
	drives  []sum // of each drive's steps
}

// asked notes a call on its way to the bank, and what the bank will do with it.
func (r *run) asked(call order.Call) {
	if !call.IsInquiry() {
		r.past.bank = r.past.bank.then("%+v %+v", call, r.Bank.Script)
	}
}

// performed notes a drive's step: what it read or appended, by the version that it came to, and what it was answered.
func (r *run) performed(i int, k engine.TaskKind) {
	d := &r.past.drives[i]
	if *d = d.then("%d %d", k, r.drives[i].Order().Version); k == engine.Ask {
		*d = d.then("%x", r.past.bank)
	}
}

// state is where the run stands.
func (r *run) state() sum {
	p := &r.past
	for rec, err := range r.Log.Read(r.Ctx, events.OrderStream(tilltest.TheOrder), p.version) {
		require.NoError(r.T, err)
		frame, err := events.AppendFrame(nil, rec)
		require.NoError(r.T, err)
		p.log, p.version = p.log.then("%s", frame), rec.Version
	}
	s := p.log.then("%x %d", p.bank, r.Clock.Now().UnixNano())
	for i, d := range r.drives {
		if d != nil {
			s = s.then("%d %x %d", i, p.drives[i], r.scene.crashes-r.crashes)
		}
	}
	return s
}

// walk is what was walked of a scene.
type walk struct {
	states        map[sum]bool        // from which every way on was walked, or is being walked
	finals        map[sum]string      // in which no drive is left, and what a restart makes of it
	calm, crashed map[string][]string // ends without a crash and with one, each with a way there
	runs          int
	again         bool // states where a run was before are walked from again
}

func newWalk() *walk {
	return &walk{states: map[sum]bool{}, finals: map[sum]string{}, calm: map[string][]string{},
		crashed: map[string][]string{}}
}

// enter comes to a state, and reports whether to go on from it: not where another run was before.
func (w *walk) enter(s sum) bool {
	before := w.states[s]
	w.states[s] = true
	return w.again || !before
}

func (w *walk) count() int { return len(w.states) + len(w.finals) }
