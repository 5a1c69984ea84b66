package seal

import (
	"fmt"
	"strconv"
)

const (
	tileHeight = 8

	// TileWidth is the number of hashes of a full tile.
	TileWidth = 1 << tileHeight

	// TileSize is the length of a full tile's bytes.
	TileSize = TileWidth * HashSize

	// MaxSize is the largest number of leaves of a tree: at a million records a second, the log of two thousand years. It
	// bounds what a stranger's checkpoint or proof can make us compute.
	MaxSize = 1<<56 - 1

	// tileLevels is one more than MaxSize needs, so that even the leaf after the last has its place.
	tileLevels = 8
)

// Tile is a run of hashes of one level of the tree. Those of level 0 are the leaves; the hashes of level L are the
// roots of the full tiles of level L-1. The tile's first hash is number Index*[TileWidth] of its level.
type Tile struct {
	Level  int
	Index  uint64
	Hashes []Hash // TileWidth of them if the tile is full; read only
}

// AppendBinary appends the tile's hashes, one after another, and returns the longer slice. It implements
// [encoding.BinaryAppender]; the error is always nil.
func (t Tile) AppendBinary(dst []byte) ([]byte, error) {
	for i := range t.Hashes {
		dst = append(dst, t.Hashes[i][:]...)
	}
	return dst, nil
}

// ParseTile returns the full tile whose bytes are b, without keeping b. Its error is a [*DamagedError] where b is not
// exactly [TileSize] long. Whether the hashes are true only a root can tell.
func ParseTile(level int, index uint64, b []byte) (Tile, error) {
	t := Tile{Level: level, Index: index, Hashes: make([]Hash, TileWidth)}
	if err := parseTile(t.Hashes, level, index, b); err != nil {
		return Tile{}, err
	}
	return t, nil
}

// parseTile fills dst, which has room for a full tile.
func parseTile(dst []Hash, level int, index uint64, b []byte) error {
	if len(b) != TileSize {
		return &DamagedError{What: tileName(level, index),
			Problem: fmt.Sprintf("has %d bytes instead of %d", len(b), TileSize)}
	}
	for i := range dst {
		dst[i] = Hash(b[i*HashSize:])
	}
	return nil
}

func tileName(level int, index uint64) string { return fmt.Sprintf("tile %d/%d", level, index) }

// tilesAt returns how many full tiles of the level a tree of that size has.
func tilesAt(level int, size uint64) uint64 { return size >> (tileHeight * (level + 1)) }

// Path returns where an export keeps the tile, in C2SP tlog-tiles form: tile/0/x001/234 for tile 1234 of level 0, and
// with .p/12 at the end if it is not full and has 12 hashes.
func (t Tile) Path() string { return tilePath(strconv.Itoa(t.Level), t.Index, len(t.Hashes)) }

// EntriesPath returns where an export keeps the records under tile index of level 0: tile/entries/x001/234, with .p/12
// at the end if there are only 12. The file holds each record's bytes after their number in two bytes, big-endian.
func EntriesPath(index uint64, width int) string { return tilePath("entries", index, width) }

// FramesPath returns where an export keeps records that EntriesPath's file cannot hold, because one of them has more
// than 65 535 bytes: tile/frames/x001/234, likewise. It is no path of C2SP's.
func FramesPath(index uint64, width int) string { return tilePath("frames", index, width) }

// pathDigits is how many digits of an index a folder or file is named with.
const pathDigits = 1000

func tilePath(kind string, index uint64, width int) string {
	number := fmt.Sprintf("%03d", index%pathDigits)
	for index /= pathDigits; index > 0; index /= pathDigits {
		number = fmt.Sprintf("x%03d/%s", index%pathDigits, number)
	}
	path := "tile/" + kind + "/" + number
	if width < TileWidth {
		path += ".p/" + strconv.Itoa(width)
	}
	return path
}
