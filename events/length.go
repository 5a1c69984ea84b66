package events

import (
	"encoding/binary"
	"fmt"
)

// How a frame has its length, which is of what follows it.
const (
	lengthSize = 2         // bytes of nearly all: big-endian
	lengthMax  = 1<<16 - 2 // that these tell
	lengthLong = 1<<16 - 1 // stands there for a longer one, which follows in
	longerSize = 4         // bytes: big-endian
)

// sizeOf is how long a frame is with so many bytes after its length.
func sizeOf(length int) int {
	if length > lengthMax {
		return lengthSize + longerSize + length
	}
	return lengthSize + length
}

// appendLength appends a frame's length.
func appendLength(b []byte, length int) []byte {
	if length > lengthMax {
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, lengthLong), uint32(length))
	}
	return binary.BigEndian.AppendUint16(b, uint16(length))
}

// lengthOf reads a frame's length: where what it counts begins, and how much that is.
func lengthOf(src []byte) (begin, length int, err error) {
	if len(src) < lengthSize {
		return 0, 0, &FrameError{Offset: len(src), Field: "length", Problem: "is missing", Err: ErrTruncated}
	}
	if length = int(binary.BigEndian.Uint16(src)); length != lengthLong {
		return lengthSize, length, nil
	}
	if len(src) < lengthSize+longerSize {
		return 0, 0, &FrameError{Offset: len(src), Field: "length", Problem: "is cut short", Err: ErrTruncated}
	}
	switch n := binary.BigEndian.Uint32(src[lengthSize:]); {
	case n <= lengthMax:
		return 0, 0, &FrameError{Field: "length", Problem: "is not in its shortest form"}
	case n > FrameMax-lengthSize-longerSize:
		return 0, 0, &FrameError{Field: "length", Problem: fmt.Sprintf("is %d, and no frame has more than %d bytes", n,
			FrameMax)}
	default:
		return lengthSize + longerSize, int(n), nil
	}
}
