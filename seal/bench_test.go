package seal_test

import (
	"fmt"
	"testing"

	"github.com/tilltape/tilltape/seal"
)

func BenchmarkLeafHash(b *testing.B) {
	for _, n := range []int{400, 1023, 1024, 4096} {
		b.Run(fmt.Sprintf("%dB", n), func(b *testing.B) {
			frame := make([]byte, n)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				seal.LeafHash(frame)
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	var t seal.Tree
	leaf := seal.LeafHash([]byte("leaf"))
	b.ReportAllocs()
	for b.Loop() {
		t.Append(leaf)
		if t.Size()%1024 == 0 {
			t.Full()
		}
	}
}

// BenchmarkGroup is what one commit of a store pays: a copy to fall back on, 64 leaves with their records' hashes, root
// and frontier.
func BenchmarkGroup(b *testing.B) {
	var t, saved seal.Tree
	frame := make([]byte, 400)
	frontier := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		saved.CopyFrom(&t)
		for range 64 {
			t.Append(seal.LeafHash(frame))
		}
		t.Full()
		t.Root()
		frontier = t.AppendFrontier(frontier[:0])
	}
}

func BenchmarkProveInclusion(b *testing.B) {
	_, s := grow(leaves(255*256 + 255)) // the most that a tree of two levels reads
	b.ReportAllocs()
	for b.Loop() {
		if _, err := seal.ProveInclusion(s, s.size, s.size/2); err != nil {
			b.Fatal(err)
		}
	}
}
