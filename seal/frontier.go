package seal

import "math/bits"

// FrontierRoot returns the size that a frontier begins with and the root that its hashes give, which is the whole
// tree's. It reads nothing else: whether the frontier fits any records is for [Load], or for a reader of all records,
// to tell. The error is a [*DamagedError] where the bytes are no frontier.
func FrontierRoot(frontier []byte) (size uint64, root Hash, err error) {
	if size, err = frontierSize(frontier); err != nil {
		return 0, Hash{}, err
	}
	if size == 0 {
		return 0, emptyRoot(), nil
	}
	at := len(frontier) - HashSize
	root = Hash(frontier[at:])
	for at -= HashSize; at >= sizeBytes; at -= HashSize {
		root = nodeHash(Hash(frontier[at:]), root)
	}
	return size, root, nil
}

// FrontierDifference compares two frontiers of one size and returns the first leaves, counted from 0 and the last one
// exclusive, whose perfect subtree has another root in the one than in the other. ok is false where all are equal, or
// where the bytes are not two frontiers of one size.
func FrontierDifference(a, b []byte) (first, last uint64, ok bool) {
	size, err := frontierSize(a)
	if other, wrong := frontierSize(b); err != nil || wrong != nil || other != size {
		return 0, 0, false
	}
	at := sizeBytes
	for left := size; left > 0; at += HashSize {
		width := uint64(1) << (bits.Len64(left) - 1)
		if Hash(a[at:]) != Hash(b[at:]) {
			return first, first + width, true
		}
		first += width
		left -= width
	}
	return 0, 0, false
}
