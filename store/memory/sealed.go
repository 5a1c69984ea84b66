package memory

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// DefaultOrigin begins the origin of a sealed log that has neither a name nor a signer.
const DefaultOrigin = "tilltape"

// Config is how a sealed log is made. The zero value is a log whose checkpoints nobody signs.
type Config struct {
	// Signer signs checkpoints; nil: [Log.Checkpoint] and [Log.Prove] are refused.
	Signer *seal.Signer
	// Origin begins the name that the log has in its checkpoints ("shop.example/orders"); a random part follows. Empty:
	// the signer's name, or [DefaultOrigin]. The signer's key has to be of that name, or of one above it.
	Origin string
}

// sealing is what a sealed log has besides its frames.
type sealing struct {
	signer *seal.Signer
	origin string
	leaves []seal.Hash       // of the frames, as they were appended; only appended to
	past   []seal.Checkpoint // the ancestry, oldest first; replaced, never changed
}

// NewSealed returns an empty log that is sealed: the hash of each record's frame is kept beside it, 32 bytes, from the
// moment it is appended. Everything else of the seal is computed over all of them each time it is asked for. The error
// wraps store.ErrInvalid.
func NewSealed(config Config) (*Log, error) {
	name := config.Origin
	if name == "" && config.Signer != nil {
		name = config.Signer.Verifier().Name()
	}
	var id [seal.OriginIDSize]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	origin, err := seal.NewOrigin(cmp.Or(name, DefaultOrigin), id)
	if err != nil {
		return nil, fmt.Errorf("%s: Config.Origin: %w: %w", logName, store.ErrInvalid, err)
	}
	s := &sealing{signer: config.Signer, origin: origin}
	if s.signer != nil {
		if _, err := s.signer.Sign(s.checkpoint()); err != nil {
			return nil, fmt.Errorf("%s: Config.Signer and Config.Origin: %w: %w", logName, store.ErrInvalid, err)
		}
	}
	l := New()
	l.seal = s
	return l, nil
}

// checkpoint is what the log holds, unsigned.
func (s *sealing) checkpoint() seal.Checkpoint {
	return seal.Checkpoint{Origin: s.origin, Size: uint64(len(s.leaves)), Root: rootOf(s.leaves)}
}

// sealNow is the seal and the frames as they are now. Both are only ever appended to.
func (l *Log) sealNow(ctx context.Context) (sealing, [][]byte, error) {
	if err := store.CheckContext(ctx, "read the seal"); err != nil {
		return sealing{}, nil, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return sealing{}, nil, closedError()
	}
	if l.seal == nil {
		return sealing{}, nil, fmt.Errorf("%w: %s has no seal; make it with NewSealed", store.ErrInvalid, logName)
	}
	return *l.seal, l.frames, nil
}

// Tree returns what the log holds at this moment, unsigned: its origin, the number of its records and the root over
// them. A log without a seal answers with store.ErrInvalid, as all that is about the seal.
func (l *Log) Tree(ctx context.Context) (seal.Checkpoint, error) {
	now, _, err := l.sealNow(ctx)
	if err != nil {
		return seal.Checkpoint{}, err
	}
	return now.checkpoint(), nil
}

// Checkpoint implements [store.Checkpointer]: [Log.Tree], signed by Config.Signer. Without a signer it answers with
// store.ErrInvalid.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	now, _, err := l.sealNow(ctx)
	if err != nil {
		return nil, err
	}
	return now.sign()
}

func (s *sealing) sign() ([]byte, error) {
	if s.signer == nil {
		return nil, fmt.Errorf("%w: %s: no signer; make it with Config.Signer", store.ErrInvalid, logName)
	}
	signed, err := s.signer.Sign(s.checkpoint())
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", logName, store.ErrInvalid, err)
	}
	return signed, nil
}

// Prove returns the proof, for whoever has the record at the position, that it is in this log at that place. It needs
// Config.Signer. A record whose frame is not what was appended is store.ErrDamaged.
func (l *Log) Prove(ctx context.Context, position uint64) (seal.Proof, error) {
	now, frames, err := l.sealNow(ctx)
	if err != nil {
		return seal.Proof{}, err
	}
	signed, err := now.sign()
	if err != nil {
		return seal.Proof{}, err
	}
	if position == 0 || position > uint64(len(frames)) {
		return seal.Proof{}, fmt.Errorf("%w: %s: there is no record at position %d; it has 1 to %d", store.ErrInvalid,
			logName, position, len(frames))
	}
	if err := now.hold(frames, position); err != nil {
		return seal.Proof{}, err
	}
	return seal.Proof{Index: position - 1, Hashes: inclusion(now.leaves, int(position-1)), Checkpoint: signed}, nil
}

// ProveConsistency returns the hashes that prove, to whoever has the two checkpoints, that the log of size records
// begins with the log of old records; see [seal.VerifyConsistency].
func (l *Log) ProveConsistency(ctx context.Context, old, size uint64) ([]seal.Hash, error) {
	now, _, err := l.sealNow(ctx)
	if err != nil {
		return nil, err
	}
	if have := uint64(len(now.leaves)); size > have || old > size {
		return nil, fmt.Errorf("%w: %s: no proof from %d to %d records; it has %d", store.ErrInvalid, logName, old, size,
			have)
	}
	if old == 0 {
		return nil, nil
	}
	return consistency(now.leaves[:size], int(old), true), nil
}

// Ancestry returns what [Log.Adopt] has put on record, oldest first: a log in memory never had another origin itself. A
// log without a seal answers with store.ErrInvalid.
func (l *Log) Ancestry(ctx context.Context) ([]seal.Checkpoint, error) {
	now, _, err := l.sealNow(ctx)
	return slices.Clone(now.past), err
}

