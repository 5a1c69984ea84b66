package events

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// damagedFrame is a small frame, and what is to be said of it.
type damagedFrame struct {
	name  string
	frame []byte
	want  string
}

// damagedHeaders are frames with a header that was never written.
func damagedHeaders() []damagedFrame {
	header := func(change func(*craftedHeader)) []byte { h := plainHeader(); change(&h); return h.frame() }
	long := strings.Repeat("x", IDMax+1)
	return []damagedFrame{
		{"no format", []byte{0, 0}, "at byte 2, format version is missing"},
		{"format 0", []byte{0, 1, 0}, "at byte 2, format version is none that was ever written"},
		{"no kind", []byte{0, 1, 1}, "at byte 3, kind is not a number in its shortest form"},
		{"kind beyond the end", []byte{0, 2, 1, 9}, "at byte 4, kind is longer than what is left"},
		{"long kind", header(func(h *craftedHeader) { h.kind = long }), "kind has 65 bytes, at most 64 fit"},
		{"version 0", header(func(h *craftedHeader) { h.version = []byte{0} }),
			"payment.pending was never written in version 0"},
		{"long version", header(func(h *craftedHeader) { h.version = []byte{0x81, 0} }),
			"kind version is not a number in its shortest form"},
		{"stream not UTF-8", header(func(h *craftedHeader) { h.stream = "\xff" }), "stream id is not UTF-8"},
		{"stream with a tab", header(func(h *craftedHeader) { h.stream = "a\tb" }),
			`header has what could not be written: stream id "a\tb" has the control character U+0009 at byte 2`},
		{"cut time", header(func(h *craftedHeader) { h.rest = []byte{1, 2, 3} })[:], "recorded time is cut short"},
		{"spelt UUID", header(func(h *craftedHeader) { h.stream = "o-0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b" }),
			"at byte 26, stream id spells a UUID that belongs in 16 bytes"},
		{"strange time", header(func(h *craftedHeader) { h.occurred = []byte{3} }),
			"occurred time is not a time in its shortest form"},
		{"time of nothing", header(func(h *craftedHeader) { h.occurred = []byte{momentOccurred} }),
			"occurred time is not a time in its shortest form"},
		{"spelt time", header(func(h *craftedHeader) { h.occurred = []byte{momentOwn, 0, 0, 0, 0, 0, 0, 0, 0} }),
			"occurred time is not a time in its shortest form"},
		{"spelt no time", header(func(h *craftedHeader) { h.occurred = []byte{momentOwn, 0x80, 0, 0, 0, 0, 0, 0, 0} }),
			"occurred time is not a time in its shortest form"},
		{"no times", header(func(h *craftedHeader) { h.rest = upToTimes() }), "head's times are missing"},
		{"an operation's time that is none", header(func(h *craftedHeader) { h.times = []byte{1, momentNone} }),
			"head's operation time is said to follow and is none"},
		{"a second time that is none", header(func(h *craftedHeader) { h.times = []byte{6, momentRecorded, momentNone} }),
			"head's anomaly time is said to follow and is none"},
		{"a parked time spelt out", header(func(h *craftedHeader) { h.times = append([]byte{2, 8}, make([]byte, 8)...) }),
			"head's parked time is not a time in its shortest form"},
		{"many keys", header(func(h *craftedHeader) { h.keys = 5 }), "number of keys is 5, at most 4 fit"},
		{"keys missing", header(func(h *craftedHeader) { h.keys = 2 }), "key is"},
	}
}

// damagedPayloads are frames with a payload that was never written.
func damagedPayloads(t *testing.T) []damagedFrame {
	return []damagedFrame{
		{"payload cut", payload(t, nil)[:0], "length is missing"},
		{"unreadable tag", payload(t, []byte{0x80}), "payment.pending goes on with bytes that begin no field"},
		{"long tag", payload(t, []byte{0x8a, 0, 1, 'p'}), "payment.pending goes on with bytes that begin no field"},
		{"field 0", payload(t, []byte{0x02, 0}), "payment.pending goes on with bytes that begin no field"},
		{"out of order", payload(t, []byte{2<<3 | 2, 2, 1 << 3, 1, 1<<3 | 2, 1, 'p'}),
			"has field 1 twice, out of order or of another type"},
		{"twice", payload(t, []byte{1<<3 | 2, 1, 'p', 1<<3 | 2, 1, 'q'}), "has field 1 twice"},
		{"another type", payload(t, []byte{1 << 3, 1}), "has field 1 twice, out of order or of another type"},
		{"empty text", payload(t, []byte{1<<3 | 2, 0}), "payment_id is empty; it would be left out"},
		{"text not UTF-8", payload(t, []byte{1<<3 | 2, 1, 0xff}), "payment_id is not UTF-8"},
		{"text beyond", payload(t, []byte{1<<3 | 2, 9, 'p'}), "payment_id is longer than what is left"},
		{"long length", payload(t, []byte{1<<3 | 2, 0x81, 0, 'p'}), "payment_id is not a number in its shortest form"},
		{"long text", payload(t, protowire.AppendString([]byte{1<<3 | 2}, strings.Repeat("x", TextMax+1))),
			"payment_id has 1025 bytes, at most 1024 fit"},
		{"empty proof", payload(t, []byte{2<<3 | 2, 0}), "proof is empty; it would be left out"},
		{"zero number", payload(t, []byte{2<<3 | 2, 2, 2 << 3, 0}), "inquiry is 0, which is left out where it belongs"},
		{"long number", payload(t, []byte{2<<3 | 2, 3, 2 << 3, 0x81, 0}), "inquiry is not a number in its shortest form"},
		{"payload followed", append(payload(t, nil), 0), "frame is followed by 1 more bytes"},
		{"payload followed within", grown(payload(t, nil)), "payload is followed by 1 more bytes"},
	}
}

