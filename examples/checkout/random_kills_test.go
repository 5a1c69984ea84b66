package main

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
)

// How often the service is killed under load, and how much load that is.
const (
	randomKills         = 100
	randomKillsEveryday = 3
	busyShoppers        = 24
	underWayLeast       = 4   // commands under way, else a death does not count
	idleMost            = 300 // deaths that do not count, before the test gives up
	livesMost           = 300 * time.Millisecond
	startsMost          = 60 * time.Millisecond
	startsEvery         = 8 // of how many deaths one comes while it starts
	faultEvery          = 4
	verifyRandomEvery   = 20
)

// The service is killed a hundred times, each time at a moment that nobody chose: some while after it serves, or while
// it opens what the death before left. All the while shoppers place, pay, capture, cancel and send back, one order
// after another, each command until it ends; APO notifies, and fails in its own ways now and then. Nothing is lost,
// nothing is done twice, and no answer was untrue.
func TestKilledAtAHundredRandomMomentsUnderLoad(t *testing.T) {
	k := newKilling(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var over atomic.Bool
	var shopping sync.WaitGroup
	for i := range busyShoppers {
		own := rand.New(rand.NewPCG(seed, uint64(i)+1))
		shopping.Go(func() {
			for n := 0; !over.Load() && !t.Failed(); n++ {
				k.shops(own, fmt.Sprintf("o-%d-%d", i, n), own.IntN(plans))
			}
		})
	}
	caught, idle := map[string]int{}, 0
	for deaths := 0; deaths < long.Walk(randomKills, randomKillsEveryday) && !t.Failed(); {
		if deaths%faultEvery == 0 {
			k.scripts(faults[random.IntN(len(faults))])
		}
		time.Sleep(time.Duration(random.Int64N(int64(livesMost))))
		if under := k.dies(); under["commands"] >= underWayLeast {
			deaths++
			for what, n := range under {
				caught[what] += min(n, 1)
			}
		} else {
			idle++
			require.Less(t, idle, idleMost, "hardly anybody shops")
		}
		if deaths%verifyRandomEvery == 0 {
			k.verifies()
		}
		for random.IntN(startsEvery) == 0 { // and while it opens the log, perhaps again and again
			k.till.startsAndDies(time.Duration(random.Int64N(int64(startsMost))))
			caught["starting"]++
		}
		k.till.start()
	}
	over.Store(true)
	shopping.Wait()
	t.Logf("deaths with each of these under way: %v; %d that do not count", caught, idle)
	k.ends()
}

// dies kills the service, and returns how much of what was under way.
func (k *killing) dies() map[string]int {
	under := map[string]int{"commands": int(k.asking.Load())}
	k.under.Range(func(op, n any) bool {
		under[op.(string)] = int(n.(*atomic.Int64).Load())
		return true
	})
	k.till.kill()
	return under
}

// startsAndDies starts the service and kills it a while later, however far it has come.
func (s *till) startsAndDies(after time.Duration) {
	program := s.command()
	require.NoError(s.t, program.Start())
	time.Sleep(after)
	_ = program.Process.Kill()
	_ = program.Wait()
}
