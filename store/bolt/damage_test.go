package bolt_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/bolt"
)

// What each changed byte is tried on: a log that is open while it changes, and one that is opened afterwards.
const (
	whileWriting = "while open for appends"
	whileReading = "while open for reading"
	whileClosed  = "while closed"
)

// The log whose bytes are changed has a full tile and more. After the change it gets some more appends.
const (
	damageAppends    = 216 // of 260 records
	damageMore       = 10
	damageGeneration = 80
	// damageSample is how many bytes of each part are changed in everyday runs, of each part's keys and values.
	damageSample = 1
	// damagePartsEvery is how many parts lie from one that is changed in everyday runs to the next.
	damagePartsEvery = 9
	// damageLong is how many where there are minutes, and all of them are where there is an hour.
	damageLong = 60
)

// change is one bit of a part of the file.
type change struct {
	part string // "heads key"
	at   int
	with []byte // what stands there then
	// forged is together with its checksum, as no accident does it: reads cannot tell, and the seal or Verify must.
	forged bool
	entry  func() []byte // makes what stands there where it is forged; most changes are never drawn
}

// TestNoByteChangesUnseen changes the bytes of every entry of the file: of every frame, tile, place, lookup key and
// index entry, of the seal and of what else the file says of itself. Nothing may give a false answer, crash or hang,
// and the file is refused or Verify finds it.
func TestNoByteChangesUnseen(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]bool{"closed": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, killed)
			h.whileOpen(whileReading, &bolt.Config{ReadOnly: true, Signer: h.signer})
			h.whileOpen(whileWriting, &bolt.Config{Signer: h.signer, MapSize: 1})
			for _, c := range h.changes(h.image) {
				h.whileClosed(c)
			}
			h.judge()
		})
	}
}

// harness tries changes on one log.
type harness struct {
	t      *testing.T
	killed bool // the log was not closed: some records are not in its indexes yet
	dir    string
	image  []byte // the sound file
	signer *seal.Signer
	origin string
	now    *truth
	later  *truth // after damageMore more appends
	random *rand.Rand
	tried  map[string]int // by what became of it
	bad    []string
}

