// Package simulation runs a shop for a thousand days on an APO at the end of a bad line, in a service that dies every
// few days, and holds the log against APO's ledger: over the logs of any engine.
//
// It is for tests: it imports testify, so nothing but a _test.go file may import it.
package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// These choose the one run, as a failure prints it. A seed alone does not tell what happens: which of two goroutines
// that wake at the same instant goes first is the scheduler's choice. With GOMAXPROCS=1 it is nearly always the same
// one: of five runs of a hundred days four are alike. With the race detector it never is.
const (
	seedVariable = "TILLTAPE_SIM_SEED"
	daysVariable = "TILLTAPE_SIM_DAYS"
)

// The thousand days, and how long nothing new happens after them: what is open must come to its end, and the last look
// at money at rest, 90 days after the order, must have been.
const (
	SimulatedDays  = 1000
	quietDays      = 100
	ordersADay     = 3
	operatorsRound = 7 * day
)

// Run is one run of the simulation.
type Run struct {
	Seed uint64
	Days int
}

// Engine prepares a new log for one run and returns what opens it: for who judges the run, and then for each process of
// the service, which closes what it got when it ends. It is opened in the run's bubble, where time jumps whenever
// nobody has anything to do: what tidies up by the clock does so all the time.
type Engine func(t *testing.T) (open func() (store.Log, error))

// Simulate makes the runs, or the one that the environment asks for, beside each other: a shop on an APO at the end of
// a bad line, in a service that dies every few days. In the end APO's ledger and the log must tell the same story of
// every order.
func Simulate(t *testing.T, engine Engine, runs ...Run) {
	name := t.Name()
	if chosen, is := chosenRun(t); is {
		runs = []Run{chosen}
	}
	for _, run := range runs {
		t.Run(fmt.Sprintf("seed %d, %d days", run.Seed, run.Days), func(t *testing.T) {
			t.Parallel()
			open := engine(t)
			synctest.Test(t, func(t *testing.T) {
				defer func() {
					if t.Failed() {
						t.Logf("to see it again, most times if not every time, in this package's folder: %s", run.again(name))
					}
				}()
				simulate(t, open, run)
			})
		})
	}
}

// again is the command that runs it again. It is without the race detector, which would make another story of it.
func (r Run) again(test string) string {
	return fmt.Sprintf("GOMAXPROCS=1 %s=%d %s=%d go test -count=1 -v -run '^%s$'", seedVariable, r.Seed, daysVariable,
		r.Days, test)
}

// chosenRun is the run that the environment asks for.
func chosenRun(t *testing.T) (r Run, is bool) {
	t.Helper()
	seed, days := os.Getenv(seedVariable), os.Getenv(daysVariable)
	if seed == "" && days == "" {
		return r, false
	}
	r = Run{1, SimulatedDays}
	var err error
	if seed != "" {
		r.Seed, err = strconv.ParseUint(seed, 10, 64)
		require.NoError(t, err, seedVariable)
	}
	if days != "" {
		r.Days, err = strconv.Atoi(days)
		require.NoError(t, err, daysVariable)
		require.Positive(t, r.Days, daysVariable)
	}
	return r, true
}

func simulate(t *testing.T, open func() (store.Log, error), run Run) *simulation {
	time.Sleep(time.Until(tilltest.Dawn()))
	log, err := open()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	s := &simulation{seed: run.Seed, bank: newSimBank(run.Seed), open: open, log: log,
		ids: &tilltest.Counter{Prefix: "id-"}, chance: rand.New(rand.NewPCG(run.Seed, 0)), began: time.Now()}
	s.bank.notify, s.bank.judge = s.post, s.verdictOf
	s.start()
	for n := range run.Days * ordersADay {
		s.lives.Go(func() { s.live(n) })
		time.Sleep(day / ordersADay)
		if n%int(operatorsRound/day*ordersADay) == 0 {
			s.operate(n)
		}
	}
	s.lives.Wait()
	s.letters.Wait()
	s.bank.mu.Lock()
	s.bank.calm = true
	s.bank.mu.Unlock()
	for n := range quietDays / 7 {
		time.Sleep(operatorsRound)
		s.operate(run.Days*ordersADay + n)
	}
	s.process.Load().stop()
	s.letters.Wait()
	synctest.Wait()
	t.Logf("%d deaths, %v", s.deaths, s.bank.befell)
	s.reconciled(t)
	return s
}

// problemsShown is how many problems of one kind a failure prints.
const problemsShown = 5

