package order

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// Ids are remembered as 64 bits: a replay of a million orders must fit. They come from others, so the hash must be one
// that nobody can steer into collisions: SipHash-2-4 (Aumasson and Bernstein, 2012) under a key that is drawn when the
// process starts and never leaves it. 64 bits of a hash without a key, however strong, fall to anyone who tries four
// billion ids at home. What is remembered is only ever compared with what the same process remembers, so nothing that
// comes out of this package depends on the key, any more than on the one that every Go map has. It takes a third of
// what SHA-256 takes.

// sipKey is a key of SipHash.
type sipKey struct{ k0, k1 uint64 }

// memoryKey is what ids are remembered under. Each half has its own seed of the runtime's generator, see
// [maphash.MakeSeed].
var memoryKey = sipKey{maphash.Bytes(maphash.MakeSeed(), nil), maphash.Bytes(maphash.MakeSeed(), nil)}

// digest is what is remembered of an id. 0 stands for an empty one.
func digest(id string) uint64 {
	if id == "" {
		return 0
	}
	return sipHash(memoryKey, id) | 1
}

// digestOf is what is remembered of several texts together.
func digestOf(parts ...string) uint64 {
	var buf [256]byte
	b := buf[:0]
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return sipHash(memoryKey, b) | 1
}

// sipHash is SipHash-2-4.
func sipHash[T string | []byte](k sipKey, s T) uint64 {
	v := sipState{k.k0 ^ 0x736f6d6570736575, k.k1 ^ 0x646f72616e646f6d, k.k0 ^ 0x6c7967656e657261,
		k.k1 ^ 0x7465646279746573}
	last := uint64(len(s)) << 56
	for ; len(s) >= wordSize; s = s[wordSize:] {
		word := wordOf(s)
		v.v3 ^= word
		v = v.mix().stir().mix().stir()
		v.v0 ^= word
	}
	for i := range len(s) {
		last |= uint64(s[i]) << (8 * i)
	}
	v.v3 ^= last
	v = v.mix().stir().mix().stir()
	v.v0 ^= last
	v.v2 ^= 0xff
	v = v.mix().stir().mix().stir().mix().stir().mix().stir()
	return v.v0 ^ v.v1 ^ v.v2 ^ v.v3
}

// wordOf is the first eight bytes.
func wordOf[T string | []byte](s T) uint64 {
	_ = s[wordSize-1]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

type sipState struct{ v0, v1, v2, v3 uint64 }

// mix and stir are one round: in halves, so that they stand where they are called, which takes half the time.

func (v sipState) mix() sipState {
	v.v0 += v.v1
	v.v1 = bits.RotateLeft64(v.v1, 13) ^ v.v0
	v.v0 = bits.RotateLeft64(v.v0, 32)
	v.v2 += v.v3
	v.v3 = bits.RotateLeft64(v.v3, 16) ^ v.v2
	return v
}

func (v sipState) stir() sipState {
	v.v0 += v.v3
	v.v3 = bits.RotateLeft64(v.v3, 21) ^ v.v0
	v.v2 += v.v1
	v.v1 = bits.RotateLeft64(v.v1, 17) ^ v.v2
	v.v2 = bits.RotateLeft64(v.v2, 32)
	return v
}
