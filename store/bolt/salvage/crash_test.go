package salvage_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/logfile"
)

// TestWhatACrashLeftIsNotTaken: a process died between writing a record's page and the commit. The record is whole, and
// was never in the log: both of bbolt's header pages say where that ends. With one of them nobody can tell this from a
// log whose newest commit it was.
func TestWhatACrashLeftIsNotTaken(t *testing.T) {
	t.Parallel()
	s := theLog(t)
	end := uint64(len(s.frames))
	left := record("left-by-a-crash", 0)
	left.Stream, left.Version, left.Position = events.OrderStream("left"), 1, end+1
	frame, err := events.AppendFrame(nil, left)
	require.NoError(t, err)
	image := append(bytes.Clone(s.image), make([]byte, s.page-len(s.image)%s.page)...)
	image = append(image, frame...)
	image = binary.BigEndian.AppendUint32(image, logfile.FrameSum(frame))
	image = append(image, 0, 1)

	report := read(t, image, nil).Report()
	assert.Equal(t, 1, report.Frames.Uncommitted)
	assert.Equal(t, end, report.Taken)
	assert.True(t, report.Whole(), report)
	assert.Contains(t, report.String(), "discarded  1 frame never committed, left by a crash")

	for _, header := range []int{0, s.page} {
		one := bytes.Clone(image)
		clear(one[header:][:s.page])
		report = read(t, one, nil).Report()
		assert.Zero(t, report.Frames.Uncommitted)
		assert.Equal(t, end+1, report.Taken, "nobody can tell")
	}
}
