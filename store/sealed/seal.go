package sealed

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// sizeBytes is the length of the size that a frontier begins with.
const sizeBytes = 8

// sizeOf is the size that a frontier is of; whether it is one is for [seal.Load] to say.
func sizeOf(frontier []byte) uint64 {
	if len(frontier) < sizeBytes {
		return 0
	}
	return binary.BigEndian.Uint64(frontier)
}

// tilesAt is how many full tiles of the level a tree of that size has.
func tilesAt(level int, size uint64) uint64 {
	return size >> ((level + 1) * bits.TrailingZeros(seal.TileWidth))
}

// Seal is what an engine knows in memory of its log's seal, at one moment.
type Seal struct {
	Log    string // what errors call the log
	Origin string
	Tree   *seal.Tree   // over the log's records; it must not grow meanwhile
	Signer *seal.Signer // of checkpoints and proofs
}

// Checkpoint is what the log holds, unsigned.
func (s *Seal) Checkpoint() seal.Checkpoint {
	return seal.Checkpoint{Origin: s.Origin, Size: s.Tree.Size(), Root: s.Tree.Root()}
}

// Sign is Checkpoint, signed. It needs a Signer. It reads nothing: sign before the transaction that a proof is read in.
func (s *Seal) Sign() (c seal.Checkpoint, signed []byte, err error) {
	c = s.Checkpoint()
	if signed, err = s.Signer.Sign(c); err != nil {
		return c, nil, fmt.Errorf("%w: %s: %w", store.ErrInvalid, s.Log, err)
	}
	return c, signed, nil
}

// past is the tree's past, out of a source.
func (s *Seal) past(ctx context.Context, from Source) *seal.Past {
	return seal.NewPast(s.Tree, func(tiles []seal.TileID, bytes [][]byte) error { return from.Tiles(ctx, tiles, bytes) })
}

// Prove returns the proof of the record at a position in the log that the checkpoint, which Sign returned, is of. The
// record that is stored has to bear it out. A position that the log does not have is store.ErrInvalid. It makes two
// calls.
func (s *Seal) Prove(ctx context.Context, from Source, signed []byte, position uint64) (seal.Proof, error) {
	size := s.Tree.Size()
	if position == 0 || position > size {
		return seal.Proof{}, fmt.Errorf("%w: %s: there is no record at position %d; it has 1 to %d", store.ErrInvalid,
			s.Log, position, size)
	}
	hashes, err := s.past(ctx, from).ProveInclusion(size, position-1)
	if err != nil {
		return seal.Proof{}, damage(s.Log, err)
	}
	var leaf [1]seal.Hash
	if err := from.Leaves(ctx, position, leaf[:]); err != nil {
		return seal.Proof{}, damage(s.Log, err)
	}
	if seal.VerifyInclusion(hashes, size, s.Tree.Root(), position-1, leaf[0]) != nil {
		return seal.Proof{}, alteredError(s.Log, position)
	}
	return seal.Proof{Index: position - 1, Hashes: hashes, Checkpoint: signed}, nil
}

// alteredError is the error of a record that reads well and was sealed otherwise.
func alteredError(log string, position uint64) error {
	return &store.DamagedError{Log: log, Position: position,
		Reason: "the record here is not the one that its seal was made over"}
}

// ProveConsistency returns the hashes that prove that the log of size records begins with the log of old records. Sizes
// that the log never had are store.ErrInvalid. It makes one call.
func (s *Seal) ProveConsistency(ctx context.Context, from Source, old, size uint64) ([]seal.Hash, error) {
	if size > s.Tree.Size() || old > size {
		return nil, fmt.Errorf("%w: %s: no proof from %d to %d records; it has %d", store.ErrInvalid, s.Log, old, size,
			s.Tree.Size())
	}
	proof, err := s.past(ctx, from).ProveConsistency(old, size)
	return proof, damage(s.Log, err)
}

// Stored is a seal as it is stored, perhaps of more records by now than the one in memory.
type Stored struct {
	Frontier []byte
	Last     uint64            // position of the newest record that is stored
	Past     []seal.Checkpoint // the ancestry: what the log held under earlier origins, oldest first
}

// Verify proves that a stored seal goes on from this one, that it covers all records that are stored, and that the log
// begins with what it is said to have held before. It makes the calls of [Load], and one for each root.
func (s *Seal) Verify(ctx context.Context, from Source, stored Stored) error {
	tree, err := Load(ctx, s.Log, stored.Frontier, from)
	if err != nil {
		return err
	}
	if tree.Size() != stored.Last {
		return damagedError(s.Log, "its seal covers %d records, and it has %d", tree.Size(), stored.Last)
	}
	if tree.Size() < s.Tree.Size() {
		return damagedError(s.Log, "its seal covers %d records, and covered %d", tree.Size(), s.Tree.Size())
	}
	now := &Seal{Log: s.Log, Tree: tree}
	past := now.past(ctx, from)
	root, err := past.RootAt(s.Tree.Size())
	if err != nil {
		return damage(s.Log, err)
	}
	if root != s.Tree.Root() {
		return damagedError(s.Log, "its seal is not the one that it had: the root over %d records differs", s.Tree.Size())
	}
	for _, c := range stored.Past {
		had := seal.Hash{}
		if c.Size <= tree.Size() {
			if had, err = past.RootAt(c.Size); err != nil {
				return damage(s.Log, err)
			}
		}
		if had != c.Root {
			return damagedError(s.Log, "it does not begin with the %d records that it is said to have had as %s", c.Size,
				c.Origin)
		}
	}
	return nil
}

// Records holds records, as they are read, against the tree. In order, each costs its SHA-256 and a node's, and 256 of
// them a call for one tile. Not safe for concurrent use.
type Records struct {
	log    string
	leaves *seal.Leaves
	tile   oneTile
}

// Records returns what holds records against the seal as it is now.
func (s *Seal) Records() *Records { return &Records{log: s.Log, leaves: seal.NewLeaves(s.Tree)} }

// Hold returns nil if frame is what was sealed at the position; a *store.DamagedError where it is not, or where a tile
// does not lead to the tree. Each call may name another source.
func (r *Records) Hold(ctx context.Context, from Source, position uint64, frame []byte) error {
	r.tile.ctx, r.tile.from = ctx, from
	want, err := r.leaves.At(&r.tile, position-1)
	if err != nil {
		return damage(r.log, err)
	}
	if seal.LeafHash(frame) != want {
		return alteredError(r.log, position)
	}
	return nil
}

// oneTile is a source for [seal.Leaves], which asks for one tile at a time and for no leaf.
type oneTile struct {
	ctx   context.Context
	from  Source
	id    [1]seal.TileID
	bytes [1][]byte
}

// Tile implements [seal.Source].
func (o *oneTile) Tile(level int, index uint64) ([]byte, error) {
	o.id[0] = seal.TileID{Level: level, Index: index}
	err := o.from.Tiles(o.ctx, o.id[:], o.bytes[:])
	return o.bytes[0], err
}

// Leaf implements [seal.Source].
func (o *oneTile) Leaf(n uint64) (hash seal.Hash, err error) {
	var one [1]seal.Hash
	err = o.from.Leaves(o.ctx, n+1, one[:])
	return one[0], err
}
