package bolt

import (
	"context"
	"fmt"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

// Tree returns what the log holds at this moment, unsigned: its origin, the number of its records and the root over
// them. It asks memory only, which has the records as they were appended: so what was altered in the file since is
// never vouched for. A log without a seal answers with store.ErrInvalid.
func (l *Log) Tree(ctx context.Context) (seal.Checkpoint, error) {
	tree, err := l.sealNow(ctx)
	if err != nil {
		return seal.Checkpoint{}, err
	}
	return l.sealOf(tree).Checkpoint(), nil
}

// sealNow is the tree over the records that readers may see.
func (l *Log) sealNow(ctx context.Context) (*seal.Tree, error) {
	if err := store.CheckContext(ctx, "read the seal"); err != nil {
		return nil, err
	}
	if err := l.usable(); err != nil {
		return nil, err
	}
	if l.id().unsealed {
		return nil, fmt.Errorf("%w: log %s has no seal: it was made with Config.Unsealed, and nobody can tell what "+
			"happened to its records since; leave that out when the next log is made", store.ErrInvalid, l.path)
	}
	return l.lazy.layers().tree, nil
}

// Checkpoint implements [store.Checkpointer]: [Log.Tree], signed by Config.Signer as a note in C2SP form. Signing takes
// part in no transaction; in a log that follows an order, the file gets what is signed before it is signed. Without a
// signer, and in a log without a seal, it answers with store.ErrInvalid.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	_, signed, err := l.signedSeal(ctx)
	return signed, err
}

// signedSeal is the seal over the records that readers may see, and its checkpoint.
func (l *Log) signedSeal(ctx context.Context) (now *sealed.Seal, signed []byte, err error) {
	if l.signer == nil {
		return nil, nil, fmt.Errorf("%w: log %s: no signer; open it with Config.Signer", store.ErrInvalid, l.path)
	}
	tree, err := l.sealNow(ctx)
	if err != nil {
		return nil, nil, err
	}
	now = l.sealOf(tree)
	if nameOf(now.Origin) == DefaultOrigin && l.readOnly && !(sealed.Naming{Signer: l.signer}).SpeaksFor(now.Origin) {
		return nil, nil, fmt.Errorf("%w: log %s has no name yet, only the origin %s; open it once without Config.ReadOnly, "+
			"and it takes that of Config.Signer", store.ErrInvalid, l.path, now.Origin)
	}
	if l.followed.Load() != nil { // what is signed is not left to the order alone
		if err := l.moveUntil(ctx, tree.Size()); err != nil {
			return nil, nil, err
		}
	}
	_, signed, err = now.Sign()
	return now, signed, err
}

// Prove returns the proof, for whoever has the record at the position, that it is in this log at that place. It shows
// nothing of any other record. It needs Config.Signer, as [Log.Checkpoint] does, and proves nothing that the record in
// the file does not bear out: one that was altered is store.ErrDamaged.
func (l *Log) Prove(ctx context.Context, position uint64) (proof seal.Proof, err error) {
	now, signed, err := l.signedSeal(ctx)
	if err != nil {
		return seal.Proof{}, err
	}
	err = l.view(func(tx reading) error {
		proof, err = now.Prove(ctx, newSealSource(l, tx), signed, position)
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
	err = l.view(func(tx reading) error {
		proof, err = l.sealOf(tree).ProveConsistency(ctx, newSealSource(l, tx), old, size)
		return err
	})
	return proof, err
}

// Ancestry returns what the log held under each of its earlier origins, oldest first: a log that goes on from a backup
// has those of the logs it was copied from, one that took a name later that from before. [Log.Verify] proves that its
// records begin with theirs; only whoever kept their checkpoints can tell that the origins are the right ones.
func (l *Log) Ancestry(ctx context.Context) ([]seal.Checkpoint, error) {
	if _, err := l.sealNow(ctx); err != nil {
		return nil, err
	}
	past, _ := l.id().past() // it was readable when the log was opened
	return past, nil
}
