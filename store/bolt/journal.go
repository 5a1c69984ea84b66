package bolt

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
)

// The journal is a file beside the log's, written from end to end before it is used, so that a sync of it writes data
// and nothing else. It begins with a header, which is never written again. A record is what one sync is for: the frames
// of a group of appends, which follow one another in the log. Where it stands means nothing; what it is follows from
// the positions that it has. docs/reference has the format.
const (
	journalSuffix   = "-journal"
	partialSuffix   = ".partial" // while it is made
	journalMagic    = "tilltape journal"
	journalVersion  = 1
	journalIDSize   = 16
	journalHeader   = 4096 // bytes; the records begin after it
	journalAlign    = 512  // what a record begins at a multiple of: no sector with something acknowledged is written again
	journalOriginAt = len(journalMagic) + 4 + journalIDSize + numberSize

	recordMagic  = 0x74746a72
	recordHeader = 4 + sumSize + 4 + 4 + numberSize
)

// journalStep is how long a journal is when it is made, and by how much it grows where what moves its records into the
// file is behind; and journalMax is how long it can get. Appends wait where it has no room.
const (
	journalStep = 32 << 20
	journalMax  = 256 << 20
)

// journal is the file that appends go to first. Its space is given out by the committer alone.
type journal struct {
	path   string
	file   *os.File
	more   *os.File // the same, opened again by and for what makes it longer
	id     string
	bounds journalBounds
	space  space

	wake  chan struct{} // holds one token: there may be something to move
	hurry chan struct{} // holds one token: somebody waits for what could not be moved
	freed chan struct{} // holds one token: there may be room, or there never will be
	stop  chan struct{} // closed when nothing is to be moved any more
	ended chan struct{} // closed when the mover has ended

	starving atomic.Bool // appends wait for room
}

// journalBounds are its sizes, in bytes.
type journalBounds struct {
	step, max int64
	moveAt    int64 // what gathers before it is moved into the file
	moveMax   int   // of which so much goes into one transaction
}

// What is moved into the file is moved in transactions that are large beside a group of appends, so that a page is
// written once for many of them, and small beside what the disk writes in some milliseconds: appends sync meanwhile.
const (
	moveAt  = 8 << 20
	moveMax = 2 << 20
)

func defaultBounds() journalBounds {
	return journalBounds{step: journalStep, max: journalMax, moveAt: moveAt, moveMax: moveMax}
}

// journalPath is where the journal of a log is, wherever the process goes: beside its file, and not beside a link to
// that.
func journalPath(absolute string) (string, error) {
	target, err := filepath.EvalSymlinks(absolute)
	return target + journalSuffix, err
}

// journalHead is what a journal says of itself.
type journalHead struct {
	id     string
	origin string // of the log; empty where that is unsealed
	begin  uint64 // position of the log's newest record when it was made
}

func (h journalHead) bytes() []byte {
	b := make([]byte, 0, journalHeader)
	b = append(b, journalMagic...)
	b = binary.BigEndian.AppendUint32(b, journalVersion)
	b = append(b, h.id...)
	b = binary.BigEndian.AppendUint64(b, h.begin)
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.origin)))
	b = append(b, h.origin...)
	b = append(b, make([]byte, journalHeader-sumSize-len(b))...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// errNoJournal is what a file is that does not begin as a journal.
var errNoJournal = errors.New("it is no journal of this library, or its header is damaged")

// newerJournal is the format version of a journal that this version of the library cannot read.
type newerJournal uint32

func (v newerJournal) Error() string {
	return fmt.Sprintf("it has format version %d, and this version of the library reads %d", uint32(v), journalVersion)
}

func parseJournalHead(b []byte) (h journalHead, err error) {
	if len(b) < journalHeader || !bytes.HasPrefix(b, []byte(journalMagic)) ||
		crc32.Checksum(b[:journalHeader-sumSize], castagnoli) != binary.BigEndian.Uint32(b[journalHeader-sumSize:]) {
		return journalHead{}, errNoJournal
	}
	rest := b[len(journalMagic):]
	if version := binary.BigEndian.Uint32(rest); version != journalVersion {
		return journalHead{}, newerJournal(version)
	}
	h.id = string(rest[4:][:journalIDSize])
	h.begin = binary.BigEndian.Uint64(rest[4+journalIDSize:])
	n := int(binary.BigEndian.Uint16(b[journalOriginAt:]))
	if journalOriginAt+2+n > journalHeader-sumSize {
		return journalHead{}, errNoJournal
	}
	h.origin = string(b[journalOriginAt+2:][:n])
	return h, nil
}

// makeJournal makes a journal beside the log, durable and with its name, in whose place nothing may be. Whoever may
// read the log's file may read it.
func makeJournal(path, of string, h journalHead, bounds journalBounds) (j *journal, err error) {
	id := make([]byte, journalIDSize)
	if _, err := rand.Read(id); err != nil {
		return nil, err
	}
	h.id = string(id)
	aside := path + partialSuffix
	if err := os.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) { // of an opening that was cut short
		return nil, err
	}
	file, err := createJournal(aside)
	if err != nil {
		return nil, err
	}
	more, err := openJournalAgain(aside)
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
			_ = more.Close()     // it may not be open
			_ = os.Remove(aside) // where it still has that name: the error that is returned says more
		}
	}()
	if err != nil {
		return nil, err
	}
	// Who may not give a file away keeps it.
	if err := likeness(aside, of); err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	j = &journal{path: path, file: file, more: more, id: h.id, bounds: bounds,
		wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), freed: make(chan struct{}, 1),
		stop: make(chan struct{}), ended: make(chan struct{})}
	if _, err := j.writeAt(h.bytes(), 0); err != nil {
		return nil, err
	}
	if err := j.blank(journalHeader, bounds.step); err != nil {
		return nil, err
	}
	j.space = space{at: journalHeader, limit: journalHeader + bounds.step, size: journalHeader + bounds.step}
	return j, nameJournal(aside, path)
}

// blankPiece is how many zeros are written at once.
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
