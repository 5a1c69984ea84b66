package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// VerifyConfig is what an auditor brings along. Its zero value, or nil, holds a log against nothing but itself.
type VerifyConfig struct {
	// Checkpoints are signed notes that were kept elsewhere, in any order; what they say counts where one of Verifiers
	// signed it. The more of them, and the older, the narrower a report says where a history was rewritten.
	Checkpoints [][]byte
	Verifiers   []*seal.Verifier
	// Keys are APO's public keys. Without any, [LevelEvidence] is not checked.
	Keys []Key
	// Settlement is held against the log's movements, both ways; see [ReadSettlement]. nil: there is none.
	Settlement *Settlement
	// Levels are those that are wanted; none: all. To want [LevelBytes] alone is the fastest.
	Levels []Level
	// SkipIndexes leaves out the engine's own verification, which proves what it looks records up by, and the comparison
	// of its heads with the orders. With an engine's verification it takes several times as long as all else.
	SkipIndexes bool
	// Progress is called now and then with the records so far; for the engine's own verification it begins anew.
	Progress func(records uint64)
}

func (c *VerifyConfig) wants(l Level) bool { return len(c.Levels) == 0 || slices.Contains(c.Levels, l) }

// folds reports whether orders have to be folded.
func (c *VerifyConfig) folds() bool {
	return c.wants(LevelLegality) || c.wants(LevelEvidence) || c.wants(LevelMoney)
}

// selfVerifier is a log whose engine verifies what it keeps beside the records. Those of this module are.
type selfVerifier interface {
	Verify(ctx context.Context, progress func(done, total uint64)) error
}

// ancestor is a log that knows what it was copied from.
type ancestor interface {
	Ancestry(ctx context.Context) ([]seal.Checkpoint, error)
}

// Verify reads all of a log once and says what of it is proven, on four levels: that its stored bytes are those that
// were sealed, and begin with those of the checkpoints; that our rules can have written what they say; that APO signed
// the messages in it; and what the money comes to. It goes on after what is wrong as far as that makes sense: a record
// that cannot be read leaves the rest of its own order unknowable, and no other. Nothing is believed of an index that
// the records themselves can tell.
//
// The log must be a [store.Framer]; those of this module are. What is wrong with a log stands in the report, and never
// comes as an error. The error is ctx's, one that wraps [store.ErrInvalid], [seal.ErrSignature] or [seal.ErrMalformed]
// for a checkpoint that none of the verifiers signed, or one of a log that cannot be reached. Several verifications and
// a service that appends may run beside it; what is appended meanwhile may or may not be seen.
//
// Cost: that of [Replay], and of the engine's own verification, see [VerifyConfig.SkipIndexes]; with keys, some thirty
// microseconds a message. Memory is that of Replay, and a line for each day and currency.
func Verify(ctx context.Context, log store.Reader, cfg *VerifyConfig) (*Report, error) {
	if cfg == nil {
		cfg = &VerifyConfig{}
	}
	v, err := begin(ctx, log, cfg)
	if err != nil {
		return nil, err
	}
	if err := v.walk(ctx, func(ctx context.Context, h *hand) { h.take(v.scan.records(ctx)) }); err != nil {
		return nil, err
	}
	v.ended()
	if err := v.bytes(ctx); err != nil {
		return nil, err
	}
	if err := v.indexes(ctx); err != nil {
		return nil, err
	}
	v.close()
	return v.report, nil
}

// verification is one under way.
type verification struct {
	log    store.Reader
	cfg    *VerifyConfig
	report *Report
	scan   *scan
	seen   uint64 // the newest position that was judged or gone past
	judge  *judge // nil: orders are not folded
	keys   *keyring
	ledger *ledger
}

func begin(ctx context.Context, log store.Reader, cfg *VerifyConfig) (*verification, error) {
	framer, ok := log.(store.Framer)
	if !ok {
		return nil, fmt.Errorf("%w: verify needs a log's stored bytes, and this one has none to give; implement "+
			"store.Framer", store.ErrInvalid)
	}
	v := &verification{log: log, cfg: cfg, report: &Report{}}
	var err error
	if v.keys, err = newKeyring(cfg.Keys); err != nil {
		return nil, err
	}
	marks, err := given(cfg)
	if err != nil {
		return nil, err
	}
	v.scan = &scan{log: framer}
	own, err := v.own(ctx)
	if err != nil {
		return nil, err
	}
	v.scan.begin(append(marks, own...))
	v.fold()
	return v, nil
}

// fold has orders folded where a level asks for it.
func (v *verification) fold() {
	if v.cfg.folds() {
		v.ledger = newLedger(v.cfg.Settlement)
		v.judge = newJudge(v.report, v.ledger, v.keys, v.cfg)
	}
}

// given are the checkpoints that the auditor brought along.
func given(cfg *VerifyConfig) (marks []mark, err error) {
	for i, signed := range cfg.Checkpoints {
		c, err := seal.Open(signed, cfg.Verifiers...)
		if err != nil {
			return nil, fmt.Errorf("checkpoint %d of %d: %w", i+1, len(cfg.Checkpoints), err)
		}
		marks = append(marks, mark{Checkpoint: c, kind: markGiven})
	}
	return marks, nil
}

