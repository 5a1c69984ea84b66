package events

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const someUUID = "0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"

// back reads a form that a test made, as a frame's field.
func back(form []byte, read func(*header) string) (string, error) {
	h := header{b: form}
	text := read(&h)
	if h.err == nil && h.at != len(form) {
		h.fail("form", "is followed by more")
	}
	return text, h.err
}

func asID(h *header) string  { return h.id("id") }
func asKey(h *header) string { return string(h.key()) }

// Every id and every key comes back from its form, which begins no other one.
func TestCompactNamesComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.StringN(0, 20, IDMax-uuidText).Draw(rt, "name")
		size := 1 + len(name)
		if rapid.Bool().Draw(rt, "ends in a UUID") {
			name += rapid.StringMatching(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).Draw(rt, "UUID")
			size += uuidBytes
		}
		form, read := AppendID([]byte("x"), name)[1:], asID
		if known := rapid.SampledFrom(keyNames[:]).Draw(rt, "known"); rapid.Bool().Draw(rt, "is a key") {
			if len(name) >= uuidText && KeyMax+1+len(name)-uuidText >= 0x80 {
				size++
			}
			size++
			name = known + name
			form, read = AppendKey([]byte("x"), Key(name))[1:], asKey
		}
		require.Len(rt, form, size, "%q", name)
		got, err := back(form, read)
		require.NoError(rt, err)
		require.Equal(rt, name, got)
		for end := range form {
			_, err := back(form[:end], read)
			require.ErrorIs(rt, err, ErrDamaged, "a form that begins another")
		}
	})
}

// What is nearly a UUID is text.
func TestCompactKeepsWhatIsNoUUID(t *testing.T) {
	require.Len(t, AppendID(nil, someUUID), 1+uuidBytes)
	for i := range someUUID {
		for _, c := range []string{"-", "g", "A", ":", "/", "`", " "} {
			if near := someUUID[:i] + c + someUUID[i+1:]; near != someUUID {
				assert.Len(t, AppendID(nil, near), 1+uuidText, near)
			}
		}
	}
	assert.Len(t, AppendID(nil, someUUID[1:]), uuidText)
}

func TestCompactHasOneForm(t *testing.T) {
	for _, tt := range []struct {
		form, want string
		read       func(*header) string
	}{
		{"", "id is not a number in its shortest form", asID},
		{"\x24" + someUUID, "at byte 0, id spells a UUID that belongs in 16 bytes", asID},
		{"\x5e" + strings.Repeat("x", 45), "id has 65 bytes, at most 64 fit", asID},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "at most 64 fit", asID},
		{"\x42o" + strings.Repeat("x", 15), "id is longer than what is left", asID},
		{"\x42", "id is longer than what is left", asID},
		{"\x42\xff" + strings.Repeat("x", 16), "id is not UTF-8", asID},
		{"", "key is cut short", asKey},
		{"\x05\x01x", "at byte 0, key has a name that is not known", asKey},
		{"\x00\x0cpaymentId:p1", "at byte 1, key spells a name that belongs in one byte", asKey},
		{"\x02\x50" + strings.Repeat("x", 80), "key has 97 bytes, at most 96 fit", asKey},
		{"\x01\x24" + someUUID, "at byte 1, key spells a UUID that belongs in 16 bytes", asKey},
	} {
		_, err := back([]byte(tt.form), tt.read)
		assert.ErrorContains(t, err, tt.want, "%x", tt.form)
	}
}

// A record's ids cost no allocation of their own, though they are longer than in the frame.
func TestCompactIDsShareTheCopy(t *testing.T) {
	r := full(t, KindCaptureRequested)
	r.Keys = nil
	count := func() float64 {
		frame, err := AppendFrame(nil, r)
		require.NoError(t, err)
		return testing.AllocsPerRun(100, func() { _, _ = DecodeFrame(frame) })
	}
	r.Stream.ID, r.ID, r.CommandID = "o", "r", "c"
	short := count()
	r.Stream.ID, r.ID, r.CommandID = someUUID, someUUID[:35]+"c", someUUID[:35]+"d"
	assert.Equal(t, short, count())
}

func ExampleAppendID() {
	for _, id := range []string{"o-1", "0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
		"shop-0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"} {
		fmt.Printf("%x\n", AppendID(nil, id))
	}
	// Output:
	// 036f2d31
	// 410198a1b2c3d47e5f8a9b0c1d2e3f4a5b
	// 4673686f702d0198a1b2c3d47e5f8a9b0c1d2e3f4a5b
}

func ExampleAppendKey() {
	fmt.Printf("%x\n", AppendKey(nil, NewKey(KeyPaymentID, "p-1")))
	fmt.Printf("%x\n", AppendKey(nil, NewKey(KeyPaymentRequestID, "0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")))
	// Output:
	// 0103702d31
	// 02610198a1b2c3d47e5f8a9b0c1d2e3f4a5b
}

// The digits are those of the standard library.
func TestUUIDText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), uuidBytes, uuidBytes).Draw(t, "bytes")
		text := uuidOf(b)
		require.Equal(t, fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), string(text[:]))
	})
}
