package events

import (
	"fmt"
	"strings"
	"time"
	"unsafe"
)

const (
	// strings of smaller frames share one copy of it; a larger one (kept bodies) would be held by any of them
	shareMax  = 4 << 10
	namesRoom = 3 * uuidText // such a copy also has the UUIDs of a record, its stream and its command
	namesMany = 4 << 10      // bytes of the room that the UUIDs of records share that are decoded where they lie
	keysMany  = 64           // keys that have their room together, likewise
)

// DecodeFrame reads exactly one frame. The record shares no memory with src. What it accepts, [AppendFrame] writes
// again byte for byte, unless an older kind was lifted to its newest version. The error is a *[FrameError] for damage
// and an *[UpgradeError] for what a newer version wrote.
//
// Cost: about a microsecond and two allocations, one for the fact and one for the strings and a kept body, which share
// a copy of the frame; lookup keys take two more, and a kept message one. In a frame above 4 KiB every string is a copy
// of itself. A [Decoder] copies nothing.
func DecodeFrame(src []byte) (Record, error) { return current.decodeFrame(src) }

func (c codec) decodeFrame(src []byte) (r Record, err error) {
	h := header{b: src}
	if len(src) <= shareMax {
		var b strings.Builder // which leaves the room as it is, where make would clear it
		b.Grow(len(src) + namesRoom)
		b.Write(src)
		h.text = b.String()
		h.names = unsafe.Slice(unsafe.StringData(h.text), b.Cap())[:len(src)]
	}
	err = c.decodeInto(&r, &h)
	return r, err
}

// Decoder decodes frames where they lie: the records' strings, and the bodies of kept messages, are parts of the
// frames. It is for whoever has many frames in memory and knows how long that stays as it is. The zero value is ready.
// It is for one goroutine at a time; what it has decoded does not depend on it.
type Decoder struct {
	names []byte // ids that are shorter in frames, of many records
	keys  []Key  // room for those of many records
}

// Decode makes *r what [DecodeFrame] would read from src, with the same errors; after one it is the zero record. For as
// long as anything of the record is used, nobody may write to src, nor to a body in the record. A frame above 4 KiB is
// copied as by DecodeFrame.
//
// Cost: DecodeFrame's, without the copy and its allocation. Ids that frames have in 16 bytes take a part of some
// kilobytes that many records share, and so do lookup keys: whoever keeps one of them keeps that.
func (d *Decoder) Decode(r *Record, src []byte) error {
	*r = Record{}
	h := header{b: src, names: d.names, room: namesMany, keyRoom: d.keys}
	if len(src) <= shareMax {
		h.text = unsafe.String(unsafe.SliceData(src), len(src))
	}
	err := current.decodeInto(r, &h)
	d.names, d.keys = h.names, h.keyRoom
	return err
}

// decodeInto reads the header's frame into a zero record; after an error it is that again.
func (c codec) decodeInto(r *Record, h *header) error {
	err := c.decodeRecord(r, h)
	if err != nil {
		*r = Record{}
	}
	return err
}

func (c codec) decodeRecord(r *Record, h *header) error {
	src := h.b
	size, err := FrameSize(src)
	if err != nil {
		return err
	}
	begin, _, _ := lengthOf(src)
	switch {
	case size != len(src):
		return &FrameError{Offset: size, Field: "frame",
			Problem: fmt.Sprintf("is followed by %d more bytes", len(src)-size)}
	case size == begin:
		return &FrameError{Offset: size, Field: "format version", Problem: "is missing", Err: ErrTruncated}
	case src[begin] > FrameVersion:
		return &UpgradeError{What: "frame", Found: fmt.Sprintf("format %d", src[begin]),
			Known: fmt.Sprintf("format %d", FrameVersion)}
	case src[begin] != FrameVersion:
		return &FrameError{Offset: begin, Field: "format version", Problem: "is none that was ever written"}
	}
	h.at = begin + 1
	name, version := h.record(r)
	if h.err != nil {
		return h.err
	}
	begin, ok := h.span("payload")
	if !ok {
		return h.err
	}
	if h.at != len(src) {
		return &FrameError{Offset: h.at, Field: "payload",
			Problem: fmt.Sprintf("is followed by %d more bytes", len(src)-h.at)}
	}
	if r.Event, err = c.decode(name, version, src, h.text, begin, h.at); err != nil {
		return err
	}
	if h.odd {
		if err := r.check(); err != nil {
			return &FrameError{Offset: begin, Field: "header", Problem: "has what could not be written: " + err.Error()}
		}
	}
	return nil
}

// header reads a frame's fields one after another.
type header struct {
	b       []byte
	text    string // the same, or a copy of it, to share; empty where fields must not
	names   []byte // room for ids that are shorter in the frame; what is in it stays as it is
	room    int    // that it gets at least, once it needs more
	keyRoom []Key  // for the keys of many records
	at      int
	keys    int  // not read yet, while they are being read
	odd     bool // some text is not plainly an id: only then is the record checked once more, as a whole
	err     error
}

func (h *header) record(r *Record) (name string, version uint64) {
	name = h.str("kind", IDMax)
	version = h.number("kind version")
	r.Stream.Category = h.str("category", CategoryMax)
	r.Stream.ID = h.id("stream id")
	r.Version = h.number("version")
	r.Position = h.number("position")
	r.Previous = h.number("previous position")
	r.Recorded = h.time("recorded time")
	r.Occurred = h.moment("occurred time", r.Recorded, time.Time{})
	r.ID = h.id("record id")
	r.CommandID = h.id("command id")
	r.Actor = h.str("actor", IDMax)
	r.Head.Status = h.str("head's status", IDMax)
	r.Head.StatusSince = h.moment("head's status time", r.Recorded, r.Occurred)
	r.Head.Phase = h.str("head's phase", IDMax)
	h.since(r)
	r.Head.Due = h.moment("head's due time", r.Recorded, r.Occurred)
	keys := h.number("number of keys")
	if h.err == nil && keys > KeysMax {
		h.fail("number of keys", fmt.Sprintf("is %d, at most %d fit", keys, KeysMax))
	}
	for i := uint64(0); i < keys && h.err == nil; i++ {
		if r.Keys == nil {
			r.Keys = h.roomFor(int(keys))
		}
		h.keys = int(keys - i)
		key := h.key()
		r.Keys = append(r.Keys, key)
		h.odd = h.odd || key == ""
	}
	h.odd = h.odd || r.Stream.Category == "" || r.Stream.ID == "" || r.ID == ""
	return name, version
}

// roomFor is room for a record's keys.
func (h *header) roomFor(keys int) []Key {
	if h.room == 0 {
		return make([]Key, 0, keys)
	}
	if len(h.keyRoom) < keys {
		h.keyRoom = make([]Key, keysMany)
	}
	room := h.keyRoom[:0:keys]
	h.keyRoom = h.keyRoom[keys:]
	return room
}
