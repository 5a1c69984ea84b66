package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"go.etcd.io/bbolt"
)

// bbolt follows the links between its pages wherever they lead, believes what they say about their own contents, and
// writes to the pages that its free list names whether or not they are in use. Where a link leads in a circle it runs
// until memory is used up. So all of this is looked at before it does.

// bbolt's pages: a header, then one element for each key, then what the elements point to, from where each stands. A
// branch page links to a page below it for each key; a leaf page has a value, which for a bucket is its root and, where
// the root is 0, a page of its own.
const (
	pageHeaderSize = 16 // id 8, flags 2, count 2, overflow 4 bytes
	pageFlagsAt    = 8
	pageCountAt    = 10
	pageOverflowAt = 12
	pageBranch     = 0x01
	pageLeaf       = 0x02
	// branch: position 4, key size 4, page 8 bytes; leaf: flags 4, position 4, key size 4, value size 4
	elementSize   = 16
	elementBucket = 0x01
	bucketSize    = 16 // root 8, sequence 8 bytes
)

// bbolt's two header pages hold, after the page's own header, the page of the free list and the number of the commit.
const (
	headerPages      = 2
	headerFreeListAt = 48
	headerCommitAt   = 64
	headerEnd        = 72
	manyFree         = 0xffff // the count of a free list whose true count is its first entry
	noFreeList       = 1<<64 - 1
)

// checkPages tells whether the pages of the file form trees of keys in order, with all they say of themselves within
// them, and whether the entries of the lazy buckets are as they were written.
func (l *Log) checkPages(tx *bbolt.Tx) error {
	p := l.pagesOf(tx)
	for len(p.queue) > 0 {
		if len(p.seen) >= l.pagesLooked {
			return nil
		}
		if err := p.look(p.pop()); err != nil {
			return err
		}
	}
	if p.more {
		return nil
	}
	return p.free(uint64(tx.ID()))
}

// pagesOf is a look at the pages of a transaction that begins with its root.
func (l *Log) pagesOf(tx *bbolt.Tx) *pages {
	p := &pages{log: l, size: uint64(l.db.Info().PageSize), end: uint64(tx.Size()) / uint64(l.db.Info().PageSize),
		seen: map[uint64]bool{}}
	p.queue = []link{{page: uint64(tx.Cursor().Bucket().Root())}}
	return p
}

// pages is a look at the file's pages.
type pages struct {
	log   *Log
	size  uint64 // of a page
	end   uint64 // the first page that bbolt has not handed out
	seen  map[uint64]bool
	queue []link
	more  bool // there are pages that are not looked at
	block []byte
}

// link is a page and the keys that belong below it: from the first key on and before the second, where they are not
// nil.
type link struct {
	page     uint64
	bucket   string // that it is of; empty for the bucket that holds all others
	lazy     bool   // its entries have sums
	inline   bool   // no page of its own, but the value of the bucket
	from, to []byte
}

// mayBeEmpty tells whether bbolt can have written the page without an element: a bucket with nothing in it has no page.
func (k link) mayBeEmpty() bool { return k.inline || k.bucket == "" }

// pop is the page to look at next.
func (p *pages) pop() link {
	next := p.queue[0]
	p.queue = p.queue[1:]
	return next
}

// look reads a page and queues those below it.
func (p *pages) look(at link) error {
	page, err := p.read(at.page)
	if err != nil {
		return err
	}
	return p.contents(at, page)
}

// read returns the bytes of a page, with those it goes on over.
func (p *pages) read(id uint64) ([]byte, error) {
	if err := p.use(id); err != nil {
		return nil, err
	}
	if uint64(len(p.block)) < p.size {
		p.block = make([]byte, p.size)
	}
	page := p.block[:p.size]
	if err := p.fill(page, id); err != nil {
		return nil, err
	}
	overflow := uint64(binary.NativeEndian.Uint32(page[pageOverflowAt:]))
	if overflow == 0 {
		return page, nil
	}
	if !goesOn(id, overflow, p.size, p.end) {
		return nil, p.log.damagedError("its page %d is said to go on for %d pages", id, overflow)
	}
	for next := id + 1; next <= id+overflow; next++ {
		if err := p.use(next); err != nil {
			return nil, err
		}
	}
	page = make([]byte, (overflow+1)*p.size)
	return page, p.fill(page, id)
}

// spanMax is how many bytes a page has at most, with those that it goes on over. bbolt parts a page that has more than
// four elements and does not fit, and none of ours is much longer than a frame.
const spanMax = 8 << 20

// goesOn tells whether a page can go on over so many more: a damaged one may say anything, and is not given memory for
// it.
func goesOn(id, overflow, size, end uint64) bool {
	return id+overflow < end && (overflow+1)*size <= spanMax
}

// use notes that a page is in use, once.
func (p *pages) use(id uint64) error {
	if id < headerPages || id >= p.end || p.seen[id] {
		return p.log.damagedError("its page %d is linked twice, or is none of its pages", id)
	}
	p.seen[id] = true
	return nil
}

func (p *pages) fill(page []byte, id uint64) error {
	at := int64(id * p.size)
	if id >= p.end {
		return p.log.damagedError("its page %d is beyond its end", id)
	}
	switch n, err := p.log.file.ReadAt(page, at); {
	case n == len(page):
		return nil
	case errors.Is(err, io.EOF):
		return p.log.damagedError("its page %d is beyond its end", id)
	default:
		return err
	}
}

