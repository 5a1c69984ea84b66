package sealed_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

const logName = "log of a test"

// shelf is an engine's records and tiles, which counts what it is asked for and ends with a context.
type shelf struct {
	t       testing.TB
	records []string
	tiles   map[seal.TileID][]byte
	calls   int
}

// grow makes the records of a log of that size, the tree over them, and the shelf they stand on.
func grow(t testing.TB, size int) (*seal.Tree, *shelf) {
	tree, s := new(seal.Tree), &shelf{t: t, tiles: map[seal.TileID][]byte{}}
	for i := range size {
		s.records = append(s.records, fmt.Sprintf("record %d", i+1))
		tree.Append(seal.LeafHash([]byte(s.records[i])))
		for _, tile := range tree.Full() {
			bytes, err := tile.AppendBinary(nil)
			require.NoError(t, err)
			s.tiles[seal.TileID{Level: tile.Level, Index: tile.Index}] = bytes
		}
	}
	return tree, s
}

func (s *shelf) Tiles(ctx context.Context, tiles []seal.TileID, bytes [][]byte) error {
	s.calls++
	require.NotEmpty(s.t, tiles)
	require.LessOrEqual(s.t, len(tiles), sealed.BatchMax)
	require.Len(s.t, bytes, len(tiles))
	for i, id := range tiles {
		if bytes[i] = s.tiles[id]; bytes[i] == nil {
			return &store.DamagedError{Log: logName, Reason: fmt.Sprintf("no tile %v", id)}
		}
	}
	return ctx.Err()
}

func (s *shelf) Leaves(ctx context.Context, first uint64, hashes []seal.Hash) error {
	s.calls++
	require.NotEmpty(s.t, hashes)
	require.LessOrEqual(s.t, len(hashes), seal.TileWidth)
	for i := range hashes {
		hashes[i] = seal.LeafHash([]byte(s.records[int(first)+i-1]))
	}
	return ctx.Err()
}

// counted returns how many calls f makes.
func (s *shelf) counted(f func()) int {
	before := s.calls
	f()
	return s.calls - before
}

// alterTile changes a byte of a tile.
func (s *shelf) alterTile(level int, index uint64) {
	id := seal.TileID{Level: level, Index: index}
	altered := append([]byte(nil), s.tiles[id]...)
	altered[100] ^= 1
	s.tiles[id] = altered
}
