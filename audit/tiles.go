package audit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/folder"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// CheckpointFile is the name, in a folder of tiles, of the checkpoint that they are of.
const CheckpointFile = "checkpoint"

// TilesExported is what an export of tiles came to.
type TilesExported struct {
	Log    seal.Checkpoint // that the folder has now
	Before uint64          // records that it had before
	Files  int             // that were written
	// Large is how many bundles hold a record of more than 65 535 bytes, of those that were written. C2SP's form has no
	// room for such a record; see [ExportTiles].
	Large int
}

// ExportTiles writes a log into a folder that any web server can serve and any client of C2SP tlog-tiles can read: the
// signed checkpoint, the hashes in tile/L/N, the records in tile/entries/N. It is public then, every order in it. The
// checkpoint is one of the log as it is or as it was, signed by one of the verifiers, perhaps cosigned.
//
// A folder that has an earlier checkpoint goes on from there: its full tiles are read, and only what is new is written.
// The log has to go on from that checkpoint, which is proven; [seal.ErrProof] says that it does not. Each file is
// written aside, synced and renamed, the checkpoint last: whoever reads meanwhile, or after a crash, finds what the
// checkpoint needs. Unfull tiles of earlier checkpoints are removed once the full ones are there. One export at a time
// writes to a folder.
//
// A bundle with a record of more than 65 535 bytes, which the form cannot hold, is in tile/frames/N instead: the frames
// one after another, each with its own length. The tiles are as ever.
//
// The log is a [store.Framer]; all frames that are read have to lead to the checkpoint's root. The error is one of
// package seal's about the checkpoints, or wraps [store.ErrDamaged], [store.ErrInvalid] or what the system said.
func ExportTiles(ctx context.Context, log store.Reader, dir string, checkpoint []byte,
	verifiers ...*seal.Verifier) (*TilesExported, error) {
	c, err := seal.Open(checkpoint, verifiers...)
	if err != nil {
		return nil, fmt.Errorf("export tiles: %w", err)
	}
	x := &tilesExport{dir: dir, out: &TilesExported{Log: c}, folders: map[string]bool{}}
	if err := x.run(ctx, log, verifiers); err != nil {
		return nil, fmt.Errorf("export tiles to %s: %w", dir, err)
	}
	if err := x.finish(checkpoint); err != nil {
		return nil, fmt.Errorf("export tiles to %s: %w", dir, err)
	}
	return x.out, nil
}

// tilesExport is an export of tiles under way.
type tilesExport struct {
	dir     string
	out     *TilesExported
	before  seal.Checkpoint // what the folder had
	tree    seal.Tree
	bundle  [][]byte        // records after the last full one
	folders map[string]bool // that got a name
	unfull  []string        // folders of unfull tiles that have become full
}

// run writes all but the checkpoint.
func (x *tilesExport) run(ctx context.Context, log store.Reader, verifiers []*seal.Verifier) error {
	framer, ok := log.(store.Framer)
	if !ok {
		return fmt.Errorf("%w: this log does not hand out the bytes that it keeps; name one that does", store.ErrInvalid)
	}
	if err := x.resume(verifiers); err != nil {
		return err
	}
	if err := x.sameAsBefore(); err != nil {
		return err
	}
	c := x.out.Log
	if x.tree.Size() < c.Size {
		for f, err := range framer.Frames(ctx, store.After(events.Record{Position: x.tree.Size()})) {
			if err == nil {
				err = x.take(f.Bytes)
			}
			if err != nil {
				return err
			}
			if x.tree.Size() == c.Size {
				break
			}
		}
	}
	if n := x.tree.Size(); n != c.Size {
		return &store.DamagedError{Log: c.Origin, Reason: fmt.Sprintf("it has %s, and the checkpoint is of %d: the log was "+
			"cut off, or is another one", words.Counted(n, "record"), c.Size)}
	}
	if x.tree.Root() != c.Root {
		return &store.DamagedError{Log: c.Origin, Reason: "its records, after the tiles that the folder has, do not lead " +
			"to the checkpoint's root; export into an empty folder, which tells whether it is the tiles"}
	}
	if len(x.bundle) > 0 {
		if err := x.entries(c.Size / seal.TileWidth); err != nil {
			return err
		}
	}
	return x.tiles(x.tree.Edge())
}

