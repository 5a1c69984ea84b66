package order

import (
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// The vectors of SipHash's authors: key 00 01 … 0f, message 00 01 … of each length.
func TestSipHash_VectorsOfItsAuthors(t *testing.T) {
	key := sipKey{0x0706050403020100, 0x0f0e0d0c0b0a0908}
	message := make([]byte, 64)
	for i := range message {
		message[i] = byte(i)
	}
	for size, want := range map[int]uint64{0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 2: 0x0d6c8009d9a94f5a,
		7: 0xab0200f58b01d137,
		8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5, 63: 0x958a324ceb064572} {
		assert.Equal(t, want, sipHash(key, string(message[:size])), "%d bytes", size)
		assert.Equal(t, want, sipHash(key, message[:size]), "%d bytes", size)
	}
}

func TestDigest_TellsIdsApart(t *testing.T) {
	assert.Zero(t, digest(""), "no id")
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		assert.Equal(t, a == b, digest(a) == digest(b))
		assert.Equal(t, digestOf(a, b), digestOf(a, b))
		if b != "" {
			assert.NotEqual(t, digestOf(a, b), digestOf(a+b), "where one ends and the next begins counts")
			assert.NotZero(t, digest(b))
		}
	})
}

// An id that collides with another under one key does not under the next: whoever writes a log cannot know which do.
func TestDigest_DependsOnTheKey(t *testing.T) {
	assert.NotEqual(t, sipKey{}, memoryKey)
	assert.NotEqual(t, memoryKey.k0, memoryKey.k1)
	other := memoryKey
	other.k1++
	assert.NotEqual(t, sipHash(memoryKey, "k-1"), sipHash(other, "k-1"))
}

func BenchmarkDigest(b *testing.B) {
	id := "0193574e-8f2a-7c11-9d3e-5f0c2a1b4d6e"
	b.Run("id", func(b *testing.B) {
		for b.Loop() {
			digest(id)
		}
	})
	b.Run("sha256", func(b *testing.B) {
		for b.Loop() {
			sha256.Sum256([]byte(id))
		}
	})
	b.Run("content", func(b *testing.B) {
		for b.Loop() {
			contentOf(VerbCapture, usd(1), false, "")
		}
	})
}
