package bolt_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// How often a process is killed in the middle of its appends, how many of them it must have acknowledged by the end,
// and from how many goroutines it appends to how many streams.
const (
	wholeEvery        = 8 // rounds after which all of the file is read again, and not only what was added
	killRounds        = 120
	killRoundsShort   = 12
	acknowledgedLeast = 10_000
	acknowledgedShort = 400
	// entries in memory, of every second process: so that many die while they bring them into the file
	killGeneration = 500
	killJournal    = 256 << 10 // bytes, of the journal of half of the processes: it is full all the time
	appenders      = 32
	streamsEach    = 8
)

// killRecord is record i of an append of n to the stream. What it is follows from its id alone, which says that too.
func killRecord(stream string, after uint64, i, n int) events.Record {
	r := record(fmt.Sprintf("%s.%d.%d.%d", stream, after, i, n))
	r.Event = events.PaymentPending{PaymentID: r.ID,
		Proof: events.Proof{Evidence: &events.Evidence{Body: []byte(strings.Repeat(r.ID, 1+int(after)%24))}}}
	return r
}

func killAppend(stream string, after uint64, n int) (records []events.Record) {
	for i := range n {
		records = append(records, killRecord(stream, after, i, n))
	}
	return records
}

// sumOf is a sum over the record's frame, places and all.
func sumOf(r events.Record) (string, error) {
	frame, err := events.AppendFrame(nil, r)
	sum := sha256.Sum256(frame)
	return hex.EncodeToString(sum[:8]), err
}

// childAppend appends from many goroutines and tells each acknowledged append in one line, until its input ends or it
// is killed. First it repeats what every stream ends with, as a service does that was never told.
func childAppend(path string) {
	config := bolt.SmallGenerations(killGeneration)
	switch os.Getpid() % 4 {
	case 0:
		config = nil
	case 1, 2:
		withJournal := bolt.WithJournal(*config, killJournal)
		config = &withJournal
	}
	log, err := bolt.Open(path, config)
	must(err)
	var stop atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop.Store(true)
	}()
	var mu sync.Mutex
	var group sync.WaitGroup
	for a := range appenders {
		group.Go(func() {
			var versions [streamsEach]uint64
			for s := range versions {
				versions[s] = repeatNewest(log, killStream(a, s))
			}
			for n := a; !stop.Load(); n++ {
				name := killStream(a, n%streamsEach)
				after := &versions[n%streamsEach]
				written, err := log.Append(context.Background(), events.OrderStream(name), *after,
					killAppend(name, *after, 1+n%3)...)
				must(err)
				*after += uint64(len(written))
				var line strings.Builder
				for _, r := range written {
					sum, err := sumOf(r)
					must(err)
					fmt.Fprintf(&line, "%s %s ", r.ID, sum)
				}
				mu.Lock()
				fmt.Println(line.String())
				mu.Unlock()
			}
		})
	}
	group.Wait()
	must(log.Close())
}

func killStream(appender, number int) string { return fmt.Sprintf("o-%d-%d", appender, number) }

// repeatNewest appends the stream's newest append again, which must change nothing, and returns the stream's version.
func repeatNewest(log store.Log, name string) uint64 {
	ctx, stream := context.Background(), events.OrderStream(name)
	h, err := log.Head(ctx, stream)
	if errors.Is(err, store.ErrNotFound) {
		return 0
	}
	must(err)
	for newest, err := range log.Read(ctx, stream, h.Version-1) {
		must(err)
		var after uint64
		var i, n int
		_, err = fmt.Sscanf(strings.ReplaceAll(strings.TrimPrefix(newest.ID, name), ".", " "), "%d %d %d", &after, &i, &n)
		must(err)
		written, err := log.Append(ctx, stream, after, killAppend(name, after, n)...)
		must(err)
		if last := written[len(written)-1]; last.Position != newest.Position || last.Version != h.Version {
			must(fmt.Errorf("%s: repeated, it stands at position %d and not %d", last.ID, last.Position, newest.Position))
		}
	}
	return h.Version
}

// killing is what the rounds know of the file they share.
type killing struct {
	path         string
	random       *rand.Rand
	acknowledged map[string]string // sums by record id
	rounds       int
	appends      int
	fresh        []string // ids acknowledged in this round
	sums         []string // by position, as last read: what was seen once stays
	newest       map[events.Stream]events.Record
	closed       int // processes that were killed while they closed the log, or had just closed it
	silent       int // processes killed before they acknowledged anything
}

// run starts a process that appends and kills it at a random moment: before, in or after its opening of the file, among
// its appends, or while it closes the log.
func (k *killing) run(t *testing.T) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childEnv+"=append", pathEnv+"="+k.path)
	var stderr strings.Builder
	c.Stderr = &stderr
	stdin, err := c.StdinPipe()
	require.NoError(t, err)
	stdout, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())

	k.fresh = nil
	moment := func(most time.Duration) time.Duration { return time.Duration(k.random.Int64N(int64(most))) }
	kill := func() { _ = c.Process.Kill() }
	switch k.random.IntN(6) {
	case 0:
		time.AfterFunc(moment(60*time.Millisecond), kill)
		k.listen(stdout, func() {})
	case 1:
		running, closing := moment(100*time.Millisecond), moment(8*time.Millisecond)
		k.closed++
		k.listen(stdout, func() {
			time.AfterFunc(running, func() {
				_ = stdin.Close()
				time.AfterFunc(closing, kill)
			})
		})
	default:
		running := moment(120 * time.Millisecond)
		k.listen(stdout, func() { time.AfterFunc(running, kill) })
	}
	_ = c.Wait() // it was killed
	require.Empty(t, stderr.String())
	if len(k.fresh) == 0 {
		k.silent++
	}
}

