package disk

// Folder is what a disk surely holds of a log, its journals and the names of both after the ops so far, and what it may
// hold besides. The zero value is empty. It is not safe for use by several goroutines.
type Folder struct {
	log      Platter
	journals []*Platter
	there    name // the log's: to 1, or to nothing
	journal  name // to the journal of that number
	ops      int
}

// name is what a name in the folder leads to; 0 is nothing.
type name struct {
	sure  int
	since []int // what it was made to lead to since the folder was synced, oldest first
}

// all is what the name may lead to, the certain one first and the newest last.
func (n name) all() []int { return append([]int{n.sure}, n.since...) }

// settled is the name once the folder is synced.
func (n name) settled() name {
	all := n.all()
	return name{sure: all[len(all)-1]}
}

// Do takes the next op of the trace.
func (f *Folder) Do(op Op) {
	switch op.Kind {
	case Made:
		for len(f.journals) < op.File {
			f.journals = append(f.journals, new(Platter))
		}
	case Named:
		if op.File == 0 {
			f.there.since = append(f.there.since, 1)
		} else {
			f.journal.since = append(f.journal.since, op.File)
		}
	case Removed:
		f.journal.since = append(f.journal.since, 0)
	case Settled:
		f.there, f.journal = f.there.settled(), f.journal.settled()
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

// Pending is the number of writes and names that are not certain.
func (f *Folder) Pending() int {
	n := f.log.Pending() + len(f.there.since) + len(f.journal.since)
	for _, file := range f.journal.all() {
		if file > 0 {
			n += f.journals[file-1].Pending()
		}
	}
	return n
}
