package export

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

const (
	writeBuffer   = 1 << 20
	progressEvery = 10_000 // records
)

// Source is a log that can be exported: one that is sealed, of any engine of this module, and an export itself.
type Source interface {
	store.Reader
	sealed.Original
}

// Config is what an export may be told. Its zero value, or nil, exports everything silently.
type Config struct {
	// Filter says which records are exported. An export of some proves that each of them is in the log; that no other fits
	// the filter it cannot prove, and it says so in its header.
	Filter Filter
	// Progress is called now and then with the records that were read so far, and how many will be; with a filter the log
	// is read twice, and total is twice its records.
	Progress func(done, total uint64)
}

// Write writes the log as it is at the beginning of the call, oldest record first, a line each: see the package's text
// and docs/reference/export.md. It returns the header, which is the first line.
//
// What is written has been held against the log's seal: where the records do not come to the root, the error wraps
// [store.ErrDamaged] and names the first that does not fit, and what was written is to be thrown away, as after any
// error. A log without a seal, a log that holds nothing of its own to be held against, and a filter that is none are
// [store.ErrInvalid]; other errors are those of reading, of w, and of ctx. A service may append meanwhile. Where there
// is a second core the log is read on a goroutine of its own, a few hundred records ahead; w and Progress are called on
// the caller's.
//
// Cost: a little more than a replay; with a filter, a pass more over the log and 33 bytes of memory a record of it.
func Write(ctx context.Context, w io.Writer, log Source, cfg *Config) (Header, error) {
	if cfg == nil {
		cfg = &Config{}
	}
	filter, err := cfg.Filter.normal()
	if err != nil {
		return Header{}, err
	}
	h, err := headerOf(ctx, log)
	if err != nil {
		return Header{}, err
	}
	h.Filter, h.Count = filter, h.Checkpoint.Size
	e := &exporting{log: log, h: &h, out: bufio.NewWriterSize(w, writeBuffer), progress: cfg.Progress}
	e.total = h.Checkpoint.Size
	if filter.Everything() {
		err = e.everything(ctx)
	} else {
		err = e.some(ctx)
	}
	if err == nil {
		err = e.out.Flush()
	}
	if err != nil {
		return Header{}, fmt.Errorf("exporting %s: %w", h.Checkpoint.Origin, err)
	}
	return h, nil
}

// headerOf says what the log holds now, signed where it has a signer.
func headerOf(ctx context.Context, log Source) (h Header, err error) {
	var records iter.Seq2[events.Record, error]
	if h.Checkpoint, records, err = log.Proven(ctx); err != nil {
		return h, err
	}
	if records == nil || h.Checkpoint.Origin == "" {
		return h, fmt.Errorf("%w: the log has no seal, so there is no root that an export could be held against; open the "+
			"log sealed", store.ErrInvalid)
	}
	if h.Ancestry, err = log.Ancestry(ctx); err != nil {
		return h, err
	}
	signer, ok := log.(store.Checkpointer)
	if !ok {
		return h, nil
	}
	signed, err := signer.Checkpoint(ctx)
	if errors.Is(err, store.ErrInvalid) { // it has no signer
		return h, nil
	}
	if err != nil {
		return h, err
	}
	if h.Checkpoint, ok = told(signed); !ok { // a little later than what was proven, if somebody appends
		return h, fmt.Errorf("%w: the log's checkpoint %.80q is none", store.ErrDamaged, signed)
	}
	h.Signed = signed
	return h, nil
}

// exporting is an export that is being written.
type exporting struct {
	log         Source
	h           *Header
	out         *bufio.Writer
	line        []byte
	shelf       shelf // over the frames that were read
	progress    func(done, total uint64)
	done, total uint64
}

// put writes a line.
func (e *exporting) put(line []byte, err error) error {
	e.line = line[:0]
	if err != nil {
		return err
	}
	_, err = e.out.Write(line)
	return err
}

