// Package logfile finds a record's frame in the bytes of a log's file, so that a test can change the frame together
// with its checksum: what is left to tell then is the seal.
//
// It is for tests. docs/reference/log-format-bbolt.md has the format.
package logfile

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// chunkMax is more than the frames of a chunk take in the small logs of tests.
const chunkMax = 8 << 10

// FrameSum is the checksum that a frame has in its chunk's directory.
func FrameSum(frame []byte) uint32 { return crc32.Checksum(frame, crc32.MakeTable(crc32.Castagnoli)) }

// FrameAround is the frame that holds what stands at a place of the image, and where its checksum is: after the frames
// of its chunk. The size is 0 where there is none: the place is in an entry of an index.
func FrameAround(image []byte, at int) (begin, size, sum int) {
	for begin = at; begin >= 0 && begin > at-chunkMax; begin-- {
		size = 2 + int(binary.BigEndian.Uint16(image[begin:]))
		end := begin + size
		if end <= at || size > chunkMax || end > len(image) {
			continue
		}
		rest := image[end:min(end+chunkMax, len(image))]
		if i := bytes.Index(rest, binary.BigEndian.AppendUint32(nil, FrameSum(image[begin:end]))); i >= 0 {
			return begin, size, end + i
		}
	}
	return 0, 0, 0
}

// Places are where these bytes stand in the image.
func Places(image, what []byte) (all []int) {
	for from := 0; ; {
		i := bytes.Index(image[from:], what)
		if i < 0 {
			return all
		}
		all = append(all, from+i)
		from += i + 1
	}
}
