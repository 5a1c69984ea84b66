package bolt

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
	bberrors "go.etcd.io/bbolt/errors"

	"github.com/tilltape/tilltape/store"
)

// What Config's zero values stand for.
const (
	// LockTimeoutDefault is how long Open waits for a file that somebody else holds.
	LockTimeoutDefault = time.Second
	// MapSizeDefault is how much address space, in bytes, is set aside for the file where that costs nothing.
	MapSizeDefault = 1 << 30
)

// fileMode keeps other users out: records hold what APO sent, which can be personal data.
const fileMode = 0o600

// Config is how a log is opened. The zero value, and nil, are right for a service.
type Config struct {
	// LockTimeout is how long Open waits while another process holds the file; zero is [LockTimeoutDefault].
	LockTimeout time.Duration
	// MapSize is the address space set aside for the file in bytes; zero is [MapSizeDefault] on 64-bit systems other
	// than Windows, where it would be taken from the disk. When the file outgrows it, appends wait once for the reads
	// under way; it never limits the file.
	MapSize int
	// ReadOnly opens an existing file for reading, by any number of processes at once. Append fails with
	// store.ErrReadOnly, and nothing is written to the file, whatever it is.
	ReadOnly bool
}

// Open opens the log in the file at path, or makes a new one (mode 0600, and durable itself) where there is no file or
// an empty one. The directory must exist.
//
// A file that is not ours is never written to. Errors are of type *store.FileError or *store.DamagedError and wrap
// store.ErrLocked, ErrNotALog, ErrNewerFormat, ErrDamaged, ErrFull or ErrStorage; a path or a configuration nobody can
// mean wraps ErrInvalid. Open costs a few reads and two syncs, independent of the file's size.
func Open(path string, config *Config) (*Log, error) {
	var c Config
	if config != nil {
		c = *config
	}
	if path == "" {
		return nil, fmt.Errorf("%w: log path is empty; name the file the log is to be kept in", store.ErrInvalid)
	}
	if c.LockTimeout < 0 || c.MapSize < 0 {
		return nil, fmt.Errorf("%w: log %s: LockTimeout %s and MapSize %d must not be negative; leave them zero for the defaults",
			store.ErrInvalid, path, c.LockTimeout, c.MapSize)
	}
	c.LockTimeout = cmp.Or(c.LockTimeout, LockTimeoutDefault)
	c.MapSize = cmp.Or(c.MapSize, mapSizeDefault())

	fresh, err := isFresh(path)
	if err != nil {
		return nil, explain(path, err)
	}
	if c.ReadOnly && fresh {
		if _, err := os.Stat(path); err == nil {
			return nil, unfinished(path)
		}
		return nil, &store.FileError{Kind: store.ErrStorage, Path: path, Reason: "there is no such file", Remedy: "check the path; opening for reading makes no file"}
	}
	// Looked at without the right to write first: bbolt changes whatever file it opens for writing, and it reads the
	// free list, where damage makes it panic, only then.
	if !fresh {
		look, err := attach(path, c, true)
		if err != nil || c.ReadOnly {
			return look, err
		}
		if err := look.Close(); err != nil {
			return nil, err
		}
	}
	l, err := attach(path, c, false)
	if err != nil {
		return nil, err
	}
	l.queue = newQueue()
	l.committed = make(chan struct{})
	go l.commitAll()
	return l, nil
}

func mapSizeDefault() int {
	if runtime.GOOS == "windows" || strconv.IntSize < 64 {
		return 0
	}
	return MapSizeDefault
}

// isFresh tells whether a new log is to be made at path.
func isFresh(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil:
		return false, err
	case info.IsDir():
		return false, &store.FileError{Kind: store.ErrNotALog, Path: path, Reason: "it is a directory", Remedy: "name a file in it"}
	case !info.Mode().IsRegular():
		return false, &store.FileError{Kind: store.ErrNotALog, Path: path, Reason: "it is no regular file", Remedy: remedyOther}
	}
	return info.Size() == 0, nil
}

