package bolt

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// DefaultOrigin begins the origin of a log that is made without a name or a signer.
const DefaultOrigin = "tilltape"

// Tree returns what the log holds at this moment, unsigned: its origin, the number of its records and the root over them.
// A log without a seal answers with store.ErrInvalid.
func (l *Log) Tree(ctx context.Context) (c seal.Checkpoint, err error) {
	if err := store.CheckContext(ctx, "read the seal"); err != nil {
		return seal.Checkpoint{}, err
	}
	end := l.lazy.end()
	err = l.viewSeal(func(tx *bbolt.Tx, source sealed) error {
		// Against the frontier, or a tile that rotted would be signed for: a root that no other checkpoint fits.
		if _, err := seal.Load(tx.Bucket([]byte(bucketMeta)).Get([]byte(metaFrontier)), source); err != nil {
			return l.damaged("its seal does not fit its records (%s)", err)
		}
		c, err = l.treeAt(tx, source, end)
		return err
	})
	return c, err
}

func (l *Log) treeAt(tx *bbolt.Tx, source seal.Source, size uint64) (seal.Checkpoint, error) {
	root, err := seal.RootAt(source, size)
	return seal.Checkpoint{Origin: string(tx.Bucket([]byte(bucketMeta)).Get([]byte(metaOrigin))), Size: size, Root: root}, err
}

// Checkpoint implements [store.Checkpointer]: [Log.Tree], signed by Config.Signer as a note in C2SP form. Signing takes part
// in no transaction. Without a signer, and in a log without a seal, it answers with store.ErrInvalid.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	if l.signer == nil {
		return nil, fmt.Errorf("%w: log %s: no signer; open it with Config.Signer", store.ErrInvalid, l.path)
	}
	c, err := l.Tree(ctx)
	if err != nil {
		return nil, err
	}
	signed, err := l.signer.Sign(c)
	if err != nil {
		return nil, fmt.Errorf("%w: log %s: %w", store.ErrInvalid, l.path, err)
	}
	return signed, nil
}

// Prove returns the proof, for whoever has the record at the position, that it is in this log at that place. It shows
// nothing of any other record. It needs Config.Signer, as [Log.Checkpoint] does.
func (l *Log) Prove(ctx context.Context, position uint64) (proof seal.Proof, err error) {
	signed, err := l.Checkpoint(ctx)
	if err != nil {
		return seal.Proof{}, err
	}
	if end := l.lazy.end(); position == 0 || position > end {
		return seal.Proof{}, fmt.Errorf("%w: log %s: there is no record at position %d; it has 1 to %d", store.ErrInvalid, l.path, position, end)
	}
	err = l.viewSeal(func(_ *bbolt.Tx, source sealed) error {
		proof, err = seal.Prove(source, signed, position-1, l.signer.Verifier())
		return err
	})
	return proof, err
}

// ProveConsistency returns the hashes that prove, to whoever has the two checkpoints, that the log of size records begins
// with the log of old records; see [seal.VerifyConsistency].
func (l *Log) ProveConsistency(ctx context.Context, old, size uint64) (proof []seal.Hash, err error) {
	if err := store.CheckContext(ctx, "read the seal"); err != nil {
		return nil, err
	}
	if end := l.lazy.end(); size > end || old > size {
		return nil, fmt.Errorf("%w: log %s: no proof from %d to %d records; it has %d", store.ErrInvalid, l.path, old, size, end)
	}
	err = l.viewSeal(func(_ *bbolt.Tx, source sealed) error {
		proof, err = seal.ProveConsistency(source, old, size)
		return err
	})
	return proof, err
}

// Ancestry returns what the log held under each of its earlier origins, oldest first: a log that goes on from a backup has
// those of the logs it was copied from.
func (l *Log) Ancestry(ctx context.Context) (past []seal.Checkpoint, err error) {
	if err := store.CheckContext(ctx, "read the seal"); err != nil {
		return nil, err
	}
	err = l.viewSeal(func(tx *bbolt.Tx, _ sealed) error {
		for line := range strings.Lines(string(tx.Bucket([]byte(bucketMeta)).Get([]byte(metaAncestry)))) {
			c, ok := parseAncestor(line)
			if !ok {
				return l.damaged("the list of its earlier origins is unreadable")
			}
			past = append(past, c)
		}
		return nil
	})
	return past, err
}

// viewSeal is view with the seal's hashes.
func (l *Log) viewSeal(f func(tx *bbolt.Tx, source sealed) error) error {
	return l.view(func(tx *bbolt.Tx) error {
		if l.unsealed(tx) {
			return fmt.Errorf("%w: log %s has no seal: it was made with Config.Unsealed; copy its records into a new log to seal them", store.ErrInvalid, l.path)
		}
		return f(tx, newSealed(l, tx))
	})
}

// unsealed tells whether the log was made without a seal.
func (l *Log) unsealed(tx *bbolt.Tx) bool {
	return tx.Bucket([]byte(bucketMeta)).Get([]byte(metaFrontier)) == nil
}

// newOrigin makes up the name of a new log.
func (c Config) newOrigin() (string, error) {
	name := c.Origin
	if name == "" && c.Signer != nil {
		name = c.Signer.Verifier().Name()
	}
	if name == "" {
		name = DefaultOrigin
	}
	var id [seal.OriginIDSize]byte
	if _, err := rand.Read(id[:]); err != nil {
		return "", err
	}
	origin, err := seal.NewOrigin(name, id)
	if err != nil {
		return "", fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	return origin, nil
}

// beOneself gives a log that is a copy an origin of its own before it goes on: the log it was copied from may go on too,
// and two logs of one origin that differ would look like a forgery.
func (l *Log) beOneself(tx *bbolt.Tx, c Config) error {
	meta := tx.Bucket([]byte(bucketMeta))
	if meta.Get([]byte(metaCopied)) == nil || l.unsealed(tx) {
		return nil
	}
	was, err := l.treeAt(tx, newSealed(l, tx), lastPosition(tx))
	if err != nil {
		return err
	}
	if c.Origin == "" && c.Signer == nil {
		c.Origin = was.Origin[:strings.LastIndexByte(was.Origin, '/')]
	}
	origin, err := c.newOrigin()
	if err != nil {
		return err
	}
	past := append(meta.Get([]byte(metaAncestry)), formatAncestor(was)...)
	for _, put := range []struct {
		key   string
		value []byte
	}{{metaAncestry, past}, {metaOrigin, []byte(origin)}} {
		if err := meta.Put([]byte(put.key), put.value); err != nil {
			return err
		}
	}
	return meta.Delete([]byte(metaCopied))
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
