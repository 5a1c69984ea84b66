package salvage

import (
	"context"
	"fmt"
	"iter"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// Write makes a new log at the path of the records up to the first hole, the first [Report].Taken: with the same
// frames, verified when it is there, and with an origin of its own. Its ancestry says which log held these records
// before; of a log whose origin cannot be read any more, "unreadable-origin/" and the first 16 bytes of the file's
// SHA-256 stand for it. The path must be free, in a directory that is there. The report tells of it from then on.
// progress may be nil. The error wraps store.ErrDamaged where the first record is missing already; others are those of
// [bolt.BackupOf].
func (f *Found) Write(ctx context.Context, path string, progress func(done, total uint64)) error {
	taken := f.report.Taken
	if taken == 0 {
		return &bolt.FileError{Kind: store.ErrDamaged, Path: f.path,
			Reason: "its first record is lost, so no log can be made",
			Remedy: "give a backup too, or see what the report says of the records behind"}
	}
	origin, err := f.newOrigin()
	if err != nil {
		return err
	}
	was := seal.Checkpoint{Origin: f.was.origin, Size: taken, Root: f.tree.Root()}
	original := bolt.Original{Log: "log " + f.path, Checkpoint: was, Ancestry: f.pastOf(taken),
		Origin: origin, Unsealed: f.was.unsealed, Records: f.records(ctx, f.accepted[:taken])}
	if err := bolt.BackupOf(ctx, original, path, progress); err != nil {
		return fmt.Errorf("salvage log %s: %w", f.path, err)
	}
	f.report.Written = &Written{Path: path, Records: taken}
	if !f.was.unsealed {
		f.report.Written.Root, f.report.Written.Origin, f.report.Written.From = was.Root.String(), origin, was.Origin
	}
	return nil
}

// Behind yields the records that were found behind the first hole, oldest first, each with its proof.
func (f *Found) Behind(ctx context.Context) iter.Seq2[events.Record, error] {
	return f.records(ctx, f.accepted[f.report.Taken:])
}

func (f *Found) records(ctx context.Context, all []found) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for _, one := range all {
			r, _, err := f.frame(ctx, one)
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}
