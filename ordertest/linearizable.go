package ordertest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// What Load's zero values stand for.
const (
	DefaultRounds     = 4
	DefaultClients    = 16
	DefaultOperations = 40
	DefaultPatience   = 30 * time.Second
)

// Load is how much is asked of a log. The zero value is right for a log that syncs a disk.
type Load struct {
	Rounds     int           // logs, one after another; only [Linearizable] has rounds
	Clients    int           // goroutines at once
	Operations int           // of each client
	Seed       uint64        // of the clients' choices; how they interleave is up to the machine
	Patience   time.Duration // for the search; what is undecided by then is a failure
}

func (l Load) filled() Load {
	l.Rounds = cmp.Or(l.Rounds, DefaultRounds)
	l.Clients = cmp.Or(l.Clients, DefaultClients)
	l.Operations = cmp.Or(l.Operations, DefaultOperations)
	l.Patience = cmp.Or(l.Patience, DefaultPatience)
	return l
}

// What [Race] finds wrong.
var (
	// ErrNotLinearizable: no order of the operations explains the answers, or one answer is wrong by itself.
	ErrNotLinearizable = errors.New("log is not linearizable")
	// ErrUndecided: the search did not end in time. Nothing is proven.
	ErrUndecided = errors.New("linearizability is undecided")
)

// Report counts what the clients did.
type Report struct {
	Operations int
	Appended   int // appends that succeeded, repeated ones included
	Conflicts  int
	NotBegun   int // appends whose context ended first, or that met a log that was unavailable
	InDoubt    int // appends with an error that leaves them open
	Reads      int
	Heads      int
	Lookups    int
	Length     uint64 // of the stream in the end
}

func (r *Report) count(in asked, out told) {
	r.Operations++
	switch {
	case in.verb == verbRead:
		r.Reads++
	case in.verb == verbHead:
		r.Heads++
	case in.verb == verbLookup:
		r.Lookups++
	case out.result == resultDone:
		r.Appended++
	case out.result == resultConflict:
		r.Conflicts++
	case out.result == resultNothing:
		r.NotBegun++
	default:
		r.InDoubt++
	}
}

// String is the report in one line.
func (r Report) String() string {
	return fmt.Sprintf("%d operations: %d appends done, %d conflicts, %d not begun, %d in doubt, %d reads, %d heads, "+
		"%d lookups; the stream has %d records",
		r.Operations, r.Appended, r.Conflicts, r.NotBegun, r.InDoubt, r.Reads, r.Heads, r.Lookups, r.Length)
}

// Linearizable runs [Race] on a fresh log of open's in each of load.Rounds rounds and fails the test on the first log
// that is not linearizable, or that could not be decided. It closes the logs. A round of the default load needs a
// second or two on a log that syncs a disk.
func Linearizable(t *testing.T, open func(t *testing.T) store.Log, load Load) {
	t.Helper()
	load = load.filled()
	for round := range load.Rounds {
		log := open(t)
		load.Seed++
		report, err := Race(t.Context(), log, load)
		if closed := log.Close(); closed != nil {
			t.Errorf("round %d: close: %v", round+1, closed)
		}
		if err != nil {
			t.Fatalf("round %d: %v (%s)", round+1, err, report)
		}
		t.Logf("round %d: %s", round+1, report)
	}
}

// Race lets load.Clients goroutines use one stream of the log, which must not have it yet, and then looks for an order
// of their operations that explains every answer. In that order a read sees the stream as it stood at one moment; the
// streams of a race are far shorter than a page of any log.
//
// The error wraps [ErrNotLinearizable] or [ErrUndecided], or is the log's own where a read failed or an append was
// refused for no good reason. Other errors of an append leave it in doubt: it may have happened, or may still. Memory
// and time grow with clients times operations; keep them below some thousands.
func Race(ctx context.Context, log store.Log, load Load) (Report, error) {
	load = load.filled()
	if load.Clients < 0 || load.Operations < 0 {
		return Report{}, fmt.Errorf("%w: a race of %d clients with %d operations each; neither can be negative",
			store.ErrInvalid, load.Clients, load.Operations)
	}
	r := &race{log: log, sighted: map[string]events.Record{}}
	failures := make([]error, load.Clients)
	var clients sync.WaitGroup
	for n := range load.Clients {
		c := &client{race: r, number: n, random: rand.New(rand.NewPCG(load.Seed, uint64(n)))}
		clients.Go(func() {
			for range load.Operations {
				if failures[n] = c.act(ctx); failures[n] != nil {
					return
				}
			}
		})
	}
	clients.Wait()
	// Everybody is gone: what is read now pins the stream that the race led to.
	last := &client{race: r, number: load.Clients}
	final, err := last.read(ctx, 0)
	failures = append(failures, err, last.head(ctx), r.mismatch)
	r.report.Length = uint64(len(final))
	if err := cmp.Or(failures...); err != nil { // one is enough to go on with
		return r.report, err
	}
	return r.report, explained(narrowed(r.history, final), load.Patience)
}

// explained searches for the order.
func explained(history []porcupine.Operation, patience time.Duration) error {
	switch porcupine.CheckOperationsTimeout(model(), history, patience) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("%w after %s and %d operations; let fewer clients do fewer operations, or give it more time",
			ErrUndecided, patience, len(history))
	}
	// Searched once more for what to say: to keep the longest explanation slows down a search many times over.
	_, info := porcupine.CheckOperationsVerbose(model(), history, patience)
	return fmt.Errorf("%w: %s", ErrNotLinearizable, contradiction(history, info))
}

// contradiction names the first operation that the longest explanation found leaves out, and what stands before it.
func contradiction(history []porcupine.Operation, info porcupine.LinearizationInfo) string {
	var longest []int
	for _, partition := range info.PartialLinearizations() {
		for _, ids := range partition {
			if len(ids) > len(longest) {
				longest = ids
			}
		}
	}
	explained := make(map[int]bool, len(longest))
	s := stream{}
	for _, id := range longest {
		explained[id] = true
		_, s = s.step(history[id].Input.(asked), history[id].Output.(told))
	}
	first := -1
	for id, op := range history {
		if !explained[id] && (first < 0 || op.Return < history[first].Return) {
			first = id
		}
	}
	if first < 0 {
		return "no order of the operations explains the answers"
	}
	op := history[first]
	return fmt.Sprintf("%d of %d operations can be put in an order, which leaves %s; then client %d's %q fits nowhere",
		len(longest), len(history), some(s.ids), op.ClientId, describe(op.Input.(asked), op.Output.(told)))
}
