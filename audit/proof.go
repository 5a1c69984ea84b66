package audit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/seal"
)

// Proof is one order out of a log, for a third party: its records, what proves that they are in the log, what shows
// that none is missing, and nothing of other orders but hashes. docs/reference/order-proof.md has its bytes.
type Proof struct {
	// Frames are the order's records as they are stored, oldest first.
	Frames [][]byte
	// Hashes lead from them to the checkpoint's root, see [seal.VerifyTogether].
	Hashes []seal.Hash
	// Checkpoint is the signed checkpoint that the proof is about, perhaps with cosignatures of witnesses.
	Checkpoint []byte
	// Roll is what signs the roll of that checkpoint: the lines of its note after the empty one. What they sign follows
	// from the rest. Nil: the proof does not show where the order ends.
	Roll []byte
	// Path leads from the order's entry in the roll to the roll's root, see [seal.RollRoot].
	Path []seal.Hash
}

// MaxOrderProof is the length of the longest proof of an order that is read, in bytes: room for a few hundred kept
// messages of the greatest length.
const MaxOrderProof = 256 << 20

const (
	proofMagic = "tilltape order proof v1\n"
	// what errors call the bytes of a proof
	proofName = "order proof"
	countSize = 4
)

// AppendBinary appends the proof's bytes and returns the longer slice. It implements [encoding.BinaryAppender]; the
// error is always nil.
func (p *Proof) AppendBinary(dst []byte) ([]byte, error) {
	count := func(n int) { dst = binary.BigEndian.AppendUint32(dst, uint32(n)) }
	hashes := func(hashes []seal.Hash) {
		count(len(hashes))
		for i := range hashes {
			dst = append(dst, hashes[i][:]...)
		}
	}
	dst = append(dst, proofMagic...)
	count(len(p.Frames))
	for _, frame := range p.Frames {
		dst = append(dst, frame...)
	}
	hashes(p.Hashes)
	for _, note := range [][]byte{p.Checkpoint, p.Roll} {
		count(len(note))
		dst = append(dst, note...)
	}
	hashes(p.Path)
	return dst, nil
}

// IsProof reports whether bytes begin as an order's proof does.
func IsProof(b []byte) bool { return bytes.HasPrefix(b, []byte(proofMagic)) }

// ParseProof reads the bytes of a proof; [VerifyProof] says whether it holds. What it accepts, [Proof.AppendBinary]
// writes again byte for byte. The error is a [*seal.TextError].
func ParseProof(b []byte) (*Proof, error) {
	switch {
	case len(b) > MaxOrderProof:
		return nil, badProofError(fmt.Sprintf("it has %d bytes; none has more than %d", len(b), MaxOrderProof))
	case !IsProof(b):
		return nil, badProofError(fmt.Sprintf("it does not begin with %q", proofMagic))
	}
	rest := proofReader{left: bytes.Clone(b[len(proofMagic):])}
	p := &Proof{Frames: rest.frames(), Hashes: rest.hashes(), Checkpoint: rest.text(), Roll: rest.text(),
		Path: rest.hashes()}
	if rest.problem == "" && len(rest.left) > 0 {
		rest.problem = fmt.Sprintf("%d bytes follow its end", len(rest.left))
	}
	if rest.problem != "" {
		return nil, badProofError(rest.problem)
	}
	return p, nil
}

func badProofError(problem string) error { return &seal.TextError{What: proofName, Problem: problem} }

// proofReader reads a proof's parts one after another, until there is a problem.
type proofReader struct {
	left    []byte
	problem string
}

// bytes returns the next n, or nil.
func (r *proofReader) bytes(n uint64, what string) []byte {
	if r.problem == "" && n > uint64(len(r.left)) {
		r.problem = fmt.Sprintf("it ends within %s", what)
	}
	if r.problem != "" {
		return nil
	}
	next := r.left[:n:n]
	r.left = r.left[n:]
	return next
}

