package seal

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tilltape/tilltape/internal/words"
)

// TileID names a full tile.
type TileID struct {
	Level int
	Index uint64
}

// Tiles reads full tiles: it sets bytes[i] to the [TileSize] bytes of tiles[i], which are not changed, and not used
// after the next call.
type Tiles func(tiles []TileID, bytes [][]byte) error

// Past answers for one tree as it is, and as it was at every size before. What lies in the tree's unfull tiles it has
// from the tree; for the rest it reads the full tiles on the way, all of a question together, and each counts only
// where it leads, by way of those above, to what the tree has at its edge. So what it returns needs no other proof, and
// it never reads a leaf. [RootAt], [ProveInclusion] and [ProveConsistency] return the same with no tree at hand: they
// read whatever makes up the right edge of the size asked about, 511 tiles and leaves for 131 071 records, one after
// another.
//
// A question reads at most two tiles of a level. They are kept for the next one, 8 KiB each, so a Past is for a few
// questions. It is not safe for concurrent use.
type Past struct {
	tree  *Tree
	read  Tiles
	known map[TileID]*[TileWidth]Hash // proven
}

// NewPast returns the past of a tree, which must not grow meanwhile.
func NewPast(of *Tree, read Tiles) *Past {
	return &Past{tree: of, read: read, known: map[TileID]*[TileWidth]Hash{}}
}

// RootAt returns the root that the tree had at that size. The error is a [*DamagedError] that names the tile that does
// not fit, an [*InvalidError] where the tree never was that size, or what reading a tile returned; so are those of the
// other methods.
func (p *Past) RootAt(size uint64) (Hash, error) {
	if size > p.tree.size {
		return Hash{}, laterThanError(size, p.tree.size)
	}
	if size == 0 {
		return emptyRoot(), nil
	}
	root, err := tlog.TreeHash(int64(size), p)
	return Hash(root), err
}

// ProveInclusion returns the hashes that lead from leaf n, counted from 0, to the root that the tree had at that size.
func (p *Past) ProveInclusion(size, n uint64) ([]Hash, error) {
	if size > p.tree.size {
		return nil, laterThanError(size, p.tree.size)
	}
	if n >= size {
		return nil, noLeafError(n, size)
	}
	proof, err := tlog.ProveRecord(int64(size), int64(n), p)
	if err != nil {
		return nil, err
	}
	return ours(proof), nil
}

// ProveConsistency returns the hashes that show that the tree, as it was at that size, begins with what it was at size
// old.
func (p *Past) ProveConsistency(old, size uint64) ([]Hash, error) {
	if size > p.tree.size {
		return nil, laterThanError(size, p.tree.size)
	}
	if old > size {
		return nil, laterThanError(old, size)
	}
	if old == 0 {
		return nil, nil
	}
	proof, err := tlog.ProveTree(int64(size), int64(old), p)
	if err != nil {
		return nil, err
	}
	return ours(proof), nil
}

// ReadHashes implements [tlog.HashReader], which is asked once a question.
func (p *Past) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var missing []TileID
	for _, stored := range indexes {
		level, first, _ := run(stored)
		missing = p.way(missing, TileID{level, first / TileWidth})
	}
	if err := p.load(missing); err != nil {
		return nil, err
	}
	hashes := make([]tlog.Hash, len(indexes))
	var scratch [TileWidth]Hash
	for i, stored := range indexes {
		level, first, width := run(stored)
		copy(scratch[:width], p.from(level, first))
		hashes[i] = tlog.Hash(foldPerfect(scratch[:width]))
	}
	return hashes, nil
}

// run is the stretch of a level's hashes, all of one tile, that the node which tlog numbers so is over.
func run(stored int64) (level int, first uint64, width int) {
	height, n := tlog.SplitStoredHashIndex(stored)
	return height / tileHeight, uint64(n) << (height % tileHeight), 1 << (height % tileHeight)
}

// way adds what is not known of a tile and those above it.
func (p *Past) way(missing []TileID, t TileID) []TileID {
	for ; t.Index < tilesAt(t.Level, p.tree.size); t = (TileID{t.Level + 1, t.Index / TileWidth}) {
		if p.known[t] != nil || slices.Contains(missing, t) {
			break // and so is all above
		}
		missing = append(missing, t)
	}
	return missing
}

// load reads the tiles, and proves those above before those below.
func (p *Past) load(missing []TileID) error {
	if len(missing) == 0 {
		return nil
	}
	slices.SortFunc(missing, func(a, b TileID) int { return b.Level - a.Level })
	read := make([][]byte, len(missing))
	if err := p.read(missing, read); err != nil {
		return fmt.Errorf("seal: %s, %s among them: %w", words.Counted(uint64(len(missing)), "tile"),
			tileName(missing[0].Level, missing[0].Index), err)
	}
	for i, t := range missing {
		hashes := new([TileWidth]Hash)
		if err := parseTile(hashes[:], t.Level, t.Index, read[i]); err != nil {
			return err
		}
		if scratch := *hashes; foldPerfect(scratch[:]) != p.from(t.Level+1, t.Index)[0] {
			return &DamagedError{What: tileName(t.Level, t.Index), Problem: "does not lead to the tree that was sealed"}
		}
		p.known[t] = hashes
	}
	return nil
}

// from returns the hashes of a level's tile from number n on; a full tile is known.
func (p *Past) from(level int, n uint64) []Hash {
	if t := p.known[TileID{level, n / TileWidth}]; t != nil {
		return t[n%TileWidth:]
	}
	return p.tree.levels[level].hashes[n%TileWidth:]
}
