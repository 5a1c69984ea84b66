package seal

import "fmt"

// Leaves answers for the leaves of one tree, each proven by it: a tile's hashes count only where they lead, by way of
// the tiles above, to what the tree has at its edge in memory. So it tells an altered record from an altered tile, and
// names either.
//
// In order, a leaf costs one node hash, and each 256 of them a read of a tile; a jump costs a tile of each level. A
// Leaves takes 8 KiB for each level of full tiles and is not safe for concurrent use.
type Leaves struct {
	tree  *Tree
	tiles [tileLevels]*provenTile
}

// provenTile is the tile of a level that was read last, and that leads to the tree's edge.
type provenTile struct {
	index  uint64
	hashes [TileWidth]Hash
}

// NewLeaves returns the leaves of a tree, which must not grow meanwhile.
func NewLeaves(of *Tree) *Leaves { return &Leaves{tree: of} }

// At returns the hash of leaf n, counted from 0. It asks src for full tiles only, and remembers those it read last; the
// next call may name another source. The error is a [*DamagedError] that names the tile that does not fit, an
// [*InvalidError] where the tree has no such leaf, or what src returned.
func (l *Leaves) At(src Source, n uint64) (Hash, error) {
	if n >= l.tree.size {
		return Hash{}, noLeafError(n, l.tree.size)
	}
	return l.at(src, 0, n)
}

// at returns hash n of a level.
func (l *Leaves) at(src Source, level int, n uint64) (Hash, error) {
	index := n / TileWidth
	if index >= tilesAt(level, l.tree.size) {
		return l.tree.levels[level].hashes[n%TileWidth], nil
	}
	if t := l.tiles[level]; t != nil && t.index == index {
		return t.hashes[n%TileWidth], nil
	}
	b, err := src.Tile(level, index)
	if err != nil {
		return Hash{}, fmt.Errorf("seal: %s: %w", tileName(level, index), err)
	}
	t := &provenTile{index: index}
	if err := parseTile(t.hashes[:], level, index, b); err != nil {
		return Hash{}, err
	}
	above, err := l.at(src, level+1, index)
	if err != nil {
		return Hash{}, err
	}
	if scratch := t.hashes; foldPerfect(scratch[:]) != above {
		return Hash{}, &DamagedError{What: tileName(level, index), Problem: "does not lead to the tree that was sealed"}
	}
	l.tiles[level] = t
	return t.hashes[n%TileWidth], nil
}
