package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tilltape/tilltape/internal/folder"
)

// newFile makes a file that was not there, whole or not at all: what write writes is synced before it has its name.
func (t *terminal) newFile(path string, mode fs.FileMode, write func(io.Writer) error) error {
	return t.newByName(path, func(aside string) (err error) {
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
// nothing at the path and nothing beside it; a process that was killed leaves the folder, of which the next one tells.
func (t *terminal) newByName(path string, fill func(aside string) error) (err error) {
	if err := free(path); err != nil {
		return err
	}
	t.tellHalfMade(path)
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

// tellHalfMade tells of what is left beside a file, or one that is to be made, of runs that were killed: by the names
// that newByName and package bolt give what they make. Nothing reads it. It may as well be of a run that is at work, so
// it is not taken away.
func (t *terminal) tellHalfMade(path string) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // where compact makes its copy
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return // whoever makes the file says so
	}
	base := filepath.Base(path) + "."
	for _, e := range entries {
		folder, byFolder := strings.CutPrefix(e.Name(), "."+base)
		partial, byBolt := strings.CutSuffix(strings.TrimPrefix(e.Name(), base), ".partial")
		if !(byFolder && random(folder) || byBolt && random(partial)) {
			continue
		}
		text := fmt.Sprintf("note: %s is half made, by a run that was killed or is at work. Nothing reads it; delete it if "+
			"none is at work.", plain(filepath.Join(filepath.Dir(path), e.Name())))
		fmt.Fprintln(t.err, wrap(text, textWidth))
	}
}

// random reports whether that is what os.MkdirTemp and os.CreateTemp put in the place of a star.
func random(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
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
