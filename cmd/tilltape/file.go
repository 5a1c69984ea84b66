package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tilltape/tilltape/internal/folder"
)

// newFile makes a file that was not there, whole or not at all: what write writes goes into a file aside, is synced,
// and gets its name last. Whatever ends it early, an interrupt too, leaves nothing at the path.
func newFile(path string, mode fs.FileMode, write func(io.Writer) error) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return taken(path)
	}
	dir := filepath.Dir(path)
	aside, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return withHint(fmt.Errorf("writing %s: %w", path, err), "name a file in a directory that can be written")
	}
	defer func() { // it is gone in any case: either it has its name by now, or it is half
		err = errors.Join(err, os.Remove(aside.Name()))
	}()
	err = write(aside)
	if bad := errors.Join(aside.Chmod(mode), aside.Sync(), aside.Close()); err == nil && bad != nil {
		err = withHint(fmt.Errorf("writing %s: %w", path, bad), "look at the disk")
	}
	if err != nil {
		return err
	}
	return named(aside.Name(), path)
}

// named gives a whole file the name that it is for, for good. The name that it had stays too.
func named(aside, path string) error {
	// A link, unlike a rename, never takes the place of a file that came meanwhile.
	if err := os.Link(aside, path); errors.Is(err, fs.ErrExist) {
		return taken(path)
	} else if err != nil {
		return withHint(fmt.Errorf("naming %s: %w", path, err), "name a file on a file system that has links")
	}
	// Who may write into a folder and not read it cannot sync it; the file is whole all the same.
	if err := folder.Sync(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return withHint(fmt.Errorf("naming %s: %w", path, err), "look at the disk")
	}
	return nil
}

func taken(path string) error {
	return withHint(fmt.Errorf("%s is there already, and nothing is overwritten", path), "name a new file")
}