// resume reads what the folder has: its checkpoint, and the tree up to the last full tile of that.
func (x *tilesExport) resume(verifiers []*seal.Verifier) error {
	signed, err := os.ReadFile(filepath.Join(x.dir, CheckpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if x.before, err = seal.Open(signed, verifiers...); err != nil {
		return fmt.Errorf("the checkpoint that is there: %w", err)
	}
	c := x.out.Log
	switch {
	case x.before.Origin != c.Origin:
		return fmt.Errorf("%w: the folder has the log %s, and the checkpoint is of %s; name another folder",
			store.ErrInvalid, x.before.Origin, c.Origin)
	case x.before.Size > c.Size:
		return fmt.Errorf("%w: the folder has %s of the log, and the checkpoint is of %d: it is an old one, or the "+
			"log was cut off or is an old copy; take the log that went on", seal.ErrProof,
			words.Counted(x.before.Size, "record"), c.Size)
	}
	x.out.Before = x.before.Size
	for index := range x.before.Size / seal.TileWidth {
		b, err := os.ReadFile(x.path(seal.Tile{Index: index, Hashes: make([]seal.Hash, seal.TileWidth)}.Path()))
		if err != nil {
			return err
		}
		tile, err := seal.ParseTile(0, index, b)
		if err != nil {
			return err
		}
		for _, leaf := range tile.Hashes {
			x.tree.Append(leaf)
		}
	}
	x.tree.Full() // they are there
	return nil
}

func (x *tilesExport) path(name string) string { return filepath.Join(x.dir, filepath.FromSlash(name)) }

// sameAsBefore holds the tree, once it is as large as the folder's was, against the checkpoint that the folder had.
func (x *tilesExport) sameAsBefore() error {
	if x.before.Size == 0 || x.tree.Size() != x.before.Size || x.tree.Root() == x.before.Root {
		return nil
	}
	return &seal.ProofError{
		Claim: fmt.Sprintf("the log goes on from the %s that the folder has", words.Counted(x.before.Size, "record")),
		Problem: fmt.Sprintf("they lead to the root %v, and the checkpoint in the folder says %v: the log was rewritten, or "+
			"a tile in the folder was", x.tree.Root(), x.before.Root),
	}
}

// take adds a record.
func (x *tilesExport) take(frame []byte) error {
	x.tree.Append(seal.LeafHash(frame))
	x.bundle = append(x.bundle, append([]byte(nil), frame...))
	if err := x.sameAsBefore(); err != nil {
		return err
	}
	if len(x.bundle) < seal.TileWidth {
		return nil
	}
	if err := x.entries(x.tree.Size()/seal.TileWidth - 1); err != nil {
		return err
	}
	return x.tiles(x.tree.Full())
}

// entries writes the bundle and begins a new one.
func (x *tilesExport) entries(index uint64) error {
	path, large := seal.EntriesPath(index, len(x.bundle)), false
	size := 0
	for _, frame := range x.bundle {
		large = large || len(frame) > math.MaxUint16
		size += 2 + len(frame)
	}
	if large {
		path = seal.FramesPath(index, len(x.bundle))
		x.out.Large++
	}
	b := make([]byte, 0, size)
	for _, frame := range x.bundle {
		if !large {
			b = binary.BigEndian.AppendUint16(b, uint16(len(frame)))
		}
		b = append(b, frame...)
	}
	if len(x.bundle) == seal.TileWidth {
		x.unfull = append(x.unfull, seal.EntriesPath(index, seal.TileWidth), seal.FramesPath(index, seal.TileWidth))
	}
	x.bundle = x.bundle[:0]
	return x.write(path, b)
}

// tiles writes tiles.
func (x *tilesExport) tiles(tiles []seal.Tile) error {
	for _, t := range tiles {
		b, _ := t.AppendBinary(make([]byte, 0, len(t.Hashes)*seal.HashSize)) // its error is always nil
		if len(t.Hashes) == seal.TileWidth {
			x.unfull = append(x.unfull, t.Path())
		}
		if err := x.write(t.Path(), b); err != nil {
			return err
		}
	}
	return nil
}

// finish writes the checkpoint, once all that it needs is on disk, and then takes away what nothing needs any more.
func (x *tilesExport) finish(checkpoint []byte) error {
	for path := range x.folders {
		if err := folder.Sync(path); err != nil {
			return err
		}
	}
	if err := x.write(CheckpointFile, checkpoint); err != nil {
		return err
	}
	if err := folder.Sync(x.dir); err != nil {
		return err
	}
	for _, path := range x.unfull {
		if err := os.RemoveAll(x.path(path) + ".p"); err != nil {
			return err
		}
	}
	return nil
}

const (
	// what is in the folder is for everybody
	tileFolderMode = 0o755
	tileFileMode   = 0o644
)

// write gives the file these bytes, whole or not at all.
func (x *tilesExport) write(name string, b []byte) (err error) {
	path := x.path(name)
	within := filepath.Dir(path)
	if !x.folders[within] {
		if err := os.MkdirAll(within, tileFolderMode); err != nil {
			return err
		}
		// Each folder above has a new name in it too, perhaps.
		for above := within; !x.folders[above] && len(above) >= len(x.dir); above = filepath.Dir(above) {
			x.folders[above] = true
		}
	}
	aside := path + ".aside" // the same after a crash, so that nothing is left of it
	file, err := os.OpenFile(aside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, tileFileMode)
	if err != nil {
		return err
	}
	_, err = file.Write(b)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(aside, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(aside))
	}
	x.out.Files++
	return nil
}
