package bolt

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
)

// What a disk keeps whole of a write that a power loss cut short is a sector. So each sector of a record says for
// itself that it is one, of which record and which of its sectors: whatever stands in a journal is zeros, a sector that
// was written there, or damage; and of a record that a power loss tore, each part is one of the first two.
//
// Records begin at pages, which are what a system writes: none that has something acknowledged is written again, until
// that is in the file.
const (
	sectorSize   = 512
	sectorHeader = sumSize + numberSize + 4 // its checksum, the position of the record's first frame, its number there
	sectorRoom   = sectorSize - sectorHeader
	recordHeader = 4 + 4 + sha256.Size // length of the frames, their number, what was in the log before them
)

// journalSeed begins the checksums of a journal's sectors: a sector of another journal is none.
func journalSeed(id string) uint32 { return crc32.Checksum([]byte(id), castagnoli) }

// sectorSum is the checksum of a sector at a place: over the journal's id, the place and the sector without it.
func sectorSum(seed uint32, at int64, b []byte) uint32 {
	var place [numberSize]byte
	binary.BigEndian.PutUint64(place[:], uint64(at))
	return crc32.Update(crc32.Update(seed, castagnoli, place[:]), castagnoli, b[sumSize:])
}

// sectors is how many a record has whose frames take so many bytes.
func sectors(size int) int { return (recordHeader + size + sectorRoom - 1) / sectorRoom }

// span is how many bytes of the journal it takes.
func span(size int) int64 {
	return (int64(sectors(size))*sectorSize + journalPage - 1) / journalPage * journalPage
}

// appendRecord appends what stands in the journal for a group, from its place on.
func (g *group) appendRecord(dst []byte, id string) []byte {
	seed, at := journalSeed(id), g.at
	var head [recordHeader]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(g.frames)))
	binary.BigEndian.PutUint32(head[4:], uint32(g.count))
	copy(head[8:], g.past[:])
	left, begun := g.frames, len(dst)
	for number := range sectors(len(g.frames)) {
		begin := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		dst = binary.BigEndian.AppendUint64(dst, g.first)
		dst = binary.BigEndian.AppendUint32(dst, uint32(number))
		room := sectorRoom
		if number == 0 {
			dst = append(dst, head[:]...)
			room -= len(head)
		}
		n := min(room, len(left))
		dst, left = append(dst, left[:n]...), left[n:]
		dst = append(dst, zeroPage[:sectorSize-(len(dst)-begin)]...)
		binary.BigEndian.PutUint32(dst[begin:], sectorSum(seed, at, dst[begin:]))
		at += sectorSize
	}
	return append(dst, zeroPage[:int(g.span())-(len(dst)-begun)]...)
}

var zeroPage [journalPage]byte

// sector is a sector of a record.
type sector struct {
	first  uint64 // position of the record's first frame
	number int
	room   []byte
}

// parseSector is the sector that b is at a place; false where it is none.
func parseSector(seed uint32, at int64, b []byte) (sector, bool) {
	if sectorSum(seed, at, b) != binary.BigEndian.Uint32(b) {
		return sector{}, false
	}
	s := sector{first: binary.BigEndian.Uint64(b[sumSize:]), number: int(binary.BigEndian.Uint32(b[sumSize+numberSize:])),
		room: b[sectorHeader:]}
	return s, s.number > 0 || at%journalPage == 0
}

// berth is a place of the journal with a whole record.
type berth struct {
	first uint64 // position of the first frame
	count int    // frames
	size  int    // of these together, in bytes
	at    int64
	past  [sha256.Size]byte // what was in the log before: the hash of the seal's frontier then; zeros without a seal
}

func (s berth) last() uint64 { return s.first + uint64(s.count) - 1 }
func (s berth) span() int64  { return span(s.size) }
func (s berth) end() int64   { return s.at + s.span() }

// parseBerth is what the first sector of a record says, at a place; false where no record is like that.
func parseBerth(of sector, at int64) (s berth, ok bool) {
	s = berth{first: of.first, at: at, size: int(binary.BigEndian.Uint32(of.room)),
		count: int(binary.BigEndian.Uint32(of.room[4:]))}
	copy(s.past[:], of.room[8:])
	return s, s.first > 0 && s.count > 0 && s.count <= s.size
}
