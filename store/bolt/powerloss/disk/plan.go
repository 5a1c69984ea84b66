package disk

import (
	"math/rand/v2"
	"slices"
)

// Class is how an image is made from what is not certain at its cut.
type Class string

// The classes.
const (
	Prefix    Class = "prefix"    // all of it arrived: the file as it was at that moment
	Bare      Class = "bare"      // none of it arrived
	Subset    Class = "subset"    // some of the writes arrived whole
	OneLost   Class = "one lost"  // all writes but one
	OneOnly   Class = "one only"  // one write alone
	Reordered Class = "reordered" // some of the writes, in another order
	Torn      Class = "torn"      // some of the writes' sectors
)

// Classes lists them all, in the order of a report.
var Classes = []Class{Prefix, Bare, Subset, OneLost, OneOnly, Reordered, Torn}

// Shot is one image: the power goes after the first Cut ops of a trace.
type Shot struct {
	Cut   int
	Class Class
	Seed  uint64 // of the choices that the class leaves open
}

// Plan chooses the images of a trace, in the order of their cuts: every prefix, every bare image that differs from its
// prefix, and then as many others as make n of them together. It spreads those evenly over the stretches between two
// syncs, so that the short ones, a single header page, count as much as the long ones. The same seed plans the same.
func Plan(t *Trace, seed uint64, n int) []Shot {
	var shots []Shot
	var stretches [][]int // cuts with something uncertain, by the syncs before them
	p := new(Folder)
	open := false
	for i, op := range t.Ops {
		p.Do(op)
		cut := i + 1
		if cut < t.Begin {
			continue
		}
		shots = append(shots, Shot{Cut: cut, Class: Prefix})
		if op.Kind == Synced {
			open = false
		}
		if p.Pending() == 0 {
			continue
		}
		shots = append(shots, Shot{Cut: cut, Class: Bare})
		if !open {
			stretches, open = append(stretches, nil), true
		}
		stretches[len(stretches)-1] = append(stretches[len(stretches)-1], cut)
	}
	random := rand.New(rand.NewPCG(seed, uint64(len(t.Ops))))
	open = len(stretches) > 0
	for open && len(shots) < n {
		stretch := stretches[random.IntN(len(stretches))]
		shots = append(shots, Shot{
			Cut:   stretch[random.IntN(len(stretch))],
			Class: Classes[2+random.IntN(len(Classes)-2)],
			Seed:  random.Uint64(),
		})
	}
	slices.SortStableFunc(shots, func(a, b Shot) int { return a.Cut - b.Cut })
	return shots
}

// Image is what a folder may hold: a log and a journal, where their names lead to them. What is missing of the bytes up
// to a size is zeros.
type Image struct {
	There       bool // the log
	Log         []byte
	Size        int64
	Named       bool
	Journal     []byte
	JournalSize int64
}

// Take makes the shot's image of a folder that has done the ops before its cut. The log's may use the buffer.
func (s Shot) Take(f *Folder, buffer []byte) (image Image) {
	if s.leads(f.there, thereSeed) > 0 {
		image.There = true
		image.Log, image.Size = s.TakeFile(&f.log, buffer)
	}
	if file := s.leads(f.journal, nameSeed); file > 0 {
		image.Named = true
		s.Seed ^= journalSeed
		image.Journal, image.JournalSize = s.TakeFile(f.journals[file-1], nil)
	}
	return image
}

// leads is what the name leads to in the shot's image.
func (s Shot) leads(n name, seed uint64) int {
	all := n.all()
	switch s.Class {
	case Prefix:
		return all[len(all)-1]
	case Bare:
		return all[0]
	}
	return all[rand.New(rand.NewPCG(s.Seed, seed)).IntN(len(all))]
}

// What is chosen for the journal and for the names is independent of what is chosen for the log.
const (
	journalSeed = 1 << 63
	nameSeed    = 1 << 62
	thereSeed   = 1 << 61
)

// TakeFile makes the shot's image of one file. Buffer and result are as with [Platter.Image]; size is the file's.
func (s Shot) TakeFile(p *Platter, buffer []byte) (image []byte, size int64) {
	random := rand.New(rand.NewPCG(s.Seed, uint64(s.Cut)))
	sizes := p.Sizes()
	size = sizes[len(sizes)-1]
	all := make([]int, p.Pending())
	for i := range all {
		all[i] = i
	}
	switch {
	case s.Class == Bare:
		return p.Image(buffer, sizes[0], nil, nil), sizes[0]
	case s.Class == Prefix, len(all) == 0:
		return p.Image(buffer, size, all, nil), size
	}
	if random.IntN(4) == 0 { // the size is uncertain by itself
		size = sizes[random.IntN(len(sizes))]
	}
	var keep func(int, int) bool
	switch s.Class {
	case Subset:
		all = slices.DeleteFunc(all, func(int) bool { return random.IntN(2) == 0 })
	case OneLost:
		lost := random.IntN(len(all))
		all = slices.Delete(all, lost, lost+1)
	case OneOnly:
		all = []int{all[random.IntN(len(all))]}
	case Reordered:
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:random.IntN(len(all)+1)]
	case Torn:
		share := []float64{0.1, 0.5, 0.9}[random.IntN(3)]
		keep = func(int, int) bool { return random.Float64() < share }
	}
	return p.Image(buffer, size, all, keep), size
}
