package salvage_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store/bolt/salvage"
)

// failing is a disk that does not give some bytes.
type failing struct {
	*bytes.Reader
	begin, end int64
}

var errSector = errors.New("input/output error")

func (f failing) ReadAt(b []byte, at int64) (int, error) {
	if at < f.end && at+int64(len(b)) > f.begin {
		return 0, errSector
	}
	return f.Reader.ReadAt(b, at)
}

func TestADiskThatFailsIsReadAroundTheHole(t *testing.T) {
	t.Parallel()
	s := theLog(t)
	disk := failing{bytes.NewReader(s.image), 100_000, 101_000}
	report, err := salvage.ReadFrom(disk, int64(len(s.image)))
	require.NoError(t, err)
	assert.Equal(t, []salvage.Range{{Begin: 98304, End: 102400}}, report.Unreadable, "whole sectors")
	image := bytes.Clone(s.image)
	clear(image[98304:102400])
	want := read(t, image, nil).Report()
	assert.Equal(t, want.Frames, report.Frames)
	assert.Contains(t, report.String(), "unreadable bytes 98304 to 102399")
	_, err = salvage.ReadFrom(failing{bytes.NewReader(nil), 0, 0}, 0)
	require.NoError(t, err)
}
