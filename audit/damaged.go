package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// DamagedLog is what is left of a log that its engine refuses to open. It is no [store.Reader] on purpose: whoever
// reads a log gets all of it or an error, and here holes are passed over. That of bolt.OpenDamaged is one.
type DamagedLog interface {
	// Refusal is why the engine does not open it; nil where it does.
	Refusal() error
	// Surviving yields the records that can be read with their stored bytes, by position and each once, and an error
	// that wraps [store.ErrDamaged] and has a position for one that cannot, after which it goes on. A position that is
	// passed over has no record. An error beside bytes is of something that stands out of its place. Any other error ends
	// it.
	Surviving(ctx context.Context) iter.Seq2[store.Frame, error]
	// DamagedSeal is what the log says of itself that it holds, unsigned: its beginnings where they can be told, smallest
	// first, and all of it last; and what it held under earlier origins. None of it is proven.
	DamagedSeal() (edges, past []seal.Checkpoint)
	// Faults is what is wrong beside the records, known once Surviving has ended: with the seal, and with what finds
	// records.
	Faults() (ofSeal, ofIndexes []error)
}

// VerifyDamaged is [Verify] for a log that its engine does not open: it says level by level what is wrong, at which
// position, and what of it still holds. Records that can be read are judged as in any log, those of an order after a
// lost one excepted. Indexes are not verified beyond what kept the log from being opened, so [LevelBytes] is never
// proven; and nothing of such a log is to be used but by a salvage. cfg, errors and cost as with Verify.
func VerifyDamaged(ctx context.Context, log DamagedLog, cfg *VerifyConfig) (*Report, error) {
	if cfg == nil {
		cfg = &VerifyConfig{}
	}
	marks, err := given(cfg)
	if err != nil {
		return nil, err
	}
	v := &verification{cfg: cfg, report: &Report{}, scan: &scan{}}
	if v.keys, err = newKeyring(cfg.Keys); err != nil {
		return nil, err
	}
	v.scan.begin(append(marks, v.damagedSeal(log)...))
	v.fold()
	read := func(ctx context.Context, h *hand) { h.take(v.scan.surviving(log.Surviving(ctx))) }
	if err := v.walk(ctx, read); err != nil {
		return nil, err
	}
	v.scan.short = v.scan.last < v.scan.end()
	v.ended()
	if err := v.bytes(ctx); err != nil {
		return nil, err
	}
	v.faults(log)
	v.close()
	return v.report, nil
}

// damagedSeal is what the log says of itself.
func (v *verification) damagedSeal(log DamagedLog) (marks []mark) {
	edges, past := log.DamagedSeal()
	for i, c := range edges {
		kind := markEdge
		if i == len(edges)-1 {
			kind = markSeal
			v.report.Sealed, v.report.Seal.Origin = true, c.Origin
		}
		marks = append(marks, mark{Checkpoint: c, kind: kind})
	}
	for _, c := range past {
		marks = append(marks, mark{Checkpoint: c, kind: markAncestry})
	}
	return marks
}

// end is how many records the log's own seal says that there are; 0 where there is none.
func (s *scan) end() uint64 {
	for _, m := range s.marks {
		if m.kind == markSeal {
			return m.Size
		}
	}
	return 0
}

// surviving yields the records of what is left of a log, and notes what is not there.
func (s *scan) surviving(frames iter.Seq2[store.Frame, error]) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for f, err := range frames {
			at := f.Record.Position
			switch {
			case err == nil:
			case endsHere(err):
				s.short = true
				return
			case !errors.Is(err, store.ErrDamaged) && !errors.Is(err, store.ErrNewerFormat):
				yield(events.Record{}, err)
				return
			case f.Bytes != nil:
				s.strays = append(s.strays, err)
				if len(s.strays) == gapsMax {
					s.gaveUp = true
					return
				}
				continue
			default:
				at = s.last + 1
				if damage, ok := errors.AsType[*store.DamagedError](err); ok {
					at = max(at, damage.Position)
				}
			}
			if at > s.last+1 {
				s.missed(s.last+1, at-1, &store.DamagedError{Log: "log", Position: s.last + 1, Reason: "there is no record here"})
			}
			if s.last = at; err != nil {
				s.missed(at, at, err)
				continue
			}
			s.hash(f.Bytes)
			if !yield(f.Record, nil) {
				return
			}
		}
	}
}

// missed notes positions without a record, with those right before them where the reason is the same.
func (s *scan) missed(from, until uint64, err error) {
	if n := len(s.gaps); n > 0 && s.gaps[n-1].until+1 == from && reasonOf(s.gaps[n-1].err) == reasonOf(err) {
		s.gaps[n-1].until = until
		return
	}
	s.gaps = append(s.gaps, gap{from, until, err})
}

// nothingRead says of every level that no record could be held against it.
func (v *verification) nothingRead() {
	for i := range v.report.Levels {
		if v.cfg.wants(Level(i)) {
			v.report.Levels[i].leave("not one record can be read")
		}
	}
}

// faults tells what is wrong beside the records. What keeps the log from being opened is told in any case.
func (v *verification) faults(log DamagedLog) {
	if v.report.Records == 0 && log.Refusal() != nil {
		v.nothingRead()
	}
	level := &v.report.Levels[LevelBytes]
	ofSeal, ofIndexes := log.Faults()
	for _, err := range ofSeal {
		v.report.add(Finding{Level: LevelBytes, Problem: AlteredSeal, Detail: reasonOf(err)})
	}
	for _, err := range ofIndexes {
		v.report.add(Finding{Level: LevelBytes, Problem: AlteredIndex, Detail: reasonOf(err)})
	}
	refusal := log.Refusal()
	if refusal == nil {
		level.leave("indexes were not verified")
		return
	}
	level.leave("the log does not open, so its indexes were not verified")
	v.report.refused = true
	if v.explained() {
		return
	}
	f := Finding{Level: LevelBytes, Problem: AlteredIndex, Detail: reasonOf(refusal)}
	damage, ok := errors.AsType[*store.DamagedError](refusal)
	if placed := ok && damage.Position != 0; placed {
		f.Problem, f.Position = DamagedRecord, damage.Position
	} else if v.report.Records == 0 {
		f.Problem = DamagedRecord // whatever it had
	}
	v.report.add(f)
}

// explained reports whether what was found beside checkpoints keeps a log from being opened.
func (v *verification) explained() bool {
	for _, f := range v.report.Findings {
		switch f.Problem {
		case DamagedRecord, AlteredRecord, AlteredSeal, AlteredIndex:
			return true
		case EndsEarly:
			if v.scan.end() > v.scan.last {
				return true
			}
		}
	}
	return false
}

// walk has the records judged as they are read.
func (v *verification) walk(ctx context.Context, read reading) error {
	return walk(ctx, read, nil, func(err error) error {
		return fmt.Errorf("verifying after position %d: %w", v.seen, err)
	}, v.records)
}
