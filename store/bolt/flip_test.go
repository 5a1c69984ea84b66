package bolt_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store/bolt"
)

// What can become of a damaged image. takenBack is a limit that the package's documentation names, of damage to a
// header page alone; what comes after it is a failure.
const (
	refused    = "refused by Open"
	unread     = "found while reading"
	unappended = "found while appending"
	unverified = "found by Verify"
	harmless   = "harmless" // every answer is right, and after more appends and a restart still
	takenBack  = "last commit taken back"
	exhausted  = "out of memory or stack"
	undetected = "wrong answers, undetected"
	crashed    = "crashed"
	hung       = "hung"
)

// The small log: so many orders, so many appends.
const (
	flipOrders     = 8
	flipAppends    = 40
	flipGeneration = 30 // entries in memory, so that the killed one left some in the file and some not
)

// How damaged images are checked: how long one may take, the bytes of each page of which every bit is flipped, and of
// how many bytes one is flipped where not all are, in whole and in everyday runs.
const (
	imagePatience = time.Minute
	pageSize      = 4096
	pageHead      = 32
	sampleEvery   = 23
	racedEvery    = 67
	everydayEvery = 809
	tailPages     = 4
)

// checker is the child process that looks at images, and is started again when one kills it.
type checker struct {
	t       *testing.T
	path    string // of the sound file
	process *exec.Cmd
	stdin   io.WriteCloser
	answers chan string
	stderr  *bytes.Buffer
	classes map[string]map[string]int // by kind of damage
	bad     []string
}

func (c *checker) start() {
	c.process = exec.Command(os.Args[0])
	c.process.Env = append(os.Environ(), childEnv+"=check", pathEnv+"="+c.path)
	c.stderr = &bytes.Buffer{}
	c.process.Stderr = c.stderr
	var err error
	c.stdin, err = c.process.StdinPipe()
	require.NoError(c.t, err)
	stdout, err := c.process.StdoutPipe()
	require.NoError(c.t, err)
	require.NoError(c.t, c.process.Start())
	answers := make(chan string)
	c.answers = answers
	go func() {
		defer close(answers)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			answers <- lines.Text()
		}
	}()
}

func (c *checker) stop() {
	if c.process == nil {
		return
	}
	_ = c.stdin.Close()
	_ = c.process.Process.Kill()
	for range c.answers { // its last words
	}
	_ = c.process.Wait()
	c.process = nil
}

// look has the image with this damage checked, and counts what became of it.
func (c *checker) look(kind string, at, by int) string {
	if c.process == nil {
		c.start()
	}
	class, why := hung, ""
	_, err := fmt.Fprintf(c.stdin, "%q %d %d\n", kind, at, by)
	require.NoError(c.t, err)
	select {
	case answer, ok := <-c.answers:
		if class, why, _ = strings.Cut(answer, ": "); !ok {
			class, why = c.death()
		}
	case <-time.After(imagePatience):
		c.stop()
	}
	if c.classes[kind] == nil {
		c.classes[kind] = map[string]int{}
	}
	c.classes[kind][class]++
	if slices.Contains(failures, class) {
		c.bad = append(c.bad, fmt.Sprintf("%s at %d (page %d, byte %d) by %d: %s: %s", kind, at, at/pageSize, at%pageSize, by,
			class, why))
	}
	return class
}

// death tells how a process died.
func (c *checker) death() (class, why string) {
	c.stop()
	words := c.stderr.String()
	if strings.Contains(words, "stack overflow") || strings.Contains(words, outOfMemory) {
		return exhausted, ""
	}
	why, _, _ = strings.Cut(words, "\n")
	return crashed, why
}

// table is the counts, to be printed and copied into the documentation.
func (c *checker) table() string {
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(c.classes)) {
		total := 0
		for _, n := range c.classes[kind] {
			total += n
		}
		fmt.Fprintf(&b, "\n%s: %d images", kind, total)
		for _, class := range slices.Sorted(maps.Keys(c.classes[kind])) {
			fmt.Fprintf(&b, "; %d %s", c.classes[kind][class], class)
		}
	}
	return b.String()
}

// flipAppend is the append with this number of the small log: a record or two of one of a few orders.
func flipAppend(n int) (events.Stream, []events.Record) {
	stream := events.OrderStream(fmt.Sprintf("order-%d", n%flipOrders))
	records := []events.Record{record(fmt.Sprintf("r-%d", n))}
	if n%5 == 0 {
		records = append(records, record(fmt.Sprintf("r-%d-b", n)))
	}
	return stream, records
}

