package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"strings"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

// Original is the log of another engine, as what a copy in a file is made from.
type Original struct {
	Log        string          // what errors call it
	Checkpoint seal.Checkpoint // what it is, and held when the copy was begun
	Ancestry   []seal.Checkpoint
	Records    iter.Seq2[events.Record, error] // just those that the checkpoint is of, oldest first
	// Origin makes the copy a log of its own under this origin, with Checkpoint as the newest of its ancestry. Empty: the
	// copy is a backup, and becomes such a log when it is first opened for appends.
	Origin string
	// Unsealed: the original has no seal, and so the copy has none. Of Checkpoint only the size counts then.
	Unsealed bool
}

// identity is what the copy is to say of itself.
func (o Original) identity() identity {
	var ancestry strings.Builder
	for _, c := range o.Ancestry {
		ancestry.WriteString(sealed.FormatAncestor(c))
	}
	switch {
	case o.Unsealed:
		return identity{unsealed: true, copied: o.Origin == ""}
	case o.Origin != "":
		ancestry.WriteString(sealed.FormatAncestor(o.Checkpoint))
		return identity{origin: o.Origin, ancestry: ancestry.String()}
	}
	return identity{copied: true, origin: o.Checkpoint.Origin, ancestry: ancestry.String()}
}

// BackupOf writes a copy of another engine's log to a new file at the path, as [Log.Backup] does of a file's: with the
// same frames, the same root and the same origin, read back whole before it appears at the path. Records that do not
// give the checkpoint's root are store.ErrDamaged. progress may be nil. The path must be free, in a directory that is
// there.
func BackupOf(ctx context.Context, original Original, path string, progress func(done, total uint64)) error {
	if path == "" {
		return fmt.Errorf("%w: backup path is empty; name the file the copy is to be kept in", store.ErrInvalid)
	}
	if _, err := os.Lstat(path); err == nil {
		return takenError(path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return explain(path, err)
	}
	partial, err := restoreBeside(ctx, original, path, progress)
	if err != nil {
		return err
	}
	if err = settle(partial, path); err == nil {
		err = syncDirectory(path)
	}
	return explain(path, err)
}

// restoreBeside makes a durable and verified copy in a new file next to the path and returns that file's.
func restoreBeside(ctx context.Context, original Original, path string, progress func(done, total uint64)) (
	partial string, err error) {
	name, err := besideOf(path)
	if err != nil {
		return "", explain(path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(name) // as good as it gets: the error that is returned says more
		}
	}()
	next, stop := iter.Pull2(original.Records)
	defer stop()
	c := &copying{name: original.Log, end: original.Checkpoint.Size, root: original.Checkpoint.Root, progress: progress,
		generation: generationMax, identity: original.identity()}
	c.page = func(p *plan) error {
		r, err, more := next()
		if err == nil && (!more || r.Position != p.Last()+1) {
			err = &store.DamagedError{Log: original.Log, Position: p.Last() + 1, Reason: "there is no record here"}
		}
		if err != nil {
			return err
		}
		frame, err := events.AppendFrame(nil, r)
		if err != nil {
			return &store.DamagedError{Log: original.Log, Position: r.Position, Reason: err.Error()}
		}
		p.Import(r, frame)
		return nil
	}
	return name, c.run(ctx, name)
}
