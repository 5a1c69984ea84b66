package behaviour_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/bolt"
)

const script = "../../../docs/reference/verify.py"

// linesMax keeps the script short enough to be read by somebody who trusts nobody.
const linesMax = 200

func TestTheScriptIsShort(t *testing.T) {
	all, err := os.ReadFile(script)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(all), "\n"), "\n")
	assert.LessOrEqual(t, len(lines), linesMax)
	for i, line := range lines {
		assert.LessOrEqual(t, len(line), 120, "line %d", i+1)
		if words := strings.Fields(line); len(words) > 0 && (words[0] == "import" || words[0] == "from") {
			assert.Equal(t, "import base64, hashlib, json, struct, sys, uuid", line, "the standard library alone")
		}
	}
}

// verify runs the script. It skips the test where Python is missing, but in CI, where nothing is left out.
func verify(t *testing.T, args ...string) (said string, code int) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("python3 is not here; on Debian: apt-get install python3")
	}
	out, err := exec.CommandContext(t.Context(), python, append([]string{script}, args...)...).Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		require.Empty(t, string(failed.Stderr), "%s", args)
		return string(out), failed.ExitCode()
	}
	require.NoError(t, err)
	return string(out), 0
}

var start = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

// records are enough for two tiles, and everyday for one, with what records have: keys, UUIDs, texts, messages, times
// of every form.
var records = long.Rounds(600, 300)

func record(i int) events.Record {
	at := start.Add(time.Duration(i) * time.Second)
	r := events.Record{ID: fmt.Sprintf("record-%d", i), Recorded: at, Occurred: at.Add(-time.Minute), Actor: "Zoë 東京",
		CommandID: fmt.Sprintf("%08x-c3d4-7e5f-8a9b-0c1d2e3f4a5b", i),
		Head: events.Head{Status: "pending", StatusSince: at.Add(-time.Minute), Phase: "idle",
			Due: at.Add(time.Duration(i) * time.Hour)},
		Event: events.PaymentPending{PaymentID: fmt.Sprintf("secret-%d", i), Proof: events.Proof{Via: events.ViaInquiry,
			Evidence: &events.Evidence{Body: bytes.Repeat([]byte("b"), i%7*100)}}}}
	if i%3 == 0 {
		r.Occurred = at
		r.Head.OperationSince, r.Head.ParkedSince = at, at.Add(time.Second)
	}
	if i%200 == 199 {
		r.Event = events.PaymentPending{PaymentID: fmt.Sprintf("secret-%d", i), Proof: events.Proof{
			Evidence: &events.Evidence{Body: bytes.Repeat([]byte("b"), 90_000)}}}
	}
	return r
}

// made is a log in a file of its own, closed, and what it held.
func made(t *testing.T, config *bolt.Config) (path string, was seal.Checkpoint) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "orders.log")
	log, err := bolt.Open(path, config)
	require.NoError(t, err)
	for i := 0; i < records; i += 4 {
		of := events.OrderStream(fmt.Sprintf("o-%d", i%50))
		after := uint64(0)
		if head, err := log.Head(t.Context(), of); err == nil {
			after = head.Version
		}
		var all []events.Record
		for n := range 4 {
			r := record(i + n)
			r.Keys = []events.Key{events.Key("paymentId:p-" + of.ID), events.Key(fmt.Sprintf("odd \n key %d", i+n))}
			all = append(all, r)
		}
		_, err = log.Append(t.Context(), of, after, all...)
		require.NoError(t, err)
	}
	if config == nil || !config.Unsealed {
		was, err = log.Tree(t.Context())
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	return path, was
}

