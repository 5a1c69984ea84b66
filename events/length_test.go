package events

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ofLength is a frame with so many bytes after its length: a message with a long body.
func ofLength(t testing.TB, length int) []byte {
	t.Helper()
	body := 0
	for range 3 { // what the payload's own lengths take depends on the body's
		r := pending("p-1")
		r.Event = PaymentPending{PaymentID: "p-1", Proof: Proof{Evidence: &Evidence{Body: bytes.Repeat([]byte("x"), body)}}}
		frame, err := AppendFrame(nil, r)
		require.NoError(t, err)
		begin, have, err := lengthOf(frame)
		require.NoError(t, err)
		require.Len(t, frame, begin+have)
		if have == length {
			return frame
		}
		body += length - have
	}
	t.Fatalf("no frame has %d bytes after its length", length)
	return nil
}

// On both sides of the length that two bytes tell, a record has one frame, which comes back, which can be parted from
// what follows, and which is the same in one step and in two.
func TestLongFrames(t *testing.T) {
	for _, length := range []int{lengthMax - 1, lengthMax, lengthMax + 1, lengthMax + 2, lengthMax + longerSize, 1 << 17} {
		frame := ofLength(t, length)
		long := length > lengthMax
		assert.Equal(t, long, binary.BigEndian.Uint16(frame) == 0xffff, "%d bytes", length)
		r, err := DecodeFrame(frame)
		require.NoError(t, err)
		again, err := AppendFrame([]byte("head"), r)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(again[4:], frame), "%d bytes", length)
		size, err := FrameSize(append(again[4:], "next"...))
		require.NoError(t, err)
		assert.Len(t, frame, size)
		p, err := Prepare(r)
		require.NoError(t, err)
		placed, err := p.AppendFrame([]byte("head"), r.Version, r.Position, r.Previous)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(placed[4:], frame), "%d bytes, in two steps", length)
		assert.GreaterOrEqual(t, p.SizeMax(), len(frame))
		for _, cut := range []int{0, 1, 2, 5, 6, 7, len(frame) - 1} {
			_, err = DecodeFrame(frame[:cut])
			require.ErrorIs(t, err, ErrTruncated, "the first %d bytes of %d", cut, len(frame))
		}
	}
}

// A place far from the log's beginning may take a frame over the length that two bytes tell: it gets the other form.
func TestAPlaceMayMakeAFrameLong(t *testing.T) {
	r, err := DecodeFrame(ofLength(t, lengthMax))
	require.NoError(t, err)
	r.Position = 1 << 20
	want, err := AppendFrame(nil, r)
	require.NoError(t, err)
	require.Equal(t, uint16(0xffff), binary.BigEndian.Uint16(want))
	p, err := Prepare(r)
	require.NoError(t, err)
	got, err := p.AppendFrame(nil, r.Version, r.Position, r.Previous)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(want, got))
}

// A length has one form, and none is longer than a frame can be: whoever reads one never asks for gigabytes on a
// damaged word.
func TestALengthHasOneForm(t *testing.T) {
	for _, tt := range []struct {
		length uint32
		want   string
	}{
		{0, "length is not in its shortest form"},
		{lengthMax, "length is not in its shortest form"},
		{FrameMax - lengthSize - longerSize + 1, "no frame has more than 999424 bytes"},
		{1<<32 - 1, "length is 4294967295"},
	} {
		src := binary.BigEndian.AppendUint32([]byte{0xff, 0xff}, tt.length)
		_, err := FrameSize(src)
		require.ErrorIs(t, err, ErrDamaged)
		require.NotErrorIs(t, err, ErrTruncated, "reading on does not help")
		require.ErrorContains(t, err, tt.want)
		_, err = DecodeFrame(src)
		require.ErrorContains(t, err, tt.want)
	}
}