// listen takes in what the process acknowledges until it is gone, and calls first at its first word.
func (k *killing) listen(from io.Reader, first func()) {
	lines := bufio.NewScanner(from)
	for n := 0; lines.Scan(); n++ {
		if n == 0 {
			first()
		}
		words := strings.Fields(lines.Text())
		for i := 0; i+1 < len(words) && len(words[i+1]) == 16; i += 2 { // a last line can be cut off, with its process
			k.acknowledged[words[i]] = words[i+1]
			k.fresh = append(k.fresh, words[i])
		}
		k.appends++
	}
}

// check opens the file, as a service or as a reader, and holds what was added, or the whole of it, against what is
// known.
func (k *killing) check(t *testing.T, readOnly, whole bool) {
	log, err := bolt.Open(k.path, &bolt.Config{ReadOnly: readOnly})
	if readOnly && errors.Is(err, bolt.ErrNotALog) && len(k.acknowledged) == 0 {
		return // its creation was cut short, and nobody was told anything
	}
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	ctx := context.Background()

	from := store.After(events.Record{Position: uint64(len(k.sums))})
	if whole {
		from, k.newest = store.Start(), map[events.Stream]events.Record{}
	}
	position, inAppend := from.Position(), 0
	found := map[string]bool{}
	for r, err := range log.All(ctx, from) {
		require.NoError(t, err)
		position++
		before := k.newest[r.Stream]
		require.Equal(t, [...]uint64{position, before.Version + 1, before.Position},
			[...]uint64{r.Position, r.Version, r.Previous}, r.ID)
		inAppend = k.inAppend(t, r, inAppend)
		k.newest[r.Stream], found[r.ID] = r, true
		sum, err := sumOf(r)
		require.NoError(t, err)
		if told, ok := k.acknowledged[r.ID]; ok {
			require.Equal(t, told, sum, "%s is not as it was acknowledged", r.ID)
		}
		if position > uint64(len(k.sums)) {
			k.sums = append(k.sums, sum)
		}
		require.Equal(t, k.sums[position-1], sum, "position %d has changed", position)
	}
	require.Zero(t, inAppend, "the log ends in the middle of an append")
	require.EqualValues(t, len(k.sums), position, "records that were there are gone")
	expected := k.fresh
	if whole {
		expected = slices.Collect(maps.Keys(k.acknowledged))
	}
	for _, id := range expected {
		require.True(t, found[id], "%s was acknowledged and is lost", id)
	}
	k.checkHeads(t, log)
	k.lookup(t, log, expected)
	if whole {
		require.NoError(t, log.Verify(ctx, nil))
	}
}

// inAppend follows an append through its records; it returns how many of them have been passed.
func (k *killing) inAppend(t *testing.T, r events.Record, passed int) int {
	words := strings.Split(r.ID, ".")
	require.Len(t, words, 4, r.ID)
	require.Equal(t, fmt.Sprint(passed), words[2], "%s: an append is there whole and together, or not at all", r.ID)
	if passed++; fmt.Sprint(passed) == words[3] {
		return 0
	}
	return passed
}

// checkHeads asks for what a log keeps beside its records.
func (k *killing) checkHeads(t *testing.T, log store.Log) {
	ctx := context.Background()
	for stream, r := range k.newest {
		h, err := log.Head(ctx, stream)
		require.NoError(t, err)
		require.Equal(t, store.Head{Stream: stream, Version: r.Version, Position: r.Position, Head: r.Head}, h)
	}
	for _, filter := range []store.Filter{store.AllOrders(), store.DueBy(noon), store.InStatus("created"),
		store.Attention(events.AttentionParked)} {
		heads := 0
		for h, err := range log.Heads(ctx, filter) {
			require.NoError(t, err)
			require.Equal(t, k.newest[h.Stream].Position, h.Position)
			heads++
		}
		require.Equal(t, len(k.newest), heads, "%+v", filter)
	}
	for _, r := range k.newest {
		k.lookup(t, log, []string{r.ID}) // acknowledged or not
	}
}

func (k *killing) lookup(t *testing.T, log store.Log, ids []string) {
	for _, id := range ids {
		owner, err := log.Lookup(context.Background(), events.NewKey(events.KeyPaymentID, id))
		require.NoError(t, err)
		name, _, _ := strings.Cut(id, ".")
		require.Equal(t, events.OrderStream(name), owner)
	}
}

// TestKilledProcessLosesNothingAcknowledged kills a process that appends in groups, again and again, on one file that
// grows. It cannot show a missing sync (what a dead process wrote, the system still has); the tests of power loss do.
func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	rounds, least := killRounds, acknowledgedLeast
	if !long.Walks() { // the race detector slows the processes down, and looks into none that is killed
		rounds, least = killRoundsShort, acknowledgedShort
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	k := &killing{path: filepath.Join(t.TempDir(), "orders.log"), random: rand.New(rand.NewPCG(seed, 0)),
		acknowledged: map[string]string{}, newest: map[events.Stream]events.Record{}}
	for ; k.rounds < rounds || k.appends < least; k.rounds++ {
		k.run(t)
		readOnly := k.rounds%3 == 2
		if info, err := os.Stat(k.path); readOnly && (err != nil || info.Size() == 0) {
			continue // killed before there was a file
		}
		k.check(t, readOnly, k.rounds%wholeEvery == 0)
	}
	k.check(t, false, true)
	t.Logf("%d rounds: %d acknowledged appends with %d records, %d records in the log; %d processes were killed before "+
		"their first answer, %d at their close",
		k.rounds, k.appends, len(k.acknowledged), len(k.sums), k.silent, k.closed)
	assert.Less(t, k.silent, k.rounds/2, "most processes were killed among their appends")
}
