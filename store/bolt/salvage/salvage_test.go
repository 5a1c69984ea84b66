package salvage_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/bolt/salvage"
)

// read salvages an image.
func read(t *testing.T, image []byte, config *salvage.Config) *salvage.Found {
	t.Helper()
	found, err := salvage.Read(t.Context(), write(t, t.TempDir(), image), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, found.Close()) })
	return found
}

// without is the log's image without a record: all copies of its frame are overwritten.
func (s *sound) without(positions ...uint64) []byte {
	image := bytes.Clone(s.image)
	for _, position := range positions {
		for _, at := range logfile.Places(image, s.frames[position-1]) {
			for i := range s.frames[position-1] {
				image[at+i] = 0xee
			}
		}
	}
	return image
}

// older writes the backup to a file.
func (s *sound) backup(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backup.log")
	require.NoError(t, logfile.Write(path, s.older))
	return path
}

func TestTheFirstHoleEndsTheNewLog(t *testing.T) {
	t.Parallel()
	s := theLog(t)
	found := read(t, s.without(100, 101, 700), nil)
	report := found.Report()
	assert.EqualValues(t, 99, report.Taken)
	assert.Equal(t, []salvage.Span{{First: 100, Last: 101}, {First: 700, Last: 700}}, report.Missing)
	assert.EqualValues(t, len(s.frames), report.End)
	assert.False(t, report.Whole())

	lost := map[uint64]salvage.Lost{}
	for _, l := range report.Lost {
		lost[l.Position] = l
	}
	for _, position := range []uint64{101, 700} {
		r, err := events.DecodeFrame(s.frames[position-1])
		require.NoError(t, err)
		assert.Equal(t, salvage.Lost{Position: position, Category: r.Stream.Category, ID: r.Stream.ID, Version: r.Version},
			lost[position], "the record after it in its stream names it")
		if r.Stream.Category == events.CategoryOrder {
			assert.Contains(t, fmt.Sprint(report.Orders.Broken), r.Stream.ID)
			assert.NotContains(t, report.Orders.Behind, r.Stream.ID)
		}
	}
	behind := uint64(0)
	for r, err := range found.Behind(t.Context()) {
		require.NoError(t, err)
		assert.Greater(t, r.Position, uint64(101))
		behind++
	}
	assert.EqualValues(t, uint64(len(s.frames))-99-3, behind)
	s.writes(t, found, "a hole at 100")
	again := found.Report()
	assert.EqualValues(t, 99, again.Written.Records)
	assert.Equal(t, s.was.Origin, again.Written.From)

	document, err := json.Marshal(again)
	require.NoError(t, err)
	assert.Contains(t, string(document), `"missing":[{"first":"100","last":"101"},{"first":"700","last":"700"}]`)
	var back salvage.Report
	require.NoError(t, json.Unmarshal(document, &back))
	assert.Equal(t, again, back, "nothing is lost on the way")
	assert.NotRegexp(t, `:\s*-?[0-9]`, string(document), "each number is a text, as in docs/reference/json.md")
	positions, err := json.Marshal(salvage.Positions{1, 1 << 60})
	require.NoError(t, err)
	assert.Equal(t, `["1","1152921504606846976"]`, string(positions))
	text := again.String()
	for _, part := range []string{"missing    positions 100 to 101", "new log ", "1197 of 1200 positions found whole",
		"held as    " + s.was.Origin} {
		assert.Contains(t, text, part)
	}
}