func (r *proofReader) count() uint64 {
	if b := r.bytes(countSize, "a count"); b != nil {
		return uint64(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *proofReader) frames() (frames [][]byte) {
	for range r.count() {
		size, err := events.FrameSize(r.left)
		if err != nil && r.problem == "" {
			r.problem = fmt.Sprintf("record %d is not whole", len(frames)+1)
		}
		frame := r.bytes(uint64(size), "a record")
		if r.problem != "" {
			return nil
		}
		frames = append(frames, frame)
	}
	return frames
}

func (r *proofReader) hashes() []seal.Hash {
	n := r.count()
	b := r.bytes(n*seal.HashSize, "its hashes")
	if len(b) == 0 {
		return nil
	}
	hashes := make([]seal.Hash, n)
	for i := range hashes {
		hashes[i] = seal.Hash(b[i*seal.HashSize:])
	}
	return hashes
}

// text returns the next note, nil where there is none.
func (r *proofReader) text() []byte {
	if b := r.bytes(r.count(), "a note"); len(b) > 0 {
		return b
	}
	return nil
}

// Proven is what a proof shows.
type Proven struct {
	Order   order.Order     // as its records leave it
	Records []events.Record // all of its records up to the newest one here, oldest first
	Log     seal.Checkpoint // what was signed
	// Complete: the roll that the log's owner signed beside the checkpoint says that the newest record here is the order's
	// last among the log's first Log.Size. Otherwise later ones cannot be excluded. Nobody was shown another end under
	// the same roll; that the roll is true, whoever has the log can check ([CheckRoll]).
	Complete bool
}

// String says what is proven, in a sentence.
func (p *Proven) String() string {
	first, last := p.Records[0], p.Records[len(p.Records)-1]
	end := "later records of it are not excluded: the proof has no roll"
	if p.Complete {
		end = "by the roll that was signed with it there is no other"
	}
	return fmt.Sprintf("order %s: versions 1 to %d are records of the log %s, at positions %d to %d of %d; %s", p.Order.ID,
		last.Version, p.Log.Origin, first.Position, last.Position, p.Log.Size, end)
}

// VerifyProof returns what a proof shows, if it holds: one of the verifiers signed its checkpoint and its roll and
// speaks for the log; the records are in the log at the positions that they say; they are one order's, version by
// version from the first; the roll names the newest of them; and they are legal, and say what APO's messages beside
// them say, as in [Replay]. It needs neither the log nor a private key, asks nobody, and changes nothing. Whether APO
// signed those messages is for [apo.Evidence.Verify] to say.
//
// The error is a [*seal.SignatureError], [*seal.TextError], [*seal.InvalidError] or [*seal.ProofError], an
// *[IllegalError] for a record that cannot follow the ones before it, or one of package events for a frame that is
// none.
func VerifyProof(p *Proof, verifiers ...*seal.Verifier) (*Proven, error) {
	c, err := seal.Open(p.Checkpoint, verifiers...)
	if err != nil {
		return nil, err
	}
	return p.shows(c, func(last *events.Record, leaf seal.Hash) (bool, error) { return p.ends(c, last, leaf, verifiers) })
}

// Claims is [VerifyProof] without a look at the signatures, for who only wants to read a proof: the records are one
// order's, legal, and in the tree that the checkpoint tells of. Anybody can have made up all of that together, so it
// proves nothing; and it is never Complete, since a signature alone says where the order ends.
func (p *Proof) Claims() (*Proven, error) {
	c, err := seal.Told(p.Checkpoint)
	if err != nil {
		return nil, err
	}
	return p.shows(c, func(*events.Record, seal.Hash) (bool, error) { return false, nil })
}

// shows holds the proof against a checkpoint, and asks ends whether its newest record is the order's last.
func (p *Proof) shows(c seal.Checkpoint, ends func(*events.Record, seal.Hash) (bool, error)) (*Proven, error) {
	v := &Proven{Log: c}
	var err error
	if v.Records, err = oneOrder(p.Frames); err != nil {
		return nil, err
	}
	places, leaves := make([]uint64, len(v.Records)), make([]seal.Hash, len(v.Records))
	for i := range v.Records {
		places[i], leaves[i] = v.Records[i].Position-1, seal.LeafHash(p.Frames[i])
	}
	if err := seal.VerifyTogether(p.Hashes, c.Size, c.Root, places, leaves); err != nil {
		return nil, err
	}
	if v.Complete, err = ends(&v.Records[len(v.Records)-1], leaves[len(leaves)-1]); err != nil {
		return nil, err
	}
	v.Order, err = foldOne(v.Records)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// oneOrder reads frames, which have to be one order's records, from the first on and without a gap.
func oneOrder(frames [][]byte) ([]events.Record, error) {
	wrong := func(format string, args ...any) error {
		return &seal.ProofError{Claim: "the records of one order", Problem: fmt.Sprintf(format, args...)}
	}
	if len(frames) == 0 {
		return nil, wrong("there are none")
	}
	records := make([]events.Record, len(frames))
	var before events.Record
	for i, frame := range frames {
		r, err := events.DecodeFrame(frame)
		if err != nil {
			return nil, fmt.Errorf("%s: record %d: %w", proofName, i+1, err)
		}
		switch {
		case r.Stream.Category != events.CategoryOrder:
			return nil, wrong("record %d is of category %q", i+1, r.Stream.Category)
		case i > 0 && r.Stream != before.Stream:
			return nil, wrong("record %d is of order %s, and those before it of %s", i+1, r.Stream.ID, before.Stream.ID)
		case r.Version != before.Version+1:
			return nil, wrong("version %d follows version %d", r.Version, before.Version)
		case r.Position <= before.Position || r.Previous != before.Position:
			return nil, wrong("version %d stands at position %d and names %d as the one before, which is %d", r.Version,
				r.Position, r.Previous, before.Position)
		}
		records[i], before = r, r
	}
	return records, nil
}

// ends reports whether the proof's roll shows that a record is the last of its stream; an error where there is a roll
// and it does not.
func (p *Proof) ends(c seal.Checkpoint, last *events.Record, leaf seal.Hash, verifiers []*seal.Verifier) (bool, error) {
	if p.Roll == nil {
		if len(p.Path) > 0 {
			return false, badProofError("it has a way in a roll, and no roll")
		}
		return false, nil
	}
	entry := seal.RollEntry{Stream: seal.StreamKey(last.Stream.Category, last.Stream.ID), Version: last.Version,
		Position: last.Position, Record: leaf}
	root, ok := seal.RollRoot(p.Path, entry)
	if !ok {
		return false, badProofError(fmt.Sprintf("its way in the roll has %d hashes; none has more than %d", len(p.Path),
			seal.MaxRollPath))
	}
	_, err := seal.OpenRoll(slices.Concat([]byte(seal.SignedRoll{Log: c, Root: root}.String()), []byte("\n"), p.Roll),
		verifiers...)
	// A key that is known, and another text under its signature: the roll says otherwise.
	if wrong, is := errors.AsType[*seal.SignatureError](err); is && wrong.Key != "" {
		return false, &seal.ProofError{
			Claim:   fmt.Sprintf("order %s ends with version %d at position %d", last.Stream.ID, last.Version, last.Position),
			Problem: "the roll that was signed says otherwise, or is of another checkpoint: a record may be hidden",
		}
	}
	return err == nil, err
}

// foldOne folds one order's records by the rules that a replay has.
func foldOne(records []events.Record) (order.Order, error) {
	p := newReplay(&Config{})
	for i := range records {
		r := &records[i]
		if _, err := p.fold(r); err != nil {
			return order.Order{}, illegalError(r, err)
		}
	}
	if err := p.unanswered(); err != nil {
		return order.Order{}, err
	}
	p.out.orders.settle()
	o, _ := p.out.Order(records[0].Stream.ID)
	return o, nil
}
