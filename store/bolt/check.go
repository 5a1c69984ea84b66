package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"go.etcd.io/bbolt"
	bberrors "go.etcd.io/bbolt/errors"

	"github.com/tilltape/tilltape/store"
)

// isFresh tells whether a new log is to be made at path.
func isFresh(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil:
		return false, err
	case info.IsDir():
		return false, &FileError{Kind: ErrNotALog, Path: path, Reason: "it is a directory", Remedy: "name a file in it"}
	case !info.Mode().IsRegular():
		return false, &FileError{Kind: ErrNotALog, Path: path, Reason: "it is no regular file", Remedy: remedyOther}
	}
	return info.Size() == 0, nil
}

// unopened says what is wrong with a file that bbolt does not take for one of its own. One that begins like bbolt's was
// one, and is damaged or cut short.
func unopened(path string, err error) error {
	if errors.Is(err, bberrors.ErrTimeout) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return err
	}
	var errno interface{ Temporary() bool } // the system's errors have this method, bbolt's do not
	if errors.As(err, &errno) {
		return err
	}
	file, openErr := os.Open(path)
	if openErr != nil {
		return err
	}
	defer file.Close()
	var header [headerSize]byte
	_, readErr := io.ReadFull(file, header[:])
	if readErr == nil && binary.NativeEndian.Uint32(header[headerMagicAt:]) == headerMagic {
		return &FileError{Kind: store.ErrDamaged, Path: path, Reason: "the file is damaged or cut short (" + err.Error() + ")", Remedy: remedyBackup}
	}
	return bberrors.ErrInvalid
}

// Where bbolt's first page has its magic number, and what it is.
const (
	headerSize    = 20
	headerMagicAt = 16
	headerMagic   = 0xED0CDAED
)

// freshCommit is bbolt's number of the commit that a file is made with.
const freshCommit = 1

// stillThere tells whether the file that was opened is still the one at the path. While it waited for the lock, or later, it
// may have been removed or another one put in its place; what is written to it then would be lost with it.
func (l *Log) stillThere() error {
	mine, err := l.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(l.absolute)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil || !os.SameFile(mine, there) {
		return &FileError{Kind: store.ErrStorage, Path: l.path, Reason: "it was removed, moved or replaced while it was open",
			Remedy: "put it back where it was, then open it again; an append that failed may have happened: repeat it with the same record ids"}
	}
	return nil
}

// ready makes sure that the file is ours, complete and durable, and ready for appends. look is the same file as it was a
// moment ago, nil for a new one: what it has recovered need not be recovered again.
func (l *Log) ready(c Config, look *Log) error {
	fresh := false
	// Committed even where nothing changes: the process before us may have died between writing its last commit and
	// syncing it. We see that commit now, and whoever appended it may be told that it is done.
	err := l.db.Update(func(tx *bbolt.Tx) error {
		if fresh = empty(tx); fresh {
			return create(tx, c)
		}
		if err := l.checkTx(tx); err != nil {
			return err
		}
		if c.asIs {
			return nil
		}
		return l.beOneself(tx, c)
	})
	if fresh {
		look = nil // it has seen a file with nothing in it
	}
	if err == nil {
		err = syncDirectory(l.path) // always: the process before us may have died between making the file and this
	}
	if err != nil {
		return err
	}
	if err := l.recover(look, false); err != nil {
		return err
	}
	l.resumeFlush()
	return nil
}

// empty tells whether nothing was ever put into the file. A log whose creation was cut short looks like that.
func empty(tx *bbolt.Tx) bool {
	first, _ := tx.Cursor().First()
	return first == nil
}

func create(tx *bbolt.Tx, c Config) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	meta := tx.Bucket([]byte(bucketMeta))
	if err := meta.Put([]byte(metaMagic), []byte(magic)); err != nil {
		return err
	}
	if err := meta.Put([]byte(metaFormat), binary.BigEndian.AppendUint32(nil, formatVersion)); err != nil {
		return err
	}
	if err := meta.Put([]byte(metaCovered), number(0)); err != nil || c.Unsealed {
		return err
	}
	origin := c.copyOf
	if origin == "" {
		var err error
		if origin, err = c.newOrigin(); err != nil {
			return err
		}
	}
	if err := meta.Put([]byte(metaOrigin), []byte(origin)); err != nil {
		return err
	}
	return meta.Put([]byte(metaFrontier), emptyFrontier())
}

// syncDirectory makes the file's name durable: a synced file whose name is lost is lost.
func syncDirectory(path string) error {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	directory, err := os.Open(filepath.Dir(target))
	if err != nil {
		return err
	}
	defer directory.Close()
	if err := directory.Sync(); err != nil && runtime.GOOS != "windows" { // Windows has no such thing and refuses
		return err
	}
	return nil
}

// check is checkTx in a transaction of its own. A file with nothing in it passes where ready will fill it; for whoever
// only reads it is no log yet.
func (l *Log) check(onlyRead bool) error {
	blank := false
	err := l.db.View(func(tx *bbolt.Tx) error {
		blank = empty(tx)
		return l.checkTx(tx)
	})
	switch {
	case err != nil || blank && !onlyRead:
		return err
	case blank:
		return unfinished(l.path)
	}
	return l.recover(nil, onlyRead)
}

func unfinished(path string) error {
	return &FileError{Kind: ErrNotALog, Path: path, Reason: "it is empty: its creation was cut short",
		Remedy: "open it once without Config.ReadOnly, which completes it"}
}

// checkTx tells whether the file is a log that this version can use. It reads a handful of pages.
func (l *Log) checkTx(tx *bbolt.Tx) error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	// First of all: to read a page beyond the file's end is a memory fault.
	if info.Size() < tx.Size() {
		return l.damaged("it was cut short: %d bytes of %d are there", info.Size(), tx.Size())
	}
	// Not in a transaction that writes: when there is one, this was done before it.
	if !tx.Writable() {
		if err := l.checkPages(tx); err != nil {
			return err
		}
	}
	if empty(tx) {
		// Nothing was ever committed to a file whose creation was cut short.
		if !tx.Writable() && tx.ID() > freshCommit {
			return l.damaged("it reads as empty, and was not")
		}
		return nil
	}
	meta := tx.Bucket([]byte(bucketMeta))
	if meta == nil || string(meta.Get([]byte(metaMagic))) != magic {
		return &FileError{Kind: ErrNotALog, Path: l.path, Reason: "it is a bbolt file of another program",
			Remedy: remedyOther}
	}
	format := meta.Get([]byte(metaFormat))
	if len(format) != 4 || binary.BigEndian.Uint32(format) == 0 {
		return l.damaged("its format version is unreadable")
	}
	if found := binary.BigEndian.Uint32(format); found > formatVersion {
		return &FileError{Kind: store.ErrNewerFormat, Path: l.path,
			Reason: fmt.Sprintf("it has format version %d, and this version of the library reads up to %d", found, formatVersion), Remedy: "upgrade first"}
	}
	for _, name := range buckets {
		if tx.Bucket([]byte(name)) == nil {
			return l.damaged("its bucket %q is missing", name)
		}
	}
	return nil
}

func (l *Log) damaged(format string, args ...any) error {
	return &store.DamagedError{Log: "log " + l.path, Reason: fmt.Sprintf(format, args...)}
}
