package stories

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

// crowdOf is how many are told of where a story says n: all of them where stories are told whole, else a twentieth.
func (s *story) crowdOf(n int) int { return s.rounds(n, n/20) }

// crowdWriters is how many goroutines make a crowd of orders.
const crowdWriters = 64

// crowdID is the id of the i-th order of a crowd.
func crowdID(i int) string { return fmt.Sprintf("o-%d", i+1) }

// crowdSteps are what many do at once, or to many orders.
func crowdSteps() []storyStep {
	return []storyStep{
		does("{n} callers cancel {id} as {cmd} at once", func(s *story, a args) error {
			n, err := strconv.Atoi(a["n"])
			outcomes := make([]error, n)
			together(n, func(i int) {
				_, outcomes[i] = s.process.orders.Cancel(s.ctx, a["id"], order.Cancel{CommandID: a["cmd"]})
			})
			s.err = errors.Join(outcomes...)
			s.result = tilltape.Result{Outcome: tilltape.OutcomeOf(s.err)}
			return err
		}),
		does("a crowd of {n} authorized orders of {each}", func(s *story, a args) error {
			n, err := strconv.Atoi(a["n"])
			n = s.crowdOf(n)
			for i := range n {
				of := args{"id": crowdID(i), "n": a["each"], "mode": "manual"}
				err = errors.Join(err, s.sell(of, true), s.server.Submit(preq(of)))
			}
			s.crowd = n
			return errors.Join(err, s.arrive(inOrder))
		}),
		does("a cancel and a capture of each of the crowd start together", func(s *story, _ args) error {
			for i := range s.crowd {
				id := crowdID(i)
				o, err := s.get(id)
				if err != nil {
					return err
				}
				both := []func() error{
					func() error { _, err := s.process.orders.Cancel(s.ctx, id, order.Cancel{}); return err },
					func() error {
						_, err := s.process.orders.Capture(s.ctx, id, order.Capture{Amount: o.Amount})
						return err
					},
				}
				outcomes := make([]error, len(both))
				together(len(both), func(i int) { outcomes[i] = both[i]() })
				if lost := slices.DeleteFunc(outcomes, func(err error) bool { return err == nil }); len(lost) != 1 ||
					!errors.As(lost[0], new(*order.RejectedError)) {
					return fmt.Errorf("%s: one is done and one is refused, but not: %v", id, outcomes)
				}
			}
			return nil
		}),
		does("a crowd of {n} orders that stand as {id} does", func(s *story, a args) error {
			n, err := strconv.Atoi(a["n"])
			n = s.crowdOf(n)
			var like []events.Record
			for r, err := range s.disk.Read(s.ctx, events.OrderStream(a["id"]), 0) {
				if err != nil {
					return err
				}
				like = append(like, r)
			}
			s.crowd = n
			outcomes := make([]error, crowdWriters)
			together(crowdWriters, func(w int) {
				for i := w; i < n; i += crowdWriters {
					outcomes[w] = errors.Join(outcomes[w], tilltest.CopyOrder(s.ctx, s.disk, "crowd-"+crowdID(i), like, 0))
				}
			})
			return errors.Join(err, errors.Join(outcomes...))
		}),
	}
}

// together lets n goroutines begin at once and waits for them.
func together(n int, do func(i int)) {
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-begin
			do(i)
		})
	}
	close(begin)
	all.Wait()
}

func crowdAsserts() []storyStep {
	return []storyStep{
		{"each of the crowd is cancelled or captured", func(s *story, _ args) error {
			seen := map[order.Status]int{}
			for i := range s.crowd {
				o, err := s.get(crowdID(i))
				if err != nil {
					return err
				}
				seen[o.Status]++
			}
			return same(s.crowd, seen[order.Cancelled]+seen[order.Captured])
		}},
		{"{n} orders are listed as outstanding, in the memory of a page of them", func(s *story, a args) error {
			const growthMax = 4 << 20
			n, every := 0, s.crowdOf(2000)
			least, grown := uint64(math.MaxUint64), uint64(0) // what others in this process give back is no growth
			for o, err := range s.process.orders.Outstanding(s.ctx) {
				if err != nil {
					return err
				}
				if o.Operation.Phase != order.Parked {
					return fmt.Errorf("%s is %s", o.ID, o.Operation.Phase)
				}
				if n++; n%every == 1 {
					heap := tilltest.HeapInUse()
					least = min(least, heap)
					grown = max(grown, heap-least)
				}
			}
			if grown > growthMax {
				return fmt.Errorf("memory grew by %d bytes", grown)
			}
			all, err := strconv.Atoi(a["n"])
			return errors.Join(err, same(s.crowdOf(all), n))
		}},
	}
}