// Adopt adds to the log's ancestry what others held that it begins with, oldest first, once however often it is called:
// what a copy of another log is one of. What the log does not begin with is store.ErrDamaged, and nothing is added.
func (l *Log) Adopt(ctx context.Context, past []seal.Checkpoint) error {
	now, _, err := l.sealNow(ctx)
	if err != nil {
		return err
	}
	for _, c := range past {
		if c.Size > uint64(len(now.leaves)) || rootOf(now.leaves[:c.Size]) != c.Root {
			return &store.DamagedError{Log: logName, Reason: fmt.Sprintf("it does not begin with the %d records that it is "+
				"said to have had as %s", c.Size, c.Origin)}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.seal.past {
		if i+len(past) <= len(l.seal.past) && slices.Equal(l.seal.past[i:i+len(past)], past) {
			return nil // by an earlier try
		}
	}
	l.seal.past = slices.Concat(l.seal.past, past)
	return nil
}

// Verify holds every frame against its hash, and proves that each is where it says. The error is a *store.DamagedError
// with the position. progress, where it is not nil, is told now and then how many of how many records are done. A log
// without a seal is verified but for the hashes.
func (l *Log) Verify(ctx context.Context, progress func(done, total uint64)) error {
	l.mu.RLock()
	closed, now, frames := l.closed, l.seal, l.frames
	if now != nil {
		copied := *now
		now = &copied
	}
	l.mu.RUnlock()
	if closed {
		return closedError()
	}
	for i := range frames {
		position := uint64(i) + 1
		if i%pageMax == 0 {
			if err := store.CheckContext(ctx, "verify the "+logName); err != nil {
				return err
			}
			if progress != nil {
				progress(uint64(i), uint64(len(frames)))
			}
		}
		if now != nil {
			if err := now.hold(frames, position); err != nil {
				return err
			}
		}
		if r, err := decode(frames[i]); err != nil || r.Position != position {
			return damagedError(position, "no record of this position stands here")
		}
	}
	if progress != nil {
		progress(uint64(len(frames)), uint64(len(frames)))
	}
	return nil
}

// hold holds the frame at a position against the hash that it had when it was appended.
func (s *sealing) hold(frames [][]byte, position uint64) error {
	if leafHash(frames[position-1]) != s.leaves[position-1] {
		return damagedError(position, "the record here is not the one that its seal was made over")
	}
	return nil
}

func damagedError(position uint64, reason string) error {
	return &store.DamagedError{Log: logName, Position: position, Reason: reason}
}

// Proven returns what the log's seal says that it holds at this moment, and a sequence of just these records, oldest
// first: none is yielded before its frame was found to be the one that was appended. A log without a seal has the zero
// checkpoint, and its records come as [Log.All] yields them.
func (l *Log) Proven(ctx context.Context) (seal.Checkpoint, iter.Seq2[events.Record, error], error) {
	if err := store.CheckContext(ctx, "read the seal"); err != nil {
		return seal.Checkpoint{}, nil, err
	}
	if l.seal == nil {
		return seal.Checkpoint{}, l.All(ctx, store.Start()), nil
	}
	now, frames, err := l.sealNow(ctx)
	if err != nil {
		return seal.Checkpoint{}, nil, err
	}
	return now.checkpoint(), func(yield func(events.Record, error) bool) {
		for i := range frames {
			err := store.CheckContext(ctx, "read the log")
			if err == nil {
				err = now.hold(frames, uint64(i)+1)
			}
			var r events.Record
			if err == nil {
				r, err = decode(frames[i])
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}, nil
}

// ProvenPages is [Log.Proven] for whoever decodes by themselves: the same records, as frames in pages of the caller's.
// Before each page it asks into for the one to fill, and yields it once it is filled; an error comes with what is
// before the bad place.
func (l *Log) ProvenPages(ctx context.Context, into func() *store.Page) (seal.Checkpoint,
	iter.Seq2[*store.Page, error], error) {
	if err := store.CheckContext(ctx, "read the seal"); err != nil {
		return seal.Checkpoint{}, nil, err
	}
	if l.seal == nil {
		return seal.Checkpoint{}, inPagesOf(ctx, into, func(p *store.Page, seen uint64) error {
			frames, err := l.logPage(seen)
			for i := 0; i < len(frames) && !p.Full(); i++ {
				p.Add(frames[i])
			}
			return err
		}), nil
	}
	now, frames, err := l.sealNow(ctx)
	if err != nil {
		return seal.Checkpoint{}, nil, err
	}
	return now.checkpoint(), inPagesOf(ctx, into, func(p *store.Page, seen uint64) error {
		for i := seen; i < uint64(len(frames)) && !p.Full(); i++ {
			if err := now.hold(frames, i+1); err != nil {
				return err
			}
			p.Add(frames[i])
		}
		return nil
	}), nil
}

// inPagesOf yields pages of the caller's, each filled with the records after those of the pages before, until one has
// none.
func inPagesOf(ctx context.Context, into func() *store.Page,
	fill func(p *store.Page, seen uint64) error) iter.Seq2[*store.Page, error] {
	return func(yield func(*store.Page, error) bool) {
		for seen := uint64(0); ; {
			p := into()
			p.Begin(logName, seen+1)
			err := store.CheckContext(ctx, "read the log")
			if err == nil {
				err = fill(p, seen)
			}
			if seen += uint64(p.Len()); err == nil && p.Len() == 0 || !yield(p, err) || err != nil {
				return
			}
		}
	}
}
