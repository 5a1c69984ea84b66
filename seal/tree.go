package seal

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Tree is the right edge of a growing tree, in memory: the unfull tile of each level and the roots of the perfect
// subtrees in it. From these follow the tree's root and all hashes to come; everything to the left of the edge is in
// tiles that were handed out by [Tree.Full]. The zero value is the empty tree. A Tree takes 2 KiB and up to 8 KiB a
// level (three levels hold 16 million leaves).
//
// A Tree is not safe for concurrent use; a clone is independent of its origin and may be used in another goroutine.
type Tree struct {
	size   uint64
	levels [tileLevels]edge
	full   []Tile
}

// edge is the unfull tile of one level.
type edge struct {
	hashes []Hash // never changed below its length, so that clones share it
	// roots[k] is the root of a perfect subtree of 2^k of the hashes, there if bit k of their number is set.
	roots [tileHeight]Hash
}

// Append adds a leaf. It computes one node hash on average and allocates only for the first hash of a tile.
func (t *Tree) Append(leaf Hash) {
	h := leaf
	for level := range t.levels {
		e := &t.levels[level]
		root, full := e.add(h)
		if !full {
			break
		}
		t.full = append(t.full, Tile{Level: level, Index: tilesAt(level, t.size), Hashes: e.hashes})
		e.hashes = nil
		h = root
	}
	t.size++
}

// Fold adds a leaf for whoever asks for the root alone: tiles that have become full are let go.
func (t *Tree) Fold(leaf Hash) {
	t.Append(leaf)
	t.full = nil
}

// add puts a hash on the edge and returns the tile's root if that filled it.
func (e *edge) add(h Hash) (root Hash, full bool) {
	n := len(e.hashes)
	if n == cap(e.hashes) {
		e.hashes = append(make([]Hash, 0, TileWidth), e.hashes...)
	}
	e.hashes = append(e.hashes, h)
	k := bits.TrailingZeros(^uint(n)) // each trailing one of n is a subtree that the hash completes
	for i := range k {
		h = nodeHash(e.roots[i], h)
	}
	if k == tileHeight {
		return h, true
	}
	e.roots[k] = h
	return Hash{}, false
}

// Size returns the number of leaves.
func (t *Tree) Size() uint64 { return t.size }

// Root returns the root of the tree, SHA-256 of nothing if it is empty. It computes a node hash for each perfect
// subtree, at most one for each bit of the size.
func (t *Tree) Root() Hash {
	if t.size == 0 {
		return emptyRoot()
	}
	var root Hash
	found := false
	for level := range t.levels {
		e := &t.levels[level]
		for k := range tileHeight {
			switch {
			case len(e.hashes)>>k&1 == 0:
			case found:
				root = nodeHash(e.roots[k], root)
			default:
				root, found = e.roots[k], true
			}
		}
	}
	return root
}

// Full returns the tiles that became full since it was last called, lower levels and lower indexes first. The caller
// writes them before, or together with, the frontier, and must not change their hashes.
func (t *Tree) Full() []Tile {
	full := t.full
	t.full = nil
	return full
}

// Edge returns the unfull tiles, lower levels first, for an export: those whose paths end with .p and their width. They
// are as true as the tree is, and must not be changed.
func (t *Tree) Edge() []Tile {
	var tiles []Tile
	for level := range t.levels {
		if hashes := t.levels[level].hashes; len(hashes) > 0 {
			tiles = append(tiles, Tile{Level: level, Index: tilesAt(level, t.size), Hashes: slices.Clip(hashes)})
		}
	}
	return tiles
}

// Clone returns a copy of the tree, with the tiles that [Tree.Full] has not handed out yet. It copies 2 KiB; the tiles
// are shared until one of the two grows.
func (t *Tree) Clone() *Tree {
	c := new(Tree)
	c.CopyFrom(t)
	return c
}

// CopyFrom makes t a copy of from, as [Tree.Clone] does but without allocating: keep one such copy to take a failed
// commit back.
func (t *Tree) CopyFrom(from *Tree) {
	*t = *from
	// Without room after its end, the copy's next hash goes to an array of its own and never into one that from still
	// fills.
	for level := range t.levels {
		t.levels[level].hashes = slices.Clip(t.levels[level].hashes)
	}
	t.full = slices.Clip(t.full)
}

// sizeBytes is the length of the size at the head of a frontier.
const sizeBytes = 8

// AppendFrontier appends what a restart needs and returns the longer slice: the size, 8 bytes in big-endian order, then
// the roots of the perfect subtrees from left to right, 32 bytes each, one for each set bit of the size.
func (t *Tree) AppendFrontier(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, t.size)
	for level := range slices.Backward(t.levels[:]) {
		e := &t.levels[level]
		for k := tileHeight - 1; k >= 0; k-- {
			if len(e.hashes)>>k&1 == 1 {
				dst = append(dst, e.roots[k][:]...)
			}
		}
	}
	return dst
}
