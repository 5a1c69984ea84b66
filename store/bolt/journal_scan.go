package bolt

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// scanPiece is how much of a journal is read at once, in bytes. What reading one takes of memory is this, a berth for
// each record, and one record.
const scanPiece = 1 << 20

// scan is what a journal holds, read once from its beginning to its end.
type scan struct {
	journalHead
	seed  uint32
	after uint64 // positions up to it are in the file

	berths []berth // records that are whole and that the file does not have
	torn   uint64  // position of the newest of which there is a part, and which the file does not have; 0: there is none
	rotten int64   // the first place at which there is what nobody wrote; 0 where there is none

	open berth // the record that is being read
	next int   // the number of its next sector; 0 where none is
}

// scanJournal reads a journal. Its berths come in the order of their positions.
func scanJournal(path string, after uint64) (s *scan, err error) {
	file, err := openJournal(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	s, length, err := scanHead(file, after)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.Size() < length:
		return nil, cutJournal{info.Size(), length}
	}
	return s, s.read(file, length)
}

// scanLeft reads what is left of a journal, as long as it is, and tells what is wrong with its length.
func scanLeft(path string) (s *scan, fault, err error) {
	file, err := openJournal(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	s, length, err := scanHead(file, 0)
	switch {
	case s == nil:
		return nil, nil, err
	case err != nil:
		fault, length = err, info.Size()
	case info.Size() < length:
		fault, length = cutJournal{info.Size(), length}, info.Size()
	}
	return s, fault, s.read(file, length)
}

// scanHead begins a scan by what the journal says of itself. With the error that its length cannot be read, there is a
// scan.
func scanHead(file *os.File, after uint64) (*scan, int64, error) {
	head := make([]byte, journalBegin)
	n, err := io.ReadFull(file, head)
	if err != nil && !isShort(err) {
		return nil, 0, err
	}
	h, err := parseJournalHead(head[:n])
	if err != nil {
		return nil, 0, err
	}
	s := &scan{journalHead: h, seed: journalSeed(h.id), after: after}
	if n < journalBegin {
		return s, 0, errJournalLength
	}
	length, err := parseLength(h.id, head[journalHeader:])
	return s, length, err
}

// openJournal opens a journal for reading.
func openJournal(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // who opens a pipe waits
		return nil, errNoJournal
	}
	return os.Open(path)
}

func isShort(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// cutJournal is what a journal is that is shorter than it was made.
type cutJournal struct{ is, was int64 }

func (c cutJournal) Error() string {
	return fmt.Sprintf("it was cut short: %d bytes of %d are there", c.is, c.was)
}

func (s *scan) read(file *os.File, length int64) error {
	piece := make([]byte, min(max(length-journalBegin, 0), scanPiece))
	for at := int64(journalBegin); at < length; at += int64(len(piece)) {
		piece = piece[:min(length-at, scanPiece)/sectorSize*sectorSize]
		if len(piece) == 0 {
			break
		}
		if _, err := file.ReadAt(piece, at); err != nil {
			return err
		}
		for begin := 0; begin < len(piece); begin += sectorSize {
			s.take(at+int64(begin), piece[begin:][:sectorSize])
		}
	}
	s.breakOff()
	slices.SortFunc(s.berths, func(a, b berth) int { return cmp.Compare(a.first, b.first) })
	return nil
}

// take goes on with the sector at a place.
func (s *scan) take(at int64, b []byte) {
	if bytes.Equal(b, zeroPage[:sectorSize]) {
		s.breakOff()
		return
	}
	of, ok := parseSector(s.seed, at, b)
	switch {
	case !ok:
		s.breakOff()
		s.rotten = cmp.Or(s.rotten, at)
		return
	case s.next > 0 && of.first == s.open.first && of.number == s.next:
	case of.number > 0:
		s.breakOff()
		s.part(of.first)
		return
	default:
		s.breakOff()
		if s.open, ok = parseBerth(of, at); !ok {
			s.rotten = cmp.Or(s.rotten, at)
			return
		}
	}
	if s.next++; s.next < sectors(s.open.size) {
		return
	}
	s.next = 0
	if s.open.last() > s.after {
		s.berths = append(s.berths, s.open)
	}
}

// breakOff ends a record whose next sector is not there.
func (s *scan) breakOff() {
	if s.next > 0 {
		s.next = 0
		s.part(s.open.first)
	}
}

// part takes note of a part of the record with that position.
func (s *scan) part(first uint64) {
	if first > s.after {
		s.torn = max(s.torn, first)
	}
}

// last is the position of the last record that there is a sign of.
func (s *scan) last() (last uint64) {
	if n := len(s.berths); n > 0 {
		last = s.berths[n-1].last()
	}
	return last
}

// fault is what a journal has that no power loss leaves, where its whole records end at the position end; nil where it
// has nothing of that kind. One group is written and not synced at a time: a power loss tears that one alone, which
// comes next. Of older ones there may be parts, where newer ones were written over them.
func (s *scan) fault(end uint64) error {
	switch {
	case s.rotten != 0:
		return s.rot()
	case s.torn > end+1:
		return fmt.Errorf("of the records from position %d on only a part is there", s.torn)
	}
	return nil
}

// rot is that there is what nobody wrote; nil where there is none.
func (s *scan) rot() error {
	if s.rotten == 0 {
		return nil
	}
	return fmt.Errorf("its bytes from %d on are not what was written there", s.rotten)
}

// isSystem tells whether an error is the system's, and not of what a file holds.
func isSystem(err error) bool {
	_, is := errors.AsType[*fs.PathError](err)
	return is
}
