package seal

import (
	"encoding/binary"
	"math/bits"
)

// Prefix is what the first records of a log come to.
type Prefix struct {
	Size uint64
	Root Hash
}

// Prefixes returns what a frontier says of the tree it is of and of the trees before it that end where one of its
// perfect subtrees does, the smallest first and the tree itself last: none for the empty tree. Nothing is proven by
// them; they are for whoever holds records against a frontier that cannot be loaded any more, and says from where on
// they differ. [FullTiles] is the frontier of the one among them of which all records are in full tiles. The error is a
// [*DamagedError].
func Prefixes(frontier []byte) ([]Prefix, error) {
	size, err := frontierSize(frontier)
	if err != nil {
		return nil, err
	}
	var roots []Hash // of the perfect subtrees so far
	var all []Prefix
	for rest, before := frontier[sizeBytes:], uint64(0); len(rest) > 0; rest = rest[HashSize:] {
		roots = append(roots, Hash(rest[:HashSize]))
		before += highestBit(size - before)
		root := roots[len(roots)-1]
		for i := len(roots) - 2; i >= 0; i-- {
			root = nodeHash(roots[i], root)
		}
		all = append(all, Prefix{before, root})
	}
	return all, nil
}

// FullTiles returns the frontier of the tree over the records that are in full tiles: what [Load] proves by tiles
// alone, whatever has become of the records. The error is a [*DamagedError].
func FullTiles(frontier []byte) ([]byte, error) {
	size, err := frontierSize(frontier)
	if err != nil {
		return nil, err
	}
	full := size / TileWidth * TileWidth
	out := binary.BigEndian.AppendUint64(nil, full)
	for at := sizeBytes; full > 0; at += HashSize {
		out = append(out, frontier[at:at+HashSize]...)
		full -= highestBit(full)
	}
	return out, nil
}

// highestBit is the largest power of two that is not more than n, which is not 0.
func highestBit(n uint64) uint64 { return 1 << (bits.Len64(n) - 1) }
