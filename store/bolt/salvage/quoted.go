package salvage

import (
	"cmp"
	"slices"

	"github.com/tilltape/tilltape/events"
)

// span is where a chunk stands in the file, and within it the directory after its frames.
type span struct{ begin, directory int64 }

// span is where the chunk of a run stands, as far as it is sure: a beginning in the directory can be damaged, so
// something has to agree with it; and what is between can be of another chunk, or of an older copy of this one, unless
// the last frame ends where the directory begins.
func (c checked) span(b []byte, run []piece, base int64) (_ span, sure bool) {
	d := c.directory
	if d.frames == 0 {
		return span{}, false
	}
	begin := run[0].begin - d.begin(b, d.first)
	if begin < 0 || !d.agrees(b, begin, run) {
		return span{base + int64(run[0].begin), base + int64(d.at)}, run[len(run)-1].end == d.at
	}
	last := d.frames - 1
	return span{base + int64(begin), base + int64(d.at)}, d.leads(b, begin, last, d.at-begin)
}

// agrees tells whether anything says with the first frame of the run that the chunk begins there: that it is the first,
// where the next begins, or the length of one before it.
func (d directory) agrees(b []byte, begin int, run []piece) bool {
	if d.first == 0 || len(run) > 1 && run[1].begin-d.begin(b, d.first+1) == begin {
		return true
	}
	for slot := range d.first {
		if d.leads(b, begin, slot, d.begin(b, slot+1)) {
			return true
		}
	}
	return false
}

// leads tells whether the frame of a slot has the length that leads to an offset in the chunk.
func (d directory) leads(b []byte, begin, slot, to int) bool {
	at := begin + d.begin(b, slot)
	if at > d.at {
		return false
	}
	size, err := events.FrameSize(b[at:d.at])
	return err == nil && at+size == begin+to
}

// doubtQuoted takes the proof from frames that stand within a frame of another chunk. A record keeps texts and messages
// as they came, and whoever writes one can write a whole frame into it, with a directory: its checksum stands where the
// chunk around it has frames. Within a frame that is whole nothing is looked for; this is for one that is damaged. A
// page that came to stand within a chunk looks the same: then it takes a tile, the seal or a backup to prove it.
func (s *scan) doubtQuoted() {
	slices.SortFunc(s.chunks, func(a, b span) int { return cmp.Compare(a.begin, b.begin) })
	slices.SortStableFunc(s.frames, func(a, b found) int { return cmp.Compare(a.at, b.at) })
	var around []span // the chunks that the frame may be in
	next := 0
	for i := range s.frames {
		f := &s.frames[i]
		for ; next < len(s.chunks) && s.chunks[next].begin <= f.at; next++ {
			around = append(around, s.chunks[next])
		}
		around = slices.DeleteFunc(around, func(c span) bool { return c.directory <= f.at })
		if f.proof == ByChecksum && slices.ContainsFunc(around, func(c span) bool { return f.sum < c.directory }) {
			f.proof = Unproven
		}
	}
	s.chunks = nil
}
