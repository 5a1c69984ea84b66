package bolt

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// What Config's zero values stand for.
const (
	// DefaultLockTimeout is how long Open waits for a file that somebody else holds.
	DefaultLockTimeout = time.Second
	// DefaultMapSize is how much address space, in bytes, is set aside for the file where that costs nothing.
	DefaultMapSize = 1 << 30
	// DefaultPagesLooked is how many of the file's pages Open looks at before it trusts them: a file of 256 MiB whole, in
	// a third of a second where the system has it in memory, and in as long as its disk takes to read it where not.
	DefaultPagesLooked = 1 << 16
)

// fileMode keeps other users out: records hold what APO sent, which can be personal data.
const fileMode = 0o600

// Config is how a log is opened. The zero value, and nil, are right for a service.
type Config struct {
	// LockTimeout is how long Open waits while another process holds the file; zero is [DefaultLockTimeout].
	LockTimeout time.Duration
	// MapSize is the address space set aside for the file in bytes; zero is [DefaultMapSize] on 64-bit systems other
	// than Windows, where it would be taken from the disk. When the file outgrows it, appends wait once for the reads
	// under way; it never limits the file.
	MapSize int
	// PagesLooked is how many of the file's pages Open looks at, those nearest the roots first; zero is
	// [DefaultPagesLooked]. With fewer, one question is asked of a large file sooner. Damage in a page that was not looked
	// at shows where it is read, and links that lead in a circle do not: see the package's documentation.
	PagesLooked int
	// ReadOnly opens an existing file for reading, by any number of processes at once. Append fails with
	// store.ErrReadOnly, and nothing is written to the file, whatever it is. It has to pass all that it would have to pass
	// to be opened for appends.
	ReadOnly bool
	// Unsealed makes a new log without a seal: nobody can prove later that nothing in it was altered. It changes nothing
	// in a log that exists. Sealing costs a few per cent of the appends a second.
	Unsealed bool
	// Signer signs checkpoints; nil: [Log.Checkpoint] and [Log.Prove] are refused. With one, a log that has no seal is
	// store.ErrInvalid when it is opened: either it was made with Unsealed, or its seal was taken away.
	Signer *seal.Signer
	// SignerKey is the Signer's key as text, as seal.GenerateKey or `tilltape keygen` made it, for whoever needs the key
	// for nothing else: give this or Signer. White space around it is ignored.
	SignerKey string
	// Origin begins the name that a new log has in its checkpoints, preferably as a web address ("shop.example/orders"); a
	// random part follows. Empty: the signer's name, or [DefaultOrigin]. A log that was made without a name takes the one
	// that it is first opened for appends with, and tells its origin before in [Log.Ancestry]; one that has a name keeps
	// it, and any other is store.ErrInvalid, but where a backup goes on as a log of its own. The signer's key has to be of
	// that name, or of one above it.
	Origin string

	// Journal has appends go to a second file first, the log's name with "-journal" after it, where one sync makes them
	// durable; they are moved into the log's file behind that, many at a time. Twice as fast for a lone writer. As long as
	// the log is open, and after a crash, the two files are one log: opening takes what the journal holds into the file,
	// with this or without, and Close removes it. The journal takes 32 MiB of the disk, and up to 256 MiB, as it does of
	// memory, where the file cannot keep up.
	Journal bool

	// Follow is the whole origin of a log whose appends get their order elsewhere, and of which this file is one copy of
	// several, as store/jetstream has them: [Log.Apply] appends what comes in that order, and [Log.Append] is
	// store.ErrReadOnly. A new file gets this origin; one that holds a log of another is store.ErrDamaged, and one that
	// follows nothing store.ErrInvalid. A [Log.Backup] of such a file that is opened with it goes on as one more copy;
	// opened without it, as a log of its own. Empty: the log's appends are its own.
	Follow string

	moveBounds  moveBounds // zero: the default; tests use small ones
	unsynced    bool       // nothing is durable before a sync; for copies
	copyOf      *identity  // what a copy is to say of itself; nil where this is to be no copy
	copyFollows string     // how far it has applied the order that it follows
	asIs        bool       // a backup stays one
	generation  int        // entries of a generation; zero is generationMax; tests use small ones
}