func TestSoundLogsAreWhole(t *testing.T) {
	t.Parallel()
	path, was := made(t, nil)
	want := fmt.Sprintf("records  %d\nroot     %s\norigin   %s \nverdict  whole\n", records, was.Root, was.Origin)
	for i, beside := range [][]string{{fmt.Sprint(was.Size), was.Root.String()}, {}} {
		if !long.Each(i, 2) { // here and below: a verification each, in a process of its own
			continue
		}
		said, code := verify(t, append([]string{path}, beside...)...)
		assert.Equal(t, want, said)
		assert.Zero(t, code)
	}
	said, code := verify(t, path, fmt.Sprint(records-100), was.Root.String())
	assert.Equal(t, fmt.Sprintf("verdict  damaged: its first %d records are not those of the checkpoint\n", records-100),
		said)
	assert.Equal(t, 10, code)
	if long.Enabled() {
		said, _ = verify(t, path, fmt.Sprint(records+1), was.Root.String())
		assert.Contains(t, said, "it was cut off")
	}

	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	require.NoError(t, log.Backup(t.Context(), path+".backup", nil))
	require.NoError(t, log.Close())
	if long.Enabled() {
		said, code = verify(t, path+".backup")
		assert.Equal(t, want, said)
		assert.Zero(t, code)
	}
	log, err = bolt.Open(path+".backup", nil) // it becomes a log of its own, with an ancestry
	require.NoError(t, err)
	require.NoError(t, log.Close())
	said, code = verify(t, path+".backup")
	assert.Zero(t, code, said)
	assert.NotContains(t, said, was.Origin)

	unsealed, _ := made(t, &bolt.Config{Unsealed: true})
	said, code = verify(t, unsealed)
	assert.Equal(t, fmt.Sprintf("records  %d\nroot     none: the log was made without a seal\norigin   none \n"+
		"verdict  whole\n", records), said)
	assert.Zero(t, code)
}

func TestExports(t *testing.T) {
	t.Parallel()
	path, was := made(t, nil)
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	var whole, some bytes.Buffer
	_, err = export.Write(t.Context(), &whole, log, nil)
	require.NoError(t, err)
	_, err = export.Write(t.Context(), &some, log, &export.Config{Filter: export.Filter{Orders: []string{"o-4", "o-8"}}})
	require.NoError(t, err)
	check := func(content []byte) (string, int) {
		file := filepath.Join(t.TempDir(), "export.jsonl")
		require.NoError(t, os.WriteFile(file, content, 0o600))
		return verify(t, file)
	}
	said, code := check(whole.Bytes())
	assert.Equal(t, fmt.Sprintf("records  %d\nroot     %s\norigin   %s \nverdict  whole\n", records, was.Root, was.Origin),
		said)
	assert.Zero(t, code)
	said, code = check(some.Bytes())
	assert.Contains(t, said, "not that there are no others")
	assert.Zero(t, code, said)
	lines := bytes.SplitAfter(whole.Bytes(), []byte("\n"))
	alterations := map[string][]byte{
		"cut":     whole.Bytes()[:whole.Len()-1000],
		"swapped": bytes.Join(slices.Concat(lines[:5], [][]byte{lines[6], lines[5]}, lines[7:]), nil),
		"without": bytes.Join(slices.Concat(lines[:5], lines[6:]), nil),
		"doubled": bytes.Join(slices.Concat(lines[:5], lines[4:]), nil),
		"altered": regexp.MustCompile(`"frame":"....`).ReplaceAll(some.Bytes(), []byte(`"frame":"AAEC`)),
		"another": regexp.MustCompile(`"proof":\["....`).ReplaceAll(some.Bytes(), []byte(`"proof":["AAEC`)),
		"root":    bytes.Replace(whole.Bytes(), []byte(was.Root.String()), []byte(seal.Hash{1}.String()), 1),
	}
	for i, name := range slices.Sorted(maps.Keys(alterations)) {
		if !long.Each(i, 4) { // a verification each, in a process of its own
			continue
		}
		content := alterations[name]
		require.False(t, bytes.Equal(content, whole.Bytes()) || bytes.Equal(content, some.Bytes()), name)
		said, code := check(content)
		assert.Equal(t, 10, code, "%s: %s", name, said)
	}
}

