package events

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const someUUID = "0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"

// Every name comes back from its compact form, which ends where it ends, and only a UUID in its usual text is shorter.
func TestCompactNamesComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		most := rapid.SampledFrom([]int{IDMax, KeyMax}).Draw(rt, "most")
		name := rapid.StringN(0, 20, most-uuidText).Draw(rt, "name")
		size := 1 + len(name)
		if rapid.Bool().Draw(rt, "ends in a UUID") {
			name += uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "UUID")).String()
			size += 16
			if most+1+len(name)-uuidText >= 0x80 {
				size++
			}
		}
		packed := AppendCompact([]byte("x"), name, most)
		require.Len(rt, packed, 1+size)
		require.Equal(rt, size, compactSize(name, most))
		got, err := DecodeCompact(packed[1:], most)
		require.NoError(rt, err)
		require.Equal(rt, name, got)
		for end := 1; end < len(packed); end++ {
			_, err := DecodeCompact(packed[1:end], most)
			require.ErrorIs(rt, err, ErrDamaged, "a form that begins another")
		}
		_, err = DecodeCompact(append(packed[1:], 0), most)
		require.ErrorContains(rt, err, "name is followed by 1 more bytes")
	})
}

// What is nearly a UUID is text.
func TestCompactKeepsWhatIsNoUUID(t *testing.T) {
	for i := range someUUID {
		for _, c := range []string{"-", "g", "A", ":", "/", "`", " "} {
			if near := someUUID[:i] + c + someUUID[i+1:]; near != someUUID {
				assert.Len(t, AppendCompact(nil, near, IDMax), 1+uuidText, near)
			}
		}
	}
	assert.Len(t, AppendCompact(nil, someUUID[1:], IDMax), uuidText)
}

func TestCompactHasOneForm(t *testing.T) {
	for bytes, want := range map[string]string{
		"":                               "name is not a number in its shortest form",
		"\x24" + someUUID:                "at byte 0, name spells a UUID that belongs in 16 bytes",
		"\x5e" + strings.Repeat("x", 45): "name has 65 bytes, at most 64 fit",
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01": "at most 64 fit",
		"\x42o" + strings.Repeat("x", 15):          "name is longer than what is left",
		"\x42\xff" + strings.Repeat("x", 16):       "name is not UTF-8",
	} {
		_, err := DecodeCompact([]byte(bytes), IDMax)
		assert.ErrorContains(t, err, want, "%x", bytes)
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

func ExampleAppendCompact() {
	for _, id := range []string{"o-1", "0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", "shop-0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"} {
		fmt.Printf("%x\n", AppendCompact(nil, id, IDMax))
	}
	// Output:
	// 036f2d31
	// 410198a1b2c3d47e5f8a9b0c1d2e3f4a5b
	// 4673686f702d0198a1b2c3d47e5f8a9b0c1d2e3f4a5b
}
