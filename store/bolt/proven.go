package bolt

import (
	"context"
	"iter"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// Proven returns what the log's seal says that it holds at this moment, and a sequence of just these records, oldest
// first, that proves it: no record is yielded before its stored bytes were found to hash to its leaf of the seal, and
// the sequence ends without an error only where all of them do. What they are held against is the tree in memory, and
// the full tiles as far as they lead to it; nothing of it is made from the records that are read. So the checkpoint's
// root is theirs once the sequence has ended.
//
// A record that was altered ends the sequence with a *store.DamagedError that has its position. The checkpoint is
// unsigned: whether the file's seal is the one that was written can tell only a checkpoint that was kept elsewhere.
//
// A log that is only read is proven as one that is appended to. A log without a seal has the zero checkpoint, and its
// records come as [Log.All] yields them. Cost: All's, and for each record its SHA-256 and a node's.
func (l *Log) Proven(ctx context.Context) (seal.Checkpoint, iter.Seq2[events.Record, error], error) {
	tree, err := l.toProve(ctx)
	if err != nil {
		return seal.Checkpoint{}, nil, err
	}
	if tree == nil {
		return seal.Checkpoint{}, l.All(ctx, store.Start()), nil
	}
	records := func(yield func(events.Record, error) bool) { l.yieldRecords(ctx, 0, l.provenUntil(ctx, tree), yield) }
	return l.sealOf(tree).Checkpoint(), records, nil
}

// ProvenFrames is [Log.Proven] with each record's stored bytes, as [Log.Frames] has them.
func (l *Log) ProvenFrames(ctx context.Context) (seal.Checkpoint, iter.Seq2[store.Frame, error], error) {
	tree, err := l.toProve(ctx)
	if err != nil {
		return seal.Checkpoint{}, nil, err
	}
	if tree == nil {
		return seal.Checkpoint{}, l.Frames(ctx, store.Start()), nil
	}
	frames := func(yield func(store.Frame, error) bool) { l.yieldFrames(ctx, 0, l.provenUntil(ctx, tree), yield) }
	return l.sealOf(tree).Checkpoint(), frames, nil
}

// ProvenPages is [Log.Proven] for whoever decodes by themselves: the same records, proven by the same, as frames in
// pages of the caller's. Before each page it asks into for the one to fill, and yields it once it is filled; an error
// comes with what is before the bad place. Each page is read in a transaction of its own, and yielded in none.
func (l *Log) ProvenPages(ctx context.Context, into func() *store.Page) (seal.Checkpoint,
	iter.Seq2[*store.Page, error], error) {
	tree, err := l.toProve(ctx)
	if err != nil {
		return seal.Checkpoint{}, nil, err
	}
	c, held, end := seal.Checkpoint{}, l.unproven(), l.lazy.end
	if tree != nil {
		c, held, end = l.sealOf(tree).Checkpoint(), l.newProven(ctx, tree), tree.Size
	}
	return c, func(yield func(*store.Page, error) bool) {
		ahead := l.newReadAhead()
		defer ahead.stop()
		for seen := uint64(0); ; {
			p := into()
			p.Begin(l.name, seen+1)
			err := store.CheckContext(ctx, "read the log")
			if err == nil {
				err = l.fill(p, seen, end(), held)
			}
			if seen += uint64(p.Len()); err == nil && p.Len() == 0 || !yield(p, err) || err != nil {
				return
			}
			ahead.at(seen, p.Len())
		}
	}, nil
}

// fill adds the records after a position and up to another to a page, as many as it has room for.
func (l *Log) fill(p *store.Page, position, end uint64, held *proven) error {
	return l.view(func(tx reading) error {
		walk := held.in(tx)
		for next := position + 1; next <= end && !p.Full(); next++ {
			if err := walk.copy(next, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// toProve is the tree over what readers may see; nil in a log without a seal.
func (l *Log) toProve(ctx context.Context) (*seal.Tree, error) {
	if err := store.CheckContext(ctx, "read the seal"); err != nil {
		return nil, err
	}
	if err := l.usable(); err != nil || l.id().unsealed {
		return nil, err
	}
	return l.lazy.layers().tree, nil
}

// provenUntil reads the records that the tree is over, each held against it.
func (l *Log) provenUntil(ctx context.Context, tree *seal.Tree) nextPage {
	held := l.newProven(ctx, tree)
	return func(p *page, position uint64) error { return l.pageUntil(p, position, tree.Size(), held) }
}
