package bolt

import (
	"bytes"
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// Verify reads every record from the file, as it was when Verify began, and proves that the log is whole: each frame's
// bytes hash to the seal (where the log has one), tile by tile; each record follows the one it names in its stream; each
// stream's newest record and each lookup key is found; and each index names the orders it should. It trusts no hash that
// the file holds. Appends go on meanwhile. The error is a *store.DamagedError with the position where there is one.
//
// progress, where it is not nil, is told now and then how many of how many records are done. Cost: some 3 µs a record.
func (l *Log) Verify(ctx context.Context, progress func(done, total uint64)) error {
	v := &verifier{log: l, end: l.lazy.end()}
	for done := uint64(0); done < v.end; {
		if err := store.CheckContext(ctx, "verify log "+l.path); err != nil {
			return err
		}
		err := l.viewLayers(func(tx *bbolt.Tx, memory layers) error {
			v.memory = memory
			return v.page(tx, min(done+pageMax, v.end))
		})
		if err != nil {
			return err
		}
		done = v.tree.Size()
		if progress != nil {
			progress(done, v.end)
		}
	}
	if err := l.view(v.root); err != nil {
		return err
	}
	if err := v.sums(ctx); err != nil {
		return err
	}
	return v.indexes(ctx)
}

// verifier is a verification under way.
type verifier struct {
	log    *Log
	memory layers
	end    uint64
	tree   seal.Tree // over the frames that were read
}

// page verifies the records up to a position.
func (v *verifier) page(tx *bbolt.Tx, until uint64) error {
	walk, links := newFrames(v.log, tx), newFrames(v.log, tx)
	for position := v.tree.Size() + 1; position <= until; position++ {
		frame, err := walk.at(position)
		if err != nil {
			return err
		}
		v.tree.Append(seal.LeafHash(frame))
		r, err := v.log.decode(position, frame)
		if err != nil {
			return err
		}
		if err := v.linked(tx, links, r); err != nil {
			return err
		}
	}
	return v.tiles(tx)
}

// linked checks a record's place in its stream, that its stream ends with it or later, and that its keys lead to it.
func (v *verifier) linked(tx *bbolt.Tx, links *frames, r events.Record) error {
	if r.Version > 1 || r.Previous != 0 {
		if r.Previous >= r.Position {
			return v.at(r, "it names position %d as the one before it", r.Previous)
		}
		if _, err := v.log.frameOf(links, r.Stream, place{r.Version - 1, r.Previous}); err != nil {
			return err
		}
	}
	end, err := v.log.filedPlace(tx, r.Stream)
	if s := v.memory.newest(r.Stream); s != nil {
		end = s.place
	}
	switch {
	case err != nil:
		return err
	case end.version < r.Version || end.version == r.Version && end.position != r.Position || end.position < r.Position:
		return v.at(r, "it has version %d, and its stream is said to end with version %d at position %d", r.Version, end.version, end.position)
	}
	if err := v.listed(tx, r); err != nil {
		return err
	}
	for _, key := range r.Keys {
		c, ok := v.memory.owner(key)
		if !ok {
			if c.owner, ok, err = v.log.filedOwner(tx, key); err != nil {
				return err
			}
		}
		if !ok || c.owner != r.Stream {
			return v.at(r, "its lookup key %q does not lead to it", string(key))
		}
	}
	return nil
}

// listed checks, of a record that the file has as its stream's newest, that the indexes have the order; unless its next place is on
// the way into the file.
func (v *verifier) listed(tx *bbolt.Tx, r events.Record) error {
	if r.Stream.Category != events.CategoryOrder || v.memory.moving(r.Stream) {
		return nil
	}
	filed, err := v.log.filedPlace(tx, r.Stream)
	if err != nil || filed != (place{r.Version, r.Position}) {
		return err
	}
	for _, e := range entries(r.Head, r.Stream.ID) {
		_, found, err := v.log.entry(tx, e.bucket, []byte(e.key))
		if err != nil {
			return err
		}
		if !found {
			return v.at(r, "the index %q does not list its order", e.bucket)
		}
	}
	return nil
}

func (v *verifier) at(r events.Record, format string, args ...any) error {
	return &store.DamagedError{Log: "log " + v.log.path, Position: r.Position, Reason: fmt.Sprintf(format, args...)}
}

// tiles compares the tiles that the records gave with those in the file.
func (v *verifier) tiles(tx *bbolt.Tx) error {
	for _, tile := range v.tree.Full() {
		if v.log.unsealed(tx) {
			continue
		}
		hashes, err := tile.AppendBinary(nil)
		if err != nil {
			return err
		}
		if kept := tx.Bucket([]byte(bucketTiles)).Get(tileKey(tile.Level, tile.Index)); !bytes.Equal(kept, hashes) {
			return v.log.damaged("tile %d of level %d of its seal does not fit its records", tile.Index, tile.Level)
		}
	}
	return nil
}

// root compares the root that the records gave with the one that the file's seal gives for as many.
func (v *verifier) root(tx *bbolt.Tx) error {
	if v.log.unsealed(tx) || v.end == 0 {
		return nil
	}
	source := newSealed(v.log, tx)
	frontier := tx.Bucket([]byte(bucketMeta)).Get([]byte(metaFrontier))
	tree, err := seal.Load(frontier, source)
	if err != nil {
		return v.log.damaged("its seal does not fit its records (%s)", err)
	}
	at, err := seal.RootAt(source, v.end)
	if err != nil {
		return err
	}
	if at != v.tree.Root() || tree.Size() == v.end && tree.Root() != at {
		return v.log.damaged("its seal does not fit its records: the root over %d records differs", v.end)
	}
	return nil
}

// indexes walks every index to its end: a walk compares each entry with the order's newest record.
func (v *verifier) indexes(ctx context.Context) error {
	for _, filter := range []store.Filter{{}, {Attention: store.AnyAttention}, {DueBy: endOfTime}} {
		for _, err := range v.log.Heads(ctx, filter) {
			if err != nil {
				return err
			}
		}
	}
	return nil
}
