package bolt

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// The log's values are chunks: frames of one commit, one after another, under the position of the last of them. So one
// search for a position finds its chunk, and bbolt handles a few values a commit instead of one a record. After the
// frames stands a directory, where each frame but the first begins and how many there are, so that none is looked for:
// the way from frame to frame to one in the middle costs as many misses of the processor's caches, which is most of a
// read. It also has a checksum of each frame, so that a bit that rotted is no other amount or name for a reader.

// chunkMax is the size in bytes at which a chunk is closed, unless a frame alone is larger: two of them, with what
// bbolt keeps for each, fill four pages of 4 KiB. In smaller ones the frames that do not fit waste more of the file; of
// larger ones more is written again: bbolt splits no page with fewer than five values, and writes a page again for each
// that comes to it.
const chunkMax = (4*4096-16)/2 - 16 - numberSize

// directorySize is the size of the directory of so many frames: where each but the first begins, 2 bytes, the checksum
// of each, and the count, 2 bytes.
func directorySize(frames int) int { return (2 + sumSize) * frames }

// appendDirectory appends the directory of the frames that b ends with, which begin at start and have these ends.
func appendDirectory(b []byte, start int, ends []int) []byte {
	frames := b[len(b)-(ends[len(ends)-1]-start):]
	for _, end := range ends[:len(ends)-1] {
		b = binary.BigEndian.AppendUint16(b, uint16(end-start))
	}
	begin := 0
	for _, end := range ends {
		b = binary.BigEndian.AppendUint32(b, crc32.Checksum(frames[begin:end-start], castagnoli))
		begin = end - start
	}
	return binary.BigEndian.AppendUint16(b, uint16(len(ends)))
}

// frames finds frames in one transaction. It remembers the chunk it found last, so that walking costs few searches. It
// is for one goroutine, and what it returns is valid until the transaction ends, or in copies for as long as these are.
type frames struct {
	log         *Log
	tail        tail // what is not in the file yet
	loaded      *group
	cursor      *bbolt.Cursor
	first, last uint64 // positions of the chunk found last; first is 0 before there is one
	chunk       []byte // without its directory
	begins      []byte // of each frame but the first
	sums        []byte // of each frame
	size        int    // of the frame read last
	// Where chunks are copied to before anything of them is believed, for frames that outlive the transaction; nil: they
	// are read where they lie.
	copies *[]byte
}

func newFrames(l *Log, tx reading) *frames {
	return &frames{log: l, tail: tx.tail, cursor: tx.Bucket([]byte(bucketLog)).Cursor()}
}

// at returns the frame at the position.
func (f *frames) at(position uint64) ([]byte, error) {
	if g := f.tail.at(position); g != nil {
		return f.inTail(g, position)
	}
	if f.first == 0 || position < f.first || position > f.last {
		key, chunk := f.cursor.Seek(number(position))
		if err := f.take(key, chunk, position); err != nil {
			return nil, err
		}
	}
	i, begin, end := int(position-f.first), 0, len(f.chunk)
	if i > 0 {
		begin = int(binary.BigEndian.Uint16(f.begins[2*(i-1):]))
	}
	if 2*i < len(f.begins) {
		end = int(binary.BigEndian.Uint16(f.begins[2*i:]))
	}
	if begin > end || end > len(f.chunk) {
		return nil, f.missingError(position)
	}
	frame := f.chunk[begin:end]
	if crc32.Checksum(frame, castagnoli) != binary.BigEndian.Uint32(f.sums[sumSize*i:]) {
		return nil, f.damagedError(position, "the record here is not as it was written")
	}
	switch size, err := events.FrameSize(frame); {
	case err != nil:
		return nil, unreadableError(f.log.path, position, err)
	case size != len(frame):
		return nil, f.missingError(position)
	}
	return frame, nil
}