// Open opens the log in the file at path, or makes a new one (mode 0600, and durable itself) where there is no file or
// an empty one. Where there is none, it makes the log under another name beside, path with ".*.partial" after it, which
// a crash may leave, and names it when it is whole. The directory must exist.
//
// A file that is not ours is never written to. Errors are of type *FileError or *store.DamagedError and wrap
// [ErrLocked], [ErrNotALog], or package store's ErrNewerFormat, ErrDamaged, ErrFull or ErrStorage; a path or a
// configuration nobody can mean wraps store.ErrInvalid. Open syncs twice, more often where there
// is or is to be a journal, and reads the newest records, those that a crash left to be read again, and the links
// between up to 65 536 pages, for a file of 256 MiB or more: a third of a second, where the system has these pages in
// memory.
func Open(path string, config *Config) (*Log, error) {
	var c Config
	if config != nil {
		c = *config
	}
	if path == "" {
		return nil, fmt.Errorf("%w: log path is empty; name the file the log is to be kept in", store.ErrInvalid)
	}
	if c.LockTimeout < 0 || c.MapSize < 0 || c.PagesLooked < 0 {
		return nil, fmt.Errorf("%w: log %s: LockTimeout %s, MapSize %d and PagesLooked %d must not be negative; leave them "+
			"zero for the defaults", store.ErrInvalid, path, c.LockTimeout, c.MapSize, c.PagesLooked)
	}
	if err := c.readSigner(path); err != nil {
		return nil, err
	}
	if c.Unsealed && c.Signer != nil {
		return nil, fmt.Errorf("%w: log %s: a log without a seal has nothing to sign; leave out Config.Unsealed or "+
			"Config.Signer", store.ErrInvalid, path)
	}
	if err := c.naming().Check("log " + path); err != nil {
		return nil, err
	}
	if err := c.checkFollow(path); err != nil {
		return nil, err
	}
	c.LockTimeout = cmp.Or(c.LockTimeout, DefaultLockTimeout)
	c.MapSize = cmp.Or(c.MapSize, defaultMapSize())
	c.generation = cmp.Or(c.generation, generationMax)
	c.moveBounds = cmp.Or(c.moveBounds, c.defaultBounds())

	fresh, err := isFresh(path)
	if err != nil {
		return nil, explain(path, err)
	}
	if c.ReadOnly && fresh {
		if _, err := os.Stat(path); err == nil {
			return nil, unfinishedError(path)
		}
		return nil, &FileError{Kind: store.ErrStorage, Path: path, Reason: "there is no such file",
			Remedy: "check the path; opening for reading makes no file"}
	}
	if fresh {
		if fresh, err = c.make(path); err != nil {
			return nil, explain(path, err)
		}
	}
	// Looked at without the right to write first: bbolt changes whatever file it opens for writing, and it reads the
	// free list, where damage makes it panic, only then.
	var look *Log
	if !fresh {
		look, err = attach(path, c, true, func(l *Log) error { return l.check(c) })
		if err != nil || c.ReadOnly {
			return look, err
		}
		if err := look.Close(); err != nil {
			return nil, err
		}
	}
	l, err := attach(path, c, false, func(l *Log) error { return l.ready(c, look) })
	if err != nil {
		return nil, err
	}
	if l.hopeless() {
		if err := l.flushAll(); err != nil {
			return nil, errors.Join(explain(path, err), l.db.Close())
		}
	}
	l.start()
	return l, nil
}

// start lets appends in.
func (l *Log) start() {
	l.queue = ledger.NewQueue[look]()
	l.committed = make(chan struct{})
	begun := l.flush
	if l.mover != nil {
		go l.keepMoving()
	}
	go func() {
		defer close(l.committed)
		if l.followed.Load() == nil { // else Apply alone commits
			ledger.Run(l.queue, (*engine)(l), &l.plan)
		}
	}()
	if begun != nil && (l.mover != nil || l.followed.Load() == nil) { // else nobody commits, and Close does the rest
		go l.catchUp(begun)
	}
}

func defaultMapSize() int {
	if runtime.GOOS == "windows" || strconv.IntSize < 64 {
		return 0
	}
	return DefaultMapSize
}

// attach opens the file with bbolt and checks that it is ours.
func attach(path string, c Config, readOnly bool, check func(*Log) error) (*Log, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, explain(path, err)
	}
	l := &Log{path: path, name: "log " + path, absolute: absolute, readOnly: readOnly, signer: c.Signer,
		pagesLooked: cmp.Or(c.PagesLooked, DefaultPagesLooked),
		lazy:        lazy{limit: c.generation, active: newGeneration()}, ended: make(chan struct{}),
		wedged: make(chan struct{}),
		plan:   plan{Log: "log " + path}}
	err = guarded(func() (err error) {
		l.db, err = bbolt.Open(path, fileMode, &bbolt.Options{
			Timeout:         c.LockTimeout,
			ReadOnly:        readOnly,
			InitialMmapSize: c.MapSize,
			FreelistType:    bbolt.FreelistMapType,
			NoStatistics:    true,
			NoSync:          c.unsynced,
			NoGrowSync:      c.unsynced,
			OpenFile: func(name string, flag int, mode os.FileMode) (file *os.File, err error) {
				l.file, err = os.OpenFile(name, flag, mode)
				return l.file, err
			},
		})
		return err
	})
	if err != nil {
		if isFault(err) {
			release(l.file)
		}
		return nil, explain(path, openError(path, err))
	}
	if l.journalAt, err = journalPath(absolute); err != nil {
		return nil, explain(path, errors.Join(err, l.db.Close()))
	}
	if err := guarded(func() error { return cmp.Or(l.stillThere(), check(l)) }); err != nil {
		// A fault inside bbolt can leave its locks held, and then its Close would wait for ever.
		if isFault(err) {
			release(l.file)
		} else {
			err = errors.Join(err, l.db.Close())
		}
		return nil, explain(path, err)
	}
	return l, nil
}