func TestABackupFillsHolesAndProves(t *testing.T) {
	t.Parallel()
	s := theLog(t)
	found := read(t, s.without(100, 101, 1100), &salvage.Config{Backup: s.backup(t)})
	report := found.Report()
	assert.EqualValues(t, 1099, report.Taken, "what is older than the backup is filled")
	assert.Equal(t, []salvage.Span{{First: 1100, Last: 1100}}, report.Missing)
	assert.Zero(t, report.Backup.Fork)
	accepted, err := found.Accepted()
	require.NoError(t, err)
	assert.Equal(t, s.frames[99], accepted[100])
	s.writes(t, found, "filled by a backup")
	assert.Contains(t, found.Report().String(), "backup ")

	image := make([]byte, 4096)
	image = append(image, s.image[len(s.image)/3:]...)
	report = read(t, image, &salvage.Config{Backup: s.backup(t)}).Report()
	assert.GreaterOrEqual(t, report.Taken, report.Backup.Records, "a log without its beginning")
}

// TestWhatRottedIsNotAltered: a record that still reads well, whose checksum does not fit, is damage, whatever the seal
// says of it.
func TestWhatRottedIsNotAltered(t *testing.T) {
	t.Parallel()
	s, image := theLog(t), bytes.Clone(theLog(t).image)
	for _, at := range logfile.Places(image, s.frames[76]) {
		image[at+bytes.Index(s.frames[76], []byte("of-r-"))] = 'O'
	}
	for _, config := range []*salvage.Config{nil, {Backup: s.backup(t)}} {
		report := read(t, image, config).Report()
		assert.Empty(t, report.Altered)
		assert.Equal(t, config == nil, slices.Contains(report.Missing, salvage.Span{First: 77, Last: 77}))
	}
}

