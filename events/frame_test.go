package events

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"
)

// odd fills a fact with values that a log takes, however odd.
type odd struct{ t *rapid.T }

func (o odd) text(path string) string {
	return string(bytes.ToValidUTF8([]byte(rapid.StringN(0, 16, IDMax).Draw(o.t, path)), nil))
}
func (o odd) body(path string) []byte {
	if b := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(o.t, path); len(b) > 0 {
		return b
	}
	return nil
}
func (o odd) number(path string) uint64           { return rapid.Uint64().Draw(o.t, path) }
func (o odd) signed(path string) int64            { return rapid.Int64().Draw(o.t, path) }
func (o odd) flag(path string) bool               { return rapid.Bool().Draw(o.t, path) }
func (o odd) choice(path string, m uint64) uint64 { return rapid.Uint64Range(0, m).Draw(o.t, path) }
func (o odd) present(path string) bool            { return rapid.Bool().Draw(o.t, path) }
func (o odd) moment(path string) time.Time {
	nanos := rapid.OneOf(rapid.Int64Min(math.MinInt64+1), rapid.Just(int64(0)), rapid.Just(int64(math.MinInt64))).Draw(o.t,
		path)
	if nanos == math.MinInt64 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}
func (o odd) id(path string) string {
	if o.flag(path + " ends in a UUID") {
		return rapid.StringMatching(`[a-z0-9é€]{0,8}[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`).Draw(o.t,
			path)
	}
	return rapid.StringMatching(`[a-z0-9 ._:\-é€🧾]{1,16}`).Draw(o.t, path)
}

func anyRecord(rt *rapid.T, t *testing.T) Record {
	o := odd{rt}
	maybe := func(path string) string {
		if o.flag("has " + path) {
			return o.id(path)
		}
		return ""
	}
	r := Record{ID: o.id("id"), Stream: Stream{rapid.StringMatching(`[a-z]{1,16}`).Draw(rt, "category"), o.id("stream")},
		Version: o.number("version"), Position: o.number("position"), Previous: o.number("previous"),
		Recorded: o.moment("recorded"), Occurred: o.moment("occurred"), CommandID: maybe("command"), Actor: maybe("actor"),
		Head: Head{Status: maybe("status"), StatusSince: o.moment("since"), Phase: maybe("phase"),
			OperationSince: o.moment("operation since"), ParkedSince: o.moment("parked since"),
			AnomalySince: o.moment("anomaly since"),
			Due:          o.moment("due")},
		Event: filled(t, rapid.SampledFrom(Kinds()).Draw(rt, "kind"), o)}
	for range rapid.IntRange(0, KeysMax).Draw(rt, "keys") {
		r.Keys = append(r.Keys, Key("k"+o.text("key")+maybe("key's end")))
	}
	for _, t := range []*time.Time{&r.Occurred, &r.Head.StatusSince, &r.Head.OperationSince, &r.Head.ParkedSince,
		&r.Head.AnomalySince, &r.Head.Due} {
		switch o.choice("a time that stands before", 3) {
		case 0:
			*t = r.Recorded
		case 1:
			*t = r.Occurred
		}
	}
	return r
}

func TestAnyRecordComesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := anyRecord(rt, t)
		require.NoError(rt, r.Validate())
		frame, err := AppendFrame([]byte("head"), r)
		require.NoError(rt, err)
		require.Equal(rt, "head", string(frame[:4]))
		frame = frame[4:]
		size, err := FrameSize(append(bytes.Clone(frame), "next"...))
		require.NoError(rt, err)
		require.Equal(rt, len(frame), size)

		got, err := DecodeFrame(frame)
		require.NoError(rt, err)
		require.Equal(rt, r, got)
		clear(frame)
		require.Equal(rt, r, got, "the record shares memory with its frame")
	})
}

// Bytes that decode are the one form of their record, and nothing panics.
func FuzzDecode(f *testing.F) {
	for _, k := range Kinds() {
		for _, frame := range goldenFrames(f, goldenFile(k)) {
			f.Add(frame)
		}
	}
	f.Add([]byte{})
	f.Add([]byte{0, 0})
	f.Fuzz(func(t *testing.T, src []byte) {
		r, err := DecodeFrame(src)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrUpgrade) {
				t.Fatalf("an error that is neither damage nor newer: %v", err)
			}
			return
		}
		if err := r.Validate(); err != nil {
			t.Fatalf("decoded what cannot be written: %v", err)
		}
		again, err := AppendFrame(nil, r)
		if err != nil || !bytes.Equal(src, again) {
			t.Fatalf("another form of the same record:\n%x\n%x\n%v", src, again, err)
		}
		if size, err := FrameSize(src); err != nil || size != len(src) {
			t.Fatalf("size %d of %d: %v", size, len(src), err)
		}
	})
}

