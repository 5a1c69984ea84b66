package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"
	bberrors "go.etcd.io/bbolt/errors"

	"github.com/tilltape/tilltape/internal/folder"
	"github.com/tilltape/tilltape/seal"
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

// openError says what is wrong with a file that bbolt does not take for one of its own. One that begins like bbolt's
// was one, and is damaged or cut short.
func openError(path string, err error) error {
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
	var header [headerEnd]byte
	n, readErr := io.ReadFull(file, header[:])
	if n < headerMagicAt+4 || binary.NativeEndian.Uint32(header[headerMagicAt:]) != headerMagic {
		return bberrors.ErrInvalid
	}
	if isFault(err) {
		return err // of a page that the headers lead to
	}
	info, statErr := file.Stat()
	if statErr != nil {
		return statErr
	}
	reason := "both of its header pages are damaged"
	page := int64(binary.NativeEndian.Uint32(header[headerPageSizeAt:]))
	if readErr != nil || info.Size() < headerPages*page {
		reason = fmt.Sprintf("it was cut short: %d bytes are there, less than its header pages have", info.Size())
	}
	return &FileError{Kind: store.ErrDamaged, Path: path, Reason: reason, Remedy: remedyBackup}
}

// Where bbolt's first page has its magic number and the size of a page, and what that number is.
const (
	headerMagicAt    = 16
	headerPageSizeAt = 24
	headerMagic      = 0xED0CDAED
)

// freshCommit is bbolt's number of the commit that a file is made with.
const freshCommit = 1

// stillThere tells whether the file that was opened is still the one at the path. While it waited for the lock, or
// later, it may have been removed or another one put in its place; what is written to it then would be lost with it.
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
			Remedy: "put it back where it was, then open it again; an append that failed may have happened: repeat it with " +
				"the same record ids"}
	}
	return nil
}

// ready makes sure that the file is ours, complete and durable, and ready for appends. look is the same file as it was
// a moment ago, nil for a new one: what it has recovered need not be recovered again.
func (l *Log) ready(c Config, look *Log) error {
	// Committed even where nothing changes: the process before us may have died between writing its last commit and
	// syncing it. We see that commit now, and its append, made again, may be told that it is done.
	err := l.update(func(tx *bbolt.Tx) error {
		fresh, err := l.checkTx(tx)
		if err != nil || !fresh {
			return err
		}
		look = nil // it has seen a file with nothing in it
		return create(tx, c)
	})
	if err == nil {
		err = syncDirectory(l.path) // always: the process before us may have died between making the file and this
	}
	if err != nil {
		return err
	}
	if err := l.recover(look); err != nil {
		return err
	}
	marked := l.marked != ""
	if err := l.emptyJournal(func() error { return nil }); err != nil {
		return err
	}
	if !marked && c.copyOf == nil { // as long as the log has the name that it had then
		if err := l.removeLeftover(c.Journal); err != nil {
			return err
		}
	}
	if err := l.beOneself(c); err != nil {
		return err
	}
	l.resumeFlush()
	if c.Follow != "" {
		l.useOrder(c.moveBounds)
	}
	if c.copyOf != nil || !c.Journal {
		return nil
	}
	return l.useJournal(c.moveBounds)
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
	h := header{identity: identity{unsealed: c.Unsealed}}
	switch {
	case c.copyOf != nil:
		h.identity, h.follows = *c.copyOf, c.copyFollows
	case c.Follow != "":
		h.origin, h.follows = c.Follow, Followed{}.text()
	case !c.Unsealed:
		var err error
		if h.origin, err = c.naming().NewOrigin(); err != nil {
			return err
		}
	}
	if !h.unsealed {
		h.frontier = new(seal.Tree).AppendFrontier(nil)
	}
	return h.put(tx)
}

// syncDirectory makes the file's name durable: a synced file whose name is lost is lost.
func syncDirectory(path string) error {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	return folder.Sync(filepath.Dir(target))
}

