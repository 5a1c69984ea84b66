package audit_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// The corpus of damaged logs, as frames: what anybody can do who writes a file without the library, with every hash of
// the log's own made anew. What is left to tell are the rules, APO's messages, and checkpoints that an auditor kept.
// In damaged_file_test.go it is done to files, whose own hashes then tell the record.

// frameLog is a log of frames that says of itself whatever they come to.
type frameLog struct {
	store.Log
	origin string
	frames [][]byte
}

var (
	_ store.Framer       = (*frameLog)(nil)
	_ audit.ProvenFramer = (*frameLog)(nil)
)

func (l *frameLog) Frames(_ context.Context, from store.Cursor) iter.Seq2[store.Frame, error] {
	return func(yield func(store.Frame, error) bool) {
		if from.Position() > uint64(len(l.frames)) {
			yield(store.Frame{}, store.BeyondEnd("log", from.Position(), uint64(len(l.frames))))
			return
		}
		for i, frame := range l.frames[from.Position():] {
			r, err := events.DecodeFrame(frame)
			if err != nil {
				err = &store.DamagedError{Log: "log", Position: from.Position() + uint64(i) + 1, Reason: err.Error()}
			}
			if !yield(store.Frame{Record: r, Bytes: frame}, err) || err != nil {
				return
			}
		}
	}
}

// ProvenFrames is a forger's: the seal is made from what is there.
func (l *frameLog) ProvenFrames(ctx context.Context) (seal.Checkpoint, iter.Seq2[store.Frame, error], error) {
	return l.checkpoint(), l.Frames(ctx, store.Start()), nil
}

func (l *frameLog) checkpoint() seal.Checkpoint {
	var tree seal.Tree
	for _, frame := range l.frames {
		tree.Append(seal.LeafHash(frame))
	}
	return seal.Checkpoint{Origin: l.origin, Size: tree.Size(), Root: tree.Root()}
}

// at returns the signed checkpoint that the log had at a size.
func (l *frameLog) at(t testing.TB, size int) []byte {
	t.Helper()
	signed, err := signer().Sign((&frameLog{origin: l.origin, frames: l.frames[:size]}).checkpoint())
	require.NoError(t, err)
	return signed
}

// record is the one at a position.
func (l *frameLog) record(t testing.TB, position int) events.Record {
	t.Helper()
	r, err := events.DecodeFrame(l.frames[position-1])
	require.NoError(t, err)
	return r
}

// edit writes a record anew.
func (l *frameLog) edit(t testing.TB, position int, change func(*events.Record)) {
	t.Helper()
	r := l.record(t, position)
	change(&r)
	frame, err := events.AppendFrame(nil, r)
	require.NoError(t, err)
	l.frames[position-1] = frame
}

// shopFrames are the frames of so many orders.
func shopFrames(t testing.TB, orders int) *frameLog {
	t.Helper()
	l := &frameLog{origin: "shop.example/orders/0123456789abcdef0123456789abcdef"}
	l.take(t, 0, orders)
	return l
}

// take appends the frames of the orders from one to before another.
func (l *frameLog) take(t testing.TB, from, to int) {
	t.Helper()
	last := map[string]uint64{}
	for _, r := range shopOf(t, from, to) {
		r.Position, r.Previous = uint64(len(l.frames))+1, last[r.Stream.ID]
		last[r.Stream.ID] = r.Position
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err)
		l.frames = append(l.frames, frame)
	}
}

func (l *frameLog) clone() *frameLog {
	c := &frameLog{origin: l.origin}
	for _, frame := range l.frames {
		c.frames = append(c.frames, bytes.Clone(frame))
	}
	return c
}

// isAt checks that the report names the position, alone or in a stretch, before any other.
func isAt(t *testing.T, r *audit.Report, position uint64, why string) {
	t.Helper()
	f, found := r.First()
	require.True(t, found, "%s is found", why)
	require.LessOrEqual(t, f.Position, position, "%s: %+v", why, f)
	require.GreaterOrEqual(t, max(f.Position, f.Until), position, "%s: %+v", why, f)
	require.False(t, r.Clean(), why)
}

// problemAt reports whether the report has just that finding.
func problemAt(r *audit.Report, p audit.Problem, position uint64) bool {
	return slices.ContainsFunc(r.Findings, func(f audit.Finding) bool {
		return f.Problem == p && f.Position == position && f.Until == 0
	})
}

