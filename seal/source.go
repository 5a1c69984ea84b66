package seal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tilltape/tilltape/internal/words"
)

// Source is where a tree's hashes are read from. Every function that takes one also takes a size, and asks for nothing
// that a tree of just that size does not have; so a source may hold a longer tree, and sizes of the past can be proven
// from it.
type Source interface {
	// Tile returns the [TileSize] bytes of a tile that is full in a tree of the size asked about. They are not changed,
	// and not used after the next call.
	Tile(level int, index uint64) ([]byte, error)
	// Leaf returns the hash of leaf n, counted from 0, where the tile of level 0 that holds it is not full at the size
	// asked about. In a longer source that tile may be full; Leaf answers all the same, from the record or from the tile.
	Leaf(n uint64) (Hash, error)
}

// reader answers for the nodes of a tree of one size. Not safe for concurrent use.
type reader struct {
	src  Source
	size uint64

	// The tile read last: the nodes of one proof mostly lie in one tile.
	level  int
	index  uint64
	loaded bool
	tile   [TileWidth]Hash

	scratch [TileWidth]Hash
}

// ReadHashes implements [tlog.HashReader].
func (r *reader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, stored := range indexes {
		height, n := tlog.SplitStoredHashIndex(stored)
		h, err := r.node(height, uint64(n))
		if err != nil {
			return nil, err
		}
		hashes[i] = tlog.Hash(h)
	}
	return hashes, nil
}

// node returns the root of the perfect subtree number n of 2^height leaves.
func (r *reader) node(height int, n uint64) (Hash, error) {
	level, k := height/tileHeight, height%tileHeight
	run := r.scratch[:1<<k]
	if err := r.hashes(run, level, n<<k); err != nil {
		return Hash{}, err
	}
	return foldPerfect(run), nil
}

// hashes fills dst with the hashes of a level from number first on, all of one tile.
func (r *reader) hashes(dst []Hash, level int, first uint64) error {
	if index := first / TileWidth; index < tilesAt(level, r.size) {
		if err := r.load(level, index); err != nil {
			return err
		}
		copy(dst, r.tile[first%TileWidth:])
		return nil
	}
	for i := range dst {
		h, err := r.hash(level, first+uint64(i))
		if err != nil {
			return err
		}
		dst[i] = h
	}
	return nil
}

// hash returns hash n of a level's unfull tile, which is nowhere stored: a leaf, or the root of a full tile one level
// below.
func (r *reader) hash(level int, n uint64) (Hash, error) {
	if level == 0 {
		h, err := r.src.Leaf(n)
		if err != nil {
			return Hash{}, fmt.Errorf("seal: leaf %d: %w", n, err)
		}
		return h, nil
	}
	if err := r.load(level-1, n); err != nil {
		return Hash{}, err
	}
	r.loaded = false // folding uses the tile up
	return foldPerfect(r.tile[:]), nil
}

// edge returns the hashes of a level's unfull tile.
func (r *reader) edge(level int) ([]Hash, error) {
	first := tilesAt(level, r.size) * TileWidth
	hashes := make([]Hash, r.size>>(tileHeight*level)-first)
	return hashes, r.hashes(hashes, level, first)
}

func (r *reader) load(level int, index uint64) error {
	if r.loaded && r.level == level && r.index == index {
		return nil
	}
	r.loaded = false
	b, err := r.src.Tile(level, index)
	if err != nil {
		return fmt.Errorf("seal: %s: %w", tileName(level, index), err)
	}
	if err := parseTile(r.tile[:], level, index, b); err != nil {
		return err
	}
	r.level, r.index, r.loaded = level, index, true
	return nil
}

// Load returns the tree whose frontier [Tree.AppendFrontier] wrote. It rebuilds the unfull tiles from src, at most 255
// leaves and, for each level above, 255 tiles, and returns the tree only if they give the frontier, hash by hash. So it
// proves the edge of the tree; what lies within full tiles is proven by reading the whole log. The error is a
// [*DamagedError] where the two differ, or what src returned.
func Load(frontier []byte, src Source) (*Tree, error) {
	size, err := frontierSize(frontier)
	if err != nil {
		return nil, err
	}
	t := new(Tree)
	r := &reader{src: src, size: size}
	for level := range t.levels {
		hashes, err := r.edge(level)
		if err != nil {
			return nil, err
		}
		for _, h := range hashes {
			t.levels[level].add(h)
		}
	}
	t.size = size
	if first, last, ok := t.matches(frontier); !ok {
		return nil, &DamagedError{
			What: "frontier",
			Problem: fmt.Sprintf("of %s is not what the records at positions %d to %d, or their tiles, give",
				words.Counted(size, "record"), first, last),
		}
	}
	return t, nil
}

// matches returns the positions, counted from 1, of the records below the first hash of a frontier of this size that is
// not the tree's; true where none differs.
func (t *Tree) matches(frontier []byte) (first, last uint64, ok bool) {
	mine := t.AppendFrontier(nil)
	begin := uint64(0)
	for at, left := sizeBytes, t.size; left > 0; at += HashSize {
		width := uint64(1) << (bits.Len64(left) - 1)
		if !bytes.Equal(mine[at:at+HashSize], frontier[at:at+HashSize]) {
			return begin + 1, begin + width, false
		}
		begin, left = begin+width, left-width
	}
	return 0, 0, true
}

// frontierSize returns the size that a frontier begins with, if its length fits it.
func frontierSize(frontier []byte) (uint64, error) {
	damagedError := func(format string, args ...any) error {
		return &DamagedError{What: "frontier", Problem: fmt.Sprintf(format, args...)}
	}
	if len(frontier) < sizeBytes {
		return 0, damagedError("has %d bytes; the size alone takes %d", len(frontier), sizeBytes)
	}
	size := binary.BigEndian.Uint64(frontier)
	if size > MaxSize {
		return 0, damagedError("claims %s; no tree has more than %d", words.Counted(size, "record"), uint64(MaxSize))
	}
	if want := sizeBytes + bits.OnesCount64(size)*HashSize; len(frontier) != want {
		return 0, damagedError("of %s has %d bytes instead of %d", words.Counted(size, "record"), len(frontier), want)
	}
	return size, nil
}
