package powerloss_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	imagesFlag = flag.Int("images", 60_000, "images to draw in TestPowerLoss; those equal to another are judged once")
	seedFlag   = flag.Uint64("seed", 1, "of the workloads and of the images")
	strictFlag = flag.Bool("strict", false, "fail on the known shortcomings too")
	keepFlag   = flag.String("keep", "", "directory to keep traces in, so that a run can be judged again")
)

// script is a workload by the driver's flags.
type script struct {
	name string
	args []string
}

// scripts differ in what a file goes through: groups that grow it in small steps, one writer alone, much shared by many,
// and the address space that services have, in which a file grows by many megabytes at once.
var scripts = []script{
	{"groups", []string{"-writers=8", "-appends=35", "-streams=24", "-map=32768"}},
	{"alone", []string{"-writers=1", "-appends=60", "-streams=6", "-map=32768"}},
	{"crowd", []string{"-writers=32", "-appends=10", "-streams=60", "-map=65536"}},
	{"default map", []string{"-writers=4", "-appends=25", "-streams=24", "-map=0"}},
}

// Power goes at any moment of a workload; whatever the disk may hold then opens, holds all that was acknowledged, agrees
// with itself and goes on.
func TestPowerLoss(t *testing.T) {
	driver := shop.driver(t)
	sum := newTally()
	for i, s := range scripts {
		trace := record(t, driver, s, *seedFlag+uint64(i))
		found := judge(t, driver, trace, *seedFlag, drawing{images: *imagesFlag / len(scripts), takes: imageTakes})
		t.Logf("%s: %s", s.name, found)
		found.report(t, s.name)
		sum.add(found)
	}
	t.Logf("together: %s", sum)
	assert.GreaterOrEqual(t, sum.images()+sum.equal, *imagesFlag)
	assert.GreaterOrEqual(t, sum.images(), *imagesFlag/6, "images of which most are equal show little")
}

// record runs a script and returns its trace's file.
func record(t *testing.T, driver string, s script, seed uint64) string {
	t.Helper()
	dir := scratch(t)
	trace := filepath.Join(dir, "trace")
	args := append([]string{"record", fmt.Sprintf("-seed=%d", seed), "-trace=" + trace}, s.args...)
	out, err := exec.CommandContext(t.Context(), driver, args...).CombinedOutput()
	require.NoError(t, err, "%s, -seed=%d: %s", s.name, seed, out)
	require.NotContains(t, string(out), "reply", "an append failed on a sound disk")
	t.Logf("%s: %s", s.name, strings.TrimSpace(string(out)))
	if *keepFlag != "" {
		content, err := os.ReadFile(trace)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(*keepFlag, strings.ReplaceAll(s.name, " ", "-")+".trace"), content, 0o600))
	}
	return trace
}

// scratch is a directory in memory where the system has one: an image lives for some milliseconds.
func scratch(t *testing.T) string {
	t.Helper()
	parent := ""
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		parent = "/dev/shm"
	}
	dir, err := os.MkdirTemp(parent, "powerloss")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// shards is how many processes judge images at once.
const shards = 2

// drawing is how many images are drawn of a trace, and when to give up.
type drawing struct {
	images   int
	wrongMax int           // of one process; 0: any number
	takes    time.Duration // what one image may take before it counts as a hang
}

// judge draws images of the trace and judges them.
func judge(t *testing.T, driver, trace string, seed uint64, d drawing) *tally {
	t.Helper()
	var mu sync.Mutex
	sum := newTally()
	var group sync.WaitGroup
	for shard := range shards {
		group.Go(func() {
			found := judgeShard(t.Context(), driver, d.takes,
				"-trace="+trace, fmt.Sprintf("-seed=%d", seed), fmt.Sprintf("-images=%d", d.images), fmt.Sprintf("-stop=%d", d.wrongMax),
				fmt.Sprintf("-shard=%d", shard), fmt.Sprintf("-shards=%d", shards), "-dir="+filepath.Dir(trace))
			mu.Lock()
			defer mu.Unlock()
			sum.add(found)
		})
	}
	group.Wait()
	slices.Sort(sum.bad)
	return sum
}
