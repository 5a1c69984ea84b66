package salvage

import (
	"errors"
	"io"
)

// sector is how much is given up at once where the disk does not read.
const sector = 4096

// Range is a stretch of the file, in bytes.
type Range struct {
	Begin int64 `json:"begin,string"`
	End   int64 `json:"end,string"`
}

// image is the file as it can be read: what the disk does not give is zeros, and noted.
type image struct {
	from       io.ReaderAt
	size       int64
	unreadable []Range
}

// read fills b with what stands at the offset. What is beyond the end is zeros.
func (f *image) read(b []byte, at int64) {
	n, err := f.from.ReadAt(b, at)
	if err == nil || errors.Is(err, io.EOF) {
		clear(b[n:])
		return
	}
	if len(b) > sector {
		head := sector - int(at%sector)
		f.read(b[:head], at)
		f.readSectors(b[head:], at+int64(head))
		return
	}
	clear(b)
	f.note(Range{at, min(at+int64(len(b)), f.size)})
}

func (f *image) readSectors(b []byte, at int64) {
	for len(b) > 0 {
		n := min(sector, len(b))
		f.read(b[:n], at)
		b, at = b[n:], at+int64(n)
	}
}

// note takes a stretch into the list, once.
func (f *image) note(r Range) {
	for i := range f.unreadable {
		if have := &f.unreadable[i]; r.Begin <= have.End && have.Begin <= r.End {
			have.Begin, have.End = min(have.Begin, r.Begin), max(have.End, r.End)
			return
		}
	}
	f.unreadable = append(f.unreadable, r)
}

// bytes returns what stands at the offset, in memory of its own.
func (f *image) bytes(at int64, size int) []byte {
	b := make([]byte, size)
	f.read(b, at)
	return b
}
