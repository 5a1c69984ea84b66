package salvage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// Config is what a salvage may use beside the file. The zero value, and nil, are right where there is nothing else.
type Config struct {
	// Backup is the path of a backup of the log, of whatever age: its records fill holes, and prove what they are the
	// same as. It has to be whole. Where the log and it went different ways, it counts up to there.
	Backup string
	// Checkpoint is one of the log that somebody kept, whose signature the caller has verified ([seal.ParseCheckpoint]).
	Checkpoint *seal.Checkpoint
	// Progress, where it is not nil, is told now and then how many of how many bytes of the file were looked at.
	Progress func(done, total int64)
}

// Found is what was found in a file. It is for one goroutine.
type Found struct {
	path     string
	file     io.Closer
	scan     *scan
	backup   *backup
	journal  *bolt.Journal // nil: there is none that is the log's
	was      headers
	named    bool      // was is what the log said of itself,
	certain  bool      // and with its newest commit
	accepted []found   // in the order of positions, one each
	tree     seal.Tree // over the first records
	report   Report
}

// Read looks at every byte of the damaged file at the path and at nothing that bbolt's pages say of each other, and
// finds the records in it. It never writes to the file. No process may have it open for appends, which would move what
// is being read: that is [bolt.ErrLocked] where the system has locks, and nobody can open it so until what Read returns
// is closed. A journal beside the file is looked at, too, where the file names it, or does not say any more.
//
// Damage is no error. Errors wrap [bolt.ErrNotALog] where there is nothing of a log in the file, store.ErrNewerFormat
// where a newer version of the library wrote a record in it, store.ErrInvalid for a backup of another log, and
// store.ErrStorage; those of an unusable backup are of [bolt.Open]. Close what it returns.
//
// Cost: it reads the file once, and each record once more. It needs some 150 bytes of memory for each record.
func Read(ctx context.Context, path string, config *Config) (*Found, error) {
	var c Config
	if config != nil {
		c = *config
	}
	if path == "" {
		return nil, fmt.Errorf("%w: the damaged log's path is empty; name its file", store.ErrInvalid)
	}
	// Before it is opened: whoever opens a pipe waits for somebody who writes into it.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, notALogError(path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, storageError(path, err)
	}
	f, err := read(ctx, path, file, c)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return f, nil
}

func read(ctx context.Context, path string, file *os.File, c Config) (*Found, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, storageError(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, notALogError(path)
	}
	if held(file) {
		return nil, &bolt.FileError{Kind: bolt.ErrLocked, Path: path, Reason: "another process has it open for appends",
			Remedy: "stop the service that writes it, or salvage a copy of the file"}
	}
	f := &Found{path: path, file: file, scan: newScan(file, info.Size())}
	if err := f.scan.all(ctx, c.Progress); err != nil {
		return nil, err
	}
	switch {
	case f.scan.newer > 0:
		return nil, &bolt.FileError{Kind: store.ErrNewerFormat, Path: path,
			Reason: fmt.Sprintf("a newer version of the library wrote a record in it, at position %d", f.scan.newer),
			Remedy: "salvage it with that version"}
	case len(f.scan.frames) == 0 && len(f.scan.heads) == 0:
		return nil, notALogError(path)
	}
	if c.Backup != "" {
		if f.backup, err = openBackup(ctx, c.Backup); err != nil {
			return nil, err
		}
	}
	if err := f.judge(ctx, c); err != nil {
		return nil, errors.Join(err, f.backup.close())
	}
	return f, nil
}

func newScan(from io.ReaderAt, size int64) *scan {
	return &scan{image: &image{from: from, size: size}, digest: sha256.New()}
}

func storageError(path string, err error) error {
	reason := err.Error()
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		reason = e.Err.Error()
	}
	return &bolt.FileError{Kind: store.ErrStorage, Path: path, Reason: reason,
		Remedy: "check the path and who may read it"}
}

func notALogError(path string) error {
	return &bolt.FileError{Kind: bolt.ErrNotALog, Path: path,
		Reason: "no record of a log and nothing else of one is in it",
		Remedy: "check the path"}
}

// Close lets go of the files.
func (f *Found) Close() error { return errors.Join(f.file.Close(), f.backup.close()) }

// Report tells what was found. Its slices are not to be changed.
func (f *Found) Report() Report { return f.report }
