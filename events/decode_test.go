package events

import (
	"bytes"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// sameAsDecodeFrame demands that a Decoder makes of some bytes what DecodeFrame makes of them, and writes to none.
func sameAsDecodeFrame(t require.TestingT, d *Decoder, src []byte) (Record, error) {
	was := bytes.Clone(src)
	want, wrong := DecodeFrame(src)
	got := Record{ID: "what was there before", Keys: []Key{"k"}}
	err := d.Decode(&got, src)
	require.Equal(t, wrong, err, "%x", src)
	require.Equal(t, want, got, "%x", src)
	require.Equal(t, was, src)
	return got, err
}

// What one Decoder makes of frame after frame stays what it is.
func TestDecoder_IsDecodeFrame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var d Decoder
		var want, got []Record
		for range rapid.IntRange(1, 40).Draw(rt, "records") {
			r := anyRecord(rt, t)
			frame, err := AppendFrame(nil, r)
			require.NoError(rt, err)
			decoded, err := sameAsDecodeFrame(rt, &d, frame)
			require.NoError(rt, err)
			want, got = append(want, r), append(got, decoded)
		}
		require.Equal(rt, want, got, "after all others")
	})
}

// Whatever bit is wrong, it says the same, and goes on with the next frame.
func TestDecoder_Damage(t *testing.T) {
	var d Decoder
	for _, damaged := range damagedHeaders() {
		_, err := sameAsDecodeFrame(t, &d, damaged.frame)
		require.Error(t, err, damaged.name)
	}
	r := full(t, KindPaymentAuthorized)
	frame, err := AppendFrame(nil, r)
	require.NoError(t, err)
	for i := range frame {
		for bit := range 8 {
			bad := bytes.Clone(frame)
			bad[i] ^= 1 << bit
			_, _ = sameAsDecodeFrame(t, &d, bad) // of which some are other records
		}
		_, err := sameAsDecodeFrame(t, &d, frame[:i])
		require.ErrorIs(t, err, ErrTruncated)
	}
	whole, err := sameAsDecodeFrame(t, &d, frame)
	require.NoError(t, err)
	assert.Equal(t, r, whole)
}

// within tells whether a text is a part of some bytes.
func within(src []byte, text string) bool {
	at := uintptr(unsafe.Pointer(unsafe.StringData(text))) - uintptr(unsafe.Pointer(unsafe.SliceData(src)))
	return at < uintptr(len(src))
}

// It copies no frame, but for large ones, of which a text would hold all.
func TestDecoder_CopiesNothing(t *testing.T) {
	r := ordinary()["answer"]
	frame, err := AppendFrame(nil, r)
	require.NoError(t, err)
	var d Decoder
	var got Record
	require.NoError(t, d.Decode(&got, frame))
	paid := got.Event.(PaymentAuthorized)
	assert.True(t, within(frame, got.Head.Status))
	assert.True(t, within(frame, paid.PaymentID))
	assert.True(t, within(frame, string(paid.Proof.Evidence.Signature)))
	assert.Same(t, &frame[len(frame)-1], &paid.Proof.Evidence.Body[len(paid.Proof.Evidence.Body)-1])
	assert.Equal(t, len(paid.Proof.Evidence.Body), cap(paid.Proof.Evidence.Body), "what is appended goes elsewhere")
	const many = 1000
	allocations := testing.AllocsPerRun(1, func() {
		for range many {
			_ = d.Decode(&got, frame)
		}
	})
	if !raced { // the detector allocates too
		assert.Less(t, allocations/many, 2.1, "the fact, its message, and now and then room for ids and keys")
	}

	paid.Proof.Evidence.Body = make([]byte, shareMax)
	r.Event = paid
	large, err := AppendFrame(nil, r)
	require.NoError(t, err)
	require.NoError(t, d.Decode(&got, large))
	assert.False(t, within(large, got.Head.Status))
	clear(large)
	assert.Equal(t, r, got)
}
