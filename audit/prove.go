package audit

import (
	"bytes"
	"context"
	"fmt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// ProveConfig is what a proof is made with: a Signer, a Checkpoint, or both.
type ProveConfig struct {
	// Signer signs the checkpoint, where Checkpoint is nil, and the roll, where Roll is nil.
	Signer *seal.Signer
	// Checkpoint is a signed one, of this log as it is or as it was: one that is anchored or cosigned proves more than
	// one that was signed just now. Nil: the log as it is, signed by Signer.
	Checkpoint []byte
	// Roll is the signed roll of that checkpoint. Nil, and without a Signer: the proof has none, and cannot show where
	// the order ends.
	Roll []byte
	// Verifiers are the keys that Checkpoint and Roll are signed with. Signer's need not be named.
	Verifiers []*seal.Verifier
	// Progress is called now and then with the records read so far.
	Progress func(records uint64)
}

// Sealer is a log that knows what it holds without reading it: every engine's sealed log does.
type Sealer interface {
	// Tree returns the log's origin, the number of its records and the root over them.
	Tree(ctx context.Context) (seal.Checkpoint, error)
}

// Prove returns the proof of an order, for somebody who has neither the log nor a reason to trust us: see [Proof]. The
// log is a [store.Framer], and a [Sealer] unless a Checkpoint is given. All its frames are read up to the checkpoint
// and have to lead to its root, so nothing is proven or signed that the log does not bear out, and no index is
// believed.
//
// The error wraps [store.ErrNotFound] where the log has no such order up to the checkpoint, [store.ErrDamaged] where
// its frames do not lead to the checkpoint, [store.ErrInvalid] for a log or config that cannot prove, or is one of
// package seal's about Checkpoint and Roll.
//
// Cost: each record of the log is decoded and hashed, and not folded; memory grows with the number of streams.
func Prove(ctx context.Context, log store.Reader, id string, cfg *ProveConfig) (*Proof, error) {
	stream := events.OrderStream(id)
	n, err := notarize(ctx, log, stream, cfg)
	if err != nil {
		return nil, fmt.Errorf("prove order %s: %w", id, err)
	}
	if len(n.walk.frames) == 0 {
		return nil, fmt.Errorf("prove order %s: %w: the log has none of it in its first %s", id, store.ErrNotFound,
			words.Counted(n.walk.all.Size(), "record"))
	}
	p := &Proof{Frames: n.walk.frames, Hashes: n.walk.all.Proof(), Checkpoint: n.checkpoint}
	if n.rollNote != nil {
		_, p.Path, _ = n.roll.Prove(seal.StreamKey(stream.Category, stream.ID))
		_, p.Roll, _ = bytes.Cut(n.rollNote, []byte("\n\n"))
	}
	return p, nil
}

// Notarize returns the log's signed checkpoint and roll, as [Prove] makes them, to be kept or anchored; later proofs
// name them in [ProveConfig]. Errors and cost are those of Prove.
func Notarize(ctx context.Context, log store.Reader, cfg *ProveConfig) (checkpoint, roll []byte, err error) {
	n, err := notarize(ctx, log, events.Stream{}, cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("sign the log's roll: %w", err)
	}
	return n.checkpoint, n.rollNote, nil
}

// CheckRoll returns nil only if a signed roll is what the log's frames come to, and so is true. Whoever has the log, or
// an export of it, holds its owner to the roll this way. The error is a [*seal.ProofError] where the roll is false; the
// rest is as for [Prove].
func CheckRoll(ctx context.Context, log store.Reader, roll []byte,
	verifiers ...*seal.Verifier) (seal.SignedRoll, error) {
	said, err := seal.OpenRoll(roll, verifiers...)
	if err != nil {
		return seal.SignedRoll{}, err
	}
	w, err := walkFrames(ctx, log, said.Log, events.Stream{}, nil)
	if err != nil {
		return seal.SignedRoll{}, fmt.Errorf("check a roll: %w", err)
	}
	real, err := seal.NewRoll(w.ends)
	if err != nil {
		return seal.SignedRoll{}, err
	}
	if real.Root() != said.Root {
		return seal.SignedRoll{}, falseRollError(said, real)
	}
	return said, nil
}

func falseRollError(said seal.SignedRoll, real *seal.Roll) error {
	return &seal.ProofError{
		Claim: fmt.Sprintf("the roll of %s at %s", said.Log.Origin, words.Counted(said.Log.Size, "record")),
		Problem: fmt.Sprintf("it says %v, and the log, which has %s, comes to %v; keep it, for it shows that its signer "+
			"signed what is not so", said.Root, words.Counted(uint64(real.Len()), "stream"), real.Root()),
	}
}

// notarized is a log's checkpoint and roll, signed, and what was read for them.
type notarized struct {
	checkpoint []byte
	rollNote   []byte // nil: nobody signs one
	roll       *seal.Roll
	walk       *framesWalk
}

func notarize(ctx context.Context, log store.Reader, stream events.Stream, cfg *ProveConfig) (*notarized, error) {
	if cfg == nil {
		cfg = &ProveConfig{}
	}
	verifiers := cfg.Verifiers
	if cfg.Signer != nil {
		verifiers = append(verifiers[:len(verifiers):len(verifiers)], cfg.Signer.Verifier())
	}
	c, err := cfg.checkpoint(ctx, log, verifiers)
	if err != nil {
		return nil, err
	}
	n := &notarized{checkpoint: bytes.Clone(cfg.Checkpoint), rollNote: bytes.Clone(cfg.Roll)}
	if n.walk, err = walkFrames(ctx, log, c, stream, cfg.Progress); err != nil {
		return nil, err
	}
	if n.roll, err = seal.NewRoll(n.walk.ends); err != nil {
		return nil, err
	}
	said := seal.SignedRoll{Log: c, Root: n.roll.Root()}
	if cfg.Roll != nil {
		if err := sameRoll(cfg.Roll, said, n.roll, verifiers); err != nil {
			return nil, err
		}
	}
	if cfg.Signer == nil {
		return n, nil
	}
	if n.checkpoint == nil {
		if n.checkpoint, err = cfg.Signer.Sign(c); err != nil {
			return nil, err
		}
	}
	if n.rollNote == nil {
		n.rollNote, err = cfg.Signer.SignRoll(said)
	}
	return n, err
}

// checkpoint is what the proof is about.
func (c *ProveConfig) checkpoint(ctx context.Context, log store.Reader, verifiers []*seal.Verifier) (seal.Checkpoint,
	error) {
	switch {
	case c.Checkpoint != nil:
		return seal.Open(c.Checkpoint, verifiers...)
	case c.Signer == nil:
		return seal.Checkpoint{}, fmt.Errorf("%w: nothing says what the log holds; give a Signer, or a signed Checkpoint",
			store.ErrInvalid)
	case c.Roll != nil:
		return seal.Checkpoint{}, fmt.Errorf("%w: a Roll is given, and not the Checkpoint that it is of; give both",
			store.ErrInvalid)
	}
	sealer, ok := log.(Sealer)
	if !ok {
		return seal.Checkpoint{}, fmt.Errorf("%w: this log does not know its root; give a signed Checkpoint",
			store.ErrInvalid)
	}
	return sealer.Tree(ctx)
}

// sameRoll returns nil if a signed roll says what the log's frames come to.
func sameRoll(signed []byte, real seal.SignedRoll, roll *seal.Roll, verifiers []*seal.Verifier) error {
	said, err := seal.OpenRoll(signed, verifiers...)
	switch {
	case err != nil:
		return err
	case said.Log != real.Log:
		return fmt.Errorf("%w: the roll is of %s of %s, and the checkpoint of %d of %s; give the two that "+
			"belong together", store.ErrInvalid, words.Counted(said.Log.Size, "record"), said.Log.Origin, real.Log.Size,
			real.Log.Origin)
	case said.Root != real.Root:
		return falseRollError(said, roll)
	}
	return nil
}

// framesWalk is what reading a log's frames up to a checkpoint comes to.
type framesWalk struct {
	all    seal.Together
	ends   []seal.RollEntry // of every stream
	at     map[seal.Hash]int
	frames [][]byte // of the stream that is shown
}

// walkFrames reads the frames of the checkpoint's records, which have to lead to its root.
func walkFrames(ctx context.Context, log store.Reader, c seal.Checkpoint, shown events.Stream,
	progress func(uint64)) (*framesWalk, error) {
	framer, ok := log.(store.Framer)
	if !ok {
		return nil, fmt.Errorf("%w: this log does not hand out the bytes that it keeps; name one that does", store.ErrInvalid)
	}
	w := &framesWalk{at: map[seal.Hash]int{}}
	if c.Size > 0 {
		for f, err := range framer.Frames(ctx, store.Start()) {
			if err != nil {
				return nil, err
			}
			if err := w.take(&f, shown); err != nil {
				return nil, &store.DamagedError{Log: c.Origin, Position: f.Record.Position, Reason: err.Error()}
			}
			n := w.all.Size()
			if progress != nil && n%progressEvery == 0 {
				progress(n)
			}
			if n == c.Size {
				break
			}
		}
	}
	if n := w.all.Size(); n != c.Size {
		return nil, &store.DamagedError{Log: c.Origin, Reason: fmt.Sprintf("it has %s, and the checkpoint is of %d: the "+
			"log was cut off, or is another one", words.Counted(n, "record"), c.Size)}
	}
	if root := w.all.Root(); root != c.Root {
		return nil, &store.DamagedError{Log: c.Origin, Reason: fmt.Sprintf("the root over its first %s is %v, and the "+
			"checkpoint says %v: a record was altered, or it is another log", words.Counted(c.Size, "record"), root, c.Root)}
	}
	return w, nil
}

// take adds the log's next frame.
func (w *framesWalk) take(f *store.Frame, shown events.Stream) error {
	r := &f.Record
	if r.Position != w.all.Size()+1 {
		return fmt.Errorf("it stands after position %d", w.all.Size())
	}
	key, leaf := seal.StreamKey(r.Stream.Category, r.Stream.ID), seal.LeafHash(f.Bytes)
	n, known := w.at[key]
	if !known {
		n = len(w.ends)
		w.at[key] = n
		w.ends = append(w.ends, seal.RollEntry{Stream: key})
	}
	end := &w.ends[n]
	if r.Version != end.Version+1 || r.Previous != end.Position {
		return fmt.Errorf("it is version %d after position %d of its stream, whose newest is version %d at position %d",
			r.Version, r.Previous, end.Version, end.Position)
	}
	end.Version, end.Position, end.Record = r.Version, r.Position, leaf
	w.all.Append(leaf, r.Stream == shown)
	if r.Stream == shown {
		w.frames = append(w.frames, bytes.Clone(f.Bytes))
	}
	return nil
}
