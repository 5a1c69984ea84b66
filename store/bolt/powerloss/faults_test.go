package powerloss_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var faultsFlag = flag.Int("faults", 40, "runs of each way to fail in TestFaults")

// A disk that fails at any operation: the append is told, nothing acknowledged is lost, what was said not to have
// happened has not, and nothing panics or hangs.
func TestFaults(t *testing.T) {
	driver := shop.driver(t, smallGenerations)
	found := newTally()
	from := 0
	for range restartsMax {
		last, err := runDriver(t.Context(), found, imageTakes, driver, "fault", "-dir="+scratch(t),
			fmt.Sprintf("-seed=%d", *seedFlag),
			fmt.Sprintf("-most=%d", *faultsFlag), fmt.Sprintf("-from=%d", from), "-writers=4", "-appends=14", "-streams=12")
		if err == nil {
			break
		}
		found.bad = append(found.bad, fmt.Sprintf("run %d ended the process: %v", last, err))
		from = last + 1
	}
	for _, line := range found.faults {
		t.Log(line)
	}
	for word, lines := range found.known {
		t.Logf("%d images %s, for instance %.400s", len(lines), shortcomings[word], lines[0])
	}
	found.report(t, "faults")
	require.NotEmpty(t, found.faults)
	for _, line := range found.faults {
		assert.NotContains(t, line, "struck in 0;", "a fault that never strikes shows nothing")
		assert.NotContains(t, line, " 0 failed;", "a fault that nobody is told of")
	}
}
