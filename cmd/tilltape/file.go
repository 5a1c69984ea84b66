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

// newFile makes a file that was not there, whole or not at all: what write writes is synced before it has its name.
func newFile(path string, mode fs.FileMode, write func(io.Writer) error) error {
	return newByName(path, func(aside string) (err error) {
		file, err := os.OpenFile(aside, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
		if err != nil {
			return withHint(fmt.Errorf("writing %s: %w", path, err), "look at the disk")
		}
		err = write(file)
		if bad := errors.Join(file.Chmod(mode), file.Sync(), file.Close()); err == nil && bad != nil {
			err = withHint(fmt.Errorf("writing %s: %w", path, bad), "look at the disk")
		}
		return err
	})
}

// newByName makes a file that was not there, whole or not at all: fill makes it by a name aside, in a folder of its own
// beside the path, whole and on disk, and it gets its name last. Whatever ends it early, an interrupt too, leaves
// nothing at the path and nothing beside it; a process that was killed leaves the folder, which nothing looks at.
func newByName(path string, fill func(aside string) error) (err error) {
	if err := free(path); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return withHint(fmt.Errorf("writing %s: %w", path, err), "name a file in a directory that can be written")
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	aside := filepath.Join(dir, filepath.Base(path))
	if err := fill(aside); err != nil {
		return err
	}
	if err := folder.Name(aside, path); errors.Is(err, fs.ErrExist) {
		return takenError(path)
	} else if err != nil {
		return withHint(fmt.Errorf("naming %s: %w", path, err), "look at the disk")
	}
	// Who may write into a folder and not read it cannot sync it; the file is whole all the same.
	if err := folder.Sync(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return withHint(fmt.Errorf("naming %s: %w", path, err), "look at the disk")
	}
	return nil
}

// free refuses a path where something is already.
func free(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return takenError(path)
	}
	return nil
}

func takenError(path string) error {
	return withHint(fmt.Errorf("%s is there already, and nothing is overwritten", path), "name a new file")
}