const (
	corpusOrders = 20
	spot         = 41 // the position that is damaged
	earlySize    = 30 // an early checkpoint's
)

// lengthen appends a field that nobody knows to a frame's payload: it says the same in other bytes.
func lengthenFrame(frame []byte) []byte {
	out := append(bytes.Clone(frame), 0xf8, 0x7f, 0x00)
	binary.BigEndian.PutUint16(out, binary.BigEndian.Uint16(out)+3)
	return out
}

// corpus is what is done to a log, at which position it shows first, and with what.
var corpus = map[string]struct {
	damage func(t *testing.T, l *frameLog)
	at     uint64
	want   []audit.Problem // each at that position, where the log alone shows it
}{
	"one bit":    {func(_ *testing.T, l *frameLog) { l.frames[spot-1][20] ^= 4 }, spot, nil},
	"one byte":   {func(_ *testing.T, l *frameLog) { l.frames[spot-1][40] = ^l.frames[spot-1][40] }, spot, nil},
	"re-encoded": {func(_ *testing.T, l *frameLog) { l.frames[spot-1] = lengthenFrame(l.frames[spot-1]) }, spot, nil},
	"removed": {func(_ *testing.T, l *frameLog) { l.frames = slices.Delete(l.frames, spot-1, spot) }, spot,
		[]audit.Problem{audit.DamagedRecord}},
	"swapped": {func(_ *testing.T, l *frameLog) {
		l.frames[spot-1], l.frames[spot] = l.frames[spot], l.frames[spot-1]
	}, spot, nil},
	"doubled": {func(_ *testing.T, l *frameLog) {
		l.frames = slices.Insert(l.frames, spot, bytes.Clone(l.frames[spot-1]))
	}, spot + 1, nil},
	"the tail cut": {func(_ *testing.T, l *frameLog) { l.frames = l.frames[:spot-1] }, spot, nil},
	"a record edited": {func(t *testing.T, l *frameLog) {
		l.edit(t, spot, func(r *events.Record) { r.Actor = "mallory" })
	}, spot, nil},
	"an amount edited": {func(t *testing.T, l *frameLog) {
		l.edit(t, position(t, l, events.KindPaymentAuthorized), func(r *events.Record) {
			e := r.Event.(events.PaymentAuthorized)
			e.Amount.Minor++
			r.Event = e
		})
	}, 42, []audit.Problem{audit.IllegalRecord}},
	"a capture edited": {func(t *testing.T, l *frameLog) {
		l.edit(t, position(t, l, events.KindCaptureSucceeded), func(r *events.Record) {
			e := r.Event.(events.CaptureSucceeded)
			e.CaptureID = "another"
			r.Event = e
		})
	}, 44, []audit.Problem{audit.OtherThanMessage}},
	"a head that lies": {func(t *testing.T, l *frameLog) {
		l.edit(t, spot, func(r *events.Record) { r.Head.Status = "refunded" })
	}, spot, []audit.Problem{audit.IllegalRecord}},
	"evidence swapped": {func(t *testing.T, l *frameLog) {
		at := position(t, l, events.KindCaptureSucceeded)
		other := events.PartsOf(l.record(t, at+4).Event).Proof.Evidence
		require.NotNil(t, other)
		l.edit(t, at, func(r *events.Record) {
			e := r.Event.(events.CaptureSucceeded)
			e.Proof.Evidence = other
			r.Event = e
		})
	}, 44, []audit.Problem{audit.OtherThanMessage}},
	"evidence edited": {func(t *testing.T, l *frameLog) {
		l.edit(t, position(t, l, events.KindCaptureSucceeded), func(r *events.Record) {
			e := r.Event.(events.CaptureSucceeded)
			was := e.CaptureID
			e.CaptureID = "c-mallorys"
			m := *e.Proof.Evidence
			m.Body = bytes.Replace(m.Body, []byte(was), []byte(e.CaptureID), 1)
			e.Proof.Evidence = &m
			r.Event = e
		})
	}, 44, []audit.Problem{audit.BadSignature}},
	"a whole history": {func(t *testing.T, l *frameLog) {
		l.frames = l.frames[:0]
		l.take(t, 100, 100+corpusOrders+3)
	}, 1, nil},
}

