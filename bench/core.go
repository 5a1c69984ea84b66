package main

import (
	"fmt"
	"runtime"
	"time"

	"github.com/tilltape/tilltape/order"
)

// coreResult is what one pure step takes.
type coreResult struct {
	Step   string
	Took   time.Duration // of one, the median of coreBatches
	Allocs float64
}

const (
	coreBatches = 21
	coreBatch   = 5_000
)

func (b *bench) core() error {
	b.progress("deciding and folding")
	_, facts := newCourse(timeOrdered).maker().newOrder()
	for i := range facts {
		facts[i].Version = uint64(i) + 1
	}
	var placed, authorized order.Order
	placed = order.Evolve(placed, facts[0])
	authorized = order.Evolve(placed, facts[1])
	env := order.Env{Now: facts[2].Recorded, NewID: func() string { return "k-1" }}
	cancel := order.Cancel{CommandID: "c-1", Actor: "ada"}
	requested, err := order.Decide(authorized, cancel, env)
	if err != nil {
		return err
	}
	_, cancelling := order.Records(authorized, cancel, requested, env, "")
	call, claimed := cancelling.Claimed()
	if !claimed {
		return fmt.Errorf("nothing is claimed after %s", requested[0].Kind())
	}
	answer := order.RecordAnswer{Call: call, Verdict: order.Verdict{Class: order.VerdictSucceeded,
		Evidence: signed(env.Now, "/ams/api/v1/payments/cancel", fmt.Sprintf(cancelled, "", stamp(env.Now)))}}
	for _, s := range []struct {
		step string
		o    order.Order
		c    order.Command
	}{
		{"Decide(Cancel)", authorized, cancel},
		{"Decide(Capture)", authorized, order.Capture{CommandID: "c-1", Amount: amount, Actor: "ada"}},
		{"Decide(RecordAnswer)", cancelling, answer},
	} {
		var failed error
		b.step(s.step, func() {
			if _, err := order.Decide(s.o, s.c, env); err != nil {
				failed = err
			}
		})
		if failed != nil {
			return fmt.Errorf("%s: %w", s.step, failed)
		}
	}
	var folded order.Order // looked at below, so that the compiler leaves nothing out
	b.step(stepEvolve, func() { folded = order.Evolve(placed, facts[1]) })
	b.step("Evolve(capture.succeeded)", func() { folded = order.Evolve(authorized, facts[3]) })
	if folded.Status != order.Captured {
		return fmt.Errorf("the fold came to %s", folded.Status)
	}
	return nil
}

// stepEvolve adds no identifier: the order knows its payment's already.
const stepEvolve = "Evolve(payment.authorized)"

func (b *bench) step(name string, do func()) {
	var took []time.Duration
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range coreBatches {
		from := time.Now()
		for range coreBatch {
			do()
		}
		took = append(took, time.Since(from)/coreBatch)
	}
	runtime.ReadMemStats(&after)
	allocs := ratio(float64(after.Mallocs-before.Mallocs), coreBatches*coreBatch)
	b.out.Core = append(b.out.Core, coreResult{name, median(took), float64(int(allocs + 0.5))})
}
