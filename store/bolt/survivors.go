package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// bbolt's own reading of a damaged file can panic, and run in a circle until memory is used up. So a file that does not
// open is read without it: by the links between its pages, each followed once, and what does not fit is left out.

// depthMax is how many branch pages are followed one below the other. A tree of 2^64 keys has fewer.
const depthMax = 64

// tolerant reads the pages of a file as far as they can be read. It is for one goroutine.
type tolerant struct {
	file io.ReaderAt
	size uint64 // of a page
	end  uint64 // the first page that bbolt has not handed out
}

// element is what a page has for a key.
type element struct {
	bucket bool
	key    []byte
	value  []byte // of a leaf
	page   uint64 // of a branch: below it
}

// read returns what there is of a page, with those it goes on over; nil where there is nothing of use.
func (t *tolerant) read(id uint64) []byte {
	if id < headerPages || id >= t.end {
		return nil
	}
	page := t.at(id, t.size)
	if len(page) < pageHeaderSize {
		return nil
	}
	overflow := uint64(binary.NativeEndian.Uint32(page[pageOverflowAt:]))
	if overflow == 0 || !goesOn(id, overflow, t.size, t.end) {
		return page
	}
	return t.at(id, (overflow+1)*t.size)
}

// at reads so many bytes from a page on, as many as there are.
func (t *tolerant) at(id, size uint64) []byte {
	page := make([]byte, size)
	n, err := t.file.ReadAt(page, int64(id*t.size))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	return page[:n]
}

// elements returns those elements of a page that lie within it; leaf tells its kind.
func elements(page []byte) (all []element, leaf bool) {
	if len(page) < pageHeaderSize {
		return nil, false
	}
	flags := binary.NativeEndian.Uint16(page[pageFlagsAt:])
	if flags != pageBranch && flags != pageLeaf {
		return nil, false
	}
	leaf = flags == pageLeaf
	lowest := uint64(len(page)) // where what the elements point to begins: no element is behind that
	for i := range uint64(binary.NativeEndian.Uint16(page[pageCountAt:])) {
		begin := pageHeaderSize + i*elementSize
		if begin+elementSize > lowest {
			break
		}
		e, found := page[begin:], element{}
		var at, key, value uint64
		if leaf {
			found.bucket = binary.NativeEndian.Uint32(e) == elementBucket
			at, key, value = uint64(binary.NativeEndian.Uint32(e[4:])), uint64(binary.NativeEndian.Uint32(e[8:])),
				uint64(binary.NativeEndian.Uint32(e[12:]))
		} else {
			at, key = uint64(binary.NativeEndian.Uint32(e)), uint64(binary.NativeEndian.Uint32(e[4:]))
			found.page = binary.NativeEndian.Uint64(e[8:])
		}
		at += begin
		if at < begin+elementSize || at+key+value > uint64(len(page)) {
			continue
		}
		lowest = min(lowest, at)
		found.key, found.value = page[at:at+key], page[at+key:at+key+value]
		all = append(all, found)
	}
	return all, leaf
}

// walk yields the elements of the leaves below a page, in the order in which the pages have them, until yield says
// otherwise. No page is read twice.
func (t *tolerant) walk(root uint64, yield func(element) bool) {
	t.below(root, make([]uint64, t.end/64+1), depthMax, yield)
}

func (t *tolerant) below(id uint64, seen []uint64, depth int, yield func(element) bool) (more bool) {
	if depth == 0 || id >= t.end || seen[id/64]>>(id%64)&1 == 1 {
		return true
	}
	seen[id/64] |= 1 << (id % 64)
	all, leaf := elements(t.read(id))
	for _, e := range all {
		if leaf && !yield(e) || !leaf && !t.below(e.page, seen, depth-1, yield) {
			return false
		}
	}
	return true
}

// get returns the value below a page for a key, nil where it is not found.
func (t *tolerant) get(root uint64, key []byte) []byte {
	for range depthMax {
		all, leaf := elements(t.read(root))
		var last *element
		for i := range all {
			if bytes.Compare(all[i].key, key) > 0 {
				break
			}
			last = &all[i]
		}
		switch {
		case last == nil:
			return nil
		case !leaf:
			root = last.page
			continue
		case !bytes.Equal(last.key, key):
			return nil
		}
		return last.value
	}
	return nil
}

// roots returns the first page of each bucket, and the elements of those that have no page of their own.
func (t *tolerant) roots(root uint64) (pages map[string]uint64, inline map[string][]element) {
	pages, inline = map[string]uint64{}, map[string][]element{}
	t.walk(root, func(e element) bool {
		if !e.bucket || len(e.value) < bucketSize {
			return true
		}
		if first := binary.NativeEndian.Uint64(e.value); first != 0 {
			pages[string(e.key)] = first
		} else {
			inline[string(e.key)], _ = elements(e.value[bucketSize:])
		}
		return true
	})
	return pages, inline
}
