package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
)

// What follows is docs/reference/order-proof.md as somebody else would write it: it rests on SHA-256, Ed25519 and the
// frames' own form, and on nothing that made the proof.

type pageReader struct{ left []byte }

func (r *pageReader) take(n int) []byte {
	if n > len(r.left) {
		panic(errors.New("the file ends"))
	}
	b := r.left[:n]
	r.left = r.left[n:]
	return b
}

func (r *pageReader) count() int { return int(binary.BigEndian.Uint32(r.take(4))) }

func (r *pageReader) hashes() (out [][]byte) {
	for range r.count() {
		out = append(out, r.take(32))
	}
	return out
}

func (r *pageReader) frame() []byte {
	size := 2 + int(binary.BigEndian.Uint16(r.left))
	if size == 2+0xffff {
		size = 6 + int(binary.BigEndian.Uint32(r.left[2:]))
	}
	return r.take(size)
}

func sum(parts ...[]byte) []byte {
	h := sha256.Sum256(bytes.Join(parts, nil))
	return h[:]
}

// pageSigned reports whether the key, "name+hash+key", is among those whose signature lines stand for the text.
func pageSigned(text, lines, key string) bool {
	parts := strings.SplitN(key, "+", 3)
	public, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || public[0] != 1 {
		return false
	}
	id := sum([]byte(parts[0]+"\n"), public)[:4]
	for line := range strings.Lines(lines) {
		signature, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "— "+parts[0]+" ")
		b, err := base64.StdEncoding.Strict().DecodeString(signature)
		if found && err == nil && len(b) == 68 && bytes.Equal(b[:4], id) &&
			ed25519.Verify(public[1:], []byte(text), b[4:]) {
			return true
		}
	}
	return false
}

// pageRoot is the root over the places from begin to end; it uses up leaves and hashes.
func pageRoot(begin, end uint64, places *[]uint64, leaves, hashes *[][]byte) []byte {
	if len(*places) == 0 || (*places)[0] >= end {
		h := (*hashes)[0]
		*hashes = (*hashes)[1:]
		return h
	}
	if end-begin == 1 {
		h := (*leaves)[0]
		*places, *leaves = (*places)[1:], (*leaves)[1:]
		return h
	}
	half := uint64(1)
	for 2*half < end-begin {
		half *= 2
	}
	left := pageRoot(begin, begin+half, places, leaves, hashes)
	return sum([]byte{1}, left, pageRoot(begin+half, end, places, leaves, hashes))
}

// pageVerify returns how many records of which order the file proves, and whether there is no other.
func pageVerify(file []byte, key string) (id string, records int, complete bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	r := &pageReader{left: file}
	if string(r.take(24)) != "tilltape order proof v1\n" {
		return "", 0, false, errors.New("no proof")
	}
	var places []uint64
	var leaves [][]byte
	var last events.Record
	for range r.count() {
		frame := r.frame()
		record, err := events.DecodeFrame(frame)
		if err != nil {
			return "", 0, false, err
		}
		if record.Version != last.Version+1 || record.Previous != last.Position || record.Stream.Category != "order" ||
			last.Version > 0 && record.Stream != last.Stream {
			return "", 0, false, errors.New("not one order's records")
		}
		places, leaves, last = append(places, record.Position-1), append(leaves, sum([]byte{0}, frame)), record
	}
	hashes := r.hashes()
	checkpoint, roll := string(r.take(r.count())), string(r.take(r.count()))
	path := r.hashes()
	if len(r.left) > 0 {
		return "", 0, false, errors.New("more follows")
	}
	text, lines, _ := strings.Cut(checkpoint, "\n\n")
	said := strings.Split(text, "\n")
	var size uint64
	if _, err := fmt.Sscan(said[1], &size); err != nil {
		return "", 0, false, err
	}
	newest := leaves[len(leaves)-1]
	root := pageRoot(0, size, &places, &leaves, &hashes)
	if base64.StdEncoding.EncodeToString(root) != said[2] || len(hashes)+len(places) > 0 ||
		!pageSigned(text+"\n", lines, key) {
		return "", 0, false, errors.New("not what was signed")
	}
	if roll == "" {
		return last.Stream.ID, int(last.Version), false, nil
	}
	stream := sum([]byte{4, 5}, []byte("order"), []byte(last.Stream.ID))
	way := sum([]byte{2}, stream, binary.BigEndian.AppendUint64(nil, last.Version),
		binary.BigEndian.AppendUint64(nil, last.Position), newest)
	for depth, beside := range slices.Backward(path) {
		if stream[depth/8]>>(7-depth%8)&1 == 0 {
			way = sum([]byte{3}, way, beside)
		} else {
			way = sum([]byte{3}, beside, way)
		}
	}
	rollText := fmt.Sprintf("%s\nroll %s\n%s\n%s\n", said[0], said[1], said[2], base64.StdEncoding.EncodeToString(way))
	if !pageSigned(rollText, roll, key) {
		return "", 0, false, errors.New("not what the roll says")
	}
	return last.Stream.ID, int(last.Version), true, nil
}

func TestSomebodyElseCanVerifyAProofByItsPage(t *testing.T) {
	signer := shopKey(t)
	log := sealedLogs(t, 120)["memory"]
	for _, id := range []string{"o-1", "o-2", "o-3"} {
		p := prove(t, log, id, &audit.ProveConfig{Signer: signer})
		file := encoded(t, p)
		got, records, complete, err := pageVerify(file, signer.Verifier().String())
		require.NoError(t, err)
		assert.Equal(t, id, got)
		assert.Equal(t, len(p.Frames), records)
		assert.True(t, complete)
		for range 300 { // somebody else finds what VerifyProof finds
			changed := bytes.Clone(file)
			at := 997 * records % len(changed)
			changed[at] ^= 1
			_, _, _, err := pageVerify(changed, signer.Verifier().String())
			assert.Error(t, err)
			records++
		}

		p.Roll, p.Path = nil, nil
		_, _, complete, err = pageVerify(encoded(t, p), signer.Verifier().String())
		require.NoError(t, err)
		assert.False(t, complete)
		_, _, _, err = pageVerify(file, signerOf(t, "shop.example/other").Verifier().String())
		assert.Error(t, err)
	}
}
