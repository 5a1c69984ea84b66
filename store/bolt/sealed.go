package bolt

import (
	"context"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

// What is proven is never held against what was made from the same bytes. The root of all proofs here is the tree in
// memory: made when the log is opened, from the newest records and the tiles, and only where these give the frontier
// that the file keeps; from then on grown from the records as they were appended, before they went into the file.

// sealOf is the log's seal where the tree is over its records.
func (l *Log) sealOf(tree *seal.Tree) *sealed.Seal {
	return &sealed.Seal{Log: l.name, Origin: l.id().origin, Tree: tree, Signer: l.signer}
}

// loadSeal makes the seal's right edge from the newest records and tiles, and proves it by the frontier. Opening has no
// context.
func (l *Log) loadSeal(tx reading, h header, last uint64) error {
	if h.unsealed {
		if tile, _ := tx.Bucket([]byte(bucketTiles)).Cursor().First(); tile != nil {
			return l.damagedError("it is marked as having no seal, and has tiles of one")
		}
		return nil
	}
	tree, err := sealed.Load(context.Background(), l.name, h.frontier, newSealSource(l, tx))
	if err != nil {
		return err
	}
	if tree.Size() != last {
		return l.damagedError("its seal covers %d records, and it has %d", tree.Size(), last)
	}
	l.lazy.tree = tree
	return nil
}

// sealSource is a transaction as what a seal is read from.
type sealSource struct {
	frames *frames
	tiles  *bbolt.Bucket
	tail   tail
}

func newSealSource(l *Log, tx reading) *sealSource {
	return &sealSource{newFrames(l, tx), tx.Bucket([]byte(bucketTiles)), tx.tail}
}

// Tiles implements [sealed.Source].
func (s *sealSource) Tiles(ctx context.Context, tiles []seal.TileID, bytes [][]byte) error {
	if err := store.CheckContext(ctx, "read the seal"); err != nil {
		return err
	}
	for i, t := range tiles {
		if bytes[i] = s.tiles.Get(tileKey(t.Level, t.Index)); bytes[i] == nil {
			bytes[i] = s.tail.tile(t)
		}
		if bytes[i] == nil {
			return s.frames.log.damagedError("tile %d of level %d of its seal is missing", t.Index, t.Level)
		}
	}
	return nil
}

// Leaves implements [sealed.Source].
func (s *sealSource) Leaves(ctx context.Context, first uint64, hashes []seal.Hash) error {
	if err := store.CheckContext(ctx, "read the records that the seal ends with"); err != nil {
		return err
	}
	for i := range hashes {
		frame, err := s.frames.at(first + uint64(i))
		if err != nil {
			return err
		}
		hashes[i] = seal.LeafHash(frame)
	}
	return nil
}

// proven holds records against a tree in memory as they are read from the file, one transaction after another.
type proven struct {
	log     *Log
	ctx     context.Context // of whoever reads
	records *sealed.Records // nil in a log without a seal, whose records are held against nothing
}

func (l *Log) newProven(ctx context.Context, tree *seal.Tree) *proven {
	p := &proven{log: l, ctx: ctx}
	if tree != nil {
		p.records = l.sealOf(tree).Records()
	}
	return p
}

// unproven is proven by no tree.
func (l *Log) unproven() *proven { return &proven{log: l} }

// in returns the records of a transaction.
func (p *proven) in(tx reading) *provenFrames {
	return &provenFrames{newFrames(p.log, tx), p, newSealSource(p.log, tx)}
}

// provenFrames is frames, each held against the tree.
type provenFrames struct {
	*frames
	proven *proven
	source *sealSource
}

// hold proves that a frame is what was sealed at the position.
func (f *provenFrames) hold(position uint64, frame []byte) error {
	if f.proven.records == nil {
		return nil
	}
	return f.proven.records.Hold(f.proven.ctx, f.source, position, frame)
}

// record reads the record at the position and its frame, and proves that they are what was sealed there.
func (f *provenFrames) record(position uint64) (r events.Record, frame []byte, err error) {
	if frame, err = f.on(position); err == nil {
		err = f.hold(position, frame)
	}
	if err != nil {
		return events.Record{}, nil, err
	}
	r, err = f.log.decode(position, frame)
	return r, frame, err
}

// copy adds the frame at the position to a page, once the copy is proven to be what was sealed there.
func (f *provenFrames) copy(position uint64, p *store.Page) error {
	frame, err := f.on(position)
	if err != nil {
		return err
	}
	if err := f.hold(position, p.Add(frame)); err != nil {
		p.Drop()
		return err
	}
	return nil
}
