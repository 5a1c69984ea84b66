package salvage

import (
	"bytes"
	"context"
	"errors"
	"hash"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// The file is looked at a window at a time: what begins in a window is found in it, with what the window has before and
// after for whatever reaches farther.
const (
	windowSize   = 4 << 20
	windowBehind = 64 << 10                         // before: the head of the entries that say which log it is
	windowAhead  = events.FrameMax + 2*chunkMax + 8 // after: the longest frame with its directory
)

// frameMin is less than the shortest frame has: so no position is above the file's size divided by it.
const frameMin = 32

// found is a frame that stands somewhere.
type found struct {
	position uint64
	at       int64 // in the file; or fromBackup, fromJournal
	size     int
	hash     seal.Hash
	proof    Proof
	sum      int64 // where its checksum stands
	altered  bool  // the seal says that another record was here
}

// fromBackup and fromJournal stand for the place of a frame that is not in the file.
const (
	fromBackup  = -1
	fromJournal = -2
)

// scan is a look at every byte of a file.
type scan struct {
	image  *image
	digest hash.Hash // SHA-256 of the file as it is read
	frames []found
	chunks []span
	heads  []headers
	tiles  map[seal.TileID][]int64 // where the hashes of each stand
	places map[events.Stream]place // as the entries of heads say
	newer  uint64                  // a position that a newer version of the library wrote; 0: none
	memo   map[int]piece           // the frames of this window by where they begin
}

// all looks at the whole file.
func (s *scan) all(ctx context.Context, progress func(done, total int64)) error {
	b := make([]byte, windowBehind+windowSize+windowAhead)
	for base := int64(0); base < s.image.size; base += windowSize {
		if err := store.CheckContext(ctx, "look at the whole file"); err != nil {
			return err
		}
		begin := max(0, base-windowBehind)
		window := b[:min(int64(len(b)), s.image.size-begin)]
		s.image.read(window, begin)
		from, to := int(base-begin), int(min(base+windowSize, s.image.size)-begin)
		s.digest.Write(window[from:to]) // a hash never returns an error
		s.window(window, begin, from, to)
		if progress != nil {
			progress(min(base+windowSize, s.image.size), s.image.size)
		}
	}
	s.doubtQuoted()
	return nil
}

// window looks at what begins in b from one offset to another; base is where b stands in the file.
func (s *scan) window(b []byte, base int64, from, to int) {
	s.memo = map[int]piece{}
	for at := from; at < to; {
		i := bytes.IndexByte(b[at:], events.FrameVersion)
		if i < 0 {
			break
		}
		if at += i; at >= to {
			break
		}
		next := at + 1
		for _, begin := range [...]int{at - lengthShort, at - lengthLong} {
			if end := s.chunk(b, base, begin, at); end > 0 {
				next = end
			}
		}
		at = next
	}
	s.memo = nil
	each(b, from, to, []byte(keyCopied), func(at int) {
		if h, ok := headersAt(b, at); ok {
			h.at = base + int64(at)
			s.heads = append(s.heads, h)
		}
	})
	each(b, from, to, tileSizes, func(at int) { s.tile(b, base, at) })
	each(b, from, to, headPrefix, func(at int) { s.place(b[at:]) })
}

// each calls do for each place in b, from one offset to another, where these bytes stand.
func each(b []byte, from, to int, what []byte, do func(at int)) {
	for at := from; at < to; at++ {
		i := bytes.Index(b[at:min(len(b), to+len(what)-1)], what)
		if i < 0 {
			return
		}
		at += i
		do(at)
	}
}

// How long a frame's length is, which stands before its format version.
const (
	lengthShort = 2
	lengthLong  = 6
)

// chunk notes the frames that stand one after another from an offset on, whose format version is at version. It returns
// the end of those that their checksums prove.
func (s *scan) chunk(b []byte, base int64, begin, version int) (end int) {
	if begin < 0 || version+2 >= len(b) || b[version+1] == 0 || b[version+1] > events.IDMax {
		return 0
	}
	run := s.run(b, begin)
	if len(run) == 0 {
		return 0
	}
	c := check(b, run)
	if around, sure := c.span(b, run, base); sure {
		s.chunks = append(s.chunks, around)
	}
	for i, p := range run[:max(c.frames, 1)] {
		if p.newer {
			if i < c.frames {
				s.newer = max(s.newer, p.position, 1)
			}
			continue
		}
		f := found{position: p.position, at: base + int64(p.begin), size: p.end - p.begin,
			hash: seal.LeafHash(b[p.begin:p.end])}
		if i < c.frames {
			f.proof, f.sum = ByChecksum, base+int64(c.sums+sumSize*i)
			end = p.end
		}
		s.frames = append(s.frames, f)
	}
	return end
}

// run is the frames that stand one after another from an offset on, as in a chunk.
func (s *scan) run(b []byte, begin int) (run []piece) {
	for len(run) < framesMax {
		p, ok := s.piece(b, begin)
		if !ok || len(run) > 0 && p.position != run[len(run)-1].position+1 {
			break
		}
		run, begin = append(run, p), p.end
		if p.end-run[0].begin > chunkMax {
			break
		}
	}
	return run
}

// piece is the frame that stands at an offset, if one does.
func (s *scan) piece(b []byte, begin int) (piece, bool) {
	if p, ok := s.memo[begin]; ok {
		return p, p.end > 0
	}
	p := piece{begin: begin}
	size, err := events.FrameSize(b[begin:])
	if err != nil || size > events.FrameMax || size < frameMin {
		return p, false
	}
	frame := b[begin : begin+size]
	r, err := events.DecodeFrame(frame)
	var upgrade *events.UpgradeError
	p.newer = errors.As(err, &upgrade)
	if p.newer || err == nil && r.Position > 0 && r.Position <= uint64(s.image.size)/frameMin {
		p.end, p.position, p.sum = begin+size, r.Position, checksum(frame)
	}
	s.memo[begin] = p
	return p, p.end > 0
}
