package powerloss_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var faultsFlag = flag.Int("faults", 40, "runs of each way to fail in TestFaults")

// A disk that fails at any operation: the append is told, nothing acknowledged is lost, what was said not to have
// happened has not, and nothing panics or hangs.
func TestFaults(t *testing.T) {
	for _, line := range faultsOf(t, false) {
		assert.NotContains(t, line, " 0 failed;", "a fault that nobody is told of")
	}
}

// With a journal, most of what fails is behind it, and comes right by another try: nobody is told of that.
func TestFaultsWithJournal(t *testing.T) {
	told := slices.ContainsFunc(faultsOf(t, true), func(line string) bool { return !strings.Contains(line, " 0 failed;") })
	assert.True(t, told, "no append was told of any fault")
}

// faultsOf returns what came of each way to fail.
func faultsOf(t *testing.T, journal bool) []string {
	driver := shop.driver(t, smallGenerations, smallJournal)
	found := newTally()
	from := 0
	for range restartsMax {
		last, err := runDriver(t.Context(), found, imageTakes, driver, "fault", "-dir="+scratch(t),
			fmt.Sprintf("-seed=%d", *seedFlag), fmt.Sprintf("-journal=%t", journal),
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
	found.report(t, "faults")
	require.NotEmpty(t, found.faults)
	for _, line := range found.faults {
		assert.NotContains(t, line, "struck in 0;", "a fault that never strikes shows nothing")
	}
	return found.faults
}
