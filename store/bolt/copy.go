package bolt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tilltape/tilltape/internal/folder"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// copyRecords is the most records that one commit of a copy holds.
const copyRecords = 1024

// Backup writes a copy of the log, as it is at the beginning of the call, to a new file at the path. It goes record by
// record in short transactions, so it holds up no append however large the log is, and the copy has no unused pages.
// progress, where it is not nil, is told now and then how many of how many records are copied. Each record is held
// against the tree that this log has in memory, so one that was altered in the file is store.ErrDamaged with its
// position, and is not copied; and before the copy appears at the path it is read back whole, with the root that memory
// has. It can be opened at once: for reading as what it is, and for appends as a log of its own, which then gets a new
// origin. The path must be free, in an existing directory. Cost: some seven times what a
// replay takes.
func (l *Log) Backup(ctx context.Context, path string, progress func(done, total uint64)) error {
	if path == "" {
		return fmt.Errorf("%w: backup path is empty; name the file the copy is to be kept in", store.ErrInvalid)
	}
	if _, err := os.Lstat(path); err == nil {
		return takenError(path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return explain(path, err)
	}
	partial, err := l.copyBeside(ctx, path, true, progress)
	if err != nil {
		return err
	}
	if err = settle(partial, path); err == nil {
		err = syncDirectory(path)
	}
	return explain(path, err)
}

func takenError(path string) error {
	return &FileError{Kind: store.ErrStorage, Path: path, Reason: "there is a file already",
		Remedy: "choose a path where no file is yet; a backup replaces nothing"}
}

// settle gives a file its name, unless meanwhile somebody else has one there.
func settle(partial, path string) error {
	err := folder.Name(partial, path)
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		err = takenError(path)
	}
	return errors.Join(err, os.Remove(partial))
}

// Compacted tells what a compaction has done to a file's size.
type Compacted struct{ Before, After int64 } // bytes

// Compact puts a copy without unused pages in the place of the log at the path, which nobody may have open: bbolt's
// files never shrink by themselves. The copy is complete, verified and durable before it takes the place, in one step;
// whatever interrupts Compact leaves one of the two there. The log keeps its origin. It needs as much free space as the
// copy takes, in the same directory. Errors are those of [Open] and [Log.Backup].
func Compact(ctx context.Context, path string, progress func(done, total uint64)) (Compacted, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Compacted{}, explain(path, err)
	}
	if info.Mode().IsRegular() && info.Size() == 0 { // Open would make a log of it
		return Compacted{}, unfinishedError(path)
	}
	l, err := Open(path, &Config{asIs: true})
	if err != nil {
		return Compacted{}, err
	}
	size, err := l.compact(ctx, progress)
	return size, cmp.Or(err, l.Close())
}

func (l *Log) compact(ctx context.Context, progress func(done, total uint64)) (size Compacted, err error) {
	target, err := filepath.EvalSymlinks(l.path)
	if err != nil {
		return Compacted{}, explain(l.path, err)
	}
	partial, err := l.copyBeside(ctx, target, false, progress)
	if err != nil {
		return Compacted{}, err
	}
	for file, bytes := range map[string]*int64{target: &size.Before, partial: &size.After} {
		info, statErr := os.Stat(file)
		if statErr != nil {
			return Compacted{}, explain(file, statErr)
		}
		*bytes = info.Size()
	}
	if err := likeness(partial, target); err != nil {
		return Compacted{}, explain(l.path, errors.Join(err, os.Remove(partial)))
	}
	if err := os.Rename(partial, target); err != nil {
		return Compacted{}, explain(l.path, errors.Join(err, os.Remove(partial)))
	}
	// The file that is open is not the log any more: closing must not write to it what a crash before had left in memory.
	l.fail(&failure{err: closedError(l.path)})
	return size, explain(l.path, syncDirectory(target))
}

// likeness gives a file the mode and, where the system has such a thing, the owner of another.
func likeness(file, of string) error {
	info, err := os.Stat(of)
	if err != nil {
		return err
	}
	if err := keepOwner(file, info); err != nil {
		return err
	}
	return os.Chmod(file, info.Mode().Perm())
}

