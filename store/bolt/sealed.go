package bolt

import (
	"errors"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// What is proven is never held against what was made from the same bytes. The root of all proofs here is the tree in
// memory: made when the log is opened, from the newest records and the tiles, and only where these give the frontier
// that the file keeps; from then on grown from the records as they were appended, before they went into the file.

// loadSeal makes the seal's right edge from the newest records and tiles, and proves it by the frontier.
func (l *Log) loadSeal(tx *bbolt.Tx, h header, last uint64) error {
	if h.unsealed {
		if tile, _ := tx.Bucket([]byte(bucketTiles)).Cursor().First(); tile != nil {
			return l.damagedError("it is marked as having no seal, and has tiles of one")
		}
		return nil
	}
	tree, err := seal.Load(h.frontier, newSealed(l, tx))
	if err != nil {
		return l.unsoundError(err)
	}
	if tree.Size() != last {
		return l.damagedError("its seal covers %d records, and it has %d", tree.Size(), last)
	}
	l.lazy.tree = tree
	return nil
}

// unsoundError says in our words that the seal and the records do not fit. Errors of another kind pass.
func (l *Log) unsoundError(err error) error {
	if damage, ok := errors.AsType[*store.DamagedError](err); ok {
		return damage // without the words of package seal around it
	}
	if damage, ok := errors.AsType[*seal.DamagedError](err); ok {
		return l.damagedError("its seal does not fit its records: %s %s", damage.What, damage.Problem)
	}
	if errors.Is(err, seal.ErrProof) {
		return l.damagedError("its seal does not fit its records: " +
			"what the tiles say does not lead to the tree that was sealed")
	}
	return err
}

// sealed is a transaction as what a seal's hashes are read from.
type sealed struct {
	frames *frames
	tiles  *bbolt.Bucket
}

func newSealed(l *Log, tx *bbolt.Tx) *sealed {
	return &sealed{newFrames(l, tx), tx.Bucket([]byte(bucketTiles))}
}

// Tile implements [seal.Source].
func (s *sealed) Tile(level int, index uint64) ([]byte, error) {
	tile := s.tiles.Get(tileKey(level, index))
	if tile == nil {
		return nil, s.frames.log.damagedError("tile %d of level %d of its seal is missing", index, level)
	}
	return tile, nil
}

// Leaf implements [seal.Source].
func (s *sealed) Leaf(n uint64) (seal.Hash, error) {
	frame, err := s.frames.at(n + 1)
	if err != nil {
		return seal.Hash{}, err
	}
	return seal.LeafHash(frame), nil
}

// proven holds records against a tree in memory as they are read from the file, one transaction after another.
type proven struct {
	log    *Log
	leaves *seal.Leaves // nil in a log without a seal, whose records are held against nothing
}

func (l *Log) newProven(tree *seal.Tree) *proven {
	p := &proven{log: l}
	if tree != nil {
		p.leaves = seal.NewLeaves(tree)
	}
	return p
}

// in returns the records of a transaction.
func (p *proven) in(tx *bbolt.Tx) *provenFrames {
	return &provenFrames{newFrames(p.log, tx), p, newSealed(p.log, tx)}
}

// provenFrames is frames, each held against the tree.
type provenFrames struct {
	*frames
	proven *proven
	source *sealed
}

// record reads the record at the position and its frame, and proves that they are what was sealed there.
func (f *provenFrames) record(position uint64) (r events.Record, frame []byte, err error) {
	if frame, err = f.on(position); err == nil {
		err = f.proven.hold(f.source, position, frame)
	}
	if err != nil {
		return events.Record{}, nil, err
	}
	r, err = f.log.decode(position, frame)
	return r, frame, err
}

// hold holds a frame against the tree, whose full tiles are read from source.
func (p *proven) hold(source *sealed, position uint64, frame []byte) error {
	if p.leaves == nil {
		return nil
	}
	want, err := p.leaves.At(source, position-1)
	if err != nil {
		return p.log.unsoundError(err)
	}
	if seal.LeafHash(frame) != want {
		return p.log.alteredRecordError(position)
	}
	return nil
}

// alteredRecordError is the error of a record that reads well and was sealed otherwise.
func (l *Log) alteredRecordError(position uint64) error {
	return &store.DamagedError{Log: "log " + l.path, Position: position,
		Reason: "the record here is not the one that its seal was made over"}
}
