package salvage

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// backup is a whole log that may be one of the damaged one.
type backup struct {
	path   string
	log    *bolt.Log
	is     seal.Checkpoint
	past   []seal.Checkpoint
	hashes []seal.Hash // of its records
}

func openBackup(ctx context.Context, path string) (*backup, error) {
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	b := &backup{path: path, log: log}
	if err := b.read(ctx); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return b, nil
}

// read reads all of it, each record proven.
func (b *backup) read(ctx context.Context) (err error) {
	var records iter.Seq2[events.Record, error]
	if b.is, records, err = b.log.Proven(ctx); err != nil {
		return err
	}
	if b.past, err = b.log.Ancestry(ctx); err != nil {
		return err
	}
	var frame []byte
	for r, err := range records {
		if err != nil {
			return err
		}
		if frame, err = events.AppendFrame(frame[:0], r); err != nil {
			return err
		}
		b.hashes = append(b.hashes, seal.LeafHash(frame))
	}
	return nil
}

func (b *backup) close() error {
	if b == nil {
		return nil
	}
	return b.log.Close()
}

// frames are its records as what was found.
func (b *backup) frames() (all []found) {
	if b == nil {
		return nil
	}
	for i, h := range b.hashes {
		all = append(all, found{position: uint64(i) + 1, at: fromBackup, hash: h, proof: ByBackup})
	}
	return all
}

// related tells whether it says that it is the log, or was, or that the log was it.
func (b *backup) related(to headers) bool {
	if to.origin == b.is.Origin {
		return true
	}
	for _, c := range to.ancestry {
		if c.Origin == b.is.Origin {
			return true
		}
	}
	for _, c := range b.past {
		if c.Origin == to.origin {
			return true
		}
	}
	return false
}

// record reads a record.
func (b *backup) record(ctx context.Context, position uint64) (r events.Record, err error) {
	for r, err = range b.log.All(ctx, store.After(events.Record{Position: position - 1})) {
		return r, err
	}
	return r, fmt.Errorf("backup %s: %w: position %d", b.path, store.ErrDamaged, position)
}
