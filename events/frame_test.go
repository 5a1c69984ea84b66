package events

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/internal/tests/filled"
)

func anyRecord(rt *rapid.T, t *testing.T) Record {
	o := filled.Odd{T: rt, TextMax: IDMax}
	r := Record{ID: o.ID("id"), Stream: Stream{rapid.StringMatching(`[a-z]{1,16}`).Draw(rt, "category"), o.ID("stream")},
		Version: o.Number("version"), Position: o.Number("position"), Previous: o.Number("previous"),
		Recorded: o.Moment("recorded"), Occurred: o.Moment("occurred"), CommandID: o.Maybe("command"),
		Actor: o.Maybe("actor"),
		Head: Head{Status: o.Maybe("status"), StatusSince: o.Moment("since"), Phase: o.Maybe("phase"),
			OperationSince: o.Moment("operation since"), ParkedSince: o.Moment("parked since"),
			AnomalySince: o.Moment("anomaly since"), DisputeBy: o.Moment("dispute by"), Due: o.Moment("due")},
		Event: fact(t, rapid.SampledFrom(Kinds()).Draw(rt, "kind"), o)}
	for range rapid.IntRange(0, KeysMax).Draw(rt, "keys") {
		r.Keys = append(r.Keys, Key("k"+o.Text("key")+o.Maybe("key's end")))
	}
	for _, t := range []*time.Time{&r.Occurred, &r.Head.StatusSince, &r.Head.OperationSince, &r.Head.ParkedSince,
		&r.Head.AnomalySince, &r.Head.DisputeBy, &r.Head.Due} {
		switch o.Choice("a time that stands before", 3) {
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
	for _, length := range []int{lengthMax, lengthMax + 1} {
		f.Add(ofLength(f, length))
	}
	f.Add([]byte{})
	f.Add([]byte{0, 0})
	var d Decoder
	f.Fuzz(func(t *testing.T, src []byte) {
		r, err := sameAsDecodeFrame(t, &d, src)
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
