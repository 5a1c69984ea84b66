package sealed

import (
	"context"
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// BatchMax is the most tiles that are asked for in one call: half a megabyte.
const BatchMax = 64

// Source is where an engine keeps what its seal is made of, at one moment: a transaction, say. An error of its own,
// that of ctx among them, is handed on.
type Source interface {
	// Tiles sets bytes[i] to the [seal.TileSize] bytes of tiles[i], at most [BatchMax] of them. Each is full in the log as
	// it is at that moment. They are not changed, and not used after the next call. A tile that is missing is a
	// *store.DamagedError.
	Tiles(ctx context.Context, tiles []seal.TileID, bytes [][]byte) error
	// Leaves sets hashes[i] to the [seal.LeafHash] of the frame at position first+i, at most [seal.TileWidth] of them. It
	// makes them from the stored records and never from tiles.
	Leaves(ctx context.Context, first uint64, hashes []seal.Hash) error
}

// damage says in the words of package store that the seal and the records of a log do not fit. Errors of another kind
// pass.
func damage(log string, err error) error {
	if found, ok := errors.AsType[*store.DamagedError](err); ok {
		return found // without the words of package seal around it
	}
	if found, ok := errors.AsType[*seal.DamagedError](err); ok {
		return damagedError(log, "its seal does not fit its records: %s %s", found.What, found.Problem)
	}
	return err
}

func damagedError(log, format string, args ...any) error {
	return &store.DamagedError{Log: log, Reason: fmt.Sprintf(format, args...), OfSeal: true}
}

// Load returns the tree whose frontier was stored, if the records after the last full tile and the tiles next to the
// edge of each level give it; see [seal.Load]. log is what errors call the log: "log /srv/orders". Anything that does
// not fit is a *store.DamagedError. It makes one call for the records and one for each [BatchMax] tiles.
func Load(ctx context.Context, log string, frontier []byte, from Source) (*seal.Tree, error) {
	tree, err := seal.Load(frontier, &ahead{ctx: ctx, from: from, size: sizeOf(frontier)})
	if err != nil {
		return nil, damage(log, err)
	}
	return tree, nil
}

// ahead is a source for [seal.Load], which asks for the edge of each level from left to right and hash by hash: it
// reads the rest of the edge with the first of it.
type ahead struct {
	ctx  context.Context
	from Source
	size uint64 // of the tree

	leaves    [seal.TileWidth]seal.Hash
	leavesAt  uint64 // number of the first
	leavesEnd uint64

	ids   [BatchMax]seal.TileID
	tiles [BatchMax][]byte
	known int // how many of them there are
	next  int // the one that is asked for next
}

// Leaf implements [seal.Source].
func (a *ahead) Leaf(n uint64) (seal.Hash, error) {
	if n < a.leavesAt || n >= a.leavesEnd {
		end := min(a.size, n+seal.TileWidth)
		if err := a.from.Leaves(a.ctx, n+1, a.leaves[:end-n]); err != nil {
			return seal.Hash{}, err
		}
		a.leavesAt, a.leavesEnd = n, end
	}
	return a.leaves[n-a.leavesAt], nil
}

// Tile implements [seal.Source].
func (a *ahead) Tile(level int, index uint64) ([]byte, error) {
	if a.next == a.known || a.ids[a.next] != (seal.TileID{Level: level, Index: index}) {
		end := min(tilesAt(level, a.size), index+BatchMax)
		for i := index; i < end; i++ {
			a.ids[i-index] = seal.TileID{Level: level, Index: i}
		}
		a.known, a.next = int(end-index), 0
		if err := a.from.Tiles(a.ctx, a.ids[:a.known], a.tiles[:a.known]); err != nil {
			a.known = 0
			return nil, err
		}
	}
	a.next++
	return a.tiles[a.next-1], nil
}
