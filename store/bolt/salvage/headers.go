package salvage

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"hash/fnv"
	"math/bits"
	"slices"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/sealed"
)

// The entries in which a log says which it is, by their keys; docs/reference/log-format-bbolt.md has them. bbolt writes
// the entries of a page one after another, key and value, without anything between: so they are found, and proven by
// their sum, wherever they stand.
const (
	keyAncestry = "ancestry"
	keyCopied   = "copied"
	keyCovered  = "covered"
	keyFiling   = "filing"
	keyFollows  = "follows"
	keyFormat   = "format"
	keyFrontier = "frontier"
	keyJournal  = "journal"
	keyMagic    = "magic"
	keyOrigin   = "origin"
	keySum      = "sum"
	keyUnsealed = "unsealed"
	magic       = "tilltape log"
	numberSize  = 8
	followsSize = 40
	journalSize = 16
	formatSize  = 4
)

// headers is what a log said of itself, once: the newest commit's, or that of an earlier one that a page still has.
type headers struct {
	at       int64 // in the file
	unsealed bool
	copied   bool
	origin   string
	ancestry []seal.Checkpoint
	size     uint64      // of the seal; of a log without one, up to where its heads were said to reach
	journal  string      // the id of the journal that the log had; empty: none
	frontier []seal.Hash // roots of the perfect subtrees, left to right
}

// reading takes entries from what stands in a page.
type reading struct {
	b   []byte
	sum []byte // what the sum is over, but for the first entry
	ok  bool
}

// take reads an entry whose value has so many bytes.
func (r *reading) take(key string, size int) (value []byte) {
	r.ok = r.ok && bytes.HasPrefix(r.b, []byte(key)) && size >= 0 && len(r.b) >= len(key)+size
	if !r.ok {
		return nil
	}
	value = r.b[len(key):][:size]
	r.b = r.b[len(key)+size:]
	if key != keySum {
		r.sum = summedEntry(r.sum, key, value)
	}
	return value
}

// takeFollows reads how far the log had applied the order that it followed: nothing, or so many bytes.
func (r *reading) takeFollows() {
	size := followsSize
	if bytes.HasPrefix(r.b, []byte(keyFollows+keyFormat)) {
		size = 0
	}
	r.take(keyFollows, size)
}

// takeJournal reads which journal the log had: none, or one.
func (r *reading) takeJournal() (id string) {
	size := journalSize
	if bytes.HasPrefix(r.b, []byte(keyJournal+keyMagic)) {
		size = 0
	}
	return string(r.take(keyJournal, size))
}

func summedEntry(to []byte, key string, value []byte) []byte {
	to = append(binary.BigEndian.AppendUint64(to, uint64(len(key))), key...)
	return append(binary.BigEndian.AppendUint64(to, uint64(len(value))), value...)
}

// headersAt reads the entries of which the second, or the first of a log without a seal, is at an offset.
func headersAt(b []byte, at int) (h headers, ok bool) {
	r := reading{b: b[at:], ok: true}
	copied := r.take(keyCopied, 1)
	r.take(keyCovered, numberSize)
	filing := r.take(keyFiling, numberSize)
	r.takeFollows()
	r.take(keyFormat, formatSize)
	if !r.ok {
		return headers{}, false
	}
	h.copied = copied[0] == 1
	if !bytes.HasPrefix(r.b, []byte(keyFrontier)) {
		h.unsealed, h.size = true, binary.BigEndian.Uint64(filing)
		h.journal = r.takeJournal()
		r.take(keyMagic, len(magic))
		sum := r.take(keySum, sha256.Size)
		r.take(keyUnsealed, 1)
		return h, r.ok && sha256.Sum256(r.sum) == [sha256.Size]byte(sum)
	}
	if len(r.b) < len(keyFrontier)+numberSize {
		return headers{}, false
	}
	h.size = binary.BigEndian.Uint64(r.b[len(keyFrontier):])
	frontier := r.take(keyFrontier, numberSize+bits.OnesCount64(h.size)*seal.HashSize)
	h.journal = r.takeJournal()
	r.take(keyMagic, len(magic))
	for n := 1; r.ok && n <= seal.MaxName; n++ {
		after := r
		after.sum = slices.Clip(after.sum)
		h.origin = string(after.take(keyOrigin, n))
		sum := after.take(keySum, sha256.Size)
		if after.ok && h.readAncestry(b[:at], after.sum, sum) {
			for f := frontier[numberSize:]; len(f) > 0; f = f[seal.HashSize:] {
				h.frontier = append(h.frontier, seal.Hash(f))
			}
			return h, true
		}
	}
	return headers{}, false
}

