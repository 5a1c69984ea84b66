package salvage

import (
	"cmp"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tilltape/tilltape/seal"
)

// What a log said of itself, proven by its sum, and what a checkpoint says, is believed: a root of a perfect subtree.
// From there trust goes down, to a tile that folds to a root that is believed, and to the hashes in it; and where the
// tile is damaged, to whatever was found below that does. What is believed of a position is the hash of the record that
// was sealed there: so it tells a whole record from an altered one, and names the ones that are lost.

// node is a hash of a level: of a leaf at level 0, of a full tile of the level below above it.
type node struct {
	level int
	n     uint64
}

// trust is what is believed.
type trust struct {
	scan   *scan
	known  map[node]seal.Hash
	tiles  map[seal.TileID]int64 // where the copy that is believed stands
	values map[node][]seal.Hash  // that were made of what is below
	sealed func(position uint64, hash seal.Hash)
	failed []failed

	cached   int64 // where the tile stands that was read last; 0: none
	cachedTo [seal.TileWidth]seal.Hash
}

// choicesMax is how many combinations are tried where several hashes were found for one place.
const choicesMax = 1 << 10

func newTrust(s *scan, sealed func(position uint64, hash seal.Hash)) *trust {
	return &trust{scan: s, sealed: sealed, known: map[node]seal.Hash{}, tiles: map[seal.TileID]int64{},
		values: map[node][]seal.Hash{}}
}

// perfect is a perfect subtree: so many hashes of a level, from the first on.
type perfect struct {
	level int
	first uint64
	count int
}

// tileHeight is how many levels of nodes a tile stands for.
const tileHeight = 8

// subtrees are those at the right edge of a tree, from left to right.
func subtrees(size uint64) (all []perfect) {
	for begin, left := uint64(0), size; left > 0; {
		k := bits.Len64(left) - 1
		level := k / tileHeight
		all = append(all, perfect{level, begin >> (tileHeight * level), 1 << (k % tileHeight)})
		begin, left = begin+1<<k, left-1<<k
	}
	return all
}

// header believes what a log said of itself.
func (t *trust) header(h headers, believe func(sub perfect, want seal.Hash)) {
	for i, sub := range subtrees(h.size) {
		if i < len(h.frontier) {
			believe(sub, h.frontier[i])
		}
	}
}

// failed is a subtree to whose root, which is believed, nothing led that was found.
type failed struct {
	perfect
	want seal.Hash
}

// lead is check, and notes where it fails.
func (t *trust) lead(sub perfect, want seal.Hash) {
	if !t.check(sub, want) {
		t.failed = append(t.failed, failed{sub, want})
	}
}

// settle looks once more at the subtrees that nothing led to, where every record in them was found and its checksum
// too: these either give the root, or one of them was altered together with its checksum. Which one nobody can tell,
// so none of them counts that nothing else proves.
func (t *trust) settle() {
	for _, sub := range t.failed {
		shift := tileHeight * sub.level
		first := sub.first<<shift + 1
		all := t.scan.stretch(first, first+uint64(sub.count)<<shift)
		var tree seal.Tree
		complete := uint64(len(all)) == uint64(sub.count)<<shift
		for i, f := range all {
			complete = complete && f.position == first+uint64(i) && f.proof != Unproven && !f.altered
			tree.Fold(f.hash)
		}
		if !complete {
			continue
		}
		given := tree.Root() == sub.want
		for i := range all {
			switch {
			case given:
				all[i].proof = BySeal
			case all[i].proof < ByBackup:
				all[i].altered = true
			}
		}
	}
}

// stretch is the frames of the positions from first on and before end.
func (s *scan) stretch(first, end uint64) []found {
	by := func(f found, p uint64) int { return cmp.Compare(f.position, p) }
	from, _ := slices.BinarySearchFunc(s.frames, first, by)
	to, _ := slices.BinarySearchFunc(s.frames, end, by)
	return s.frames[from:to:to]
}

// root believes a root over so many records, where what was found leads to it, and says whether it does.
func (t *trust) root(size uint64, root seal.Hash) bool {
	subs := subtrees(size)
	hashes := make([]seal.Hash, len(subs))
	for i, sub := range subs {
		var ok bool
		if hashes[i], ok = t.best(sub); !ok {
			return false
		}
	}
	if rootOf(hashes) != root {
		return false
	}
	for i, sub := range subs {
		t.check(sub, hashes[i])
	}
	return true
}

// rootOf is the root over perfect subtrees, from left to right.
func rootOf(hashes []seal.Hash) (root seal.Hash) {
	for i, h := range slices.Backward(hashes) {
		if i == len(hashes)-1 {
			root = h
			continue
		}
		root = nodeHash(h, root)
	}
	return root
}

