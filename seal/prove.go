package seal

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tilltape/tilltape/internal/words"
)

// RootAt returns the root that the tree had at that size. It reads what [Load] reads.
func RootAt(src Source, size uint64) (Hash, error) {
	if err := checkSize("size", size); err != nil {
		return Hash{}, err
	}
	if size == 0 {
		return emptyRoot(), nil
	}
	root, err := tlog.TreeHash(int64(size), &reader{src: src, size: size})
	return Hash(root), err
}

// ProveInclusion returns the hashes that lead from leaf n, counted from 0, to the root of the tree of that size: at
// most one for each doubling of the size. The hashes are as true as src is; [VerifyInclusion] tells. It reads the tiles
// on the way up and, at the right edge, what [Load] reads.
func ProveInclusion(src Source, size, n uint64) ([]Hash, error) {
	if err := checkSize("size", size); err != nil {
		return nil, err
	}
	if n >= size {
		return nil, noLeafError(n, size)
	}
	proof, err := tlog.ProveRecord(int64(size), int64(n), &reader{src: src, size: size})
	if err != nil {
		return nil, err
	}
	return ours(proof), nil
}

// ProveConsistency returns the hashes that show that the tree of that size begins with the tree of size old, leaf by
// leaf: at most two for each doubling of the size, none where old is 0 or size. It reads what [ProveInclusion] reads.
func ProveConsistency(src Source, old, size uint64) ([]Hash, error) {
	if err := checkSize("size", size); err != nil {
		return nil, err
	}
	if old > size {
		return nil, laterThanError(old, size)
	}
	if old == 0 {
		return nil, nil
	}
	proof, err := tlog.ProveTree(int64(size), int64(old), &reader{src: src, size: size})
	if err != nil {
		return nil, err
	}
	return ours(proof), nil
}

// VerifyInclusion returns nil only if the proof shows that the tree of that size and root has the leaf at place n,
// counted from 0. Otherwise the error is a [*ProofError], or an [*InvalidError] where the numbers alone are impossible.
func VerifyInclusion(proof []Hash, size uint64, root Hash, n uint64, leaf Hash) error {
	if err := checkSize("size", size); err != nil {
		return err
	}
	if n >= size {
		return noLeafError(n, size)
	}
	if tlog.CheckRecord(theirs(proof), int64(size), tlog.Hash(root), int64(n), tlog.Hash(leaf)) != nil {
		return &ProofError{
			Claim:   fmt.Sprintf("leaf %d in the tree of %d", n, size),
			Problem: fmt.Sprintf("its %d hashes do not lead to the root %v", len(proof), root),
		}
	}
	return nil
}

// VerifyConsistency returns nil only if the proof shows that the tree of that size and root begins with the tree of
// size old and root oldRoot, so that nothing was altered, moved or removed since. Every tree begins with the empty one.
// Otherwise the error is a [*ProofError], or an [*InvalidError] where the numbers alone are impossible.
func VerifyConsistency(proof []Hash, old uint64, oldRoot Hash, size uint64, root Hash) error {
	if err := checkSize("size", size); err != nil {
		return err
	}
	if old > size {
		return laterThanError(old, size)
	}
	var holds bool
	if old == 0 {
		holds = len(proof) == 0 && oldRoot == emptyRoot() && (size > 0 || root == emptyRoot())
	} else {
		holds = tlog.CheckTree(theirs(proof), int64(size), tlog.Hash(root), int64(old), tlog.Hash(oldRoot)) == nil
	}
	if !holds {
		return &ProofError{
			Claim:   fmt.Sprintf("the tree of %d continues the tree of %d", size, old),
			Problem: fmt.Sprintf("its %d hashes do not lead from the root %v to the root %v", len(proof), oldRoot, root),
		}
	}
	return nil
}

// checkSize keeps a stranger's number from overflowing what is computed from it.
func checkSize(what string, size uint64) error {
	if size > MaxSize {
		return &InvalidError{What: what,
			Problem: fmt.Sprintf("%d is more than a tree can have, which is %s", size, words.Counted(MaxSize, "record"))}
	}
	return nil
}

func noLeafError(n, size uint64) error {
	return &InvalidError{
		What:    fmt.Sprintf("leaf %d", n),
		Problem: fmt.Sprintf("is not in the tree of %d; leaves count from 0, take a later checkpoint", size),
	}
}

func laterThanError(old, size uint64) error {
	return &InvalidError{
		What:    fmt.Sprintf("old size %d", old),
		Problem: fmt.Sprintf("is larger than the size %d; swap the two", size),
	}
}

func ours(hashes []tlog.Hash) []Hash {
	out := make([]Hash, len(hashes))
	for i, h := range hashes {
		out[i] = Hash(h)
	}
	return out
}

func theirs(hashes []Hash) []tlog.Hash {
	out := make([]tlog.Hash, len(hashes))
	for i, h := range hashes {
		out[i] = tlog.Hash(h)
	}
	return out
}