// Each damage to a small frame is named where it is.
func TestDamageIsNamed(t *testing.T) {
	for _, tt := range append(damagedHeaders(), damagedPayloads(t)...) {
		t.Run(tt.name, func(t *testing.T) {
			got, err := DecodeFrame(tt.frame)
			require.ErrorIs(t, err, ErrDamaged)
			var damage *FrameError
			require.ErrorAs(t, err, &damage)
			assert.Contains(t, err.Error(), tt.want)
			assert.Contains(t, err.Error(), "restore the log from a backup")
			assert.LessOrEqual(t, damage.Offset, len(tt.frame))
			assert.Zero(t, got)
		})
	}
}

func TestDamagedPayloadsOfOtherShapes(t *testing.T) {
	decode := func(k Kind, b ...byte) error {
		name, version, err := k.split()
		require.NoError(t, err)
		_, err = current.decode(name, version, b, "", 0, len(b))
		return err
	}
	assert.ErrorContains(t, decode(KindPaymentAuthorized, 5<<3, 2), "gateway_capture is neither true nor false")
	assert.ErrorContains(t, decode(KindPaymentPaid, 3<<3|1, 1, 2), "at is not a time")
	assert.ErrorContains(t, decode(KindPaymentPaid, 3<<3|1, 0, 0, 0, 0, 0, 0, 0, 0x80), "at is not a time")
	assert.NoError(t, decode(KindPaymentPaid, 3<<3|1, 0, 0, 0, 0, 0, 0, 0, 0), "the epoch is")
	assert.ErrorContains(t, decode(KindPaymentPaid, 4<<3|2, 4, 4<<3|2, 2, 7<<3|2, 0),
		"body is empty; it would be left out")
	assert.NoError(t, decode(KindPaymentPaid, 4<<3|2, 2, 4<<3|2, 0), "an empty evidence is not a missing one")
}

// craftedHeader is a frame's header as the page on the log format has it, with what a test wants wrong.
type craftedHeader struct {
	kind     string
	version  []byte
	stream   string
	occurred []byte
	times    []byte // of the head, which times there are and these
	keys     byte
	rest     []byte // instead of everything after the positions
}

func plainHeader() craftedHeader {
	return craftedHeader{kind: "payment.pending", version: []byte{1}, stream: "o", occurred: []byte{momentRecorded},
		times: []byte{0}}
}

func (h craftedHeader) frame() []byte {
	text := func(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }
	b := append(text([]byte{0, 0, 1}, h.kind), h.version...)
	b = append(text(text(b, "order"), h.stream), 1, 1, 0)
	if h.rest != nil {
		b = append(b, h.rest...)
	} else {
		b = append(append(b, make([]byte, 8)...), h.occurred...)
		b = text(text(text(b, "r"), ""), "")
		b = append(append(b, 0, 0, 0), h.times...)
		b = append(b, 0, h.keys, 0)
	}
	binary.BigEndian.PutUint16(b, uint16(len(b)-2))
	return b
}

// upToTimes is what stands after the positions, up to the head's times.
func upToTimes() []byte { return append(make([]byte, 8), momentRecorded, 1, 'r', 0, 0, 0, 0, 0) }

// A time of a head that this version does not know is a newer one's, and what it says might matter.
func TestATimeOfAHeadThatIsNotKnownIsNewer(t *testing.T) {
	for bit := range 8 {
		h := plainHeader()
		h.times = []byte{1 << bit, momentRecorded}
		r, err := DecodeFrame(h.frame())
		if bit < 4 {
			require.NoError(t, err)
			times := []time.Time{r.Head.OperationSince, r.Head.ParkedSince, r.Head.AnomalySince, r.Head.DisputeBy}
			for i, at := range times {
				assert.Equal(t, i == bit, at.Equal(r.Recorded), "bit %d, time %d", bit, i)
			}
			continue
		}
		require.ErrorIs(t, err, ErrUpgrade)
		require.NotErrorIs(t, err, ErrDamaged)
		assert.ErrorContains(t, err, fmt.Sprintf("head: found times %#x; this version knows times up to 0xf;", 1<<bit))
	}
}

// grown is the frame with a byte on top that its length counts.
func grown(frame []byte) []byte {
	frame = append(frame, 0)
	binary.BigEndian.PutUint16(frame, uint16(len(frame)-2))
	return frame
}

func TestAPlainHeaderIsWhatWeWrite(t *testing.T) {
	_, err := DecodeFrame(plainHeader().frame())
	require.NoError(t, err, "else the damage above would be another")
}