// TestEveryAlterationIsFound: in an entry of every bucket, with a checksum that was made anew where there is one.
func TestEveryAlterationIsFound(t *testing.T) {
	t.Parallel()
	path, _ := made(t, nil)
	sound, err := os.ReadFile(path)
	require.NoError(t, err)
	damaged := filepath.Join(t.TempDir(), "damaged.log")
	for i, bucket := range []string{"attention", "due", "heads", "keys", "log", "meta", "operation", "status", "tiles"} {
		if !long.Enabled() && i%8 != 4 { // a verification each, in a process of its own
			continue
		}
		require.NoError(t, logfile.Write(damaged, sound))
		db, err := bbolt.Open(damaged, 0o600, nil)
		require.NoError(t, err)
		require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(bucket))
			key, value := b.Cursor().First()
			value = bytes.Clone(value)
			if len(value) == 0 { // the ancestry
				value = []byte("x")
			} else {
				value[len(value)/2] ^= 1
			}
			return b.Put(bytes.Clone(key), value)
		}))
		require.NoError(t, db.Close())
		said, code := verify(t, damaged)
		assert.Equal(t, 10, code, "%s: %s", bucket, said)
		assert.Contains(t, said, "verdict  damaged: ")
	}
	for _, position := range []int{77, records - 10} { // in a tile, and behind the last
		image := bytes.Clone(sound)
		places := logfile.Places(image, []byte(fmt.Sprintf("secret-%d", position-1)))
		require.NotEmpty(t, places)
		for _, at := range places {
			begin, size, sum := logfile.FrameAround(image, at)
			require.Positive(t, size)
			image[at] = 'S'
			binary.BigEndian.PutUint32(image[sum:], logfile.FrameSum(image[begin:begin+size]))
		}
		require.NoError(t, logfile.Write(damaged, image))
		said, code := verify(t, damaged)
		assert.Equal(t, 10, code, said)
		if position == 77 {
			assert.Contains(t, said, "position 1: tile 0 of level 0 is not over the records")
		} else {
			assert.Contains(t, said, "its frontier is not over its records")
		}
		assert.Error(t, firstVerifier(t, damaged))
	}
}

// TestDamagedFilesEndWithAVerdict and what the first verifier finds nothing in, the second does not either.
func TestDamagedFilesEndWithAVerdict(t *testing.T) {
	t.Parallel()
	path, was := made(t, nil)
	sound, err := os.ReadFile(path)
	require.NoError(t, err)
	sound = bytes.TrimRight(sound, "\x00")
	damaged := filepath.Join(t.TempDir(), "damaged.log")
	found := 0
	for round := range long.Rounds(40, 4) {
		chance := rand.New(rand.NewPCG(uint64(round), 7))
		image := bytes.Clone(sound)
		switch round % 4 {
		case 0:
			image[chance.IntN(len(image))] ^= 1 << chance.IntN(8)
		case 1:
			clear(image[chance.IntN(len(image)/4096)*4096:][:4096])
		case 2:
			image = image[:chance.IntN(len(image))]
		case 3:
			for range 100 {
				image[chance.IntN(len(image))] = byte(chance.Uint32())
			}
		}
		image = append(image, make([]byte, 1<<24-len(image))...)
		require.NoError(t, logfile.Write(damaged, image))
		said, code := verify(t, damaged)
		switch code {
		case 0:
			assert.Contains(t, said, was.Root.String(), "round %d", round)
			continue
		case 10, 12:
		default:
			assert.Fail(t, "it ended otherwise", "round %d: %d %s", round, code, said)
		}
		found++
		assert.Error(t, firstVerifier(t, damaged), "round %d: the second says %s", round, said)
	}
	assert.Positive(t, found)
}

func firstVerifier(t *testing.T, path string) error {
	t.Helper()
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	if err != nil {
		return err
	}
	return errors.Join(log.Verify(context.Background(), nil), log.Close())
}

func TestWhatIsNoLogIsUnreadable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(path, []byte("order,amount\n"), 0o600))
	for _, path := range []string{path, path + ".none"} {
		said, code := verify(t, path)
		assert.Equal(t, 12, code)
		assert.Contains(t, said, "verdict  unreadable: ")
	}
}
