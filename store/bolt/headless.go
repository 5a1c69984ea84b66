package bolt

import (
	"encoding/binary"
	"os"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// A file that has lost both header pages does not say where its newest commit begins. But each commit writes a new
// page that names the buckets, and with it what the log says of itself; older ones stand in the file until their page
// is used again. So the pages are looked through for those, and the one whose log is the longest is read.

// The sizes that a page of bbolt's can have: that of the system's, which has the file written first.
const (
	pageSizeLeast = 1 << 12
	pageSizeMost  = 1 << 16
)

// headless learns where everything is in a file without header pages. found is false where no page in it is a root of a
// log of ours.
func (d *Damaged) headless() (found bool, err error) {
	info, err := os.Stat(d.path)
	if err != nil || !info.Mode().IsRegular() { // who opens a pipe waits
		return false, explain(d.path, err)
	}
	file, err := os.Open(d.path)
	if err != nil {
		return false, explain(d.path, err)
	}
	d.log = &Log{path: d.path, name: "log " + d.path, file: file}
	for size := uint64(pageSizeLeast); size <= pageSizeMost && !found; size *= 2 {
		d.pages = tolerant{file: file, size: size, end: uint64(info.Size()) / size}
		found = d.longest()
	}
	if !found {
		d.log = nil
		return false, file.Close()
	}
	d.close = file.Close
	return true, nil
}

// longest takes the root of the longest log that a page of the file has.
func (d *Damaged) longest() (found bool) {
	var most uint64
	for id := range d.pages.end {
		if !d.isRoot(id) {
			continue
		}
		first, inline := d.pages.roots(id)
		last := *d
		last.first, last.inline = first, inline
		if size, ok := last.extent(); ok && (!found || size >= most) {
			d.first, d.inline, most, found = first, inline, size, true
		}
	}
	return found
}

// isRoot reports whether a page names the buckets of a log.
func (d *Damaged) isRoot(id uint64) bool {
	head := d.pages.at(id, pageHeaderSize)
	if len(head) < pageHeaderSize || binary.NativeEndian.Uint64(head) != id ||
		binary.NativeEndian.Uint16(head[pageFlagsAt:]) != pageLeaf {
		return false
	}
	all, _ := elements(d.pages.read(id))
	named := map[string]bool{}
	for _, e := range all {
		named[string(e.key)] = e.bucket
	}
	return named[bucketMeta] && named[bucketLog]
}

// extent is how many records the log of the chosen root says that it has. ok is false where it does not say so.
func (d *Damaged) extent() (records uint64, ok bool) {
	h, err := d.header()
	if err != nil {
		return 0, false
	}
	if h.unsealed {
		d.each(bucketLog, func(e element) bool {
			records, _ = parseNumber(e.key)
			return true
		})
		return records, true
	}
	prefixes, err := seal.Prefixes(h.frontier)
	if err != nil || len(prefixes) == 0 {
		return 0, err == nil
	}
	return prefixes[len(prefixes)-1].Size, true
}

// headlessError is why a file is not opened that has a log and no header pages.
func headlessError(path string) error {
	return &FileError{Kind: store.ErrDamaged, Path: path, Remedy: remedyBackup,
		Reason: "both of its header pages are damaged, so that which commit was its last is not known"}
}
