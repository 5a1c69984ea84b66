package bolt

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

// faultsMax is how many things are noted that are wrong with a file's pages, and with its tiles.
const faultsMax = 32

// Damaged is a file that [Open] may refuse, opened to find out what of it is left. It is no log: it has no order, no
// lookup and no cursor, and nothing takes it but audit.VerifyDamaged. Make one with [OpenDamaged]; it is for one
// goroutine.
type Damaged struct {
	path    string
	refusal error
	log     *Log // nil: no page of the file is a root
	close   func() error
	pages   tolerant
	first   map[string]uint64    // page of each bucket
	inline  map[string][]element // of the buckets that have none

	full        *sealed.Records // by the full tiles; nil: nothing proves a record by itself
	fullSize    uint64          // records that it is of
	tileless    uint64          // up to this position the tile is bad that would prove them
	edges, past []seal.Checkpoint
	ofSeal      []error
	ofIndexes   []error
}

// OpenDamaged opens a file for audit.VerifyDamaged to look at, whatever of it is damaged. It is for reading only, by
// any number of processes at once, and waits [DefaultLockTimeout] where another has the file open for appends. Its
// errors are those of Open, but that store.ErrDamaged is none: [Damaged.Refusal] is that. Of a file without header
// pages, what is read is the longest log that a page of it has the root of: its last commit is not known. Cost: that of
// Open, and of looking at the pages once more; without header pages, of reading the file.
func OpenDamaged(path string) (*Damaged, error) {
	d := &Damaged{path: path}
	log, err := Open(path, &Config{ReadOnly: true})
	switch {
	case err == nil:
		if err := log.Close(); err != nil {
			return nil, err
		}
	case errors.Is(err, ErrNotALog): // its header pages may be all that was
		if found, headlessErr := d.headless(); !found {
			return nil, cmp.Or(headlessErr, err)
		}
		d.refusal = headlessError(path)
		d.readSeal(context.Background())
		return d, nil
	case !errors.Is(err, store.ErrDamaged):
		return nil, err
	}
	d.refusal = err
	d.log, err = attach(path, Config{LockTimeout: DefaultLockTimeout, MapSize: defaultMapSize()}, true, d.look)
	if err == nil {
		d.close = d.log.Close
		return d, nil
	}
	if !errors.Is(err, store.ErrDamaged) {
		return nil, err
	}
	found, err := d.headless()
	if found {
		d.readSeal(context.Background())
	}
	return d, err
}

// Close lets go of the file.
func (d *Damaged) Close() error {
	if d.close == nil {
		return nil
	}
	return d.close()
}

// Refusal is why [Open] does not open the file: an error that wraps store.ErrDamaged, or nil where it does.
func (d *Damaged) Refusal() error { return d.refusal }

// DamagedSeal is what the file says that its log holds: where it can be told of the log's beginnings, too, smallest
// first and the whole last; and what it is said to have held under earlier origins. All of it is unsigned, and not
// proven by anything. Both are empty where the file has no seal, or none that can be read.
func (d *Damaged) DamagedSeal() (edges, past []seal.Checkpoint) { return d.edges, d.past }

// Faults is what is wrong with the file beside its records: with its seal and what it says of itself, and with its
// pages and what finds records. At most some dozen of each are told. What is wrong with tiles is found while the
// records are read.
func (d *Damaged) Faults() (ofSeal, ofIndexes []error) { return d.ofSeal, d.ofIndexes }

// look learns where everything is. It is called with the file open, before anybody else has it.
func (d *Damaged) look(l *Log) error {
	d.log = l
	return l.db.View(func(tx *bbolt.Tx) error {
		p := l.pagesOf(tx)
		root := p.queue[0].page
		d.pages = tolerant{file: l.file, size: p.size, end: p.end}
		for len(p.queue) > 0 && len(p.seen) < l.pagesLooked && len(d.ofSeal)+len(d.ofIndexes) < faultsMax {
			at := p.pop()
			if err := p.look(at); err != nil {
				d.fault(at.bucket, err)
			}
		}
		d.first, d.inline = d.pages.roots(root)
		d.readSeal(context.Background()) // opening has no context
		return nil
	})
}

// fault notes what is wrong with a bucket.
func (d *Damaged) fault(bucket string, err error) {
	if bucket == bucketTiles || bucket == bucketMeta {
		d.ofSeal = append(d.ofSeal, err)
		return
	}
	d.ofIndexes = append(d.ofIndexes, err)
}

// each yields the elements of a bucket.
func (d *Damaged) each(bucket string, yield func(element) bool) {
	if d.log == nil {
		return
	}
	for _, e := range d.inline[bucket] {
		if !yield(e) {
			return
		}
	}
	if first, ok := d.first[bucket]; ok {
		d.pages.walk(first, yield)
	}
}

// header is what the file says of itself.
func (d *Damaged) header() (header, error) {
	found := map[string][]byte{}
	d.each(bucketMeta, func(e element) bool {
		found[string(e.key)] = e.value
		return true
	})
	const anyEnd = 1<<64 - 1 // where the log ends, the records tell
	return d.log.headerOf(found, anyEnd)
}

