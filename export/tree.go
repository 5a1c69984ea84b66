package export

import (
	"context"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// Tree returns what the log held when it was exported: its origin, the number of its records and the root over them.
// It reads the export whole and returns nothing that its stored bytes do not come to, so that whoever signs it signs
// what is there. A filtered export is refused with [ErrFiltered].
func (l *Log) Tree(ctx context.Context) (seal.Checkpoint, error) {
	if err := l.whole(ctx, "read the seal"); err != nil {
		return seal.Checkpoint{}, err
	}
	if err := l.comes(ctx); err != nil {
		return seal.Checkpoint{}, err
	}
	return l.header.Checkpoint, nil
}

// ProveConsistency returns the hashes that show that the log, as it was at that size, begins with what it was at size
// old. It reads the export whole, keeps 32 bytes a record meanwhile, and is refused as Tree is. Sizes that the log
// never had are a [*seal.InvalidError].
func (l *Log) ProveConsistency(ctx context.Context, old, size uint64) ([]seal.Hash, error) {
	if err := l.whole(ctx, "prove how the log grew"); err != nil {
		return nil, err
	}
	var kept shelf
	for s, err := range l.after(ctx, store.Start()) {
		if err != nil {
			return nil, err
		}
		kept.add(seal.LeafHash(s.Bytes))
	}
	if root := kept.tree.Root(); root != l.header.Checkpoint.Root {
		return nil, l.rootError(root)
	}
	return seal.NewPast(&kept.tree, kept.read).ProveConsistency(old, size)
}

// whole tells whether a question about all records can be answered now.
func (l *Log) whole(ctx context.Context, doing string) error {
	if err := l.usable(ctx, doing); err != nil {
		return err
	}
	if !l.header.Filter.Everything() {
		return filteredError(l.name, "the log's root is over all of them", l.header)
	}
	return nil
}