// reconciled holds the log against the ledger.
func (s *simulation) reconciled(t *testing.T) {
	some := func(what string, problems []string) {
		assert.Empty(t, problems[:min(len(problems), problemsShown)], "%s: %d", what, len(problems))
	}
	for i, wrong := range s.bank.wrongs[:min(len(s.bank.wrongs), problemsShown)] {
		id, _, _ := strings.Cut(wrong, ":")
		s.bank.wrongs[i] += s.story(id)
	}
	some("APO saw what it must never see", s.bank.wrongs)
	some("somebody saw what nobody should", s.problems)
	assert.Greater(t, s.deaths, 0)
	if time.Since(s.began) >= SimulatedDays*day { // in fewer the rarest may not come up
		for _, fault := range []string{lineGood, lineCutBefore, lineCutAfter, lineU, lineUDone, lineOddF, lineOddFDone,
			lineDieBefore, lineDieAfter,
			lineMute, lineSlow, lineBalance, lineUnknownKind, lineNameless, lineSettled,
			lineRaised, lineRaiseFailed, linePaidAgain,
			lineTakenBack + string(apo.OpCapture), lineTakenBack + string(apo.OpRefund)} {
			assert.NotZero(t, s.bank.befell[fault], fault)
		}
	}
	p, err := audit.Replay(context.Background(), s.log, nil)
	require.NoError(t, err)
	statuses, open := map[order.Status]int{}, 0
	var problems []string
	for o := range p.Orders() {
		statuses[o.Status]++
		if len(o.Anomalies) > 0 || len(o.Operations()) > 0 {
			open++
		}
		pay := s.bank.payments[o.PaymentRequestID]
		pay.age(time.Now())
		if pay.beside {
			s.bank.befell[lineBeside]++
		}
		if problem := s.differs(&o, pay); problem != "" {
			problems = append(problems, o.ID+": "+problem+s.story(o.ID))
		}
	}
	t.Logf("%d records, %v, %d stand open, %d with refunds beside each other", p.Records, statuses, open,
		s.bank.befell[lineBeside])
	if time.Since(s.began) >= SimulatedDays*day {
		assert.NotZero(t, s.bank.befell[lineBeside], lineBeside)
	}
	some("the log differs from the ledger", problems)
	for _, status := range []order.Status{order.Authorized, order.Created} {
		assert.Zero(t, statuses[status], "%s is no end", status)
	}
}

// differs says how an order differs from its payment; empty: it does not.
func (s *simulation) differs(o *order.Order, p *simPayment) string {
	captured, refunded := o.Captured+o.Late.Captured, o.Refunded+o.Late.Refunded
	returned := !p.card() && len(p.voids) > 0
	held := int64(0)
	switch {
	case o.Status == order.Authorized:
		held = o.Authorized
	case o.Status == order.Cancelled && o.Late.Captured == 0:
		held = o.Late.Authorized - o.Late.Refunded
	}
	gone := o.Status == order.Cancelled
	switch {
	case captured != p.captured() && !(returned && captured == 0): // paid, unheard of, and given back by the cancel
		return fmt.Sprintf("the log captured %d, the ledger %d", captured, p.captured())
	case o.Disputed != p.lost():
		return fmt.Sprintf("the log lost %d in disputes, the ledger %d", o.Disputed, p.lost())
	case refunded != total(p.refunds, settled)+total(p.others, settled):
		return fmt.Sprintf("the log refunded %d, the ledger %d and %d by lines of an unknown kind", refunded,
			total(p.refunds, settled), total(p.others, settled))
	// a message that came after the cancel which covers it is for a person to clear, where an inquiry told of that cancel
	// and so not when it was
	case held != p.held() && (p.late || !p.byUs || s.dated(o)):
		return fmt.Sprintf("the log holds %d, the ledger %d", held, p.held())
	case gone != (p.state == apo.StateCancelled || !p.exists) && p.state != apo.StateFail && !p.ownCancel(o):
		return fmt.Sprintf("the log has it %s, the ledger %s", o.Status, p.state)
	case p.state == apo.StateFail && !gone && o.Status != order.Failed:
		return fmt.Sprintf("the log has it %s, the ledger %s", o.Status, p.state)
	}
	return s.commands(o, p)
}

// dated reports whether the order's cancel is known by APO's answer to it, which says when it was.
func (s *simulation) dated(o *order.Order) bool {
	for r := range s.log.Read(context.Background(), events.OrderStream(o.ID), 0) {
		if e, is := r.Event.(events.CancelSucceeded); is {
			return e.Proof.Via == events.ViaAnswer && !e.At.IsZero()
		}
	}
	return false
}

// commands holds every request of ours against what became of it.
func (s *simulation) commands(o *order.Order, p *simPayment) string {
	requests, intents := map[string]string{}, map[string]int{}
	for r := range s.log.Read(context.Background(), events.OrderStream(o.ID), 0) {
		switch e := r.Event.(type) {
		case events.CancelRequested:
			intents[r.CommandID]++
		case events.CaptureRequested:
			requests[e.CaptureRequestID] = r.CommandID
			intents[r.CommandID]++
		case events.RefundRequested:
			requests[e.RefundRequestID] = r.CommandID
			intents[r.CommandID]++
		}
	}
	for id, n := range intents {
		if n > 1 {
			return fmt.Sprintf("command %s has %d intents", id, n)
		}
	}
	for request, command := range requests {
		done := slices.ContainsFunc(slices.Concat(p.captures, p.refunds),
			func(m *simMove) bool { return m.request == request && settled(m) })
		got := o.Command(command).Outcome
		if got == order.OutcomePending {
			continue // it stands open, and is listed
		}
		if done != (got == order.OutcomeSucceeded) {
			return fmt.Sprintf("command %s has %s, and in the ledger it is done: %t", command, got, done)
		}
	}
	for _, m := range slices.Concat(p.captures, p.refunds) {
		if _, ours := requests[m.request]; !ours && !m.foreign {
			return fmt.Sprintf("the ledger moved %d for request %q, which the log never made", m.minor, m.request)
		}
	}
	return ""
}

// story is an order's history, for a failure.
func (s *simulation) story(id string) string {
	text := ""
	for r := range s.log.Read(context.Background(), events.OrderStream(id), 0) {
		text += fmt.Sprintf("\n  %d %s %s %s", r.Version, r.Recorded.Format(time.DateTime), r.Event.Kind(), r.CommandID)
	}
	return text
}
