package export

import (
	"errors"

	"github.com/tilltape/tilltape/seal"
)

// proofsKept is how many proofs are made with what was read for those before: neighbours share most of it.
const proofsKept = 256

// shelf has the tree over all records of a log in memory, for proofs.
type shelf struct {
	tree  seal.Tree
	tiles map[seal.TileID][]seal.Hash // the full ones
	past  *seal.Past
	asked int
}

// add takes the next record's leaf in.
func (s *shelf) add(leaf seal.Hash) {
	s.tree.Append(leaf)
	if s.tree.Size()%seal.TileWidth > 0 {
		return
	}
	if s.tiles == nil {
		s.tiles = map[seal.TileID][]seal.Hash{}
	}
	for _, t := range s.tree.Full() {
		s.tiles[seal.TileID{Level: t.Level, Index: t.Index}] = t.Hashes
	}
}

// leaf is that of record n, counted from 0, which was added.
func (s *shelf) leaf(n uint64) seal.Hash {
	tile := s.tiles[seal.TileID{Index: n / seal.TileWidth}]
	if tile == nil {
		tile = s.tree.Edge()[0].Hashes // the unfull one, which is there where n is not in a full one
	}
	return tile[n%seal.TileWidth]
}

var errNoTile = errors.New("there is no such tile")

func (s *shelf) read(tiles []seal.TileID, bytes [][]byte) (err error) {
	for i, id := range tiles {
		hashes := s.tiles[id]
		if hashes == nil {
			return errNoTile
		}
		if bytes[i], err = (seal.Tile{Level: id.Level, Index: id.Index, Hashes: hashes}).AppendBinary(nil); err != nil {
			return err
		}
	}
	return nil
}

// prove is the proof of record n, counted from 0, in the tree over all that were added.
func (s *shelf) prove(n uint64) ([]seal.Hash, error) {
	if s.asked%proofsKept == 0 {
		s.past = seal.NewPast(&s.tree, s.read)
	}
	s.asked++
	return s.past.ProveInclusion(s.tree.Size(), n)
}
