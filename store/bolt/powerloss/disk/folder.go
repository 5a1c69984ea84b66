package disk

// Folder is what a disk surely holds of a log, its journals and the journal's name after the ops so far, and what it
// may hold besides. The zero value is empty. It is not safe for use by several goroutines.
type Folder struct {
	log      Platter
	journals []*Platter
	sure     int   // the journal that its name surely leads to; 0: none
	maybe    []int // what the name was made to lead to since, oldest first
	ops      int
}

// Do takes the next op of the trace.
func (f *Folder) Do(op Op) {
	switch op.Kind {
	case Made:
		for len(f.journals) < op.File {
			f.journals = append(f.journals, new(Platter))
		}
	case Named:
		f.maybe = append(f.maybe, op.File)
	case Removed:
		f.maybe = append(f.maybe, 0)
	case Settled:
		names := f.names()
		f.sure, f.maybe = names[len(names)-1], nil
	default:
		p := &f.log
		if op.File > 0 {
			p = f.journals[op.File-1]
		}
		p.ops = f.ops
		p.Do(op)
	}
	f.ops++
}

// names is what the journal's name may lead to, the certain one first.
func (f *Folder) names() []int { return append([]int{f.sure}, f.maybe...) }

// Pending is the number of writes and names that are not certain.
func (f *Folder) Pending() int {
	n := f.log.Pending() + len(f.maybe)
	for _, file := range f.names() {
		if file > 0 {
			n += f.journals[file-1].Pending()
		}
	}
	return n
}