// No byte of a frame can change, be lost or come on top without being noticed or making another record.
func TestEveryByteCounts(t *testing.T) {
	r := full(t, KindPaymentAuthorized)
	frame, err := AppendFrame(nil, r)
	require.NoError(t, err)
	for i := range frame {
		for bit := range 8 {
			bad := bytes.Clone(frame)
			bad[i] ^= 1 << bit
			if got, err := DecodeFrame(bad); err == nil {
				assert.NotEqual(t, r, got, "byte %d bit %d", i, bit)
			}
		}
		_, err := DecodeFrame(frame[:i])
		require.ErrorIs(t, err, ErrTruncated, "the first %d bytes", i)
		require.ErrorIs(t, err, ErrDamaged)
	}
	_, err = DecodeFrame(append(bytes.Clone(frame), 0))
	require.ErrorIs(t, err, ErrDamaged)
	require.NotErrorIs(t, err, ErrTruncated)
	assert.Contains(t, err.Error(), "frame is followed by 1 more bytes")
}

func TestFramesPart(t *testing.T) {
	var group []byte
	var want []int
	for _, k := range Kinds() {
		before := len(group)
		var err error
		group, err = AppendFrame(group, full(t, k))
		require.NoError(t, err)
		want = append(want, len(group)-before)
	}
	var got []int
	for len(group) > 0 {
		size, err := FrameSize(group)
		require.NoError(t, err)
		got = append(got, size)
		group = group[size:]
	}
	assert.Equal(t, want, got)

	_, err := FrameSize([]byte{0})
	require.ErrorIs(t, err, ErrTruncated)
	assert.EqualError(t, err, "damaged frame: at byte 1, length is missing; restore the log from a backup and keep "+
		"this one for comparison")
	_, err = FrameSize([]byte{1, 0, 1})
	require.ErrorIs(t, err, ErrTruncated)
	assert.Contains(t, err.Error(), "at byte 3, frame ends; it says that it has 258 bytes")
}

// Each damage to a small frame is named where it is.
func TestDamageIsNamed(t *testing.T) {
	header := func(change func(*craftedHeader)) []byte { h := plainHeader(); change(&h); return h.frame() }
	long := strings.Repeat("x", IDMax+1)
	tests := []struct {
		name  string
		frame []byte
		want  string
	}{
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
		{"stream with a slash", header(func(h *craftedHeader) { h.stream = "a/b" }),
			`header has what could not be written: stream id "a/b" has a slash`},
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
	for _, tt := range tests {
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
		if bit < 3 {
			require.NoError(t, err)
			times := []time.Time{r.Head.OperationSince, r.Head.ParkedSince, r.Head.AnomalySince}
			for i, at := range times {
				assert.Equal(t, i == bit, at.Equal(r.Recorded), "bit %d, time %d", bit, i)
			}
			continue
		}
		require.ErrorIs(t, err, ErrUpgrade)
		require.NotErrorIs(t, err, ErrDamaged)
		assert.ErrorContains(t, err, fmt.Sprintf("head: found times %#x; this version knows times up to 0x7;", 1<<bit))
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

// What is kept of a large frame does not hold all of it, and what is kept of a small one costs one allocation.
func TestStringsShareOnlySmallFrames(t *testing.T) {
	r := full(t, KindCommandRefused)
	small, err := AppendFrame(nil, r)
	require.NoError(t, err)
	allocations := testing.AllocsPerRun(100, func() { _, _ = DecodeFrame(small) })
	assert.LessOrEqual(t, allocations, 3.0+float64(len(r.Keys)),
		"the fact, the keys, and one string for all else, however many fields")

	e := r.Event.(CommandRefused)
	e.Reason, e.Remedy, e.Command = strings.Repeat("x", TextMax), strings.Repeat("y", TextMax),
		strings.Repeat("z", TextMax)
	r.Event = e
	nearly, err := AppendFrame(nil, r)
	require.NoError(t, err)
	require.Less(t, len(nearly), shareMax)

	r = full(t, KindPaymentPaid)
	paid := r.Event.(PaymentPaid)
	paid.Proof.Evidence.Body = make([]byte, shareMax)
	large, err := AppendFrame(nil, r)
	require.NoError(t, err)
	more := testing.AllocsPerRun(100, func() { _, _ = DecodeFrame(large) })
	assert.Greater(t, more, allocations+10, "each string of a large frame is its own")
}

// A kept body lies between the record's strings, and may still be written to and appended to like any other.
func TestDecodeFrame_TheBodyIsTheCallers(t *testing.T) {
	r := ordinary()["answer"]
	e := r.Event.(PaymentAuthorized)
	evidence := *e.Proof.Evidence
	evidence.Signature, evidence.Body = "signature", []byte("the body")
	e.Proof.Evidence = &evidence
	e.Due = noon.Add(time.Hour)
	r.Event = e
	frame, err := AppendFrame(nil, r)
	require.NoError(t, err)
	kept := bytes.Clone(frame)
	got, err := DecodeFrame(frame)
	require.NoError(t, err)
	again, err := DecodeFrame(frame)
	require.NoError(t, err)

	body := &got.Event.(PaymentAuthorized).Proof.Evidence.Body
	clear(*body)
	_ = append(*body, "what would stand after it"...)
	assert.Equal(t, make([]byte, len("the body")), *body)
	assert.Equal(t, kept, frame, "it is no part of the frame")
	assert.Equal(t, r, again, "nor of another record")
	*body = []byte("the body")
	assert.Equal(t, r, got, "nor of anything else in the record")
	clear(frame)
	assert.Equal(t, r, again)
}