// TestABackupThatWentOn: its records count up to where it went another way.
func TestABackupThatWentOn(t *testing.T) {
	t.Parallel()
	s := theLog(t)
	path := s.backup(t)
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	is, err := log.Tree(t.Context())
	require.NoError(t, err)
	for i := range 20 {
		_, err := log.Append(t.Context(), events.OrderStream(fmt.Sprintf("other-%d", i)), 0,
			record(fmt.Sprintf("other-%d", i), 10))
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	report := read(t, s.without(100, is.Size+3), &salvage.Config{Backup: path}).Report()
	assert.Equal(t, is.Size+1, report.Backup.Fork)
	assert.Equal(t, is.Size+2, report.Taken, "position %d is the other's", is.Size+3)
	assert.Contains(t, report.String(), "it went another way at position")
}

func TestABackupOfAnotherLogIsRefused(t *testing.T) {
	t.Parallel()
	s, other := theLog(t), filepath.Join(t.TempDir(), "other.log")
	log, err := bolt.Open(other, nil)
	require.NoError(t, err)
	fill(t, log, 5, 9)
	require.NoError(t, log.Close())
	path := write(t, t.TempDir(), s.image)
	_, err = salvage.Read(t.Context(), path, &salvage.Config{Backup: other})
	require.ErrorIs(t, err, store.ErrInvalid)
	assert.ErrorContains(t, err, "is no backup of log "+path)
	_, err = salvage.Read(t.Context(), path, &salvage.Config{Backup: path + ".none"})
	require.ErrorIs(t, err, store.ErrStorage)
}

func TestWhatACheckpointIsWorth(t *testing.T) {
	t.Parallel()
	s := theLog(t)
	half := seal.Checkpoint{Origin: s.was.Origin, Size: 300}
	var tree seal.Tree
	for _, frame := range s.frames[:half.Size] {
		tree.Append(seal.LeafHash(frame))
	}
	half.Root = tree.Root()
	forged := half
	forged.Root[0] ^= 1
	stranger := half
	stranger.Origin = "tilltape/0123456789abcdef0123456789abcdef"
	for name, c := range map[string]struct {
		image      []byte
		checkpoint seal.Checkpoint
		want       string
	}{
		"all is there":   {s.image, half, salvage.Proven},
		"a hole after":   {s.without(400), half, salvage.Proven},
		"a hole before":  {s.without(40), half, salvage.CannotTell},
		"another root":   {s.image, forged, salvage.Differs},
		"another origin": {s.image, stranger, salvage.OtherLog},
	} {
		t.Run(name, func(t *testing.T) {
			report := read(t, c.image, &salvage.Config{Checkpoint: &c.checkpoint}).Report()
			assert.Equal(t, c.want, report.Checkpoint.Verdict)
			assert.Contains(t, report.String(), "checkpoint of 300 records")
		})
	}
}

// TestACheckpointProvesWhatNothingElseDoes: the directories and what the log said of itself are gone.
func TestACheckpointProvesWhatNothingElseDoes(t *testing.T) {
	t.Parallel()
	s, image := theLog(t), []byte(nil)
	for _, frame := range s.frames[:200] {
		image = append(append(image, frame...), 0xee, 0xee)
	}
	report := read(t, image, nil).Report()
	assert.Zero(t, report.Taken, "frames that read well, and nothing proves")
	assert.Len(t, report.Unproven, 200)
	assert.Contains(t, report.String(), "cannot be read any more")

	var tree seal.Tree
	for _, frame := range s.frames[:200] {
		tree.Append(seal.LeafHash(frame))
	}
	c := seal.Checkpoint{Origin: s.was.Origin, Size: 200, Root: tree.Root()}
	found := read(t, image, &salvage.Config{Checkpoint: &c})
	assert.EqualValues(t, 200, found.Report().Frames.BySeal)
	assert.Equal(t, salvage.Proven, found.Report().Checkpoint.Verdict)
	image[10] ^= 1
	report = read(t, image, &salvage.Config{Checkpoint: &c}).Report()
	assert.Zero(t, report.Taken, "one that is damaged, and none of them is proven by the root over all")
}

// TestAnAlteredRecordIsNotTaken: somebody changed a record, and its checksum. The seal says so, and the new log ends
// before it.
func TestAnAlteredRecordIsNotTaken(t *testing.T) {
	t.Parallel()
	s := theLog(t)
	for _, position := range []uint64{77, uint64(len(s.frames))} { // in a tile, and behind the last
		image := bytes.Clone(s.image)
		frame := s.frames[position-1]
		altered := bytes.Clone(frame)
		altered[bytes.Index(frame, []byte("of-r-"))] = 'O'
		sum := binary.BigEndian.AppendUint32(nil, logfile.FrameSum(frame))
		for _, at := range logfile.Places(image, frame) {
			at += copy(image[at:], altered)
			i := bytes.Index(image[at:], sum)
			require.Positive(t, i)
			binary.BigEndian.PutUint32(image[at+i:], logfile.FrameSum(altered))
		}
		report := read(t, image, nil).Report()
		assert.Contains(t, report.Altered, position)
		assert.Less(t, report.Taken, position)
		assert.Contains(t, report.String(), fmt.Sprintf("altered    position %d", report.Altered[0]))
		if position == 77 {
			assert.Len(t, report.Altered, 1, "a tile tells them one by one")
			continue
		}
		assert.LessOrEqual(t, len(report.Altered), 16, "the seal has one root for the last 16")
	}
}

// TestWhatAMessageQuotesIsNoRecord: a text of a record holds a whole frame with a directory, for a position that is
// lost. The record that quotes it is damaged, so that its bytes are looked through.
func TestWhatAMessageQuotesIsNoRecord(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "orders.log")
	log, err := bolt.Open(path, &bolt.Config{Unsealed: true})
	require.NoError(t, err)
	forged := record("forged", 0)
	forged.Stream, forged.Version, forged.Position = events.OrderStream("thief"), 1, 1
	frame, err := events.AppendFrame(nil, forged)
	require.NoError(t, err)
	quoted := binary.BigEndian.AppendUint32(bytes.Clone(frame), logfile.FrameSum(frame))
	quoted = append(quoted, 0, 1)
	quoting := record("quoting", 0)
	quoting.Event = events.PaymentPending{PaymentID: "p", Proof: events.Proof{Via: events.ViaInquiry,
		Evidence: &events.Evidence{Body: quoted}}}
	_, err = log.Append(t.Context(), events.OrderStream("o-1"), 0, record("first", 0), quoting, record("third", 0))
	require.NoError(t, err)
	require.NoError(t, log.Close())
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	at := logfile.Places(image, []byte("of-first"))
	for _, at := range append(at, logfile.Places(image, []byte("quoting"))...) {
		image[at] ^= 1
	}
	require.NotEmpty(t, logfile.Places(image, quoted))
	found := read(t, image, nil)
	report := found.Report()
	assert.True(t, report.Unsealed)
	assert.Equal(t, []salvage.Span{{First: 1, Last: 2}}, report.Missing)
	assert.EqualValues(t, 3, report.End)
	assert.Contains(t, report.Unproven, uint64(1))
	accepted, err := found.Accepted()
	require.NoError(t, err)
	assert.Len(t, accepted, 1)
	require.ErrorIs(t, found.Write(t.Context(), path+".new", nil), store.ErrDamaged, "the first record is lost")
}

