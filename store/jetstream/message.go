package jetstream

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/sealed"
)

// A message of the stream is its head, a body and a sum:
//
//	"TT"  version  kind  body  the first 8 bytes of SHA-256 over all before them
//
//	kind    body
//	origin  the log's whole origin; the stream's first message, and no other
//	appends token; for each append: after, how many frames, the frames
//	part    a part of the appends of a later message
//	parted  token; how many bytes, SHA-256 over them and the sequences of the messages that have them
//
// Numbers are varints in their shortest form, but for the sequences, which have eight bytes, the highest first. Frames
// are of the records at version 1, position 1 and previous position 0: their places are decided where they are applied.
const (
	messageMark    = "TT"
	messageVersion = 1
	headSize       = len(messageMark) + 2
	sumSize        = 8
	tokenSize      = 16
	sequenceSize   = 8
)

const (
	kindOrigin = iota + 1
	kindAppends
	kindPart
	kindParted
)

// limits are what a message may hold. What all processes read and judge alike depends on them, so they belong to its
// version: others are another version's, which a process that does not know them stops at, rather than take it for
// damage or judge it otherwise. How records and frames are limited (package events) is part of the same version.
type limits struct {
	records uint64 // of an append
	frame   int    // bytes of one of its frames
	bytes   uint64 // of all of its frames
	parts   int    // messages that an append is in
}

// limitsOf has the limits of each version, for good.
var limitsOf = [messageVersion + 1]limits{1: {records: 16 << 10, frame: 976 << 10, bytes: 32 << 20, parts: 1 << 16}}

// token tells a message from all others; a message that is sent again has the same.
type token [tokenSize]byte

func newToken() (t token) {
	_, _ = rand.Read(t[:]) // which never fails
	return t
}

// message is one that was read.
type message struct {
	limits  limits
	kind    byte
	token   token
	origin  string
	appends []*bolt.Ordered
	part    []byte
	parted  parted
}

// parted is where the appends of a message stand that are more than a message holds.
type parted struct {
	size  uint64
	sum   [sha256.Size]byte
	parts []uint64 // sequences
}

var errMessage = errors.New("it is none of this library's, or was altered")

func begin(kind byte, room int) []byte {
	return append(append(make([]byte, 0, headSize+room+sumSize), messageMark...), messageVersion, kind)
}

func finish(b []byte) []byte {
	sum := sha256.Sum256(b)
	return append(b, sum[:sumSize]...)
}

func originMessage(origin string) []byte {
	return finish(append(begin(kindOrigin, len(origin)), origin...))
}

func partMessage(part []byte) []byte { return finish(append(begin(kindPart, len(part)), part...)) }

func partedMessage(t token, p parted) []byte {
	b := append(begin(kindParted, tokenSize+sha256.Size+sequenceSize*(len(p.parts)+2)), t[:]...)
	b = binary.AppendUvarint(b, p.size)
	b = append(b, p.sum[:]...)
	for _, sequence := range p.parts {
		b = binary.BigEndian.AppendUint64(b, sequence)
	}
	return finish(b)
}

// numberMax is the most bytes that a number takes.
const numberMax = binary.MaxVarintLen64

// sizeOf is the most bytes that a request takes in a message.
func sizeOf(r *request) int { return 2*numberMax + r.Size }

// appendRequest appends what a message has of a request.
func appendRequest(b []byte, r *request) ([]byte, error) {
	b = binary.AppendUvarint(b, r.After)
	b = binary.AppendUvarint(b, uint64(len(r.Frames)))
	for i, frame := range r.Frames {
		whole, err := frame.AppendFrame(b, 1, 1, 0)
		if err != nil {
			return nil, r.RecordError(i, err)
		}
		b = whole
	}
	return b, nil
}

// parseMessage reads a message of the stream. The error wraps [store.ErrNewerFormat], or is none of the store's.
func parseMessage(b []byte) (m message, err error) {
	if len(b) < headSize+sumSize || string(b[:len(messageMark)]) != messageMark {
		return message{}, errMessage
	}
	version, kind := b[len(messageMark)], b[len(messageMark)+1]
	if version > messageVersion {
		return message{}, fmt.Errorf("%w: it has format %d, and this version of the library reads up to %d; upgrade first",
			store.ErrNewerFormat, version, messageVersion)
	}
	body, sum := b[headSize:len(b)-sumSize], sha256.Sum256(b[:len(b)-sumSize])
	if version == 0 || string(sum[:sumSize]) != string(b[len(b)-sumSize:]) {
		return message{}, errMessage
	}
	m.kind, m.limits = kind, limitsOf[version]
	switch kind {
	case kindOrigin:
		if m.origin = string(body); !sealed.IsOrigin(m.origin) {
			err = errMessage
		}
	case kindPart:
		m.part = body
	case kindAppends, kindParted:
		if len(body) < tokenSize {
			return message{}, errMessage
		}
		m.token, body = token(body), body[tokenSize:]
		if kind == kindAppends {
			m.appends, err = m.limits.parseAppends(body)
		} else {
			m.parted, err = m.limits.parseParted(body)
		}
	default:
		err = errMessage
	}
	return m, err
}

func (l limits) parseParted(b []byte) (p parted, err error) {
	size, n := binary.Uvarint(b)
	if n <= 0 || len(b) < n+sha256.Size || (len(b)-n-sha256.Size)%sequenceSize != 0 {
		return parted{}, errMessage
	}
	p.size, p.sum = size, [sha256.Size]byte(b[n:])
	for b = b[n+sha256.Size:]; len(b) > 0; b = b[sequenceSize:] {
		p.parts = append(p.parts, binary.BigEndian.Uint64(b))
	}
	if len(p.parts) == 0 || len(p.parts) > l.parts || size > l.bytes+2*numberMax {
		return parted{}, errMessage
	}
	return p, nil
}

// parseAppends reads the appends of a message.
func (l limits) parseAppends(b []byte) (all []*bolt.Ordered, err error) {
	for len(b) > 0 {
		o := new(bolt.Ordered)
		after, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errMessage
		}
		frames, more := binary.Uvarint(b[n:])
		if more <= 0 || frames == 0 || frames > l.records {
			return nil, errMessage
		}
		o.After, b = after, b[n+more:]
		for range frames {
			size, err := events.FrameSize(b)
			if err != nil || size > l.frame {
				return nil, errMessage
			}
			frame, record, err := events.PrepareFrame(b[:size])
			if err != nil {
				return nil, frameError(err)
			}
			if o.Stream = record.Stream; len(o.Records) > 0 && o.Records[0].Stream != o.Stream {
				return nil, errMessage
			}
			o.Frames, o.Records = append(o.Frames, frame), append(o.Records, record)
			b = b[size:]
		}
		all = append(all, o)
	}
	if len(all) == 0 {
		return nil, errMessage
	}
	return all, nil
}

// frameError is why a frame cannot be read.
func frameError(err error) error {
	if newer, is := errors.AsType[*events.UpgradeError](err); is {
		return fmt.Errorf("%w: %w", store.ErrNewerFormat, newer)
	}
	return errMessage
}
