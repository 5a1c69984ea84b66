package bolt

import (
	"bytes"
	"cmp"
	"context"
	"iter"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// Proven returns what the log's seal says that it holds at this moment, and a sequence of just these records, oldest
// first, that proves it: no record is yielded before its stored bytes hash to the seal, and the sequence ends without
// an error only where all of them give the seal's root. What they are held against was stored when they were appended,
// each full tile's hashes and the frontier; nothing of it is made from the records that are read.
//
// A record that was altered ends the sequence with a *store.DamagedError. It has the record's position where a full
// tile holds it; the hashes of the few records after the last full tile are not stored one by one, and then the reason
// names the group it is in. The checkpoint is unsigned, and it is good only once the sequence has ended: whether the
// file's seal is the one that was written can tell only a checkpoint that was kept elsewhere.
//
// A log that is only read is proven as one that is appended to. A log without a seal has the zero checkpoint, and its
// records come as [Log.All] yields them. The sequence can be walked once. Cost: All's, and for each record its SHA-256
// and a node's.
func (l *Log) Proven(ctx context.Context) (seal.Checkpoint, iter.Seq2[events.Record, error], error) {
	if err := store.CheckContext(ctx, "read the seal"); err != nil {
		return seal.Checkpoint{}, nil, err
	}
	var c seal.Checkpoint
	p := &proving{log: l}
	err := l.view(func(tx *bbolt.Tx) (err error) {
		if l.unsealed(tx) {
			return nil
		}
		meta := tx.Bucket([]byte(bucketMeta))
		p.frontier = bytes.Clone(meta.Get([]byte(metaFrontier)))
		c.Origin = string(meta.Get([]byte(metaOrigin)))
		if c.Size, c.Root, err = seal.FrontierRoot(p.frontier); err != nil {
			return l.damaged("its seal is unreadable (%s)", err)
		}
		if last := lastPosition(tx); last != c.Size {
			return l.damaged("its seal covers %d records, and it has %d", c.Size, last)
		}
		return nil
	})
	if err != nil || p.frontier == nil {
		return seal.Checkpoint{}, l.All(ctx, store.Start()), err
	}
	p.size = c.Size
	return c, p.records(ctx), nil
}

// proving is a walk over the log that proves it.
type proving struct {
	log      *Log
	size     uint64
	frontier []byte    // as it was stored with the record at size
	tree     seal.Tree // over the frames that were read
	leaves   [seal.TileWidth]seal.Hash
}

// records yields the records, each once its tile is proven.
func (p *proving) records(ctx context.Context) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		if err := p.walk(ctx, func(r events.Record) bool { return yield(r, nil) }); err != nil {
			yield(events.Record{}, err)
		}
	}
}

func (p *proving) walk(ctx context.Context, yield func(events.Record) bool) error {
	if err := p.shown(ctx); err != nil {
		return err
	}
	ahead := p.log.newReadAhead()
	defer ahead.stop()
	var page []events.Record
	for seen := uint64(0); seen < p.size; {
		if err := store.CheckContext(ctx, "read the log"); err != nil {
			return err
		}
		if seen == p.tree.Size() {
			if err := p.log.view(p.tile); err != nil {
				return err
			}
			ahead.passed(seen)
		}
		var err error
		page, err = p.log.pageUntil(page[:0], seen, p.tree.Size())
		for _, r := range page {
			if !yield(r) {
				return nil
			}
			seen = r.Position
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// shown waits until the records that the seal covers may be seen: a commit is in the file a moment before it is known
// to be durable.
func (p *proving) shown(ctx context.Context) error {
	l := p.log
	for l.lazy.end() < p.size {
		select {
		case <-l.lazy.wait(l.lazy.end()):
		case <-l.ended:
		case <-ctx.Done():
		}
		if err := cmp.Or(store.CheckContext(ctx, "read the log"), l.usable()); err != nil {
			return err
		}
	}
	return nil
}

// tile reads the frames of the next tile, or of the last records where they fill none, and proves them.
func (p *proving) tile(tx *bbolt.Tx) error {
	walk, begin := newFrames(p.log, tx), p.tree.Size()
	until := min(begin+seal.TileWidth, p.size)
	for position := begin + 1; position <= until; position++ {
		frame, err := walk.on(position)
		if err != nil {
			// What comes before it was perhaps altered too.
			return cmp.Or(p.differs(tx, begin, position-1-begin), err)
		}
		leaf := seal.LeafHash(frame)
		p.leaves[position-1-begin] = leaf
		p.tree.Append(leaf)
	}
	if until-begin == seal.TileWidth {
		if err := p.differs(tx, begin, seal.TileWidth); err != nil {
			return err
		}
	}
	if err := p.above(tx); err != nil || until < p.size {
		return err
	}
	return p.edge()
}

// differs compares the hashes of so many records after begin with those of their tile in the file, where it has one.
func (p *proving) differs(tx *bbolt.Tx, begin, count uint64) error {
	if p.size-begin < seal.TileWidth {
		return nil // there is no full tile: the frontier decides
	}
	kept, err := newSealed(p.log, tx).Tile(0, begin/seal.TileWidth)
	if err != nil {
		return err
	}
	if len(kept) != seal.TileSize {
		return p.log.damaged("tile %d of level 0 of its seal has %d bytes", begin/seal.TileWidth, len(kept))
	}
	for i := range count {
		if p.leaves[i] != seal.Hash(kept[i*seal.HashSize:]) {
			return p.altered(begin+i, begin+i+1)
		}
	}
	return nil
}

// above compares the tiles of the higher levels that have become full. A difference there is of records whose own
// hashes fit.
func (p *proving) above(tx *bbolt.Tx) error {
	source := newSealed(p.log, tx)
	for _, tile := range p.tree.Full() {
		if tile.Level == 0 {
			continue
		}
		kept, err := source.Tile(tile.Level, tile.Index)
		if err != nil {
			return err
		}
		for i, h := range tile.Hashes {
			if len(kept) != seal.TileSize || h != seal.Hash(kept[i*seal.HashSize:]) {
				width := uint64(1)
				for range tile.Level {
					width *= seal.TileWidth
				}
				first := (tile.Index*seal.TileWidth + uint64(i)) * width
				return p.altered(first, first+width)
			}
		}
	}
	return nil
}

// edge compares the frontier that all records give with the one that was stored with the last of them.
func (p *proving) edge() error {
	first, last, differ := seal.FrontierDifference(p.frontier, p.tree.AppendFrontier(nil))
	if differ {
		return p.altered(first, last)
	}
	return nil
}

// altered is the error of records that do not give their hashes in the seal: those from leaf first on and before last.
func (p *proving) altered(first, last uint64) error {
	if last-first == 1 {
		return &store.DamagedError{Log: "log " + p.log.path, Position: last,
			Reason: "the record here does not fit its hash in the seal: it was altered"}
	}
	return p.log.damaged("the records at positions %d to %d do not fit their hash in the seal: at least one was altered",
		first+1, last)
}
