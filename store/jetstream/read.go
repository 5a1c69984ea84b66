package jetstream

import (
	"context"
	"fmt"
	"iter"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// Read implements [store.Log].
func (l *Log) Read(ctx context.Context, of events.Stream, after uint64) iter.Seq2[events.Record, error] {
	return sequence(l, ctx, "read", func() iter.Seq2[events.Record, error] { return l.replica.Read(ctx, of, after) })
}

// All implements [store.Log].
func (l *Log) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return after(l, ctx, from, func() iter.Seq2[events.Record, error] { return l.replica.All(ctx, from) })
}

// Frames implements [store.Framer].
func (l *Log) Frames(ctx context.Context, from store.Cursor) iter.Seq2[store.Frame, error] {
	return after(l, ctx, from, func() iter.Seq2[store.Frame, error] { return l.replica.Frames(ctx, from) })
}

// Watch implements [store.Watcher], by what this process applies. A cursor of another process's may be of a record that
// this one has not applied yet: it is waited for.
func (l *Log) Watch(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		watching, stop := context.WithCancel(ctx)
		defer stop()
		go func() { // the file goes on, and has no more to tell
			select {
			case <-l.failed:
				stop()
			case <-watching.Done():
			}
		}()
		records := after(l, watching, from, func() iter.Seq2[events.Record, error] { return l.replica.Watch(watching, from) })
		for record, err := range records {
			if failure := l.broken(); err != nil && failure != nil && ctx.Err() == nil {
				err = failure
			}
			if !yield(record, err) {
				return
			}
		}
	}
}

// after is sequence from a cursor that may be of a record which this process has not applied yet, local reads or not.
func after[T any](l *Log, ctx context.Context, from store.Cursor, read func() iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if l.config.LocalReads && l.replica.Figures().Last < from.Position() {
			if err := l.catchUp(ctx, "read"); err != nil {
				var none T
				yield(none, err)
				return
			}
		}
		sequence(l, ctx, "read", read)(yield)
	}
}

// Lookup implements [store.Log].
func (l *Log) Lookup(ctx context.Context, key events.Key) (events.Stream, error) {
	if err := store.CheckKey(key); err != nil {
		return events.Stream{}, err
	}
	if err := l.current(ctx, fmt.Sprintf("look up %q", string(key))); err != nil {
		return events.Stream{}, err
	}
	return l.replica.Lookup(ctx, key)
}

// Head implements [store.Log].
func (l *Log) Head(ctx context.Context, of events.Stream) (store.Head, error) {
	if err := store.CheckStream(of); err != nil {
		return store.Head{}, err
	}
	if err := l.current(ctx, fmt.Sprintf("read the head of %s %q", of.Category, of.ID)); err != nil {
		return store.Head{}, err
	}
	return l.replica.Head(ctx, of)
}

// Heads implements [store.Log].
func (l *Log) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	if err := filter.Check(); err != nil {
		return func(yield func(store.Head, error) bool) { yield(store.Head{}, err) }
	}
	return sequence(l, ctx, "read the heads", func() iter.Seq2[store.Head, error] { return l.replica.Heads(ctx, filter) })
}

// Tree returns what the log holds, unsigned: its origin, the number of its records and the root over them, which are
// the same in every process that has applied as much.
func (l *Log) Tree(ctx context.Context) (seal.Checkpoint, error) {
	if err := l.current(ctx, "read the seal"); err != nil {
		return seal.Checkpoint{}, err
	}
	return l.replica.Tree(ctx)
}

// Checkpoint implements [store.Checkpointer]: [Log.Tree], signed by Config.Signer.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	if err := l.current(ctx, "read the seal"); err != nil {
		return nil, err
	}
	return l.replica.Checkpoint(ctx)
}

// Prove returns the proof that a record is in the log, as store/bolt's does.
func (l *Log) Prove(ctx context.Context, position uint64) (seal.Proof, error) {
	if err := l.current(ctx, "prove a record"); err != nil {
		return seal.Proof{}, err
	}
	return l.replica.Prove(ctx, position)
}

// ProveConsistency returns the hashes that prove that the log of size records begins with that of old ones.
func (l *Log) ProveConsistency(ctx context.Context, old, size uint64) ([]seal.Hash, error) {
	if err := l.current(ctx, "prove consistency"); err != nil {
		return nil, err
	}
	return l.replica.ProveConsistency(ctx, old, size)
}

// Proven returns what the log holds, and a sequence of its records, each proven by it.
func (l *Log) Proven(ctx context.Context) (seal.Checkpoint, iter.Seq2[events.Record, error], error) {
	if err := l.current(ctx, "read the log"); err != nil {
		return seal.Checkpoint{}, nil, err
	}
	return l.replica.Proven(ctx)
}

// Ancestry returns what the log held under each of its earlier origins: nothing, since the stream keeps its own.
func (l *Log) Ancestry(ctx context.Context) ([]seal.Checkpoint, error) {
	if err := l.usable(ctx, "read the ancestry"); err != nil {
		return nil, err
	}
	return l.replica.Ancestry(ctx)
}

// Verify proves all of this process's file, as store/bolt's does. The stream itself is the servers' to verify; whether
// two processes have made the same of it, [Log.Agrees] tells.
func (l *Log) Verify(ctx context.Context, progress func(done, total uint64)) error {
	if err := l.usable(ctx, "verify "+l.name); err != nil {
		return err
	}
	return l.replica.Verify(ctx, progress)
}

// Backup copies this process's file, as it is, to the path: for another process to begin with instead of the stream's
// first message, to be read, or to go on as a log of its own. See store/bolt's.
func (l *Log) Backup(ctx context.Context, path string, progress func(done, total uint64)) error {
	if err := l.current(ctx, "make a backup"); err != nil {
		return err
	}
	return l.replica.Backup(ctx, path, progress)
}

// Agrees tells whether a checkpoint of another process is of the same log as this one has made of the stream. The error
// wraps store.ErrDamaged where the two differ: one of the files does not hold what the order says. [Log.Verify] tells
// whether a file holds what it was sealed with; of two that do, a file made from the first message tells which is
// right. A checkpoint of another log, or of more records than there are, is store.ErrInvalid.
func (l *Log) Agrees(ctx context.Context, other seal.Checkpoint) error {
	mine, err := l.Tree(ctx)
	if err == nil && mine.Size < other.Size {
		if err = l.catchUp(ctx, "compare checkpoints"); err == nil {
			mine, err = l.Tree(ctx)
		}
	}
	if err != nil {
		return err
	}
	if mine.Origin != other.Origin || mine.Size < other.Size {
		return fmt.Errorf("%w: %s has %d records under the origin %s; the checkpoint is of %d under %s", store.ErrInvalid,
			l.name, mine.Size, mine.Origin, other.Size, other.Origin)
	}
	proof, err := l.replica.ProveConsistency(ctx, other.Size, mine.Size)
	if err != nil {
		return err
	}
	if err := seal.VerifyConsistency(proof, other.Size, other.Root, mine.Size, mine.Root); err != nil {
		return l.damaged("its first %d records are not those of the checkpoint: two processes have made different logs of "+
			"one stream", other.Size)
	}
	return nil
}