// attach opens the file with bbolt and checks that it is ours.
func attach(path string, c Config, readOnly bool) (*Log, error) {
	l := &Log{path: path, readOnly: readOnly}
	err := guarded(func() (err error) {
		l.db, err = bbolt.Open(path, fileMode, &bbolt.Options{
			Timeout:         c.LockTimeout,
			ReadOnly:        readOnly,
			InitialMmapSize: c.MapSize,
			FreelistType:    bbolt.FreelistMapType,
			NoStatistics:    true,
			OpenFile: func(name string, flag int, mode os.FileMode) (file *os.File, err error) {
				l.file, err = os.OpenFile(name, flag, mode)
				return l.file, err
			},
		})
		return err
	})
	if err != nil {
		if errors.As(err, new(*fault)) {
			release(l.file)
		}
		return nil, explain(path, unopened(path, err))
	}
	check := func() error { return l.check(c.ReadOnly) }
	if !readOnly {
		check = l.ready
	}
	if err := guarded(check); err != nil {
		// A fault inside bbolt can leave its locks held, and then its Close would wait for ever.
		if errors.As(err, new(*fault)) {
			release(l.file)
		} else {
			err = errors.Join(err, l.db.Close())
		}
		return nil, explain(path, err)
	}
	return l, nil
}

// unopened says what is wrong with a file that bbolt does not take for one of its own. One that begins like bbolt's was
// one, and is damaged or cut short.
func unopened(path string, err error) error {
	if errors.Is(err, bberrors.ErrTimeout) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
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
		return &store.FileError{Kind: store.ErrDamaged, Path: path, Reason: "the file is damaged or cut short (" + err.Error() + ")", Remedy: remedyBackup}
	}
	var errno interface{ Temporary() bool } // the system's errors have this method, bbolt's do not
	if errors.As(err, &errno) {
		return err
	}
	return bberrors.ErrInvalid
}

// Where bbolt's first page has its magic number, and what it is.
const (
	headerSize    = 20
	headerMagicAt = 16
	headerMagic   = 0xED0CDAED
)

// ready makes sure that the file is ours, complete and durable, and ready for appends.
func (l *Log) ready() error {
	fresh := false
	// Committed even where nothing changes: the process before us may have died between writing its last commit and
	// syncing it. We see that commit now, and whoever appended it may be told that it is done.
	err := l.db.Update(func(tx *bbolt.Tx) error {
		if fresh = empty(tx); fresh {
			return create(tx)
		}
		return l.checkTx(tx)
	})
	if err != nil || !fresh {
		return err
	}
	return syncDirectory(l.path)
}

// empty tells whether nothing was ever put into the file. A log whose creation was cut short looks like that.
func empty(tx *bbolt.Tx) bool {
	first, _ := tx.Cursor().First()
	return first == nil
}

func create(tx *bbolt.Tx) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	meta := tx.Bucket([]byte(bucketMeta))
	if err := meta.Put([]byte(metaMagic), []byte(magic)); err != nil {
		return err
	}
	return meta.Put([]byte(metaFormat), binary.BigEndian.AppendUint32(nil, formatVersion))
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
	return l.db.View(func(tx *bbolt.Tx) error {
		if err := l.checkTx(tx); err != nil || !onlyRead || !empty(tx) {
			return err
		}
		return unfinished(l.path)
	})
}

func unfinished(path string) error {
	return &store.FileError{Kind: store.ErrNotALog, Path: path, Reason: "it is empty: its creation was cut short",
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
	if empty(tx) {
		return nil
	}
	meta := tx.Bucket([]byte(bucketMeta))
	if meta == nil || string(meta.Get([]byte(metaMagic))) != magic {
		return &store.FileError{Kind: store.ErrNotALog, Path: l.path, Reason: "it is a bbolt file of another program", Remedy: remedyOther}
	}
	format := meta.Get([]byte(metaFormat))
	if len(format) != 4 || binary.BigEndian.Uint32(format) == 0 {
		return l.damaged("its format version is unreadable")
	}
	if found := binary.BigEndian.Uint32(format); found > formatVersion {
		return &store.FileError{Kind: store.ErrNewerFormat, Path: l.path,
			Reason: fmt.Sprintf("it has format version %d, and this version of the library reads up to %d", found, formatVersion), Remedy: "upgrade first"}
	}
	for _, name := range buckets {
		if tx.Bucket([]byte(name)) == nil {
			return l.damaged("its bucket %q is missing", name)
		}
	}
	// The newest record stands for all: whether each one is sound shows when it is read. That its stream ends with it
	// tells that the log's own end is not lost.
	last := lastPosition(tx)
	if last == 0 {
		return nil
	}
	r, err := l.frame(tx, last)
	if err != nil {
		return err
	}
	if end, err := l.newest(tx, r.Stream); err != nil || end != (place{r.Version, r.Position}) {
		return cmp.Or(err, l.damaged("the log ends at position %d, and %s %q does not end there", last, r.Stream.Category, r.Stream.ID))
	}
	return nil
}

func (l *Log) damaged(format string, args ...any) error {
	return &store.DamagedError{Log: "log " + l.path, Reason: fmt.Sprintf(format, args...)}
}
