package bolt

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// newGroup is what a plan becomes in the journal, once it has a place.
func newGroup(p *plan, past [sha256.Size]byte) *group {
	frames, ends := p.Frames()
	return &group{berth: berth{first: p.First(), count: len(ends), size: len(frames), past: past},
		frames: bytes.Clone(frames), ends: slices.Clone(ends)}
}

// pastOf is what a record says of all that is in the log before it: the hash of the seal's frontier; zeros without a
// seal.
func pastOf(tree *seal.Tree) (past [sha256.Size]byte) {
	if tree != nil {
		past = sha256.Sum256(tree.AppendFrontier(nil))
	}
	return past
}

// errNoRecord is what a berth holds that was read before and does not hold its record any more.
var errNoRecord = errors.New("the record is not there any more")

// load is the group that stands in a berth of the journal, read from there.
func (s berth) load(path, id string) (g *group, err error) {
	file, err := openJournal(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	b := make([]byte, sectors(s.size)*sectorSize)
	if _, err := file.ReadAt(b, s.at); err != nil {
		return nil, err
	}
	g = &group{berth: s, frames: b[:0]} // what is written over was read
	seed := journalSeed(id)
	for number := range sectors(s.size) {
		begin := number * sectorSize
		of, ok := parseSector(seed, s.at+int64(begin), b[begin:][:sectorSize])
		if !ok || of.first != s.first || of.number != number {
			return nil, errNoRecord
		}
		if number == 0 {
			of.room = of.room[recordHeader:]
		}
		g.frames = append(g.frames, of.room[:min(len(of.room), s.size-len(g.frames))]...)
	}
	if g.ends, err = endsOf(g.frames); err == nil && len(g.ends) != s.count {
		err = fmt.Errorf("%d frames are where %d should be", len(g.ends), s.count)
	}
	return g, err
}

// endsOf is where each of the frames ends.
func endsOf(frames []byte) (ends []int, err error) {
	for end := 0; end < len(frames); {
		n, err := events.FrameSize(frames[end:])
		if err != nil {
			return nil, err
		}
		end += n
		ends = append(ends, end)
	}
	return ends, nil
}

// load is a group of the tail with its frames.
func (l *Log) load(g *group) (*group, error) {
	if g.frames != nil {
		return g, nil
	}
	loaded, err := g.berth.load(l.journalAt, l.marked)
	switch {
	case err == nil:
		loaded.tiles = g.tiles
		return loaded, nil
	case isSystem(err) && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return nil, &store.DamagedError{Log: l.name, Position: g.first, Reason: fmt.Sprintf("it is in the journal %s, and %v",
		l.journalAt, err)}
}
