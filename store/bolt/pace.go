package bolt

// flushMax is the most entries one commit carries into the lazy buckets, unless its own appends bring more: nobody
// waits long for what others did. Each entry can hit a page of its own, so these are some 2 MiB written.
const flushMax = 512

// bundleShare is the part of a generation, and bundleMax the most entries, that a step waits to have together. A step
// costs some pages whatever it carries, inner ones of each bucket and the list of free ones: a commit in some hundred
// pays that for all, and the others are as quick as if nothing were lazy.
const (
	bundleShare = 512
	bundleMax   = flushMax / 2
)

// pace is how many entries the commit of the plan carries: none for most of them, and then a bundle, so that the
// generation is in the file when the next one is closed, for its entries or for its records.
func (z *lazy) pace(f *flush, p *plan) int {
	g, entries := z.active, z.active.growth(p)
	f.owed += max(f.rate(g.size(), entries, z.limit), f.rate(int(g.last-g.begin), p.Len(), z.limit*stretchMax))
	return f.bundle(g.size(), entries, z.limit)
}

// paceOf is pace for a transaction that takes so many records from the journal, since whose last so many entries were
// added to what has gathered.
func (f *flush) paceOf(gathered, added, records, limit int) int {
	f.owed += max(f.rate(gathered, added, limit), f.rate(0, records, limit*stretchMax))
	return f.bundle(gathered, added, limit)
}

// gained is how many entries the active generation has, and how many more than it had before, which it sets.
func (z *lazy) gained(before *int) (gathered, added int) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	gathered = z.active.size()
	added = max(gathered-*before, 0)
	*before = gathered
	return gathered, added
}

// rate is how many entries a commit should come up for that adds so much to what has gathered, of which the limit is to
// be the most. When late, more than that gathers for a while, rather than have one commit pay for all that is left.
func (f *flush) rate(gathered, added, limit int) int {
	room := max(limit-gathered, limit/8, 1)
	return max((f.left()*added+room-1)/room, added)
}

// lateShare is how many times its own entries' cost a commit carries when late: so a generation that has grown beyond
// the limit is followed by one that is beyond it by half as much.
const lateShare = 2

// bundle is how many of the entries owed a commit carries that adds so many to what has gathered.
func (f *flush) bundle(gathered, added, limit int) int {
	f.owed = min(f.owed, f.left())
	if f.owed < min(max(limit/bundleShare, 1), bundleMax, f.left()) {
		return 0
	}
	own := f.cost(added)
	if gathered > limit {
		own *= lateShare
	}
	return min(f.owed, max(flushMax, own))
}

// cost is how many entries of a flush so many entries of a generation become, index entries among them, by what they
// became in this one. Were less carried, each generation would be larger than the one before.
func (f *flush) cost(entries int) int {
	size := max(f.gen.size(), 1)
	return max((entries*f.total()+size-1)/size, entries)
}

// carried moves on to what the next step begins with.
func (f *flush) carried(done int) {
	f.owed = max(f.owed-(done-f.done), 0)
	f.done = done
}
