package simulation

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

func TestMain(m *testing.M) { tilltest.Main(m) }

// shared is a log that outlives the process that closes it.
type shared struct{ *memory.Log }

func (shared) Close() error { return nil }

func inMemory(*testing.T) func() (store.Log, error) {
	log := memory.New()
	return func() (store.Log, error) { return shared{log}, nil }
}

func TestSimulation(t *testing.T) {
	runs := []Run{{1, SimulatedDays}, {2, 100}, {3, 100}, {4, long.Rounds(100, 8)}}
	if !long.Walks() { // the detector finds races in one run as well as in all
		runs = runs[3:]
	}
	Simulate(t, inMemory, runs...)
}

// What the printed command promises: the same story, unless the runtime takes a goroutine off its processor in between.
// Not under the race detector, which has the scheduler draw lots.
func TestSimulation_OnOneProcessorASeedComesAgain(t *testing.T) {
	if long.Raced {
		t.Skip("the race detector has the scheduler draw lots")
	}
	const triesMax = 5
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	told := map[string]bool{}
	for range triesMax {
		var story strings.Builder
		synctest.Test(t, func(t *testing.T) {
			s := simulate(t, inMemory(t), Run{5, long.Rounds(10, 2)})
			fmt.Fprintln(&story, s.deaths, s.bank.befell)
			for r, err := range s.log.All(context.Background(), store.Start()) {
				require.NoError(t, err)
				fmt.Fprintln(&story, r.Stream, r.Version, r.Recorded.UnixNano(), r.Event.Kind())
			}
		})
		if told[story.String()] {
			return
		}
		told[story.String()] = true
	}
	t.Errorf("%d runs of one seed, and no two alike", triesMax)
}
