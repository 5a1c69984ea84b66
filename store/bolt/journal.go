package bolt

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// The journal is a file beside the log's, written from end to end before it is used, so that a sync of it writes data
// and nothing else. It begins with a header, which is never written again, and its length. A record is what one sync is
// for: the frames of a group of appends, which follow one another in the log. Where it stands means nothing; what it is
// follows from the positions that it has. docs/reference has the format.
const (
	journalSuffix   = "-journal"
	partialSuffix   = ".partial" // while it is made
	journalMagic    = "tilltape journal"
	journalVersion  = 1
	journalIDSize   = 16
	journalPage     = 4096            // bytes; what a record begins at a multiple of
	journalHeader   = journalPage     // the header has the first page, and the length the next
	journalBegin    = 2 * journalPage // where the records begin
	journalOriginAt = len(journalMagic) + 4 + journalIDSize + numberSize
)

// journalStep is how long a journal is when it is made, and by how much it grows where what moves its records into the
// file is behind; and journalMax is how long it can get. Appends wait where it has no room.
const (
	journalStep = 32 << 20
	journalMax  = 256 << 20
)

// journal is the file that appends go to first. Its space is given out by the committer alone.
type journal struct {
	path  string
	file  *os.File
	more  *os.File // the same, opened again by and for what makes it longer
	id    string
	space space
	past  [sha256.Size]byte // of what is in the log, for the next record; the committer's, as is
	sheet []byte            // what the record is put together in
	said  int64             // the longest that it may say that it is, but for the first; of what makes it longer

	*mover
}

// What is moved into the file is moved in transactions that are large beside a group of appends, so that a page is
// written once for many of them, and small beside what the disk writes in some milliseconds: appends sync meanwhile.
// After each the mover rests as long as it took, so that half of the disk is theirs, but for no longer than
// moveRestMax, and not where more than half of the journal is in use.
const (
	moveAt  = 8 << 20
	moveMax = 512 << 10

	moveAllMax = 2 << 20 // instead, where nobody appends: at an opening and a close
)

// journalPath is where the journal of a log is, wherever the process goes: beside its file, and not beside a link to
// that.
func journalPath(absolute string) (string, error) {
	target, err := filepath.EvalSymlinks(absolute)
	return target + journalSuffix, err
}

// makeJournal makes a journal beside the log, durable and with its name, in whose place nothing may be. Whoever may
// read the log's file may read it.
func makeJournal(path, of string, h journalHead, past [sha256.Size]byte, bounds moveBounds) (*journal, error) {
	id := make([]byte, journalIDSize)
	if _, err := rand.Read(id); err != nil {
		return nil, err
	}
	h.id = string(id)
	aside := path + partialSuffix
	if err := os.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) { // of an opening that was cut short
		return nil, err
	}
	j := &journal{path: path, id: h.id, past: past, mover: newMover(bounds)}
	j.filling = j.space.filling
	if err := j.write(aside, of, h); err != nil {
		_ = os.Remove(aside) // the error that is returned says more
		return nil, err
	}
	if err := nameJournal(aside, path); err != nil {
		_ = os.Remove(aside)
		return nil, err
	}
	return j, j.open()
}

// write makes the file, whole and durable, and lets go of it: not every system gives a name to a file that is open.
func (j *journal) write(aside, of string, h journalHead) (err error) {
	if j.file, err = createJournal(aside); err != nil {
		return err
	}
	j.more = j.file
	defer func() { err = errors.Join(err, j.file.Close()) }()
	// Who may not give a file away keeps it.
	if err := likeness(aside, of); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	size := journalBegin + j.bounds.step
	if _, err := j.writeAt(append(h.bytes(), lengthPage(h.id, size)...), 0); err != nil {
		return err
	}
	j.space = space{at: journalBegin, limit: size, size: size}
	return j.blank(journalBegin, j.bounds.step)
}

// open opens the file by its name.
func (j *journal) open() (err error) {
	if j.file, err = reopenJournal(j.path); err != nil {
		return err
	}
	if j.more, err = reopenJournal(j.path); err != nil {
		return errors.Join(err, j.file.Close())
	}
	return nil
}

// blankPiece is how many zeros are written at once and, where a journal grows, before each sync: appends sync
// meanwhile, and would wait for all that is written and not synced.
const blankPiece = 1 << 20

// blank writes zeros from a place on, and makes the file's new length durable.
func (j *journal) blank(at, n int64) error {
	zeros := make([]byte, min(n, blankPiece))
	for end := at + n; at < end; at += int64(len(zeros)) {
		if _, err := j.writeMore(zeros[:min(end-at, int64(len(zeros)))], at); err != nil {
			return err
		}
	}
	return j.syncMore()
}

// close lets go of it, once it does not grow any more.
func (j *journal) close() error { return errors.Join(j.file.Close(), j.more.Close()) }
