package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	bberrors "go.etcd.io/bbolt/errors"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// fault is a panic inside bbolt. It stays in this package, and says in its own words what bbolt's mean: those are about
// bbolt's insides, or Go's.
type fault struct{ outside bool }

func (f *fault) Error() string {
	if f.outside {
		return "a page of it cannot be reached: the file was cut short, or a link in it leads nowhere"
	}
	return "its pages contradict one another"
}

// guarded runs f, in which bbolt reads the mapped file. bbolt asserts what it finds there and panics, and a page that
// is not in the file any more is a memory fault: on a damaged file both become a *fault instead of the process's end.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			_, outside := p.(runtime.Error)
			err = &fault{outside}
		}
	}()
	return f()
}

// Remedies that several errors share.
const (
	remedyBackup = "keep a copy of the file as it is and go on from a backup"
	remedyOther  = "check the path"
)

func isFault(err error) bool {
	_, is := errors.AsType[*fault](err)
	return is
}

// explain turns whatever an operation on the file ended with into an error of package store. Errors that are the
// contract's already pass through; of all others only the text is kept, so that no type of bbolt's leaks.
func explain(path string, err error) error {
	if err == nil || fromStore(err) {
		return err
	}
	is := func(kind error, reason, remedy string) error {
		return &FileError{Kind: kind, Path: path, Reason: reason, Remedy: remedy}
	}
	broken, found := errors.AsType[*fault](err)
	switch {
	case errors.Is(err, seal.ErrDamaged):
		return &store.DamagedError{Log: "log " + path, Reason: err.Error()}
	case found:
		return &store.DamagedError{Log: "log " + path, Reason: broken.Error()}
	case errors.Is(err, bberrors.ErrDatabaseNotOpen):
		return closedError(path)
	case errors.Is(err, bberrors.ErrTimeout):
		return is(ErrLocked, "another process, or another handle in this one, has it open",
			"stop that one first, ask the running service, or read a backup copy")
	case errors.Is(err, bberrors.ErrChecksum):
		return is(store.ErrDamaged, "both of its header pages are damaged", remedyBackup)
	case errors.Is(err, bberrors.ErrInvalid), errors.Is(err, bberrors.ErrVersionMismatch):
		return is(ErrNotALog, "it is not a log of this library, nor any bbolt file", remedyOther)
	case errors.Is(err, fs.ErrNotExist):
		return is(store.ErrStorage, "there is no such file or directory", "check the path, and create the directory first")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return is(store.ErrStorage, "the system does not permit it ("+err.Error()+")",
			"the process must be allowed to read and write the file and its directory; to read only, set Config.ReadOnly")
	case full(err):
		return is(store.ErrFull, "there is no space left ("+err.Error()+")",
			"nothing was written and all that is in it stays readable; free some space, then repeat what was refused")
	}
	return is(store.ErrStorage, err.Error(), "check the disk and the system's messages")
}

// full tells whether the file cannot grow. bbolt passes some of these on as text only.
func full(err error) bool {
	for _, e := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, e) || strings.Contains(err.Error(), e.Error()) {
			return true
		}
	}
	return errors.Is(err, bberrors.ErrMaxSizeReached)
}

// fromStore tells whether err is one of the contract's errors.
func fromStore(err error) bool {
	for _, sentinel := range []error{
		store.ErrConflict, store.ErrKeyTaken, store.ErrNotFound, store.ErrInvalid, store.ErrClosed, store.ErrReadOnly,
		store.ErrNewerFormat, store.ErrDamaged, store.ErrFull, store.ErrStorage, ErrLocked, ErrNotALog,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}

func closedError(path string) error {
	return fmt.Errorf("log %s: %w; open it again to go on", path, store.ErrClosed)
}

// unreadableError is the error of a frame that stands at the position and cannot be decoded.
func unreadableError(path string, position uint64, err error) error {
	return store.Unreadable("log "+path, position, err)
}

// release lets go of a file whose bbolt handle cannot be closed any more. Closing the descriptor alone would keep the
// lock for as long as bbolt's mapping of the file exists, and after a panic nobody can unmap it.
func release(file *os.File) {
	if file == nil {
		return
	}
	unlock(file)
	_ = file.Close() // the outcome changes nothing: an error is being reported already
}