func TestALogWithoutASealStaysOne(t *testing.T) {
	t.Parallel()
	s := makeLog(t, &bolt.Config{Unsealed: true})
	found := read(t, s.without(900), nil)
	report := found.Report()
	assert.True(t, report.Unsealed)
	assert.EqualValues(t, 899, report.Taken)
	assert.Equal(t, report.Frames.Whole, report.Frames.ByChecksum)
	path := filepath.Join(t.TempDir(), "new.log")
	require.NoError(t, found.Write(t.Context(), path, nil))
	assert.Empty(t, found.Report().Written.Root)
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	_, err = log.Tree(t.Context())
	require.ErrorIs(t, err, store.ErrInvalid, "nobody can vouch for records that no seal proved")
}

// TestLongFilesAreReadInWindows: records stand across their borders, and longer than a page's overflow.
func TestLongFilesAreReadInWindows(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "orders.log")
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	const records = 14
	for i := range records {
		_, err := log.Append(t.Context(), events.OrderStream("o-1"), uint64(i), record(fmt.Sprint("r-", i), 900_000+i))
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	var told []int64
	found, err := salvage.Read(t.Context(), path, &salvage.Config{Progress: func(done, total int64) {
		told = append(told, done, total)
	}})
	require.NoError(t, err)
	defer func() { require.NoError(t, found.Close()) }()
	report := found.Report()
	assert.EqualValues(t, records, report.Taken, report)
	assert.Greater(t, len(told), 4)
	assert.Equal(t, told[len(told)-1], told[len(told)-2], "all of the file was looked at")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = salvage.Read(ctx, path, nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestWhatIsNoLogIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"empty": nil, "zeros": make([]byte, 1<<14), "text": []byte("order,amount"),
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		_, err := salvage.Read(t.Context(), path, nil)
		require.ErrorIs(t, err, bolt.ErrNotALog, name)
		assert.ErrorContains(t, err, path)
	}
	_, err := salvage.Read(t.Context(), dir, nil)
	require.ErrorIs(t, err, bolt.ErrNotALog, "a directory")
	_, err = salvage.Read(t.Context(), "", nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	_, err = salvage.Read(t.Context(), filepath.Join(dir, "none"), nil)
	require.ErrorIs(t, err, store.ErrStorage)
	assert.ErrorContains(t, err, "no such file")
}

// TestWhatANewerVersionWroteIsNotLeftOut: it has a kind that is not known here, and its checksum.
func TestWhatANewerVersionWroteIsNotLeftOut(t *testing.T) {
	t.Parallel()
	s := theLog(t)
	frame := bytes.Replace(s.frames[0], kind, []byte("\x01\x0fpayment.pondered"[:len(kind)]), 1)
	image := append(make([]byte, 4096), frame...)
	image = binary.BigEndian.AppendUint32(image, logfile.FrameSum(frame))
	image = append(image, 0, 1)
	_, err := salvage.Read(t.Context(), write(t, t.TempDir(), image), nil)
	require.ErrorIs(t, err, store.ErrNewerFormat)
}
