package export

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

const (
	proofBegin = `,"proof":[`
	proofEnd   = `]}`
	frameBegin = `,"frame":"`
	frameEnd   = `"}`

	positionBegin = `{"position":"`
	digitsMax     = 21 // of a number, and the quote after it

	// LineMax is the length of the longest line of a record that is read, in bytes: the longest document of a record, and
	// its proof in the largest tree.
	LineMax = jsonform.DocumentMax + 64*(seal.HashSize*2)
)

// appendRecord appends a record's line: package jsonform's document of it with the stored bytes, which come last.
func appendRecord(dst []byte, r events.Record, frame []byte) ([]byte, error) {
	dst, err := jsonform.AppendStored(dst, r, frame)
	return append(dst, '\n'), err
}

// appendProven is appendRecord with the proof that the record is in the log.
func appendProven(dst []byte, r events.Record, frame []byte, proof []seal.Hash) ([]byte, error) {
	dst, err := jsonform.AppendStored(dst, r, frame)
	if err != nil {
		return dst, err
	}
	dst = append(dst[:len(dst)-1], proofBegin...)
	for i, h := range proof {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(base64.StdEncoding.AppendEncode(append(dst, '"'), h[:]), '"')
	}
	return append(append(dst, proofEnd...), '\n'), nil
}

// stored is what a line holds.
type stored struct {
	store.Frame
	proof []seal.Hash
}

// parseRecord reads a line without its line break, and accepts only what is written.
func (h *Header) parseRecord(line []byte) (s stored, err error) {
	doc := line
	if !h.Filter.Everything() {
		if doc, s.proof, err = cutProof(line); err != nil {
			return s, err
		}
	}
	s.Record, s.Bytes, err = jsonform.DecodeStored(doc)
	if err == nil {
		return s, nil
	}
	s.Bytes, _ = frameOf(nil, doc)
	if _, newer := events.DecodeFrame(s.Bytes); errors.Is(newer, events.ErrUpgrade) {
		return s, fmt.Errorf("%w: %w", store.ErrNewerFormat, newer)
	}
	return s, errors.New(err.Error()) // whatever the part for people says of newer versions, the frame is of this one
}

// claimed is the position that a line begins with; 0 where it has none.
func claimed(line []byte) uint64 {
	rest, _ := bytes.CutPrefix(line, []byte(positionBegin))
	text, _, _ := bytes.Cut(rest[:min(len(rest), digitsMax)], []byte(`"`))
	n, ok := number(string(text))
	if !ok {
		return 0
	}
	return n
}

// errProof: a line without a proof that is spelled as one.
var errProof = errors.New("it has no proof that is spelled as one")

// cutProof parts a line into the record's document and its proof.
func cutProof(line []byte) (doc []byte, proof []seal.Hash, err error) {
	at := bytes.LastIndex(line, []byte(proofBegin))
	list, ended := bytes.CutSuffix(line[max(at, 0):], []byte(proofEnd))
	if at < 0 || !ended {
		return nil, nil, errProof
	}
	list = list[len(proofBegin):]
	var texts []string
	if err := json.Unmarshal(append(append([]byte("["), list...), ']'), &texts); err != nil {
		return nil, nil, errProof
	}
	spelled := []byte{}
	for i, text := range texts {
		hash, ok := hashOf(text)
		if !ok {
			return nil, nil, errProof
		}
		proof = append(proof, hash)
		if i > 0 {
			spelled = append(spelled, ',')
		}
		spelled = append(append(append(spelled, '"'), text...), '"')
	}
	if !bytes.Equal(spelled, list) {
		return nil, nil, errProof
	}
	return append(bytes.Clone(line[:at]), '}'), proof, nil
}

// frameOf is the stored bytes of a line, of which nothing else is looked at.
func frameOf(dst, line []byte) ([]byte, bool) {
	line, ended := bytes.CutSuffix(line, []byte(frameEnd))
	at := bytes.LastIndexByte(line, '"') + 1 // base64 has none
	if !ended || !bytes.HasSuffix(line[:at], []byte(frameBegin)) {
		return dst, false
	}
	dst, err := base64.StdEncoding.Strict().AppendDecode(dst, line[at:])
	return dst, err == nil
}