// smallLog makes the log that is damaged. Killed is one as a process leaves it that never closed it.
func smallLog(t *testing.T, killed bool) (path string) {
	path = filepath.Join(t.TempDir(), "orders.log")
	config := bolt.SmallGenerations(flipGeneration)
	config.MapSize = 1 // the file grows no faster than it must
	log, err := bolt.Open(path, config)
	require.NoError(t, err)
	for n := range flipAppends {
		require.NoError(t, appendNext(log, n))
	}
	if killed {
		left, err := os.ReadFile(path)
		require.NoError(t, err)
		defer func() { require.NoError(t, os.WriteFile(path, left, 0o600)) }()
	}
	require.NoError(t, log.Close())
	return path
}

func newChecker(t *testing.T, killed bool) (c *checker, used int) {
	c = &checker{t: t, path: smallLog(t, killed), classes: map[string]map[string]int{}}
	t.Cleanup(c.stop)
	return c, usedBytes(t, c.path)
}

// failures are the classes that no image should be in.
var failures = []string{undetected, crashed, exhausted, hung}

// judge fails on what no image may do, and prints the rest.
func (c *checker) judge() {
	c.t.Log(c.table())
	holes := map[string]int{}
	for _, counts := range c.classes {
		for class, n := range counts {
			holes[class] += n
		}
	}
	for i := range min(len(c.bad), shownMax) {
		c.t.Log(c.bad[i])
	}
	for _, class := range failures {
		assert.Zero(c.t, holes[class], class)
	}
}

// shownMax is how many of the images that end badly are shown.
const shownMax = 10

// TestFlippedBits flips one bit in every byte of a small log, and every bit where a page says what it is; in everyday
// runs one bit in some of the bytes. The damage is found before it gives a wrong answer, or it does no harm, or it is
// one that the package's documentation names as beyond it.
func TestFlippedBits(t *testing.T) {
	for name, killed := range map[string]bool{"closed": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			c, used := newChecker(t, killed)
			sound, err := os.ReadFile(c.path)
			require.NoError(t, err)
			if killed || !long.Walks() {
				for at := 0; at < used; at += sample() {
					c.flip(at, at*5/3%8)
				}
				c.judge()
				return
			}
			for at := 0; at < used; {
				run := zeros(sound[at:min(used, at+runMax)])
				switch {
				case at%pageSize < pageHead:
					for bit := range 8 {
						c.flip(at, bit)
					}
					at++
				case run >= runLeast && c.look("flip a run", at, run) == harmless:
					at += run
				default:
					for range max(run, 1) {
						c.flip(at, at*5/3%8)
						at++
					}
				}
			}
			c.judge()
		})
	}
}

// sample is how many bytes lie from one that is damaged to the next, where not all are.
func sample() int { return long.Rounds(long.Walk(sampleEvery, racedEvery), everydayEvery) }

// A run of zeros is mostly space that nobody uses: it is flipped in one image first, and byte by byte only where that
// shows.
const (
	runLeast = 16
	runMax   = 64
)

func zeros(of []byte) int { return len(of) - len(bytes.TrimLeft(of, "\x00")) }

// flip checks one flipped bit. Only damage to the two header pages may take back a commit.
func (c *checker) flip(at, bit int) {
	class := c.look("flip a bit", at, bit)
	if class == takenBack {
		assert.Less(c.t, at, 2*pageSize, "a commit is taken back, and not by a header page")
	}
}

// TestTruncatedAnywhere cuts the file at every byte of its tail, and at every page before that.
func TestTruncatedAnywhere(t *testing.T) {
	c, used := newChecker(t, false)
	step := 1
	if !long.Walks() {
		step = sample()
	}
	for length := used; length > used-tailPages*pageSize; length -= step {
		c.look("cut", length, 0)
	}
	for length := used - tailPages*pageSize; length >= 0; length -= pageSize / 2 {
		c.look("cut", length, 0)
	}
	c.judge()
	assert.Equal(t, c.total("cut"), c.classes["cut"][refused]+c.classes["cut"][harmless],
		"a file cut short is refused at once")
}

func (c *checker) total(kind string) (n int) {
	for _, count := range c.classes[kind] {
		n += count
	}
	return n
}

// TestGrownBehindItsBack puts bytes at the file's end that nobody wrote, which is what a copy with a wrong tool does.
func TestGrownBehindItsBack(t *testing.T) {
	c, _ := newChecker(t, false)
	for _, by := range []int{1, 100, pageSize - 1, pageSize, pageSize + 1, 10 * pageSize, 1 << 20} {
		for _, with := range []int{0x00, 0xff, 'x'} {
			c.look("grow", by, with)
		}
	}
	c.judge()
	assert.Equal(t, c.total("grow"), c.classes["grow"][harmless])
}