// position is that of the first record of a kind from the spot on.
func position(t *testing.T, l *frameLog, kind events.Kind) int {
	t.Helper()
	for i := spot; i <= len(l.frames); i++ {
		if l.record(t, i).Event.Kind() == kind {
			return i
		}
	}
	require.FailNow(t, "no such record", kind)
	return 0
}

// TestCorpus_IsCaughtAtItsPosition: by an auditor who kept two checkpoints.
func TestCorpus_IsCaughtAtItsPosition(t *testing.T) {
	sound := shopFrames(t, corpusOrders)
	early, late := sound.at(t, earlySize), sound.at(t, len(sound.frames))
	cfg := func(checkpoints ...[]byte) *audit.VerifyConfig {
		c := withCheckpoints(checkpoints...)
		c.SkipIndexes = true // there are none
		return c
	}
	r := verify(t, sound, cfg(early, late))
	require.Empty(t, r.Findings, "the untouched log is clean")
	require.Equal(t, []string{"bytes proven", "legality proven", "evidence proven", "money proven"}, states(r))
	for name, tt := range corpus {
		damaged := sound.clone()
		tt.damage(t, damaged)
		r := verify(t, damaged, cfg(early, late))
		isAt(t, r, tt.at, name)
		if f, _ := r.First(); name != "a whole history" {
			assert.Greater(t, f.Position, uint64(earlySize), "%s: what the early checkpoint proves is sound", name)
		}
		for _, p := range tt.want {
			assert.True(t, problemAt(r, p, tt.at), "%s: %s at %d in %+v", name, p, tt.at, r.Findings)
			alone := verify(t, damaged, cfg())
			assert.True(t, problemAt(alone, p, tt.at), "%s: without a checkpoint", name)
		}
		assert.Contains(t, r.Verdict(), "held against the checkpoint of "+sound.origin+" over 80 records", name)
	}
}

// TestCorpus_OneOldCheckpointTells: a history that is consistent in itself, signatures and all.
func TestCorpus_OneOldCheckpointTells(t *testing.T) {
	sound := shopFrames(t, corpusOrders)
	old := sound.at(t, earlySize)
	forged := sound.clone()
	corpus["a whole history"].damage(t, forged)
	alone := withCheckpoints()
	alone.SkipIndexes = true
	require.True(t, verify(t, forged, alone).Clean(), "without a checkpoint nothing shows")
	kept := withCheckpoints(old)
	kept.SkipIndexes = true
	r := verify(t, forged, kept)
	require.Len(t, r.Findings, 1)
	f := r.Findings[0]
	assert.Equal(t, []any{audit.Rewritten, uint64(1), uint64(earlySize)}, []any{f.Problem, f.Position, f.Until})
	assert.Equal(t, audit.StateWrong, r.Held[0].State)
	assert.Equal(t, audit.Altered, r.Outcome())
}

func TestCorpus_ACheckpointOfAnotherLog(t *testing.T) {
	sound := shopFrames(t, 3)
	other := shopFrames(t, 2)
	other.origin = "shop.example/orders/ffffffffffffffffffffffffffffffff"
	other.edit(t, 1, func(r *events.Record) { r.Actor = "somebody else" })
	cfg := withCheckpoints(other.at(t, 8))
	cfg.SkipIndexes = true
	r := verify(t, sound, cfg)
	require.Len(t, r.Findings, 1)
	assert.Equal(t, audit.OtherLog, r.Findings[0].Problem)
	assert.Contains(t, r.Findings[0].Detail, other.origin)
}

func TestCorpus_CutOff(t *testing.T) {
	sound := shopFrames(t, 3)
	cfg := withCheckpoints(sound.at(t, 12))
	cfg.SkipIndexes = true
	sound.frames = sound.frames[:10]
	r := verify(t, sound, cfg)
	require.Len(t, r.Findings, 1)
	f := r.Findings[0]
	assert.Equal(t, []any{audit.EndsEarly, uint64(11), uint64(12)}, []any{f.Problem, f.Position, f.Until})
	assert.Equal(t, audit.CutOff, r.Outcome())
	assert.Contains(t, r.Verdict(), "is cut off: records missing within positions 11 to 12")
}

