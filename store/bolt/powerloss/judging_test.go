package powerloss_test

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tally is what came of judging images.
type tally struct {
	class  map[string]int // images judged, by class; without those of a process that did not come to its end
	begun  int            // images
	equal  int            // drawn again, and not judged again
	bad    []string
	faults []string // what came of each way to fail
}

func (s *tally) images() int {
	sum := 0
	for _, n := range s.class {
		sum += n
	}
	return sum
}

func (s *tally) add(other *tally) {
	for class, n := range other.class {
		s.class[class] += n
	}
	s.begun += other.begun
	s.equal += other.equal
	s.bad = append(s.bad, other.bad...)
}

// String is the figures in one line.
func (s *tally) String() string {
	text := fmt.Sprintf("%d images, no two of them in an equal situation (%d more were drawn): ", s.images(), s.equal)
	for _, class := range slices.Sorted(maps.Keys(s.class)) {
		text += fmt.Sprintf("%d %s, ", s.class[class], class)
	}
	return text + fmt.Sprintf("%d bad", len(s.bad))
}

// report fails the test with what is bad.
func (s *tally) report(t *testing.T, what string) {
	t.Helper()
	for _, bad := range s.bad {
		t.Errorf("%s, -seed=%d: %s", what, *seedFlag, bad)
	}
}

func newTally() *tally { return &tally{class: map[string]int{}} }

// Bounds of one shard.
const (
	imageTakes  = 20 * time.Second // at most, on a busy machine; longer is a hang
	restartsMax = 5                // after crashes and hangs: each is a failure by itself
)

// judgeShard runs the driver's judge with the arguments, and again after an image that ended it.
func judgeShard(ctx context.Context, driver string, takes time.Duration, args ...string) *tally {
	found := newTally()
	from := 0
	for range restartsMax {
		last, err := runDriver(ctx, found, takes, driver,
			append([]string{"judge", fmt.Sprintf("-from=%d", from)}, args...)...)
		if err == nil {
			return found
		}
		found.bad = append(found.bad, fmt.Sprintf("image %d ended the process: %v", last, err))
		from = last + 1
	}
	return found
}

// runDriver reads what one process says and returns the last image or run that it began; the error is how the process
// ended.
func runDriver(ctx context.Context, found *tally, takes time.Duration, driver string, args ...string) (last int,
	err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, driver, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return last, err
	}
	watchdog := time.AfterFunc(takes, cancel)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		watchdog.Reset(takes)
		last = found.take(lines.Text(), last)
	}
	watchdog.Stop()
	if err := cmd.Wait(); err != nil {
		text := stderr.String()
		return last, fmt.Errorf("%w: %s", err, text[:min(len(text), 2000)])
	}
	return last, lines.Err()
}

// take takes one line of the driver's.
func (s *tally) take(line string, last int) int {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "at":
		s.begun++
		last, _ = strconv.Atoi(rest) // the driver's own number
	case "class":
		n, class, _ := strings.Cut(rest, " ")
		count, _ := strconv.Atoi(n)
		s.class[class] += count
	case "equal":
		count, _ := strconv.Atoi(rest)
		s.equal += count
	case "fault":
		s.faults = append(s.faults, rest)
	default:
		s.bad = append(s.bad, line)
	}
	return last
}
