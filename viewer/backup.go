package viewer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tilltape/tilltape/internal/documents"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/store"
)

const (
	backupPrefix = "tilltape-backup-"
	// staleAfter is how old a folder with a backup is that no process makes any more: one is given up much earlier.
	staleAfter = 2 * TransferTimeout
)

// backedUp is a log that can make a verified copy of itself.
type backedUp interface {
	Backup(ctx context.Context, path string, progress func(done, total uint64)) error
}

// noRoom is why no backup can be made where it was to be.
func noRoom(folder string, err error) error {
	if folder == "" {
		folder = os.TempDir()
	}
	return problemOf(http.StatusInsufficientStorage, fmt.Sprintf("No backup can be made in %s: %s. It takes as much room "+
		"there as the log does; make room, or have the service give its viewer another BackupFolder.", words.Plain(folder),
		words.Plain(err.Error())))
}

// handBackup makes a verified copy of the log in the folder for that, and hands it out.
func (v *Viewer) handBackup(w http.ResponseWriter, q *request) {
	q.json = true
	log, ok := v.log.(backedUp)
	if !ok {
		v.fail(w, q, problemOf(http.StatusNotFound, "No backup can be made of this log."))
		return
	}
	if q.Method == http.MethodHead { // a copy is made for whoever takes it
		w.Header().Set("Content-Type", backupType)
		w.WriteHeader(http.StatusOK)
		return
	}
	leave, err := v.place()
	if err != nil {
		v.fail(w, q, err)
		return
	}
	defer leave()
	ctx, cancel := context.WithTimeout(q.Context(), TransferTimeout)
	defer cancel()
	defer context.AfterFunc(v.life, cancel)()
	file, err := v.copied(ctx, log)
	if err != nil {
		v.fail(w, q, err)
		return
	}
	defer func() { _ = file.Close() }()
	if err := hand(w, file); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// backup is a copy of a log, open to be read.
type backup struct {
	*os.File
	dir string // its folder, which closing removes; empty: it is gone already
}

// Close implements [io.Closer].
func (b *backup) Close() error {
	err := b.File.Close()
	if b.dir != "" {
		err = errors.Join(err, os.RemoveAll(b.dir))
	}
	return err
}

// copied makes a verified copy of a log, and returns it open. Where the system lets an open file go it has no name any
// more: whoever fetches it may take hours, and a process that is killed meanwhile leaves nothing.
func (v *Viewer) copied(ctx context.Context, log backedUp) (b *backup, err error) {
	sweep(v.cfg.BackupFolder, time.Now())
	dir, err := os.MkdirTemp(v.cfg.BackupFolder, backupPrefix)
	if err != nil {
		return nil, noRoom(v.cfg.BackupFolder, err)
	}
	path := filepath.Join(dir, "backup")
	if err = log.Backup(ctx, path, nil); errors.Is(err, store.ErrFull) {
		err = noRoom(v.cfg.BackupFolder, err)
	}
	b = &backup{dir: dir}
	if err == nil {
		b.File, err = os.Open(path)
	}
	if gone := os.RemoveAll(dir); err != nil {
		return nil, err
	} else if gone == nil {
		b.dir = ""
	}
	return b, nil
}

// sweep removes what processes that were killed while they made a backup have left in a folder. What is young may be
// another process's that still makes it.
func sweep(folder string, now time.Time) {
	if folder == "" {
		folder = os.TempDir()
	}
	entries, _ := os.ReadDir(folder) // one that cannot be read is told when a backup is to be made in it
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && e.IsDir() && strings.HasPrefix(e.Name(), backupPrefix) && now.Sub(info.ModTime()) > staleAfter {
			_ = os.RemoveAll(filepath.Join(folder, e.Name())) // what is somebody else's stays
		}
	}
}

// hand hands out a backup.
func hand(w http.ResponseWriter, b *backup) error {
	info, err := b.Stat()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", backupType)
	w.Header().Set("Content-Length", documents.Digits(uint64(info.Size())))
	w.WriteHeader(http.StatusOK)
	out := &pieces{stream: stream{w, http.NewResponseController(w)}}
	_, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{b}, make([]byte, pieceSize))
	return err
}