// readAncestry finds the entry that ends where before does and with which the sum fits.
func (h *headers) readAncestry(before, rest, sum []byte) bool {
	before = before[max(0, len(before)-windowBehind):]
	for end := len(before); ; {
		i := bytes.LastIndex(before[:end], []byte(keyAncestry))
		if i < 0 {
			return false
		}
		value := before[i+len(keyAncestry):]
		all := append(summedEntry(nil, keyAncestry, value), rest...)
		if sha256.Sum256(all) == [sha256.Size]byte(sum) {
			var ok bool
			h.ancestry, ok = sealed.ParseAncestry(string(value))
			return ok && sealed.IsOrigin(h.origin)
		}
		end = i + len(keyAncestry) - 1
	}
}

// newest sorts them, newest first: a seal only grows, and so does an ancestry.
func newest(all []headers) []headers {
	slices.SortStableFunc(all, func(a, b headers) int {
		return cmp.Or(-cmp.Compare(a.size, b.size), -cmp.Compare(len(a.ancestry), len(b.ancestry)))
	})
	return all
}

// bbolt's own: two pages at the beginning say where the newest commit's entries are.
const (
	// in a page: magic 4, version 4, page size 4, flags 4, root 8, sequence 8, free list 8, end 8, commit 8 bytes
	metaAt       = 16
	metaMagic    = 0xED0CDAED
	metaSize     = 64
	metaPageSize = 8
	metaRoot     = 16
	metaCommit   = 48
	metaSummed   = 56 // FNV-1a over what is before it
	pageHeader   = 16 // id 8, flags 2, count 2, overflow 4
	pageFlags    = 8
	pageCount    = 10
	pageBranch   = 1
	pageLeaf     = 2
	pageSizeMax  = 1 << 16
	elementSize  = 16
	depthMax     = 8 // of the tree that has the buckets: one page, or a few
)

var native = binary.NativeEndian

// committed returns what the newest commit said of the log, where both of bbolt's header pages are whole: with one of
// them nobody can tell whether the other was newer.
func (s *scan) committed() (headers, bool) {
	first, ok := s.commit(0)
	if !ok {
		return headers{}, false
	}
	page := int64(native.Uint32(first[metaPageSize:]))
	second, ok := s.commit(page)
	if !ok {
		return headers{}, false
	}
	if native.Uint64(second[metaCommit:]) > native.Uint64(first[metaCommit:]) {
		first = second
	}
	begin, end := s.bucket(page, native.Uint64(first[metaRoot:]), []byte("meta"))
	for _, h := range s.heads {
		if h.at >= begin && h.at < end {
			return h, true
		}
	}
	return headers{}, false
}

// commit reads one of bbolt's header pages.
func (s *scan) commit(at int64) (meta []byte, ok bool) {
	meta = s.image.bytes(at+metaAt, metaSize)
	sum := fnv.New64a()
	_, _ = sum.Write(meta[:metaSummed]) // a hash never returns an error
	page := native.Uint32(meta[metaPageSize:])
	return meta, native.Uint32(meta) == metaMagic && native.Uint64(meta[metaSummed:]) == sum.Sum64() &&
		page > pageHeader && page <= pageSizeMax
}

// bucket returns where in the file a small bucket's page is; nowhere where a page on the way is not readable.
func (s *scan) bucket(size int64, root uint64, name []byte) (begin, end int64) {
	for range depthMax {
		if root > uint64(s.image.size/size) {
			return 0, 0
		}
		at := int64(root) * size
		page := s.image.bytes(at, int(size))
		flags, next := native.Uint16(page[pageFlags:]), uint64(0)
		for i := range int(native.Uint16(page[pageCount:])) {
			e := pageHeader + i*elementSize
			if e+elementSize > len(page) {
				return 0, 0
			}
			key, value, below := element(page[e:], flags)
			switch {
			case flags == pageBranch && (i == 0 || bytes.Compare(key, name) <= 0):
				next = below
			case flags == pageLeaf && bytes.Equal(key, name) && len(value) >= numberSize:
				if page := native.Uint64(value); page > 0 && page < uint64(s.image.size/size) {
					return int64(page) * size, int64(page+1) * size
				}
				return at, at + size
			}
		}
		if flags != pageBranch {
			return 0, 0
		}
		root = next
	}
	return 0, 0
}

// element is what a page has at one of its elements.
func element(e []byte, flags uint16) (key, value []byte, below uint64) {
	at, size, length := native.Uint32(e), native.Uint32(e[4:]), uint32(0)
	if flags == pageLeaf {
		at, size, length = native.Uint32(e[4:]), native.Uint32(e[8:]), native.Uint32(e[12:])
	} else {
		below = native.Uint64(e[8:])
	}
	if n := uint64(len(e)); uint64(at)+uint64(size)+uint64(length) > n {
		return nil, nil, below
	}
	return e[at : at+size], e[at+size : at+size+length], below
}
