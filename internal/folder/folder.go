// Package folder gives files their names for good. A file that was synced is on disk, but the entry by which it is
// found belongs to its folder, and that has to be synced too.
package folder

import (
	"errors"
	"io/fs"
	"os"
)

// Name gives a whole file aside, on the same file system, the name that it is for; the name that it had is gone then.
// What is there by the name is left, and the error is [fs.ErrExist]; with every error the file aside is as it was. On a
// file system without links, what comes by the name in the moment in between is replaced. [Sync] makes it durable.
func Name(aside, path string) error {
	err := os.Link(aside, path) // unlike a rename, it never takes the place of a file
	if err == nil {
		return os.Remove(aside)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, there := os.Lstat(path); !errors.Is(there, fs.ErrNotExist) {
		return &os.LinkError{Op: "name", Old: aside, New: path, Err: errors.Join(fs.ErrExist, there)}
	}
	return os.Rename(aside, path)
}
