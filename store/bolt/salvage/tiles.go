package salvage

import (
	"encoding/binary"
	"fmt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
)

// tileKeySize is the length of a tile's key: its level, one byte, and its index.
const tileKeySize = 1 + numberSize

// tileSizes is what an element of a page with a tile has for the lengths of its key and its value. Before them it has
// where, from its own beginning, they stand.
var tileSizes = native.AppendUint32(native.AppendUint32(nil, tileKeySize), seal.TileSize)

// How far before the lengths an element begins, and where in it the place is.
const (
	elementLengths = 8
	elementPlace   = 4
)

// levelsMax is one more than the highest level that a tile can have.
const levelsMax = 8

// tile notes the tile whose element has its lengths at an offset.
func (s *scan) tile(b []byte, base int64, at int) {
	element := at - elementLengths
	if element < 0 {
		return
	}
	key := element + int(native.Uint32(b[element+elementPlace:]))
	if key+tileKeySize+seal.TileSize > len(b) || b[key] >= levelsMax {
		return
	}
	id := seal.TileID{Level: int(b[key]), Index: binary.BigEndian.Uint64(b[key+1:])}
	if id.Index > uint64(s.image.size)/frameMin/seal.TileWidth {
		return
	}
	if s.tiles == nil {
		s.tiles = map[seal.TileID][]int64{}
	}
	s.tiles[id] = append(s.tiles[id], base+int64(key+tileKeySize))
}

// place is where a stream's newest record was, as an entry of heads says.
type place struct{ version, position uint64 }

// headPrefix begins the key of an order's head: the category after its length.
var headPrefix = append([]byte{byte(len(events.CategoryOrder))}, events.CategoryOrder...)

// headMax is more than such an entry has.
const headMax = 160

// place notes an entry of heads, if one begins here whose checksum fits. No text that a client of APO gives reaches
// that bucket but as an order's id.
func (s *scan) place(b []byte) {
	b = b[:min(len(b), headMax)]
	n := len(headPrefix)
	if n >= len(b) {
		return
	}
	id, size, ok := parseID(b[n:])
	if !ok {
		return
	}
	value := b[n+size:]
	version, v := binary.Uvarint(value)
	if v <= 0 {
		return
	}
	position, p := binary.Uvarint(value[v:])
	end := n + size + v + p
	if p <= 0 || end+sumSize > len(b) || binary.BigEndian.Uint32(b[end:]) != checksum(b[:end]) ||
		position > uint64(s.image.size)/frameMin {
		return
	}
	of := events.OrderStream(id)
	if s.places == nil {
		s.places = map[events.Stream]place{}
	}
	if s.places[of].version < version {
		s.places[of] = place{version, position}
	}
}

// uuidSize is how many bytes stand for a UUID at the end of an id.
const uuidSize = 16

// parseID reads an order's id in its form in frames and keys, and says how long that is.
func parseID(b []byte) (id string, size int, ok bool) {
	n := int(b[0])
	if n <= events.IDMax {
		if n == 0 || 1+n > len(b) {
			return "", 0, false
		}
		return string(b[1 : 1+n]), 1 + n, true
	}
	text := n - events.IDMax - 1
	if size = 1 + text + uuidSize; size > len(b) {
		return "", 0, false
	}
	u := b[1+text : size]
	return fmt.Sprintf("%s%x-%x-%x-%x-%x", b[1:1+text], u[:4], u[4:6], u[6:8], u[8:10], u[10:]), size, true
}
