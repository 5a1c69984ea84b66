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
	imagesFlag = flag.Int("images", 80_000, "images to draw in TestPowerLoss; those equal to another are judged once")
	seedFlag   = flag.Uint64("seed", 1, "of the workloads and of the images")
	keepFlag   = flag.String("keep", "", "directory to keep traces in, so that a run can be judged again")
)

// script is a workload by the driver's flags.
type script struct {
	name  string
	args  []string
	plain bool // with generations as large as a service's; else small ones
}

// scripts differ in what a file goes through: groups that grow it in small steps, one writer alone, much shared by
// many, and an engine as services have it, whose file grows by many megabytes at once and whose heads wait for the
// close.
var scripts = []script{
	{"groups", []string{"-writers=8", "-appends=35", "-streams=24", "-map=32768"}, false},
	{"alone", []string{"-writers=1", "-appends=60", "-streams=6", "-map=32768"}, false},
	{"crowd", []string{"-writers=32", "-appends=10", "-streams=60", "-map=65536"}, false},
	{"as in a service", []string{"-writers=4", "-appends=25", "-streams=24", "-map=0"}, true},
	{"journal, groups", []string{"-journal", "-writers=8", "-appends=35", "-streams=24", "-map=32768"}, false},
	{"journal, alone", []string{"-journal", "-writers=1", "-appends=60", "-streams=6", "-map=32768"}, false},
	{"journal, crowd", []string{"-journal", "-writers=32", "-appends=10", "-streams=60", "-map=65536"}, false},
}

// withJournal is the first script that has one.
const withJournal = 4

// smallGenerations lets some dozen streams and keys fill a generation, so that a short workload has many flushes.
var smallGenerations = patch{file: "store/bolt/lazy.go", ours: true, pairs: []string{
	"const generationMax = 1 << 17", "const generationMax = 24",
}}

// smallJournal lets some appends fill a journal, so that its space is used again and again.
var smallJournal = patch{file: "store/bolt/journal.go", ours: true, pairs: []string{
	"journalStep = 32 << 20", "journalStep = 64 << 10",
	"journalMax  = 256 << 20", "journalMax  = 256 << 10",
	"moveAt  = 8 << 20", "moveAt  = 24 << 10",
	"moveMax = 512 << 10", "moveMax = 3 << 10",
	"moveAllMax = 2 << 20", "moveAllMax = 3 << 10",
}}

// secondLosses is how many images of the first script's power loss are gone on with.
const secondLosses = 4

// Power goes at any moment of a workload; whatever the disk may hold then opens, holds all that was acknowledged,
// agrees with itself and goes on.
func TestPowerLoss(t *testing.T) {
	small, plain := shop.driver(t, smallGenerations, smallJournal), shop.driver(t)
	sum := newTally()
	runs := len(scripts) + 2*secondLosses
	each := drawing{images: (*imagesFlag + runs - 1) / runs, takes: imageTakes}
	take := func(driver, name, trace string) {
		found := judge(t, driver, trace, *seedFlag, each)
		t.Logf("%s: %s", name, found)
		found.report(t, name)
		sum.add(found)
	}
	groups := map[bool]string{} // by whether there is a journal
	for i, s := range scripts {
		driver := small
		if s.plain {
			driver = plain
		}
		trace, replies := record(t, driver, s, *seedFlag+uint64(i))
		require.Empty(t, replies, "an append failed on a sound disk")
		take(driver, s.name, trace)
		if i == 0 || i == withJournal {
			groups[i > 0] = trace
		}
	}
	// What comes back from a power loss is recovered, worked with, and loses its power again.
	for i := range 2 * secondLosses {
		journal := i >= secondLosses
		again := script{fmt.Sprintf("lost again %d", i+1), []string{
			fmt.Sprintf("-journal=%t", journal), "-after=" + groups[journal],
			fmt.Sprintf("-pick=%d", *seedFlag+uint64(i)), fmt.Sprintf("-name=again%d-", i),
			"-writers=6", "-appends=15", "-streams=24", "-map=32768",
		}, false}
		trace, replies := record(t, small, again, *seedFlag+uint64(i))
		require.Empty(t, replies, "an append failed on a sound disk")
		take(small, again.name, trace)
	}
	t.Logf("together: %s", sum)
	assert.GreaterOrEqual(t, sum.images()+sum.equal, *imagesFlag)
	assert.GreaterOrEqual(t, sum.images(), *imagesFlag/8, "images of which most are equal show little")
}

// record runs a script and returns its trace's file, and what appends were answered that failed without a conflict.
func record(t *testing.T, driver string, s script, seed uint64) (trace string, replies []string) {
	t.Helper()
	dir := scratch(t)
	trace = filepath.Join(dir, "trace")
	args := append([]string{"record", fmt.Sprintf("-seed=%d", seed), "-trace=" + trace}, s.args...)
	out, err := exec.CommandContext(t.Context(), driver, args...).CombinedOutput()
	require.NoError(t, err, "%s, -seed=%d: %s", s.name, seed, out)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	t.Logf("%s: %s", s.name, lines[len(lines)-1])
	if *keepFlag != "" {
		content, err := os.ReadFile(trace)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(*keepFlag, strings.ReplaceAll(s.name, " ", "-")+".trace"), content,
			0o600))
	}
	return trace, lines[:len(lines)-1]
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
	dir, err = filepath.EvalSymlinks(dir) // the recorder knows the folder by the name that the engine syncs it by
	require.NoError(t, err)
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
				"-trace="+trace, fmt.Sprintf("-seed=%d", seed), fmt.Sprintf("-images=%d", d.images),
				fmt.Sprintf("-stop=%d", d.wrongMax),
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
