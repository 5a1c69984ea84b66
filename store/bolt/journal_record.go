package bolt

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// newGroup is what a plan becomes in the journal. The record is complete once it has its place, by put.
func newGroup(p *plan) *group {
	frames, ends := p.Frames()
	size := (recordHeader + len(frames) + journalAlign - 1) / journalAlign * journalAlign
	record := make([]byte, recordHeader, size)
	binary.BigEndian.PutUint32(record, recordMagic)
	binary.BigEndian.PutUint32(record[4+sumSize:], uint32(len(frames)))
	binary.BigEndian.PutUint32(record[8+sumSize:], uint32(len(ends)))
	binary.BigEndian.PutUint64(record[12+sumSize:], p.First())
	record = append(record, frames...)
	g := &group{first: p.First(), record: record[:size], frames: record[recordHeader:], ends: make([]int, len(ends))}
	copy(g.ends, ends)
	return g
}

// put gives the group's record its place, and with it its checksum.
func (g *group) put(id string, at int64) {
	g.at = at
	binary.BigEndian.PutUint32(g.record[4:], recordSum(id, at, g.record[:recordHeader+len(g.frames)]))
}

// recordSum is the checksum of a record at a place: over the journal's id, the place and the record without it.
func recordSum(id string, at int64, record []byte) uint32 {
	var place [journalIDSize + numberSize]byte
	copy(place[:], id)
	binary.BigEndian.PutUint64(place[journalIDSize:], uint64(at))
	sum := crc32.Update(0, castagnoli, place[:])
	sum = crc32.Update(sum, castagnoli, record[:4])
	return crc32.Update(sum, castagnoli, record[4+sumSize:])
}

// parseGroup is the group whose record b begins with at a place; nil where there is none.
func parseGroup(id string, at int64, b []byte) *group {
	if len(b) < recordHeader || binary.BigEndian.Uint32(b) != recordMagic {
		return nil
	}
	size, count := int(binary.BigEndian.Uint32(b[4+sumSize:])), int(binary.BigEndian.Uint32(b[8+sumSize:]))
	if size > len(b)-recordHeader || count == 0 || count > size {
		return nil
	}
	if recordSum(id, at, b[:recordHeader+size]) != binary.BigEndian.Uint32(b[4:]) {
		return nil
	}
	whole := min((recordHeader+size+journalAlign-1)/journalAlign*journalAlign, len(b))
	g := &group{first: binary.BigEndian.Uint64(b[12+sumSize:]), record: bytes.Clone(b[:whole]), at: at}
	g.frames = g.record[recordHeader:][:size]
	for end := 0; end < size; {
		n, err := events.FrameSize(g.frames[end:])
		if err != nil || n > size-end {
			return nil
		}
		end += n
		g.ends = append(g.ends, end)
	}
	if len(g.ends) != count {
		return nil
	}
	return g
}

// journalReadMax is a journal that is longer than any that was made: the longest, and the longest append.
const journalReadMax = journalMax + journalStep + 2*ledger.BatchBytesMax

// readJournal reads the header of a journal and all its records with a position after the given one, in no order.
func readJournal(path string, after uint64) (h journalHead, groups []*group, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return journalHead{}, nil, err
	}
	if !info.Mode().IsRegular() { // who opens a pipe waits
		return journalHead{}, nil, errNoJournal
	}
	file, err := os.Open(path)
	if err != nil {
		return journalHead{}, nil, err
	}
	defer file.Close()
	all, err := io.ReadAll(io.LimitReader(file, journalReadMax))
	if err != nil {
		return journalHead{}, nil, err
	}
	if h, err = parseJournalHead(all); err != nil {
		return journalHead{}, nil, err
	}
	for at := journalHeader; at < len(all); at += journalAlign {
		g := parseGroup(h.id, int64(at), all[at:])
		if g == nil {
			continue
		}
		if g.last() > after {
			groups = append(groups, g)
		}
		at += len(g.record) - journalAlign // what stands in a record is none
	}
	return h, groups, nil
}
