package bolt

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/internal/folder"
)

// A new log is made under another name, is whole and durable there, and only then gets its own: whatever interrupts
// that, what lies at the path is a log or nothing.

// make makes a new log at the path, and tells whether it is still to be made: in the empty file that is there, or where
// a link leads that is.
func (c Config) make(path string) (fresh bool, err error) {
	if err := journalAlone(path); err != nil {
		return false, err
	}
	if _, err := os.Lstat(path); err == nil {
		return true, nil
	}
	if err := newFile(path, c); !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	return isFresh(path) // somebody else was faster
}

// besideOf makes a new file next to the path and returns its name. What a crash leaves of it can be removed.
func besideOf(path string) (partial string, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.partial")
	if err != nil {
		return "", err
	}
	return file.Name(), file.Close()
}

// newFile makes a log without records at the path, where nothing may be. With [fs.ErrExist] something is there. The
// name is not durable yet: whoever opens the file for appends makes it so, before anything is acknowledged.
func newFile(path string, c Config) error {
	partial, err := besideOf(path)
	if err != nil {
		return err
	}
	if err = fill(partial, c); err == nil {
		err = folder.Name(partial, path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(partial))
	}
	return err
}

// fill makes an empty file a log without records, and durable.
func fill(path string, c Config) error {
	return guarded(func() error {
		db, err := bbolt.Open(path, fileMode, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoStatistics: true,
			NoSync: true, NoGrowSync: true})
		if err != nil {
			return err
		}
		err = db.Update(func(tx *bbolt.Tx) error { return create(tx, c) })
		if err == nil {
			err = db.Sync() // of all of it, once
		}
		return errors.Join(err, db.Close())
	})
}
