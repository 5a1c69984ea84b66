package salvage

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A chunk's directory, as docs/reference/log-format-bbolt.md has it: where each frame but the first begins, two bytes
// each; the checksum of each, four bytes; their number, two bytes.
const (
	beginSize = 2
	sumSize   = 4
	countSize = 2
	chunkMax  = 8160 // of the frames of a chunk with its directory, unless one frame alone is longer
	framesMax = 256  // of a chunk: more of the shortest do not fit
)

// How much has to agree before a directory counts as that of a frame. A checksum is 32 bits, a beginning or the count
// 16. Where the frames end is where the directory begins, and few are tried; elsewhere some thousands are.
const (
	bitsSum     = 32
	bitsPlace   = 16
	bitsAtEnd   = bitsSum + bitsPlace
	bitsFarther = bitsSum + 2*bitsPlace
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// piece is a frame in a window.
type piece struct {
	begin, end int
	position   uint64
	sum        uint32
	newer      bool // a later version of the library wrote it
}

// directory is where one may stand in a window, of so many frames, of which the first of a run would be that with the
// number.
type directory struct{ at, frames, first int }

func (d directory) sum(slot int) int { return d.at + beginSize*(d.frames-1) + sumSize*slot }
func (d directory) count() int       { return d.sum(d.frames) }
func (d directory) end() int         { return d.count() + countSize }

// proven says how many frames at the head of the run have their checksum in the directory; 0 where too little agrees.
func (d directory) proven(b []byte, run []piece, enough int) (frames int) {
	if d.first < 0 || d.at < 0 || d.end() > len(b) {
		return 0
	}
	bits := 0
	if int(binary.BigEndian.Uint16(b[d.count():])) == d.frames {
		bits += bitsPlace
	}
	ended := false
	for i, p := range run {
		slot := d.first + i
		if slot+1 < d.frames && d.begin(b, slot+1)-d.begin(b, slot) == p.end-p.begin {
			bits += bitsPlace
		}
		if binary.BigEndian.Uint32(b[d.sum(slot):]) != p.sum {
			ended = true
			continue
		}
		bits += bitsSum
		if !ended {
			frames++
		}
	}
	if bits < enough {
		return 0
	}
	return frames
}

func (d directory) begin(b []byte, slot int) int {
	if slot == 0 {
		return 0
	}
	return int(binary.BigEndian.Uint16(b[d.at+beginSize*(slot-1):]))
}

// checked is what a directory says of a run of frames.
type checked struct {
	frames    int // at the head of the run, which have their checksums in it
	directory directory
	sums      int // where the first of these checksums stands
}

// check looks for the directory of a run of frames, in which one stands right after the other.
func check(b []byte, run []piece) checked {
	last := run[len(run)-1].end
	for n := len(run); n <= framesMax; n++ { // the run goes to the end of its chunk
		d := directory{at: last, frames: n, first: n - len(run)}
		if frames := d.proven(b, run, bitsAtEnd); frames > 0 {
			return checked{frames, d, d.sum(d.first)}
		}
	}
	// A frame after the run is damaged: the directory is somewhere behind it.
	sum := binary.BigEndian.AppendUint32(nil, run[0].sum)
	behind := b[last:min(len(b), last+chunkMax)]
	for from := 0; ; {
		i := bytes.Index(behind[from:], sum)
		if i < 0 {
			return checked{}
		}
		if c := around(b, run, last+from+i); c.frames > 0 {
			return c
		}
		from += i + 1
	}
}

// around is check where the first frame's checksum may stand at a place.
func around(b []byte, run []piece, at int) checked {
	for after := 0; after < framesMax; after++ { // checksums after this one
		count := at + sumSize*(after+1)
		if count+countSize > len(b) {
			break
		}
		n := int(binary.BigEndian.Uint16(b[count:]))
		if n <= after || n > framesMax || n-1-after+len(run) > n {
			continue
		}
		d := directory{at: count - sumSize*n - beginSize*(n-1), frames: n, first: n - 1 - after}
		if d.at < run[len(run)-1].end {
			continue
		}
		if frames := d.proven(b, run, bitsFarther); frames > 0 {
			return checked{frames, d, at}
		}
	}
	frames := 0
	for i, p := range run { // without the count, two checksums that stand together are as much
		if at+sumSize*(i+1) > len(b) || binary.BigEndian.Uint32(b[at+sumSize*i:]) != p.sum {
			break
		}
		frames++
	}
	if frames*bitsSum < bitsFarther {
		return checked{}
	}
	return checked{frames: frames, sums: at}
}