// own is what the log itself says that it holds, and was copied from.
func (v *verification) own(ctx context.Context) (marks []mark, err error) {
	sealed := seal.Checkpoint{}
	if framer, ok := v.log.(ProvenFramer); ok {
		sealed, v.scan.held, err = framer.ProvenFrames(ctx)
	} else if prover, ok := v.log.(Prover); ok {
		sealed, _, err = prover.Proven(ctx)
	}
	if err != nil || sealed.Origin == "" {
		return nil, err
	}
	v.report.Sealed, v.report.Seal.Origin = true, sealed.Origin
	marks = append(marks, mark{Checkpoint: sealed, kind: markSeal})
	if copied, ok := v.log.(ancestor); ok {
		past, err := copied.Ancestry(ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range past {
			marks = append(marks, mark{Checkpoint: c, kind: markAncestry})
		}
	}
	return marks, nil
}

// records takes the log's next records.
func (v *verification) records(b *batch) error {
	if v.judge != nil {
		v.judge.replay.out.orders.fetch(b.records)
	}
	for i := range b.records {
		r := &b.records[i]
		v.seen = r.Position
		if v.judge != nil {
			v.judge.replay.letter = nil
			if i < len(b.letters) {
				v.judge.replay.letter = &b.letters[i]
			}
			v.judge.record(r)
		}
		v.report.Records++
		if v.cfg.Progress != nil && v.report.Records%progressEvery == 0 {
			v.cfg.Progress(v.report.Records)
		}
	}
	return nil
}

// ended takes in what the goroutine that read has left.
func (v *verification) ended() {
	for _, g := range v.scan.gaps {
		v.report.Missing += g.until - g.position + 1
	}
	v.report.Seal.Size, v.report.Seal.Root = v.scan.tree.Size(), v.scan.tree.Root()
	if v.judge != nil {
		v.judge.ended()
		v.report.Orders = v.judge.replay.out.Len()
		if n := v.report.Missing; n > 0 {
			v.unjudged(fmt.Sprintf("nobody can judge what cannot be read, %s, and of an order that ends with one it "+
				"does not show", words.Counted(n, "record")))
		}
		if end := v.cutFrom(); end > v.scan.last {
			v.unjudged(fmt.Sprintf("the records from position %d to %d are not there, so nobody can judge them", v.scan.last+1,
				end))
		}
	}
}

// unjudged keeps what is said of records from being said of all of them.
func (v *verification) unjudged(why string) {
	for _, l := range []Level{LevelLegality, LevelEvidence, LevelMoney} {
		v.report.Levels[l].leave(why)
	}
}

// cutFrom is the last position that the log itself, or a checkpoint of it, says that there is.
func (v *verification) cutFrom() (end uint64) {
	for i := range v.scan.marks {
		if m := &v.scan.marks[i]; m.kind != markGiven || !v.foreign(m.Origin) && v.forkOf(m) == nil {
			end = max(end, m.Size)
		}
	}
	return end
}

// indexes has the engine prove what it looks records up by. Where a record is bad that is all it would find.
func (v *verification) indexes(ctx context.Context) error {
	level := &v.report.Levels[LevelBytes]
	if !v.cfg.wants(LevelBytes) {
		return nil
	}
	engine, ok := v.log.(selfVerifier)
	switch {
	case v.cfg.SkipIndexes:
		level.Why = also(level.Why, "indexes were left out")
		return nil
	case len(v.scan.gaps) > 0:
		level.leave("indexes cannot be held against records that cannot be read")
		return nil
	case v.scan.short, len(v.scan.strays) > 0:
		level.leave("indexes cannot be held against records that are not there")
		return nil
	case ok:
		progress := func(done, _ uint64) {
			if v.cfg.Progress != nil {
				v.cfg.Progress(done)
			}
		}
		if err := engine.Verify(ctx, progress); err != nil {
			return v.damage(err, AlteredIndex)
		}
	}
	return v.heads(ctx)
}

// damage makes a finding of what an engine found, unless the record that it names has one. Other errors pass.
func (v *verification) damage(err error, problem Problem) error {
	if !errors.Is(err, store.ErrDamaged) {
		return err
	}
	damage, ok := errors.AsType[*store.DamagedError](err)
	if !ok { // an engine's own
		damage = &store.DamagedError{Reason: reasonOf(err)}
	}
	if damage.OfSeal && damage.Position == 0 {
		problem = AlteredSeal
	}
	for _, f := range v.report.Findings {
		if f.Level == LevelBytes && (damage.Position != 0 && f.Position == damage.Position || f.Problem == AlteredSeal) {
			return nil
		}
	}
	v.report.add(Finding{Level: LevelBytes, Problem: problem, Position: damage.Position, Detail: damage.Reason})
	return nil
}