// readSeal reads what the file says of itself, and proves the tiles by its frontier.
func (d *Damaged) readSeal(ctx context.Context) {
	h, err := d.header()
	if err != nil {
		d.ofSeal = append(d.ofSeal, err)
		return
	}
	if h.journal != "" {
		at, err := filepath.Abs(d.path)
		if err == nil {
			at, err = journalPath(at)
		}
		if err != nil {
			at = d.path + journalSuffix
		}
		d.ofSeal = append(d.ofSeal, d.log.journalError("it names a journal, %s, and that was not looked at: records that "+
			"were acknowledged may be in it, and a salvage takes them", at))
	}
	if h.unsealed {
		return
	}
	d.past, _ = h.past() // which headerOf has read
	prefixes, err := seal.Prefixes(h.frontier)
	if err != nil {
		d.ofSeal = append(d.ofSeal, err)
		return
	}
	for _, p := range prefixes {
		d.edges = append(d.edges, seal.Checkpoint{Origin: h.origin, Size: p.Size, Root: p.Root})
	}
	if len(prefixes) == 0 {
		d.edges = []seal.Checkpoint{{Origin: h.origin, Root: new(seal.Tree).Root()}}
	}
	frontier, err := seal.FullTiles(h.frontier)
	if err == nil {
		var tree *seal.Tree
		if tree, err = sealed.Load(ctx, "log "+d.path, frontier, damagedTiles{d}); err == nil {
			d.full, d.fullSize = (&sealed.Seal{Log: "log " + d.path, Origin: h.origin, Tree: tree}).Records(), tree.Size()
		}
	}
	if err != nil {
		d.ofSeal = append(d.ofSeal, err)
	}
}

// damagedTiles is a [sealed.Source] that has tiles and no records.
type damagedTiles struct{ d *Damaged }

// Tiles implements [sealed.Source].
func (s damagedTiles) Tiles(ctx context.Context, tiles []seal.TileID, bytes [][]byte) error {
	if err := store.CheckContext(ctx, "read the seal"); err != nil {
		return err
	}
	for i, t := range tiles {
		key := tileKey(t.Level, t.Index)
		if bytes[i] = s.d.pages.get(s.d.first[bucketTiles], key); bytes[i] == nil {
			return s.d.log.damagedError("tile %d of level %d of its seal is missing", t.Index, t.Level)
		}
	}
	return nil
}

// Leaves implements [sealed.Source]. A tree of full tiles has none.
func (s damagedTiles) Leaves(context.Context, uint64, []seal.Hash) error {
	return s.d.log.damagedError("the records after the last full tile of its seal are not asked for")
}

// Surviving yields the records that can be read, with their stored bytes, by position and each once; for one that is
// there and cannot be read, or that is not the one that its seal was made over, a *store.DamagedError with its
// position, after which it goes on. A position that is passed over has no record. Only the end of ctx ends it before
// the file does. What is yielded has passed all that [Log.Frames] holds a record against, and its tile where there is a
// good one. Records as the loop got them may be kept, and their bytes only until it goes on.
func (d *Damaged) Surviving(ctx context.Context) iter.Seq2[store.Frame, error] {
	return func(yield func(store.Frame, error) bool) {
		seen := uint64(0) // the newest position that was yielded
		d.each(bucketLog, func(e element) bool {
			if err := store.CheckContext(ctx, "read the log"); err != nil {
				yield(store.Frame{}, err)
				return false
			}
			return d.chunk(ctx, e, &seen, yield)
		})
	}
}

// chunk yields the records of a chunk.
func (d *Damaged) chunk(ctx context.Context, e element, seen *uint64, yield func(store.Frame, error) bool) bool {
	last, ok := parseNumber(e.key)
	if !ok || last <= *seen {
		return true // in no place where a record could be
	}
	f := &frames{log: d.log}
	if f.take(e.key, e.value, last) != nil || f.first <= *seen {
		return true // its positions have no record
	}
	if f.first != *seen+1 && !d.says(f) {
		return true // it was put here, or its key was altered: where it says that it is, it would hide those after it
	}
	for position := f.first; position <= f.last; position++ {
		*seen = position
		frame, err := d.record(ctx, f, position)
		if !yield(frame, err) {
			return false
		}
	}
	return true
}

// says reports whether one of a chunk's records is of the position that the chunk's key says.
func (d *Damaged) says(f *frames) bool {
	for position := f.first; position <= f.last; position++ {
		if _, err := f.record(position); err == nil {
			return true
		}
	}
	return false
}

// record is one record of a chunk.
func (d *Damaged) record(ctx context.Context, f *frames, position uint64) (store.Frame, error) {
	frame, err := f.at(position)
	if err != nil {
		return store.Frame{}, err
	}
	if err := d.hold(ctx, position, frame); err != nil {
		return store.Frame{}, err
	}
	r, err := d.log.decode(position, frame)
	return store.Frame{Record: r, Bytes: frame}, err
}

// hold holds a frame against its tile. A tile that is bad itself is noted, and proves nothing.
func (d *Damaged) hold(ctx context.Context, position uint64, frame []byte) error {
	if d.full == nil || position > d.fullSize || position <= d.tileless {
		return nil
	}
	err := d.full.Hold(ctx, damagedTiles{d}, position, frame)
	damage, is := errors.AsType[*store.DamagedError](err)
	if is && damage.Position == 0 {
		if len(d.ofSeal) < faultsMax {
			d.ofSeal = append(d.ofSeal, err)
		}
		d.tileless = (position-1)/seal.TileWidth*seal.TileWidth + seal.TileWidth
		return nil
	}
	return err
}
