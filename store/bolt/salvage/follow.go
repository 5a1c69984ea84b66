package salvage

import (
	"cmp"
	"context"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// stream is what was found of one.
type stream struct {
	last    place
	missing []Span // versions
	records int
}

// follow goes through the accepted frames in order: each has to go on from its stream, and up to the first hole they
// are what the new log gets.
func (f *Found) follow(ctx context.Context) error {
	streams, lost := map[events.Stream]*stream{}, map[uint64]Lost{}
	whole := true // so far
	kept := f.accepted[:0]
	for i, one := range f.accepted {
		if i%checkEvery == 0 {
			if err := store.CheckContext(ctx, "read what was found"); err != nil {
				return err
			}
		}
		r, _, err := f.frame(ctx, one)
		if err != nil {
			return err
		}
		st := streams[r.Stream]
		if st == nil {
			st = new(stream)
		}
		if fits := f.fits(r, st.last, kept); !fits && one.proof < BySeal {
			f.report.Frames.Ambiguous++
			f.report.Ambiguous = append(f.report.Ambiguous, one.position)
			continue
		}
		if r.Version != st.last.version+1 {
			st.missing = append(st.missing, Span{st.last.version + 1, r.Version - 1})
			lost[r.Previous] = Lost{Position: r.Previous, Category: r.Stream.Category, ID: r.Stream.ID, Version: r.Version - 1}
		}
		st.last, streams[r.Stream] = place{r.Version, r.Position}, st
		st.records++
		kept = append(kept, one)
		f.count(one.proof)
		if whole = whole && one.position == uint64(len(kept)); whole {
			f.report.Taken = one.position
			f.tree.Fold(one.hash)
		}
	}
	f.accepted = kept
	slices.Sort(f.report.Ambiguous)
	f.ends(streams, lost)
	return nil
}

// checkEvery is after how many records it is asked whether to go on.
const checkEvery = 1024

// fits tells whether a record can stand where it says: what it follows is what it names, or was lost.
func (f *Found) fits(r events.Record, last place, before []found) bool {
	if r.Version == last.version+1 {
		return r.Previous == last.position
	}
	if r.Version <= last.version || r.Previous <= last.position || r.Previous >= r.Position {
		return false
	}
	// Of the stream nothing was found at the position that it names, and of another nothing may be there.
	_, there := slices.BinarySearchFunc(before, r.Previous, func(one found, p uint64) int {
		return cmp.Compare(one.position, p)
	})
	return !there
}

func (f *Found) count(by Proof) {
	n := &f.report.Frames
	n.Whole++
	switch by {
	case BySeal:
		n.BySeal++
	case ByBackup:
		n.ByBackup++
	case ByJournal:
		n.ByJournal++
	case ByTile:
		n.ByTile++
	default:
		n.ByChecksum++
	}
}

// ends fills in what is missing, and whose it was.
func (f *Found) ends(streams map[events.Stream]*stream, lost map[uint64]Lost) {
	r := &f.report
	r.End = f.end()
	next := uint64(1)
	for _, one := range f.accepted {
		if one.position > next {
			r.Missing = append(r.Missing, Span{next, one.position - 1})
		}
		next = one.position + 1
	}
	if next <= r.End {
		r.Missing = append(r.Missing, Span{next, r.End})
	}
	for of, at := range f.scan.places {
		st := streams[of]
		if st == nil {
			st = new(stream)
			streams[of] = st
		}
		if at.version > st.last.version && at.position <= r.End {
			st.missing = append(st.missing, Span{st.last.version + 1, at.version})
			lost[at.position] = Lost{Position: at.position, Category: of.Category, ID: of.ID, Version: at.version}
		}
	}
	for _, l := range lost {
		r.Lost = append(r.Lost, l)
	}
	slices.SortFunc(r.Lost, func(a, b Lost) int { return cmp.Compare(a.Position, b.Position) })
	for of, st := range streams {
		if of.Category != events.CategoryOrder || st.records == 0 && len(st.missing) == 0 {
			continue
		}
		r.Orders.Found++
		switch {
		case len(st.missing) > 0:
			r.Orders.Broken = append(r.Orders.Broken, Broken{ID: of.ID, Records: st.records, Missing: st.missing})
		case st.last.position > r.Taken:
			r.Orders.Behind = append(r.Orders.Behind, of.ID)
			r.Orders.Whole++
		default:
			r.Orders.Whole++
		}
	}
	slices.Sort(r.Orders.Behind)
	slices.SortFunc(r.Orders.Broken, func(a, b Broken) int { return cmp.Compare(a.ID, b.ID) })
}

// end is the newest position that anything tells of.
func (f *Found) end() uint64 {
	end := uint64(0)
	if n := len(f.accepted); n > 0 {
		end = f.accepted[n-1].position
	}
	if !f.was.unsealed {
		end = max(end, f.was.size)
	}
	for _, positions := range [][]uint64{f.report.Ambiguous, f.report.Altered} {
		if n := len(positions); n > 0 {
			end = max(end, positions[n-1])
		}
	}
	for _, at := range f.scan.places {
		if !f.certain {
			end = max(end, at.position)
		}
	}
	return end
}
