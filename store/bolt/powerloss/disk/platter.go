package disk

// SectorSize is what a disk writes whole or not at all, in bytes.
const SectorSize = 512

// Platter is what a disk surely holds of a file after the ops so far, and what it may hold besides. The zero value is
// an empty file. It is not safe for use by several goroutines.
//
// What a sync that succeeded covers is sure. What was done since may be there or not, sector by sector and in any
// order. What a sync that failed covers may never get there: the kernel forgets what it could not write, and a later
// sync says nothing about it. But one that was under way when that failed, through another opening of the file, and
// succeeded, would have been told as well: what it covers is sure.
type Platter struct {
	sure    []byte   // the bytes that are certain, up to the last one ever written
	size    int64    // the size that is certain; what follows sure is zeros
	pending []write  // oldest first
	sizes   []resize // oldest first
	now     int64    // the size that the file's user sees
	ops     int
}

// write is one that no sync has made certain.
type write struct {
	op    int // its index in the trace
	off   int64
	data  []byte
	stuck failed // a sync of it failed
	gone  []bool // sectors that something newer and certain lies over; nil: none
}

// failed is a sync that failed: its index in the trace, and by which opening. The zero failed is none.
type failed struct{ op, by int }

// of is what is known once one more has failed.
func (f failed) of(op Op, at int) failed {
	if f != (failed{}) && f.by != op.By {
		return failed{at, 0} // whoever asks has been told
	}
	return failed{at, op.By}
}

// outlasts tells whether a sync that succeeded leaves it as it was.
func (f failed) outlasts(op Op) bool {
	return f != (failed{}) && (f.op < op.Since || f.by == op.By || f.by == 0 || op.By == 0)
}

// resize is a change of the file's size that no sync has made certain.
type resize struct {
	op    int
	size  int64
	stuck bool
}

// Do takes the next op of the trace.
func (p *Platter) Do(op Op) {
	switch op.Kind {
	case Wrote:
		p.pending = append(p.pending, write{op: p.ops, off: op.Offset, data: op.Data})
		if end := op.Offset + int64(len(op.Data)); end > p.now {
			p.resize(end)
		}
	case Sized:
		p.resize(op.Size)
	case Synced:
		p.sync(op)
	}
	p.ops++
}

func (p *Platter) resize(size int64) {
	p.now = size
	p.sizes = append(p.sizes, resize{op: p.ops, size: size})
}

func (p *Platter) sync(op Op) {
	sizes := p.sizes[:0]
	for _, s := range p.sizes {
		switch {
		case s.op >= op.Since:
			sizes = append(sizes, s)
		case op.Failed || s.stuck:
			s.stuck = true
			sizes = append(sizes, s)
		default:
			sizes = sizes[:0] // an older size, stuck or not, was overtaken by this one
			p.size = s.size
			p.sure = p.sure[:min(s.size, int64(len(p.sure)))]
		}
	}
	p.sizes = sizes
	pending := p.pending[:0]
	for _, w := range p.pending {
		switch {
		case w.op >= op.Since:
			pending = append(pending, w)
		case op.Failed:
			w.stuck = w.stuck.of(op, p.ops)
			pending = append(pending, w)
		case w.stuck.outlasts(op):
			pending = append(pending, w)
		default:
			overwrite(pending, w)
			// What a sync keeps can be read again, so the file is at least that long, whatever became of its resizing.
			if end := w.off + int64(len(w.data)); end > p.size && end <= p.now {
				p.size = end
			}
			p.sure = w.copyTo(p.sure, p.size, nil)
		}
	}
	p.pending = pending
}

// overwrite takes the sectors of w out of older writes.
func overwrite(older []write, w write) {
	for i := range older {
		o := &older[i]
		for s := range o.sectors() {
			at := o.off + int64(s)*SectorSize
			if at < w.off || at+SectorSize > w.off+int64(len(w.data)) {
				continue
			}
			if o.gone == nil {
				o.gone = make([]bool, o.sectors())
			}
			o.gone[s] = true
		}
	}
}

func (w write) sectors() int { return (len(w.data) + SectorSize - 1) / SectorSize }

// copyTo puts those sectors of w that keep, where it is not nil, wants into file, which grows as needed and never
// beyond size; what follows is dropped.
func (w write) copyTo(file []byte, size int64, keep func(sector int) bool) []byte {
	for s := range w.sectors() {
		from := s * SectorSize
		at := w.off + int64(from)
		if at >= size || w.gone != nil && w.gone[s] || keep != nil && !keep(s) {
			continue
		}
		sector := w.data[from:min(from+SectorSize, len(w.data))]
		sector = sector[:min(int64(len(sector)), size-at)]
		if end := int(at) + len(sector); end > len(file) {
			file = append(file, make([]byte, end-len(file))...)
		}
		copy(file[at:], sector)
	}
	return file
}

// Pending is the number of writes that are not certain.
func (p *Platter) Pending() int { return len(p.pending) }

// PendingSectors is the number of sectors of the i-th of them, oldest first.
func (p *Platter) PendingSectors(i int) int { return p.pending[i].sectors() }

// Sizes returns every size that the file may have, the certain one first.
func (p *Platter) Sizes() []int64 {
	all := []int64{p.size}
	for _, s := range p.sizes {
		all = append(all, s.size)
	}
	return all
}

// Image makes one of the files that the disk may hold, in buffer where it is large enough. The file is size bytes long,
// and all bytes after those that Image returns are zero. The writes that are not certain arrive in the given
// order, those that it leaves out never; of each of them only the sectors that keep wants. A nil keep wants all.
func (p *Platter) Image(buffer []byte, size int64, order []int, keep func(write, sector int) bool) []byte {
	image := append(buffer[:0], p.sure[:min(size, int64(len(p.sure)))]...)
	for _, i := range order {
		var sectors func(int) bool
		if keep != nil {
			sectors = func(s int) bool { return keep(i, s) }
		}
		image = p.pending[i].copyTo(image, size, sectors)
	}
	return image
}
