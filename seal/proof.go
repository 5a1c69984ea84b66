package seal

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/tilltape/tilltape/internal/words"
)

const (
	// MaxProof is the length of the longest proof that is read, in bytes: a checkpoint, the hashes of the largest tree and
	// 64 KiB for the line of other people's data that the form allows.
	MaxProof = MaxCheckpoint + 128<<10

	// maxHashes is what the largest tree's inclusion proofs have.
	maxHashes = 56

	proofHeader = "c2sp.org/tlog-proof@v1"
	extraPrefix = "extra "
	indexPrefix = "index "
)

// Proof shows that one record is in a log, at its place, and shows nothing of any other record but hashes. As text
// (C2SP tlog-proof, file extension .tlog-proof) it is a file for an auditor, who needs besides only the record's bytes
// and the log's public key.
type Proof struct {
	Index      uint64 // of the record, counted from 0
	Hashes     []Hash // from the record's neighbour up, see ProveInclusion
	Checkpoint []byte // signed, see Open
}

// Prove returns the proof of the record at that index in the signed checkpoint's tree, read from src as
// [ProveInclusion] reads. It verifies what it read, so a proof that it returns holds; where it does not, the error is a
// [*DamagedError]. The index must be below the checkpoint's size.
func Prove(src Source, signed []byte, index uint64, verifiers ...*Verifier) (Proof, error) {
	c, err := Open(signed, verifiers...)
	if err != nil {
		return Proof{}, err
	}
	hashes, err := ProveInclusion(src, c.Size, index)
	if err != nil {
		return Proof{}, err
	}
	var leaf [1]Hash
	if err := (&reader{src: src, size: c.Size}).hashes(leaf[:], 0, index); err != nil {
		return Proof{}, err
	}
	if VerifyInclusion(hashes, c.Size, c.Root, index, leaf[0]) != nil {
		return Proof{}, &DamagedError{
			What:    fmt.Sprintf("way from record %d up", index),
			Problem: "does not lead to the root that was signed at " + words.Counted(c.Size, "record"),
		}
	}
	return Proof{Index: index, Hashes: hashes, Checkpoint: bytes.Clone(signed)}, nil
}

// Verify returns the checkpoint if frame holds the very bytes of the record that the proof is about and one of the
// verifiers signed for the log. Otherwise the error is a [*TextError], [*SignatureError], [*InvalidError] or
// [*ProofError].
func (p Proof) Verify(frame []byte, verifiers ...*Verifier) (Checkpoint, error) {
	c, err := Open(p.Checkpoint, verifiers...)
	if err != nil {
		return Checkpoint{}, err
	}
	if err := VerifyInclusion(p.Hashes, c.Size, c.Root, p.Index, LeafHash(frame)); err != nil {
		return Checkpoint{}, err
	}
	return c, nil
}

// AppendText appends the proof as text and returns the longer slice. It implements [encoding.TextAppender]; the error
// is always nil.
func (p Proof) AppendText(dst []byte) ([]byte, error) {
	dst = append(dst, proofHeader+"\n"+indexPrefix...)
	dst = append(strconv.AppendUint(dst, p.Index, 10), '\n')
	for _, h := range p.Hashes {
		dst = append(append(dst, h.String()...), '\n')
	}
	dst = append(dst, '\n')
	return append(dst, p.Checkpoint...), nil
}

// ParseProof reads the text of a proof; [Proof.Verify] says whether it holds. A line "extra", which the form allows and
// nobody signed, is skipped. The error is a [*TextError].
func ParseProof(text []byte) (Proof, error) {
	if len(text) > MaxProof {
		return Proof{}, malformedProofError(0, fmt.Sprintf("it has %d bytes; none has more than %d", len(text), MaxProof))
	}
	head, checkpoint, found := bytes.Cut(text, []byte("\n\n"))
	if !found {
		return Proof{}, malformedProofError(0, "it has no empty line before the checkpoint")
	}
	lines := strings.Split(string(head), "\n")
	if lines[0] != proofHeader {
		return Proof{}, malformedProofError(1, "is not "+proofHeader)
	}
	next := 1
	if next < len(lines) && strings.HasPrefix(lines[next], extraPrefix) {
		next++
	}
	var p Proof
	if next == len(lines) {
		return Proof{}, malformedProofError(next+1, "is not index and a number")
	}
	number, found := strings.CutPrefix(lines[next], indexPrefix)
	index, ok := parseNumber(number)
	if !found || !ok || index >= MaxSize {
		return Proof{}, malformedProofError(next+1,
			fmt.Sprintf("is not index and a number below %d without leading zeros", uint64(MaxSize)))
	}
	next++
	if n := len(lines) - next; n > maxHashes {
		return Proof{}, malformedProofError(0, fmt.Sprintf("it has %d hashes; no tree needs more than %d", n, maxHashes))
	}
	p.Index = index
	for i, line := range lines[next:] {
		h, ok := parseHash(line)
		if !ok {
			return Proof{}, malformedProofError(next+i+1, "is no hash of 44 base64 characters")
		}
		p.Hashes = append(p.Hashes, h)
	}
	p.Checkpoint = bytes.Clone(checkpoint)
	return p, nil
}

func malformedProofError(line int, problem string) error {
	return &TextError{What: "proof", Line: line, Problem: problem}
}