func newHarness(t *testing.T, killed bool) *harness {
	h := &harness{t: t, killed: killed, dir: t.TempDir(), signer: newSigner(t, "shop.example/orders"),
		random: rand.New(rand.NewPCG(1, 2)),
		now:    truthAfter(t, damageAppends), later: truthAfter(t, damageAppends+damageMore), tried: map[string]int{}}
	path := filepath.Join(h.dir, "sound.log")
	config := bolt.SmallGenerations(damageGeneration)
	config.Signer, config.MapSize = h.signer, 1
	log, err := bolt.Open(path, config)
	require.NoError(t, err)
	for n := range damageAppends {
		require.NoError(t, appendNext(log, n))
	}
	h.origin = tree(t, log).Origin
	if killed {
		h.image, err = os.ReadFile(path)
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	if !killed {
		h.image, err = os.ReadFile(path)
		require.NoError(t, err)
	}
	return h
}

// changes draws some bytes of every part of an image. Those of keys and of values are parts of their own, and so are
// those that are changed together with their checksums.
func (h *harness) changes(image []byte) (all []change) {
	parts := map[string][]change{}
	entries, _ := spotsOf(h.t, image)
	for _, s := range entries {
		for at := s.at; at < s.end; at++ {
			part := s.name() + " key"
			if at >= s.value {
				part = s.name() + " value"
			}
			bit := byte(1 << (at * 5 / 3 % 8))
			parts[part] = append(parts[part], change{part: part, at: at, with: []byte{image[at] ^ bit}})
			if s.forgeable(image, at) {
				forged := part + ", forged"
				parts[forged] = append(parts[forged], change{part: forged, at: s.at, forged: true, entry: func() []byte {
					return s.forged(image, at, bit)
				}})
			}
		}
	}
	most := long.Walk(damageLong, damageSample)
	if long.Everything() {
		most = len(image)
	}
	for i, part := range slices.Sorted(maps.Keys(parts)) {
		if i%long.Rounds(1, damagePartsEvery) != 0 {
			continue
		}
		these := parts[part]
		h.random.Shuffle(len(these), func(i, j int) { these[i], these[j] = these[j], these[i] })
		for _, c := range these[:min(most, len(these))] {
			if c.entry != nil {
				c.with = c.entry()
			}
			all = append(all, c)
		}
	}
	return all
}

// whileOpen changes bytes below an open log, one at a time.
func (h *harness) whileOpen(stage string, config *bolt.Config) {
	path := h.write("open.log", h.image)
	log, err := bolt.Open(path, config)
	require.NoError(h.t, err)
	defer func() { require.NoError(h.t, log.Close()) }()
	image := settled(h.t, path)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(h.t, err)
	defer file.Close()
	put := func(at int, b []byte) {
		_, err := file.WriteAt(b, int64(at))
		require.NoError(h.t, err)
	}
	for _, c := range h.changes(image) {
		put(c.at, c.with)
		h.try(stage, c, log)
		put(c.at, image[c.at:c.at+len(c.with)])
	}
	found, wrong := h.now.ask(log)
	require.False(h.t, found, "after all of it the log is as it was")
	require.Empty(h.t, wrong)
	require.NoError(h.t, log.Verify(context.Background(), nil))
}

// settled returns a file's bytes once nothing is written to it any more, as a log does that was opened after a crash.
func settled(t *testing.T, path string) (image []byte) {
	require.Eventually(t, func() bool {
		before := image
		var err error
		image, err = os.ReadFile(path)
		return err == nil && slices.Equal(before, image)
	}, 10*time.Second, 50*time.Millisecond)
	return image
}

func (h *harness) write(name string, image []byte) (path string) {
	path = filepath.Join(h.dir, name)
	require.NoError(h.t, logfile.Write(path, image))
	return path
}

// try uses all that a log has but appends, and has it verified.
func (h *harness) try(stage string, c change, log *bolt.Log) {
	ctx := context.Background()
	found, wrong := h.now.ask(log)
	for _, w := range wrong {
		if !c.forged {
			h.finding(stage, "answers", c, w)
		}
	}
	if signed, err := log.Checkpoint(ctx); err == nil {
		now, err := seal.Open(signed, h.signer.Verifier())
		if err != nil || now.Root != h.now.root || now.Origin != h.origin {
			h.finding(stage, "checkpoint", c, fmt.Sprintf("%+v, error %v", now, err))
		}
	} else {
		h.contract(stage, "checkpoint", c, err)
	}
	backup := filepath.Join(h.dir, "backup.log")
	if err := log.Backup(ctx, backup, nil); err == nil {
		h.copied(stage, "backup", c, backup)
		require.NoError(h.t, os.Remove(backup))
	} else {
		h.contract(stage, "backup", c, err)
	}
	switch err := log.Verify(ctx, nil); {
	case err == nil && h.halfway(c) && len(wrong) == 0:
		h.tried["a state that a crash can leave"]++
	case err == nil:
		h.finding(stage, "verify", c, "finds nothing")
	case found:
		h.contract(stage, "verify", c, err)
		h.tried["found while reading"]++
	default:
		h.contract(stage, "verify", c, err)
		h.tried["found by Verify"]++
	}
}

// halfway tells whether the change can have made a state that a crash leaves: with its checksum made to fit, an entry
// of an index may be another order's, where both orders have records that the index does not cover yet. What they say
// is in memory, so nobody asks the entry.
func (h *harness) halfway(c change) bool {
	index := slices.Contains([]string{"due", "status", "operation", "attention"}, strings.Fields(c.part)[0])
	return h.killed && c.forged && index
}

// copied checks that a copy is what the log was before the change: a copy that is altered must not exist.
func (h *harness) copied(stage, what string, c change, path string) {
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	if err != nil {
		h.finding(stage, what, c, err.Error())
		return
	}
	defer func() { require.NoError(h.t, log.Close()) }()
	found, wrong := h.now.ask(log)
	now, err := log.Tree(context.Background())
	if found || len(wrong) > 0 || err != nil || now.Root != h.now.root || now.Origin != h.origin {
		h.finding(stage, what, c, fmt.Sprintf("the copy is another log: damaged %v, wrong answers %.300q, %+v, error %v",
			found, wrong, now, err))
	}
	if err := log.Verify(context.Background(), nil); err != nil {
		h.finding(stage, what, c, err.Error())
	}
}

// whileClosed opens an image with the change in all the ways there are.
func (h *harness) whileClosed(c change) {
	image := slices.Clone(h.image)
	copy(image[c.at:], c.with)
	unopened := true
	log, err := bolt.Open(h.write("changed.log", image), &bolt.Config{ReadOnly: true, Signer: h.signer})
	if err == nil {
		unopened = false
		h.try(whileClosed+" (read)", c, log)
		require.NoError(h.t, log.Close())
	} else {
		h.contract(whileClosed, "open for reading", c, err)
	}
	if h.append(c, h.write("changed.log", image)) && !unopened {
		h.finding(whileClosed, "open", c, "is refused for appends only")
	}
	path := h.write("changed.log", image)
	if _, err := bolt.Compact(context.Background(), path, nil); err == nil {
		h.copied(whileClosed, "compact", c, path)
	} else {
		h.contract(whileClosed, "compact", c, err)
	}
	if unopened {
		h.tried["refused by Open"]++
	}
}

// append goes on with a log: what it takes in is right, and then everything is.
func (h *harness) append(c change, path string) (unopened bool) {
	log, err := bolt.Open(path, &bolt.Config{MapSize: 1})
	if err != nil {
		h.contract(whileClosed, "open for appends", c, err)
		return true
	}
	for n := range damageMore {
		if err = appendNext(log, damageAppends+n); err != nil {
			h.contract(whileClosed, "append", c, err)
			break
		}
	}
	if err == nil && !c.forged {
		_, wrong := h.later.ask(log)
		for _, w := range wrong {
			h.finding(whileClosed, "answers after appends", c, w)
		}
	}
	if err := log.Close(); err != nil {
		h.contract(whileClosed, "close", c, err)
	}
	return false
}

func (h *harness) contract(stage, what string, c change, err error) {
	if !isContract(err) {
		h.finding(stage, what, c, "an error outside the contract: "+err.Error())
	}
}

// finding keeps what is wrong.
func (h *harness) finding(stage, what string, c change, why string) {
	at := fmt.Sprintf("byte %d of page %d", c.at%pageSize, c.at/pageSize)
	h.bad = append(h.bad, fmt.Sprintf("%s, %s: %s, %s: %s", stage, what, c.part, at, why))
}

func (h *harness) judge() {
	h.t.Log(h.tried)
	for _, bad := range h.bad[:min(len(h.bad), shownMax)] {
		h.t.Log(bad)
	}
	assert.Zero(h.t, len(h.bad), "false answers, crashes, or damage that Verify does not find")
}
