package bolt

import (
	"os"
	"path/filepath"

	"github.com/tilltape/tilltape/internal/folder"
)

// All that is done to a journal's file goes through these.

// createJournal makes the file, not yet under its name.
func createJournal(aside string) (*os.File, error) {
	return os.OpenFile(aside, os.O_CREATE|os.O_EXCL|os.O_RDWR, fileMode)
}

// reopenJournal opens it by its name: once for the groups, and once for what makes it longer. Linux tells of a write
// that failed later by the next sync of each opening of a file, once: so a sync of the growth never takes that from a
// group's.
func reopenJournal(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDWR, 0) }

func (j *journal) writeAt(b []byte, at int64) (int, error) { return j.file.WriteAt(b, at) }

func (j *journal) sync() error { return syncData(j.file) }

func (j *journal) writeMore(b []byte, at int64) (int, error) { return j.more.WriteAt(b, at) }

func (j *journal) syncMore() error { return syncData(j.more) }

func (j *journal) cut(size int64) error { return j.more.Truncate(size) }

// nameJournal gives a whole journal its name, durable, if nothing has it.
func nameJournal(aside, path string) error {
	if err := folder.Name(aside, path); err != nil {
		return err
	}
	return folder.Sync(filepath.Dir(path))
}

// removeJournal takes a journal away. What a power loss brings back of it is found to be needless.
func removeJournal(path string) error { return os.Remove(path) }
