package sealed

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// Original is a log that proves its records as it hands them out. The sealed logs of this module's engines are.
type Original interface {
	// Proven returns what the log holds now, and a sequence of just these records, each proven before it is yielded.
	Proven(ctx context.Context) (seal.Checkpoint, iter.Seq2[events.Record, error], error)
	// Ancestry is what it held under each of its earlier origins, oldest first.
	Ancestry(ctx context.Context) ([]seal.Checkpoint, error)
}

// Append is one append among several: that of [store.Log].
type Append struct {
	Stream  events.Stream
	After   uint64
	Records []events.Record
}

// Batcher is a log that takes the appends of several streams at once, in their order: in one commit, or a few. A log
// that is none is appended to one stream after another, at a commit each.
type Batcher interface {
	// AppendAll appends all of them, or fails with the error of one; those before it are written then.
	AppendAll(ctx context.Context, appends []Append) error
}

// Adopter is a log that can put on record what it is a copy of.
type Adopter interface {
	// Adopt adds to the log's ancestry what others held that it begins with, oldest first. What it does not begin with is
	// store.ErrDamaged, and nothing is added.
	Adopt(ctx context.Context, past []seal.Checkpoint) error
}

// Bounds of one batch of a copy.
const (
	copyRecords = 1024
	copyBytes   = 4 << 20
)

// Copy appends all that a log holds to one that is empty, of whatever engine: with the same frames, and so with the
// same root, which is compared in the end. The copy has its own origin; where it is an [Adopter], the original's is the
// newest in its ancestry, so that whoever kept the original's checkpoints can hold the copy against them. A copy that
// was interrupted goes on where the same call is made again. progress may be nil.
//
// Nobody else may append to either: not to the copy until Copy has returned, and not to the original from the beginning
// on, or what is appended there is not in the copy. The error wraps store.ErrInvalid where the copy holds something
// else, store.ErrDamaged where the original is not what was sealed; others are those of reading and appending.
func Copy(ctx context.Context, from Original, to store.Log, progress func(done, total uint64)) (seal.Checkpoint,
	error) {
	was, records, err := from.Proven(ctx)
	if err != nil {
		return seal.Checkpoint{}, err
	}
	past, err := from.Ancestry(ctx)
	if err != nil {
		return seal.Checkpoint{}, err
	}
	c := &copying{to: to, total: was.Size, progress: progress}
	if err := c.all(ctx, records); err != nil {
		return was, err
	}
	if c.tree.Root() != was.Root {
		return was, &store.DamagedError{Log: "the copy of " + was.Origin, Reason: "its records are not those of the original"}
	}
	if proven, ok := to.(interface {
		Tree(ctx context.Context) (seal.Checkpoint, error)
	}); ok {
		is, err := proven.Tree(ctx)
		if err != nil {
			return was, err
		}
		if is.Size != was.Size || is.Root != was.Root {
			return was, fmt.Errorf("%w: the copy of %s has other records: %d with another root; somebody appended to it "+
				"meanwhile: begin with a log that is empty", store.ErrInvalid, was.Origin, is.Size)
		}
	}
	if adopter, ok := to.(Adopter); ok && was.Size > 0 {
		return was, adopter.Adopt(ctx, append(past, was))
	}
	return was, nil
}

// copying is a copy under way.
type copying struct {
	to       store.Log
	total    uint64
	progress func(done, total uint64)
	tree     seal.Tree // over what is in the copy, by the frames that it must have
	batch    []Append
	records  int
	bytes    int
	frame    []byte
}

func (c *copying) all(ctx context.Context, records iter.Seq2[events.Record, error]) error {
	there, stop := iter.Pull2(c.to.All(ctx, store.Start()))
	defer stop()
	begun := true // the copy may have records already
	for r, err := range records {
		if err != nil {
			return err
		}
		if c.frame, err = events.AppendFrame(c.frame[:0], r); err != nil {
			return err
		}
		c.tree.Fold(seal.LeafHash(c.frame))
		if begun {
			if begun, err = c.has(there); err != nil {
				return err
			}
			if begun {
				continue
			}
		}
		if err := c.add(ctx, r); err != nil {
			return err
		}
	}
	if begun {
		if _, _, more := there(); more {
			return c.otherError()
		}
	}
	return c.flush(ctx)
}

// has tells whether the copy has the record of the frame already; another in its place is an error.
func (c *copying) has(there func() (events.Record, error, bool)) (bool, error) {
	r, err, more := there()
	if err != nil || !more {
		return false, err
	}
	frame, err := events.AppendFrame(nil, r)
	if err == nil && !bytes.Equal(frame, c.frame) {
		err = c.otherError()
	}
	return true, err
}

func (c *copying) otherError() error {
	return fmt.Errorf("%w: the log that is copied to holds other records already; begin with an empty one",
		store.ErrInvalid)
}

// add takes a record into the batch, in the append before it where that is of the same stream.
func (c *copying) add(ctx context.Context, r events.Record) error {
	if n := len(c.batch); n > 0 && c.batch[n-1].Stream == r.Stream {
		c.batch[n-1].Records = append(c.batch[n-1].Records, r)
	} else {
		c.batch = append(c.batch, Append{Stream: r.Stream, After: r.Version - 1, Records: []events.Record{r}})
	}
	c.records++
	if c.bytes += len(c.frame); c.records < copyRecords && c.bytes < copyBytes {
		return nil
	}
	return c.flush(ctx)
}

// flush appends the batch.
func (c *copying) flush(ctx context.Context) error {
	if len(c.batch) == 0 {
		return nil
	}
	if batcher, ok := c.to.(Batcher); ok {
		if err := batcher.AppendAll(ctx, c.batch); err != nil {
			return err
		}
	} else {
		for _, a := range c.batch {
			if _, err := c.to.Append(ctx, a.Stream, a.After, a.Records...); err != nil {
				return err
			}
		}
	}
	c.batch, c.records, c.bytes = nil, 0, 0
	if c.progress != nil {
		c.progress(c.tree.Size(), c.total)
	}
	return nil
}