func (e *exporting) header() error { return e.put(appendHeader(e.line, e.h)) }

// everything writes all records.
func (e *exporting) everything(ctx context.Context) error {
	if err := e.header(); err != nil {
		return err
	}
	err := e.read(ctx, func(r events.Record, frame []byte) error {
		e.shelf.tree.Fold(seal.LeafHash(frame))
		return e.put(appendRecord(e.line, r, frame))
	})
	if err != nil {
		return err
	}
	return e.held(ctx)
}

// some writes the records that the filter takes. The first time the log is read for its hashes, which come to its root;
// and what is read then is held against these.
func (e *exporting) some(ctx context.Context) error {
	e.total *= 2
	takes := e.h.Filter.selector()
	e.h.Count = 0
	err := e.read(ctx, func(r events.Record, frame []byte) error {
		if takes(&r) {
			e.h.Count++
		}
		e.shelf.add(seal.LeafHash(frame))
		return nil
	})
	if err == nil {
		err = e.held(ctx)
	}
	if err == nil {
		err = e.header()
	}
	if err != nil {
		return err
	}
	return e.read(ctx, func(r events.Record, frame []byte) error {
		if e.shelf.leaf(r.Position-1) != seal.LeafHash(frame) {
			return &store.DamagedError{Log: e.h.Checkpoint.Origin, Position: r.Position,
				Reason: "the record was another one a moment ago"}
		}
		if !takes(&r) {
			return nil
		}
		proof, err := e.shelf.prove(r.Position - 1)
		if err != nil {
			return err
		}
		return e.put(appendProven(e.line, r, frame, proof))
	})
}

// held tells whether what was read is what was sealed. Where it is not, the log itself says where.
func (e *exporting) held(ctx context.Context) error {
	if e.shelf.tree.Root() == e.h.Checkpoint.Root {
		return nil
	}
	_, records, err := e.log.Proven(ctx)
	if err != nil {
		return err
	}
	for _, err := range records {
		if err != nil {
			return err
		}
	}
	return &store.DamagedError{Log: e.h.Checkpoint.Origin, Reason: "the records that were read are not those of its root"}
}

// read calls do with the records that the export is of, and with their stored bytes, which are do's until it returns.
func (e *exporting) read(ctx context.Context, do func(events.Record, []byte) error) error {
	size, position := e.h.Checkpoint.Size, uint64(0)
	if size == 0 {
		return nil
	}
	for s, err := range ahead(ctx, e.frames) {
		if err != nil {
			return err
		}
		if position++; s.Record.Position != position {
			return &store.DamagedError{Log: e.h.Checkpoint.Origin, Position: position,
				Reason: fmt.Sprintf("a record of position %d stands here", s.Record.Position)}
		}
		if err := do(s.Record, s.Bytes); err != nil {
			return err
		}
		if e.done++; e.progress != nil && e.done%progressEvery == 0 {
			e.progress(e.done, e.total)
		}
		if position == size {
			return nil
		}
	}
	return &store.DamagedError{Log: e.h.Checkpoint.Origin, Position: position + 1,
		Reason: fmt.Sprintf("it ends after %s, and its seal is over %d", words.Counted(position, "record"), size)}
}

// frames yields a log's records with the bytes that the seal is over: those that the log has, or made again, which the
// root tells apart.
func (e *exporting) frames(ctx context.Context) iter.Seq2[store.Frame, error] {
	if framer, ok := e.log.(store.Framer); ok {
		return framer.Frames(ctx, store.Start())
	}
	return func(yield func(store.Frame, error) bool) {
		var frame []byte
		for r, err := range e.log.All(ctx, store.Start()) {
			if err == nil {
				frame, err = events.AppendFrame(frame[:0], r)
			}
			if !yield(store.Frame{Record: r, Bytes: frame}, err) || err != nil {
				return
			}
		}
	}
}
