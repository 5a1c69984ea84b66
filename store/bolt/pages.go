package bolt

import (
	"encoding/binary"
	"io"

	"go.etcd.io/bbolt"
)

// bbolt follows the links between its pages wherever they lead, and where they lead in a circle it does so until memory is
// used up; and it writes to the pages that its free list names, whether or not they are in use. So both are looked at before.

// pagesMax is the most pages that an opening looks at, those nearest the roots first: a file of 256 MiB is looked at whole,
// in well under a second.
const pagesMax = 1 << 16

// bbolt's pages: a header, and on a branch page one element for each page below it.
const (
	pageHeaderSize    = 16 // id 8, flags 2, count 2, overflow 4 bytes
	pageFlagsAt       = 8
	pageCountAt       = 10
	pageOverflowAt    = 12
	pageBranchFlag    = 0x01
	branchElementSize = 16 // position 4, key size 4, page id 8 bytes
	branchPageAt      = 8
)

// bbolt's two header pages hold, behind the page's own header, the page of the free list and the number of the commit.
const (
	headerPages      = 2
	headerFreeListAt = 48
	headerCommitAt   = 64
	headerEnd        = 72
	manyFree         = 0xffff // the count of a free list whose true count is its first entry
	noFreeList       = 1<<64 - 1
)

// checkPages tells whether the pages of the file form trees.
func (l *Log) checkPages(tx *bbolt.Tx) error {
	p := &pages{log: l, size: uint64(l.db.Info().PageSize), seen: map[uint64]bool{}}
	root := tx.Cursor().Bucket()
	if err := p.walk(uint64(root.Root())); err != nil {
		return err
	}
	for _, name := range buckets {
		if b := tx.Bucket([]byte(name)); b != nil {
			if err := p.walk(uint64(b.Root())); err != nil {
				return err
			}
		}
	}
	if len(p.seen) >= pagesMax {
		return nil
	}
	return p.free(uint64(tx.ID()))
}

// free tells whether the free list of a commit names no page that is in use.
func (p *pages) free(commit uint64) error {
	header := make([]byte, headerEnd)
	list := uint64(noFreeList)
	for page := range uint64(headerPages) {
		if _, err := p.log.file.ReadAt(header, int64(page*p.size)); err != nil {
			return err
		}
		if binary.NativeEndian.Uint64(header[headerCommitAt:]) == commit {
			list = binary.NativeEndian.Uint64(header[headerFreeListAt:])
		}
	}
	if list == noFreeList {
		return nil // kept in memory only: bbolt makes it from the pages
	}
	p.seen[list] = true
	at := int64(list * p.size)
	first := make([]byte, pageHeaderSize+numberSize)
	if _, err := p.log.file.ReadAt(first, at); err != nil || at < 0 {
		return p.log.damaged("its free list, page %d, is beyond its end", list)
	}
	count := uint64(binary.NativeEndian.Uint16(first[pageCountAt:]))
	at += pageHeaderSize
	if count == manyFree {
		count = binary.NativeEndian.Uint64(first[pageHeaderSize:])
		at += numberSize
	}
	if count > uint64(p.log.db.Info().PageSize)*pagesMax {
		return p.log.damaged("its free list, page %d, is said to have %d entries", list, count)
	}
	ids := make([]byte, count*numberSize)
	if _, err := p.log.file.ReadAt(ids, at); err != nil && err != io.EOF {
		return err
	}
	for ; len(ids) > 0; ids = ids[numberSize:] {
		id := binary.NativeEndian.Uint64(ids)
		if p.seen[id] || id < headerPages {
			return p.log.damaged("its page %d is in use and on the free list", id)
		}
		p.seen[id] = true
	}
	return nil
}

// pages is a look at the file's pages.
type pages struct {
	log  *Log
	size uint64
	seen map[uint64]bool
}

// walk looks at a tree level by level. Page 0 is no root: a bucket that is kept within another's page has it.
func (p *pages) walk(root uint64) error {
	if root == 0 {
		return nil
	}
	for level := []uint64{root}; len(level) > 0; {
		var below []uint64
		for _, id := range level {
			if len(p.seen) >= pagesMax {
				return nil
			}
			if p.seen[id] {
				return p.log.damaged("its page %d is linked twice", id)
			}
			p.seen[id] = true
			children, err := p.children(id)
			if err != nil {
				return err
			}
			below = append(below, children...)
		}
		level = below
	}
	return nil
}

// children are the pages that a page links to; none where it is no branch page.
func (p *pages) children(id uint64) ([]uint64, error) {
	header := make([]byte, pageHeaderSize)
	at := int64(id * p.size)
	if _, err := p.log.file.ReadAt(header, at); err == io.EOF || at < 0 {
		return nil, p.log.damaged("its page %d is beyond its end", id)
	} else if err != nil {
		return nil, err
	}
	overflow := uint64(binary.NativeEndian.Uint32(header[pageOverflowAt:]))
	if overflow > pagesMax {
		return nil, p.log.damaged("its page %d is said to go on for %d pages", id, overflow)
	}
	for next := id + 1; next <= id+overflow; next++ {
		if p.seen[next] {
			return nil, p.log.damaged("its page %d is linked twice", next)
		}
		p.seen[next] = true
	}
	if binary.NativeEndian.Uint16(header[pageFlagsAt:])&pageBranchFlag == 0 {
		return nil, nil
	}
	elements := make([]byte, int(binary.NativeEndian.Uint16(header[pageCountAt:]))*branchElementSize)
	if _, err := p.log.file.ReadAt(elements, at+pageHeaderSize); err != nil && err != io.EOF {
		return nil, err
	}
	var children []uint64
	for ; len(elements) > 0; elements = elements[branchElementSize:] {
		children = append(children, binary.NativeEndian.Uint64(elements[branchPageAt:]))
	}
	return children, nil
}