// copyBeside makes a durable and verified copy in a new file next to the path and returns that file's.
func (l *Log) copyBeside(
	ctx context.Context, path string, copied bool, progress func(done, total uint64),
) (partial string, err error) {
	if err := l.usable(); err != nil {
		return "", err
	}
	name, err := besideOf(path)
	if err != nil {
		return "", explain(path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(name) // as good as it gets: the error that is returned says more
		}
	}()
	now, follows := l.reached()
	c := &copying{name: l.path, end: now.end, identity: l.id(), follows: follows, progress: progress,
		generation: l.lazy.limit}
	c.identity.copied = c.identity.copied || copied
	held := l.newProven(ctx, now.tree)
	c.page = func(p *plan) error {
		return l.view(func(tx reading) error { return c.take(held.in(tx), p, min(p.Last()+pageMax, c.end)) })
	}
	if now.tree != nil {
		c.root = now.tree.Root()
	}
	return name, c.run(ctx, name)
}

// reached is what readers may see, and how far the order is applied that it came by; empty where the log follows none.
func (l *Log) reached() (now layers, follows string) {
	l.committing.Lock()
	defer l.committing.Unlock()
	if f := l.followed.Load(); f != nil {
		follows = f.text()
	}
	return l.lazy.layers(), follows
}

// copying is a copy under way.
type copying struct {
	name       string // of the log that is copied
	to         *Log
	end        uint64    // position of the last record to copy
	root       seal.Hash // over the records up to it, from memory; zero in a log without a seal
	identity   identity  // of the copy
	follows    string    // how far the copy is said to have applied the order that its log follows
	generation int
	page       func(p *plan) error // takes some of the next records into the plan, each proven by the root
	progress   func(done, total uint64)
}

// run fills the file at the path, makes it durable and verifies it.
func (c *copying) run(ctx context.Context, path string) error {
	if err := c.open(path); err != nil {
		return err
	}
	err := c.all(ctx)
	if err == nil {
		err = c.finish()
	}
	if err = errors.Join(err, c.to.Close()); err != nil {
		return err
	}
	return c.verify(ctx, path)
}

// open makes the copy's file. Nothing in it is durable until finish says so.
func (c *copying) open(path string) (err error) {
	config := Config{LockTimeout: DefaultLockTimeout, MapSize: defaultMapSize(), generation: c.generation, unsynced: true,
		copyOf: &c.identity, copyFollows: c.follows, asIs: true}
	c.to, err = attach(path, config, false, func(l *Log) error { return l.ready(config, nil) })
	return err
}

func (c *copying) all(ctx context.Context) error {
	for done := uint64(0); done < c.end; {
		if err := store.CheckContext(ctx, "go on with the copy of log "+c.name); err != nil {
			return err
		}
		p := c.to.newPlan()
		for p.Last() < c.end && p.Last() < done+copyRecords && p.Size() < ledger.BatchBytesMax {
			if err := c.page(p); err != nil {
				return err
			}
		}
		if err := c.to.write(p, func(f *flush) int { return c.to.lazy.pace(f, p) }); err != nil {
			return explain(c.to.path, err)
		}
		done = p.Last()
		if c.progress != nil {
			c.progress(done, c.end)
		}
	}
	return nil
}

// take takes the records up to a position into the plan, frame by frame as they were sealed, or fewer where they are
// long.
func (c *copying) take(walk *provenFrames, p *plan, until uint64) error {
	for position := p.Last() + 1; position <= until && p.Size() < ledger.BatchBytesMax; position++ {
		r, frame, err := walk.record(position)
		if err != nil {
			return err
		}
		p.Import(r, frame)
	}
	return nil
}

// finish makes the copy durable.
func (c *copying) finish() error {
	err := c.to.flushAll()
	if err == nil {
		err = guarded(c.to.db.Sync)
	}
	return explain(c.to.path, err)
}

// verify reads the copy back from its file, and holds what it proves of itself against what the log had in memory when
// the copy began.
func (c *copying) verify(ctx context.Context, path string) error {
	log, err := Open(path, &Config{ReadOnly: true})
	if err != nil {
		return err
	}
	return errors.Join(c.same(log), log.Verify(ctx, nil), log.Close())
}

func (c *copying) same(copied *Log) error {
	got := copied.lazy.layers()
	switch {
	case copied.id() != c.identity || copied.follows != c.follows || got.end != c.end:
		return copied.damagedError("the copy is another log than the one it was made from, or ends elsewhere")
	case got.tree != nil && got.tree.Root() != c.root:
		return copied.damagedError("the copy's root over %d records is not that of the log it was made from", c.end)
	}
	return nil
}