// best is the hash over a subtree by what was found first for each place.
func (t *trust) best(sub perfect) (seal.Hash, bool) {
	run := make([]seal.Hash, sub.count)
	for i := range run {
		found := t.found(node{sub.level, sub.first + uint64(i)})
		if len(found) == 0 {
			return seal.Hash{}, false
		}
		run[i] = found[0]
	}
	return fold(run), true
}

// check believes what was found below a hash that is believed, where it leads to it.
func (t *trust) check(sub perfect, want seal.Hash) (leads bool) {
	all, choices := make([][]seal.Hash, sub.count), 1
	for i := range all {
		all[i] = t.found(node{sub.level, sub.first + uint64(i)})
		if choices = min(choices*len(all[i]), choicesMax); choices == 0 {
			return false
		}
	}
	run := make([]seal.Hash, sub.count)
	for choice := range choices {
		for i, left := 0, choice; i < len(all); i++ {
			run[i] = all[i][left%len(all[i])]
			left /= len(all[i])
		}
		if fold(slices.Clone(run)) != want {
			continue
		}
		for i, h := range run {
			t.believe(node{sub.level, sub.first + uint64(i)}, h)
		}
		return true
	}
	return false
}

// believe takes a hash as true, and what is below it.
func (t *trust) believe(at node, hash seal.Hash) {
	if _, before := t.known[at]; before {
		return
	}
	t.known[at] = hash
	if at.level == 0 {
		t.sealed(at.n+1, hash)
		return
	}
	below := perfect{at.level - 1, at.n * seal.TileWidth, seal.TileWidth}
	id := seal.TileID{Level: at.level - 1, Index: at.n}
	for _, place := range t.scan.tiles[id] {
		tile := *t.tile(place)
		if fold(slices.Clone(tile[:])) != hash {
			continue
		}
		t.tiles[id] = place
		for i, h := range tile {
			if below.level == 0 {
				t.sealed(below.first+uint64(i)+1, h)
			} else {
				t.believe(node{below.level, below.first + uint64(i)}, h)
			}
		}
		return
	}
	t.lead(below, hash)
}

// found is the hashes that there are for a node, the likelier first; where one is believed, that alone.
func (t *trust) found(at node) []seal.Hash {
	if h, ok := t.known[at]; ok {
		return []seal.Hash{h}
	}
	in := seal.TileID{Level: at.level, Index: at.n / seal.TileWidth}
	if place, ok := t.tiles[in]; ok {
		return []seal.Hash{t.tile(place)[at.n%seal.TileWidth]}
	}
	all := slices.Clone(t.below(at))
	for _, place := range t.scan.tiles[in] {
		all = append(all, t.tile(place)[at.n%seal.TileWidth])
	}
	return unique(all)
}

// below is what a node's hash is by what is below it.
func (t *trust) below(at node) (all []seal.Hash) {
	if at.level == 0 {
		for _, f := range t.scan.at(at.n + 1) {
			all = append(all, f.hash)
		}
		return all
	}
	if all, ok := t.values[at]; ok {
		return all
	}
	for _, place := range t.scan.tiles[seal.TileID{Level: at.level - 1, Index: at.n}] {
		tile := *t.tile(place)
		all = append(all, fold(tile[:]))
	}
	if h, ok := t.best(perfect{at.level - 1, at.n * seal.TileWidth, seal.TileWidth}); ok {
		all = append(all, h)
	}
	t.values[at] = unique(all)
	return t.values[at]
}

// tile reads a tile; what it returns is valid until the next call.
func (t *trust) tile(place int64) *[seal.TileWidth]seal.Hash {
	if t.cached != place {
		b := t.scan.image.bytes(place, seal.TileSize)
		for i := range t.cachedTo {
			t.cachedTo[i] = seal.Hash(b[i*seal.HashSize:])
		}
		t.cached = place
	}
	return &t.cachedTo
}

// at is the frames that were found for a position, those first whose checksum was found too.
func (s *scan) at(position uint64) []found { return s.stretch(position, position+1) }

func unique(all []seal.Hash) []seal.Hash {
	kept := all[:0]
	for _, h := range all {
		if !slices.Contains(kept, h) {
			kept = append(kept, h)
		}
	}
	return kept
}

func nodeHash(left, right seal.Hash) seal.Hash {
	return seal.Hash(tlog.NodeHash(tlog.Hash(left), tlog.Hash(right)))
}

// fold is the root over hashes, whose number is a power of two, and uses them up.
func fold(hashes []seal.Hash) seal.Hash {
	for n := len(hashes) / 2; n > 0; n /= 2 {
		for i := range n {
			hashes[i] = nodeHash(hashes[2*i], hashes[2*i+1])
		}
	}
	return hashes[0]
}