// contents looks at a page's elements. bbolt writes what they point to one after another, from right after the last
// element on: so a count, a place or a size that was changed leaves a gap.
func (p *pages) contents(at link, page []byte) error {
	flags, count := binary.NativeEndian.Uint16(page[pageFlagsAt:]), int(binary.NativeEndian.Uint16(page[pageCountAt:]))
	pageError := func() error { return p.log.damagedError("its page %d is no page of keys in order", at.page) }
	next := pageHeaderSize + count*elementSize
	if flags != pageBranch && flags != pageLeaf || next > len(page) || count == 0 && !at.mayBeEmpty() {
		return pageError()
	}
	keys := make([][]byte, count+1)
	for i := range count {
		begin := pageHeaderSize + i*elementSize
		e, position := page[begin:], 0
		var size, value uint32
		if flags == pageBranch {
			position, size = int(binary.NativeEndian.Uint32(e)), binary.NativeEndian.Uint32(e[4:])
		} else {
			position, size, value = int(binary.NativeEndian.Uint32(e[4:])), binary.NativeEndian.Uint32(e[8:]),
				binary.NativeEndian.Uint32(e[12:])
		}
		if begin+position != next || next+int(size)+int(value) > len(page) || size == 0 {
			return pageError()
		}
		keys[i] = e[position : position+int(size)]
		if i > 0 && bytes.Compare(keys[i-1], keys[i]) >= 0 || bytes.Compare(keys[i], at.from) < 0 || at.to != nil &&
			bytes.Compare(keys[i], at.to) >= 0 {
			return pageError()
		}
		next += int(size) + int(value)
		if flags == pageLeaf {
			if err := p.entry(at, binary.NativeEndian.Uint32(e), keys[i], e[position+int(size):][:value]); err != nil {
				return err
			}
		}
	}
	if at.inline && next != len(page) {
		return pageError()
	}
	if flags == pageBranch {
		p.below(at, page, keys)
	}
	return nil
}

// below queues the pages that a branch page links to.
func (p *pages) below(at link, page []byte, keys [][]byte) {
	// What is behind as many pages as are looked at is never read: of a large file that is nearly all.
	below := min(len(keys)-1, max(p.log.pagesLooked-len(p.seen)-len(p.queue), 0))
	p.more = p.more || below < len(keys)-1
	p.queue = slices.Grow(p.queue, below)
	keys[len(keys)-1] = at.to
	from := bytes.Clone(keys[0])
	for i := range below {
		to := keys[i+1]
		if to != nil {
			to = bytes.Clone(to)
		}
		id := binary.NativeEndian.Uint64(page[pageHeaderSize+i*elementSize+8:])
		p.queue = append(p.queue, link{page: id, bucket: at.bucket, lazy: at.lazy, from: from, to: to})
		from = to
	}
}

// entry looks at what a leaf page has for a key. Where that is a bucket, its pages are next.
func (p *pages) entry(at link, flags uint32, key, value []byte) error {
	switch {
	case flags == 0:
		if at.lazy {
			if _, ok := unsummed(key, value); ok {
				return nil
			}
			return p.log.alteredEntryError(at.bucket, key)
		}
		return nil
	case at.bucket != "":
		return p.log.damagedError("one of its buckets has a bucket inside, %q", key)
	case flags != elementBucket || len(value) < bucketSize:
		return p.log.damagedError("its page %d has an element of no known kind", at.page)
	}
	name := string(key)
	below := link{page: binary.NativeEndian.Uint64(value), bucket: name, lazy: slices.Contains(lazyBuckets, name)}
	if below.page != 0 {
		p.queue = append(p.queue, below)
		return nil
	}
	inline := value[bucketSize:]
	if len(inline) < pageHeaderSize || binary.NativeEndian.Uint16(inline[pageFlagsAt:]) != pageLeaf {
		return p.log.damagedError("its page %d has a bucket that is no page", at.page)
	}
	below.page, below.inline = at.page, true
	return p.contents(below, inline)
}

// free tells whether the free list of a commit names no page that is in use.
func (p *pages) free(commit uint64) error {
	header := make([]byte, headerEnd)
	list := uint64(noFreeList)
	for page := range uint64(headerPages) {
		if err := p.fill(header, page); err != nil {
			return err
		}
		if binary.NativeEndian.Uint64(header[headerCommitAt:]) == commit {
			list = binary.NativeEndian.Uint64(header[headerFreeListAt:])
		}
	}
	if list == noFreeList {
		return nil // kept in memory only: bbolt makes it from the pages
	}
	first := make([]byte, pageHeaderSize+numberSize)
	if err := p.fill(first, list); err != nil {
		return err
	}
	count, begin := uint64(binary.NativeEndian.Uint16(first[pageCountAt:])), uint64(pageHeaderSize)
	if count == manyFree {
		count, begin = binary.NativeEndian.Uint64(first[pageHeaderSize:]), begin+numberSize
	}
	overflow := uint64(binary.NativeEndian.Uint32(first[pageOverflowAt:]))
	if count > p.end || begin+count*numberSize > (overflow+1)*p.size {
		return p.log.damagedError("its free list, page %d, is said to have %d entries", list, count)
	}
	if list+overflow >= p.end { // the next commit frees them all, one by one
		return p.log.damagedError("its free list, page %d, is said to go on for %d pages", list, overflow)
	}
	page := make([]byte, begin+count*numberSize)
	if err := p.fill(page, list); err != nil {
		return err
	}
	for id := list; id <= list+overflow; id++ {
		if p.seen[id] {
			return p.log.damagedError("its page %d is of the free list, and in use", id)
		}
		p.seen[id] = true
	}
	for ids := page[begin:]; len(ids) > 0; ids = ids[numberSize:] {
		id := binary.NativeEndian.Uint64(ids)
		if p.seen[id] || id < headerPages || id >= p.end {
			return p.log.damagedError("its page %d is on the free list, and in use or none of its pages", id)
		}
		p.seen[id] = true
	}
	return nil
}