// TestCorpus_OneBadRecordCostsOneOrder: all others are judged to their end.
func TestCorpus_OneBadRecordCostsOneOrder(t *testing.T) {
	l := shopFrames(t, corpusOrders)
	l.frames[spot-1] = []byte{0, 1, 0}
	cfg := withCheckpoints()
	cfg.SkipIndexes = true
	r := verify(t, l, cfg)
	assert.True(t, problemAt(r, audit.DamagedRecord, spot))
	assert.EqualValues(t, []uint64{79, 1}, []uint64{r.Records, r.Missing})
	unknown := slices.DeleteFunc(slices.Clone(r.Findings), func(f audit.Finding) bool {
		return f.Problem != audit.UnknowableOrder
	})
	require.Len(t, unknown, 1)
	assert.Equal(t, fmt.Sprintf("from version %d on, since position %d cannot be read",
		shopFrames(t, corpusOrders).record(t, spot).Version+1, spot), unknown[0].Detail)
	level := r.Level(audit.LevelLegality)
	assert.Equal(t, audit.StateNotChecked, level.State)
	assert.Zero(t, level.Wrong)
	assert.Greater(t, level.Checked, uint64(70))
}

func TestCorpus_NothingThatCanBeRead(t *testing.T) {
	l := shopFrames(t, 2)
	for i := range l.frames {
		l.frames[i] = []byte{0, 1, 0}
	}
	r := verify(t, l, &audit.VerifyConfig{SkipIndexes: true})
	assert.Equal(t, audit.Unreadable, r.Outcome())
	require.Len(t, r.Findings, 1)
	assert.Equal(t, []uint64{1, 8}, []uint64{r.Findings[0].Position, r.Findings[0].Until})
	assert.Contains(t, r.Verdict(), "Not one record of the log "+l.origin+" can be read")
}

// TestCorpus_FindingsAreBounded, and counted.
func TestCorpus_FindingsAreBounded(t *testing.T) {
	l := shopFrames(t, audit.FindingsMax+20)
	for i := range l.frames {
		l.edit(t, i+1, func(r *events.Record) {
			if r.Version == 1 {
				r.Head.Phase = "parked"
			}
		})
	}
	r := verify(t, l, &audit.VerifyConfig{SkipIndexes: true})
	assert.Len(t, r.Findings, audit.FindingsMax)
	assert.EqualValues(t, audit.FindingsMax+20, r.Level(audit.LevelLegality).Wrong)
	assert.Contains(t, r.Verdict(), fmt.Sprintf("the first of %d findings", audit.FindingsMax+20))
}

// TestCorpus_AnyBit: of any record.
func TestCorpus_AnyBit(t *testing.T) {
	sound := shopFrames(t, 5)
	late := sound.at(t, len(sound.frames))
	chance := rand.New(rand.NewPCG(1, 2))
	for range long.Walk(5_000, 60) {
		damaged := sound.clone()
		at := chance.IntN(len(damaged.frames))
		bit := chance.IntN(8 * len(damaged.frames[at]))
		damaged.frames[at][bit/8] ^= 1 << (bit % 8)
		cfg := withCheckpoints(late)
		cfg.SkipIndexes, cfg.Keys = true, nil
		r := verify(t, damaged, cfg)
		isAt(t, r, uint64(at)+1, fmt.Sprintf("bit %d at position %d", bit, at+1))
	}
}

// The message of an answer that was swapped for another's is APO's all the same: its signature holds.
func TestCorpus_SwappedEvidenceIsSigned(t *testing.T) {
	l := shopFrames(t, corpusOrders)
	corpus["evidence swapped"].damage(t, l)
	e := events.PartsOf(l.record(t, 44).Event).Proof.Evidence
	require.NoError(t, (*apo.Evidence)(e).Verify(&aposKey().PublicKey))
	r := verify(t, l, &audit.VerifyConfig{SkipIndexes: true})
	assert.Equal(t, audit.StateWrong, r.Level(audit.LevelEvidence).State, "without APO's keys, too")
	assert.Equal(t, audit.StateProven, r.Level(audit.LevelLegality).State)
	assert.EqualValues(t, len(l.frames), r.Level(audit.LevelLegality).Checked, "what it says is folded all the same")
}
