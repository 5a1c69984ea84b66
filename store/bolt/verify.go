package bolt

import (
	"bytes"
	"context"
	"fmt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

// Verify reads everything in the file, as it was when Verify began, and proves that the log is whole: each record's
// bytes are what was sealed at its position (where the log has a seal), and every tile of the seal leads to the tree
// that the log has in memory; each record follows the one it names in its stream; each stream's newest record, each
// lookup key and each order in an index is found, and none is there that no record made; and the file holds nothing
// else. Appends go on meanwhile. The error is a *store.DamagedError with the position where there is one.
//
// What each part is held against stands in docs/decisions/0018-what-the-seal-covers.md. progress, where it is not nil,
// is told now and then how many of how many records are done. Cost: some five times what a replay takes.
func (l *Log) Verify(ctx context.Context, progress func(done, total uint64)) error {
	now := l.lazy.layers()
	if l.readOnly && len(l.waiting.now()) > 0 {
		now.end, now.tree = l.last, l.filedTree // what the journal has was read, and continues this
	} else if err := l.moveUntil(ctx, now.end); err != nil {
		return err
	}
	return l.verify(ctx, now, progress)
}

// verify is Verify of what the file has now of the records that these layers end with; it may have more.
func (l *Log) verify(ctx context.Context, now layers, progress func(done, total uint64)) error {
	v := &verifier{log: l, end: now.end, tree: now.tree, proven: l.newProven(ctx, now.tree)}
	for v.done < v.end {
		if err := v.inLayers(ctx, v.page); err != nil {
			return err
		}
		if progress != nil {
			progress(min(v.done, v.end), v.end)
		}
	}
	if err := v.inLayers(ctx, v.whole); err != nil {
		return err
	}
	return v.entries(ctx)
}

// verifier is a verification under way.
type verifier struct {
	log    *Log
	memory layers
	end    uint64     // position of the last record to verify
	tree   *seal.Tree // over the records up to it, from memory; nil in a log without a seal
	proven *proven    // by this tree
	done   uint64     // position up to which records were verified; it ends a chunk, which may pass end
}

// inLayers runs one step of the verification in a transaction of its own.
func (v *verifier) inLayers(ctx context.Context, step func(tx reading, so header) error) error {
	if err := store.CheckContext(ctx, "verify log "+v.log.path); err != nil {
		return err
	}
	v.log.writing.Lock() // before the transaction: the file may know better, never less
	named, followed := v.log.id(), parseFollowed(v.log.follows)
	v.log.writing.Unlock()
	return v.log.viewLayers(func(tx reading, memory layers) error {
		v.memory = memory
		so, err := v.log.readHeader(tx.Tx)
		if err == nil && !so.identity.goesOn(named) {
			err = v.log.damagedError("the file names another log than when it was opened")
		}
		if err == nil && !followed.isBefore(so.follows) {
			err = v.log.damagedError("the file says that it has applied less of the order that it follows than it had")
		}
		if err != nil {
			return err
		}
		return step(tx, so)
	})
}

// page verifies the next chunks, about a page of records.
func (v *verifier) page(tx reading, so header) error {
	walk, links := v.proven.in(tx), newFrames(v.log, tx)
	if err := walk.resume(v.done); err != nil {
		return err
	}
	for until := min(v.done+pageMax, v.end); v.done < until; v.done = walk.last {
		if err := walk.succeed(v.done); err != nil {
			return err
		}
		for position := walk.first; position <= min(walk.last, v.end); position++ {
			r, _, err := walk.record(position)
			if err != nil {
				return err
			}
			if err := v.linked(tx, links, so, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// linked checks a record's place in its stream, that its stream ends with it or later, and that its keys lead to it: by
// what the file says alone of a record that the lazy buckets are said to cover, and with what memory knows better of
// the others.
func (v *verifier) linked(tx reading, links *frames, so header, r events.Record) error {
	if r.Version > 1 || r.Previous != 0 {
		if r.Previous >= r.Position {
			return v.at(r, "it names position %d as the one before it", r.Previous)
		}
		if _, err := v.log.frameOf(links, r.Stream, place{Version: r.Version - 1, Position: r.Previous}); err != nil {
			return err
		}
	}
	filed, err := v.log.filedPlace(tx, r.Stream)
	if err != nil {
		return err
	}
	end := filed
	if r.Version == 1 && end != (place{}) && end.Position < r.Position {
		return v.at(r, "it begins its stream, and there is version %d of that at position %d", end.Version, end.Position)
	}
	if s := v.memory.newest(r.Stream); s != nil && r.Position > so.covered {
		end = s.Place
	}
	if end.Version < r.Version || end.Version == r.Version && end.Position != r.Position || end.Position < r.Position {
		return v.at(r, "it has version %d, and its stream is said to end with version %d at position %d",
			r.Version, end.Version, end.Position)
	}
	if err := v.listed(tx, r, filed); err != nil {
		return err
	}
	for _, key := range r.Keys {
		if err := v.owned(tx, so, r, key); err != nil {
			return err
		}
	}
	return nil
}

// owned checks that a lookup key of the record leads to its stream.
func (v *verifier) owned(tx reading, so header, r events.Record, key events.Key) error {
	if c, ok := v.memory.owner(key); ok && r.Position > so.covered {
		if c.Owner != r.Stream {
			return v.at(r, "its lookup key %q leads to another stream", string(key))
		}
		return nil
	}
	k := ownerKey(key)
	if bytes.Equal(tx.Bucket([]byte(bucketKeys)).Get(k), summed(k, short(r.Position))) {
		return nil // without reading this record again
	}
	owner, ok, err := v.log.filedOwner(tx, key)
	if err == nil && (!ok || owner != r.Stream) {
		err = v.at(r, "its lookup key %q does not lead to it", string(key))
	}
	return err
}

// listed checks, of a record that the file has as its stream's newest, that the indexes have the order; unless its next
// place is on the way into the file.
func (v *verifier) listed(tx reading, r events.Record, filed place) error {
	if r.Stream.Category != events.CategoryOrder || filed != (place{Version: r.Version, Position: r.Position}) ||
		v.memory.onTheWay(r.Stream) != nil {
		return nil
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
	return &store.DamagedError{Log: v.log.name, Position: r.Position, Reason: fmt.Sprintf(format, args...)}
}

// whole checks what is in the file once: its buckets, that it ends where it should, and its seal.
func (v *verifier) whole(tx reading, so header) error {
	if err := v.log.checkBuckets(tx.Tx); err != nil {
		return err
	}
	if lastPosition(tx.Tx) < v.end {
		return v.log.damagedError("it ends at position %d, and had %d records", lastPosition(tx.Tx), v.end)
	}
	if v.tree == nil {
		return nil
	}
	past, _ := so.past()
	return v.log.sealOf(v.tree).Verify(v.proven.ctx, newSealSource(v.log, tx),
		sealed.Stored{Frontier: so.frontier, Last: lastPosition(tx.Tx), Past: past})
}

// resume has the next chunk be the one after that which ends at the position, 0 for the first.
func (f *frames) resume(position uint64) error {
	f.first, f.last = 0, 0
	if position == 0 {
		return nil
	}
	key, chunk := f.cursor.Seek(number(position))
	return f.take(key, chunk, position)
}

// succeed moves on to the next chunk, which must begin right after the position: nothing stands between the chunks.
func (f *frames) succeed(position uint64) error {
	key, chunk := f.cursor.Next()
	if position == 0 {
		key, chunk = f.cursor.First()
	}
	if err := f.take(key, chunk, position+1); err != nil {
		return err
	}
	if f.first != position+1 {
		return &store.DamagedError{Log: f.log.name, Position: position,
			Reason: fmt.Sprintf("the record here is there twice: the next stretch of records begins at position %d", f.first)}
	}
	return nil
}