// inTail is the frame at a position that a group of the tail has. The group read last is kept, where its frames are in
// the journal alone.
func (f *frames) inTail(g *group, position uint64) ([]byte, error) {
	if g.frames == nil {
		if f.loaded == nil || f.loaded.first != g.first {
			loaded, err := f.log.load(g)
			if err != nil {
				return nil, err
			}
			f.loaded = loaded
		}
		g = f.loaded
	}
	return f.copied(g.frame(position)), nil
}

// on is at for the position that follows the one found last: its chunk is the next one, if it is another.
func (f *frames) on(position uint64) ([]byte, error) {
	if f.first != 0 && position == f.last+1 && f.tail.at(position) == nil {
		if more, err := f.next(); err != nil || !more {
			return nil, cmp.Or(err, f.missingError(position))
		}
	}
	return f.at(position)
}

// next moves on to the chunk after the one found last; false at the end of the log.
func (f *frames) next() (bool, error) {
	key, chunk := f.cursor.Next()
	if key == nil {
		return false, nil
	}
	return true, f.take(key, chunk, f.last+1)
}

// copied is bytes of the log where they outlive the transaction, if they are to.
func (f *frames) copied(b []byte) []byte {
	if f.copies == nil {
		return b
	}
	begin := len(*f.copies)
	*f.copies = append(*f.copies, b...)
	return (*f.copies)[begin:]
}

// take remembers a chunk once it is proven to hold the position.
func (f *frames) take(key, chunk []byte, position uint64) error {
	chunk = f.copied(chunk)
	last, ok := parseNumber(key)
	if !ok || len(chunk) < directorySize(1) {
		return f.missingError(position)
	}
	count := uint64(binary.BigEndian.Uint16(chunk[len(chunk)-2:]))
	end := len(chunk) - directorySize(int(count))
	if count == 0 || end < 0 || last < count || position > last || last-count >= position {
		return f.missingError(position)
	}
	sums := len(chunk) - 2 - sumSize*int(count)
	f.first, f.last, f.chunk, f.begins, f.sums = last-count+1, last, chunk[:end], chunk[end:sums], chunk[sums:len(chunk)-2]
	return nil
}

func (f *frames) missingError(position uint64) error {
	return f.damagedError(position, "there is no record here")
}

func (f *frames) damagedError(position uint64, reason string) error {
	return &store.DamagedError{Log: f.log.name, Position: position, Reason: reason}
}

// record reads the record at the position and proves that it is the one that belongs there.
func (f *frames) record(position uint64) (events.Record, error) {
	frame, err := f.at(position)
	if err != nil {
		return events.Record{}, err
	}
	f.size = len(frame)
	return f.log.decode(position, frame)
}

func (l *Log) decode(position uint64, frame []byte) (events.Record, error) {
	r, err := events.DecodeFrame(frame)
	if err != nil {
		return events.Record{}, unreadableError(l.path, position, err)
	}
	if r.Position != position {
		return events.Record{}, &store.DamagedError{Log: l.name, Position: position,
			Reason: fmt.Sprintf("the record here says that its position is %d", r.Position)}
	}
	return r, nil
}

// frameOf reads the record at a place of the stream.
func (l *Log) frameOf(f *frames, of events.Stream, at place) (events.Record, error) {
	r, err := f.record(at.Position)
	if err != nil {
		return events.Record{}, err
	}
	if r.Stream != of || r.Version != at.Version {
		return events.Record{}, &store.DamagedError{Log: l.name, Position: at.Position,
			Reason: fmt.Sprintf("version %d of %s %q should be here, but it is version %d of %s %q",
				at.Version, of.Category, of.ID, r.Version, r.Stream.Category, r.Stream.ID)}
	}
	return r, nil
}

// lastPosition is the position of the log's newest record, 0 when it has none.
func lastPosition(tx *bbolt.Tx) uint64 {
	key, _ := tx.Bucket([]byte(bucketLog)).Cursor().Last()
	last, _ := parseNumber(key)
	return last
}
