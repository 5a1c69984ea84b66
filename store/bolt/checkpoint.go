package bolt

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// Tree returns what the log holds at this moment, unsigned: its origin, the number of its records and the root over
// them. It asks memory only, which has the records as they were appended: so what was altered in the file since is
// never vouched for. A log without a seal answers with store.ErrInvalid.
func (l *Log) Tree(ctx context.Context) (seal.Checkpoint, error) {
	tree, err := l.sealNow(ctx)
	if err != nil {
		return seal.Checkpoint{}, err
	}
	return l.checkpointOf(tree), nil
}

// checkpointOf is what the log holds by the tree, unsigned.
func (l *Log) checkpointOf(tree *seal.Tree) seal.Checkpoint {
	return seal.Checkpoint{Origin: l.identity.origin, Size: tree.Size(), Root: tree.Root()}
}

// sealNow is the tree over the records that readers may see.
func (l *Log) sealNow(ctx context.Context) (*seal.Tree, error) {
	if err := store.CheckContext(ctx, "read the seal"); err != nil {
		return nil, err
	}
	if err := l.usable(); err != nil {
		return nil, err
	}
	if l.identity.unsealed {
		return nil, fmt.Errorf("%w: log %s has no seal: it was made with Config.Unsealed, and nobody can tell what "+
			"happened to its records since; leave that out when the next log is made", store.ErrInvalid, l.path)
	}
	return l.lazy.layers().tree, nil
}

// Checkpoint implements [store.Checkpointer]: [Log.Tree], signed by Config.Signer as a note in C2SP form. Signing takes
// part in no transaction. Without a signer, and in a log without a seal, it answers with store.ErrInvalid.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	_, signed, err := l.signedTree(ctx)
	return signed, err
}

func (l *Log) signedTree(ctx context.Context) (c seal.Checkpoint, signed []byte, err error) {
	if l.signer == nil {
		return c, nil, fmt.Errorf("%w: log %s: no signer; open it with Config.Signer", store.ErrInvalid, l.path)
	}
	if c, err = l.Tree(ctx); err != nil {
		return c, nil, err
	}
	if nameOf(c.Origin) == DefaultOrigin && l.readOnly && !(Config{Signer: l.signer}).speaksFor(c.Origin) {
		return c, nil, fmt.Errorf("%w: log %s has no name yet, only the origin %s; open it once without Config.ReadOnly, "+
			"and it takes that of Config.Signer", store.ErrInvalid, l.path, c.Origin)
	}
	if signed, err = l.signer.Sign(c); err != nil {
		return c, nil, fmt.Errorf("%w: log %s: %w", store.ErrInvalid, l.path, err)
	}
	return c, signed, nil
}

// Prove returns the proof, for whoever has the record at the position, that it is in this log at that place. It shows
// nothing of any other record. It needs Config.Signer, as [Log.Checkpoint] does, and proves nothing that the record in
// the file does not bear out: one that was altered is store.ErrDamaged.
func (l *Log) Prove(ctx context.Context, position uint64) (proof seal.Proof, err error) {
	c, signed, err := l.signedTree(ctx)
	if err != nil {
		return seal.Proof{}, err
	}
	if position == 0 || position > c.Size {
		return seal.Proof{}, fmt.Errorf("%w: log %s: there is no record at position %d; it has 1 to %d",
			store.ErrInvalid, l.path, position, c.Size)
	}
	err = l.view(func(tx *bbolt.Tx) error {
		source := newSealed(l, tx)
		if proof, err = seal.Prove(source, signed, position-1, l.signer.Verifier()); err != nil {
			return l.unsoundError(err)
		}
		frame, err := source.frames.at(position)
		if err == nil && seal.VerifyInclusion(proof.Hashes, c.Size, c.Root, position-1, seal.LeafHash(frame)) != nil {
			err = l.alteredRecordError(position)
		}
		return err
	})
	return proof, err
}

// ProveConsistency returns the hashes that prove, to whoever has the two checkpoints, that the log of size records
// begins with the log of old records; see [seal.VerifyConsistency]. They are read from the file, and held against the
// tree in memory before they are returned.
func (l *Log) ProveConsistency(ctx context.Context, old, size uint64) (proof []seal.Hash, err error) {
	tree, err := l.sealNow(ctx)
	if err != nil {
		return nil, err
	}
	if size > tree.Size() || old > size {
		return nil, fmt.Errorf("%w: log %s: no proof from %d to %d records; it has %d",
			store.ErrInvalid, l.path, old, size, tree.Size())
	}
	err = l.view(func(tx *bbolt.Tx) error {
		source := newSealed(l, tx)
		root, err := rootAt(source, tree, size)
		if err != nil {
			return l.unsoundError(err)
		}
		if proof, err = seal.ProveConsistency(source, old, size); err != nil {
			return l.unsoundError(err)
		}
		before, err := seal.RootAt(source, old)
		if err == nil {
			err = seal.VerifyConsistency(proof, old, before, size, root)
		}
		return l.unsoundError(err)
	})
	return proof, err
}

// rootAt is the root that the log had at a size, as far as it leads on to the tree.
func rootAt(source seal.Source, tree *seal.Tree, size uint64) (seal.Hash, error) {
	root, err := seal.RootAt(source, size)
	if err != nil {
		return seal.Hash{}, err
	}
	onward, err := seal.ProveConsistency(source, size, tree.Size())
	if err != nil {
		return seal.Hash{}, err
	}
	return root, seal.VerifyConsistency(onward, size, root, tree.Size(), tree.Root())
}

// Ancestry returns what the log held under each of its earlier origins, oldest first: a log that goes on from a backup
// has those of the logs it was copied from, one that took a name later that from before. [Log.Verify] proves that its
// records begin with theirs; only whoever kept their checkpoints can tell that the origins are the right ones.
func (l *Log) Ancestry(ctx context.Context) ([]seal.Checkpoint, error) {
	if _, err := l.sealNow(ctx); err != nil {
		return nil, err
	}
	past, _ := l.identity.past() // it was readable when the log was opened
	return past, nil
}

// formatAncestor is one line: size, root and origin.
func formatAncestor(c seal.Checkpoint) string {
	return fmt.Sprintf("%d %x %s\n", c.Size, c.Root[:], c.Origin)
}

func parseAncestor(line string) (seal.Checkpoint, bool) {
	var c seal.Checkpoint
	var root []byte
	n, err := fmt.Sscanf(line, "%d %x %s\n", &c.Size, &root, &c.Origin)
	if err != nil || n != 3 || len(root) != seal.HashSize {
		return seal.Checkpoint{}, false
	}
	c.Root = seal.Hash(root)
	return c, true
}