// check proves that the file is a log that can be used as c says, and changes nothing. A file with nothing in it passes
// where ready will fill it; for one that only reads it is no log yet.
func (l *Log) check(c Config) error {
	blank := false
	err := l.db.View(func(tx *bbolt.Tx) (err error) {
		blank, err = l.checkTx(tx)
		return err
	})
	switch {
	case err != nil || blank && !c.ReadOnly:
		return err
	case blank:
		return unfinishedError(l.path)
	}
	if err := l.recover(nil); err != nil {
		return err
	}
	if l.id().unsealed && c.Signer != nil {
		return fmt.Errorf("%w: log %s was made without a seal, so there is nothing that its signer could sign; open it "+
			"without Config.Signer, and if it had a seal, go on from a backup: this is not the file that it was",
			store.ErrInvalid, l.path)
	}
	if l.marked == "" {
		if _, err := l.leftover(c.Journal && !c.ReadOnly); err != nil {
			return err
		}
	}
	if err := l.checkFollows(c); err != nil {
		return err
	}
	return l.checkName(c)
}

func unfinishedError(path string) error {
	return &FileError{Kind: ErrNotALog, Path: path, Reason: "it is empty: its creation was cut short",
		Remedy: "open it once without Config.ReadOnly, which completes it"}
}

// checkTx tells whether the file is a log that this version can use; blank is one with nothing in it, whose creation
// was cut short. It reads the pages' links, as checkPages says.
func (l *Log) checkTx(tx *bbolt.Tx) (blank bool, err error) {
	info, err := l.file.Stat()
	if err != nil {
		return false, err
	}
	// Before any page is read: one beyond the file's end is a memory fault. How many there are, a transaction has from the
	// header pages, which bbolt has read.
	if info.Size() < tx.Size() {
		return false, l.damagedError("it was cut short: %d bytes of %d are there", info.Size(), tx.Size())
	}
	// Not in a transaction that writes: when there is one, this was done before it.
	if !tx.Writable() {
		if err := l.checkPages(tx); err != nil {
			return false, err
		}
	}
	if empty(tx) {
		// Nothing was ever committed to a file whose creation was cut short.
		if !tx.Writable() && tx.ID() > freshCommit {
			return false, l.damagedError("it reads as empty, and was not")
		}
		return true, nil
	}
	meta := tx.Bucket([]byte(bucketMeta))
	if meta == nil || string(meta.Get([]byte(metaMagic))) != magic {
		return false, &FileError{Kind: ErrNotALog, Path: l.path,
			Reason: "it is a bbolt file of another program", Remedy: remedyOther}
	}
	format := meta.Get([]byte(metaFormat))
	if len(format) != 4 || binary.BigEndian.Uint32(format) == 0 {
		return false, l.damagedError("its format version is unreadable")
	}
	if found := binary.BigEndian.Uint32(format); found > formatVersion {
		return false, &FileError{Kind: store.ErrNewerFormat, Path: l.path, Remedy: "upgrade first",
			Reason: fmt.Sprintf("it has format version %d, and this version of the library reads up to %d",
				found, formatVersion)}
	}
	return false, l.checkBuckets(tx)
}

// checkBuckets tells whether the file has the buckets of a log, and nothing else beside them.
func (l *Log) checkBuckets(tx *bbolt.Tx) error {
	for _, name := range buckets {
		if tx.Bucket([]byte(name)) == nil {
			return l.damagedError("its bucket %q is missing", name)
		}
	}
	for name, value := range all(tx.Cursor()) {
		if value != nil || !slices.Contains(buckets, string(name)) {
			return l.damagedError("it has a bucket or an entry %q, which no log has", name)
		}
	}
	return nil
}

// all yields what is in a bucket; the value of a bucket inside it is nil.
func all(entries *bbolt.Cursor) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for key, value := entries.First(); key != nil && yield(key, value); key, value = entries.Next() {
		}
	}
}

func (l *Log) damagedError(format string, args ...any) error {
	return &store.DamagedError{Log: l.name, Reason: fmt.Sprintf(format, args...)}
}
