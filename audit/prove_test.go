package audit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

// signerOf returns the key of a name, the same each time.
func signerOf(t testing.TB, name string) *seal.Signer {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	key, _, err := seal.GenerateKey(bytes.NewReader(seed[:]), name)
	require.NoError(t, err)
	signer, err := seal.NewSigner(key)
	require.NoError(t, err)
	return signer
}

// shopKey signs for the shop's logs.
func shopKey(t testing.TB) *seal.Signer { return signerOf(t, "shop.example/orders") }

// sealedLogs are logs that prove, one of each engine here, with the same orders in the same course.
func sealedLogs(t *testing.T, steps int) map[string]store.Log {
	t.Helper()
	inMemory, err := memory.NewSealed(memory.Config{Origin: "shop.example/orders"})
	require.NoError(t, err)
	file, err := bolt.Open(filepath.Join(t.TempDir(), "log"), &bolt.Config{Origin: "shop.example/orders"})
	require.NoError(t, err)
	logs := map[string]store.Log{"memory": inMemory, "bolt": file}
	for _, log := range logs {
		chance := rand.New(rand.NewPCG(1, 2))
		w := newWriter(chance.IntN)
		w.log = log
		w.write(steps)
		t.Cleanup(func() { require.NoError(t, log.Close()) })
	}
	return logs
}

func prove(t testing.TB, log store.Reader, id string, cfg *audit.ProveConfig) *audit.Proof {
	t.Helper()
	p, err := audit.Prove(context.Background(), log, id, cfg)
	require.NoError(t, err)
	return p
}

func encoded(t testing.TB, p *audit.Proof) []byte {
	t.Helper()
	b, err := p.AppendBinary(nil)
	require.NoError(t, err)
	return b
}

func TestAProofShowsAllOfOneOrderAndNothingOfOthers(t *testing.T) {
	signer := shopKey(t)
	for name, log := range sealedLogs(t, 200) {
		t.Run(name, func(t *testing.T) {
			replayed, err := audit.Replay(context.Background(), log, nil)
			require.NoError(t, err)
			for o := range replayed.Orders() {
				file := encoded(t, prove(t, log, o.ID, &audit.ProveConfig{Signer: signer}))
				parsed, err := audit.ParseProof(file)
				require.NoError(t, err)
				assert.Equal(t, file, encoded(t, parsed))
				proven, err := audit.VerifyProof(parsed, signer.Verifier())
				require.NoError(t, err)
				assert.Equal(t, o, proven.Order)
				assert.True(t, proven.Complete)
				assert.Equal(t, replayed.Seal, proven.Log)
				var all []events.Record
				for r, err := range log.Read(context.Background(), events.OrderStream(o.ID), 0) {
					require.NoError(t, err)
					all = append(all, r)
				}
				assert.Equal(t, all, proven.Records)
				for other := range replayed.Orders() {
					if other.ID != o.ID {
						assert.NotContains(t, string(file), other.ID)
						assert.NotContains(t, string(file), other.PaymentRequestID)
					}
				}
				assert.Contains(t, proven.String(), fmt.Sprintf("order %s: versions 1 to %d", o.ID, o.Version))
				assert.Contains(t, proven.String(), "there is no other")
			}
		})
	}
}

func TestNoByteOfAProofCanChange(t *testing.T) {
	signer := shopKey(t)
	log := sealedLogs(t, 40)["memory"]
	file := encoded(t, prove(t, log, "o-2", &audit.ProveConfig{Signer: signer}))
	holds := func(file []byte) error {
		p, err := audit.ParseProof(file)
		if err != nil {
			assert.ErrorIs(t, err, seal.ErrMalformed)
			return err
		}
		_, err = audit.VerifyProof(p, signer.Verifier())
		return err
	}
	require.NoError(t, holds(file))
	step := long.Rounds(1, 7)
	for i := 0; i < len(file); i += step {
		changed := bytes.Clone(file)
		changed[i] ^= 1 << (i % 8)
		require.Error(t, holds(changed), "byte %d of %d", i, len(file))
	}
	for n := 0; n < len(file); n += step {
		require.Error(t, holds(file[:n]), "cut to %d of %d bytes", n, len(file))
	}
	require.Error(t, holds(append(file, 0)))
}

func TestARecordThatIsHiddenIsMissed(t *testing.T) {
	signer := shopKey(t)
	log := sealedLogs(t, 120)["memory"]
	honest := prove(t, log, "o-1", &audit.ProveConfig{Signer: signer})
	n := len(honest.Frames)
	require.Greater(t, n, 4)

	// The owner shows what is left, with hashes that lead to the root: only the roll, and the versions, tell.
	show := func(keep func(i int) bool) *audit.Proof {
		p := *honest
		p.Frames = nil
		var all seal.Together
		for f, err := range log.(store.Framer).Frames(context.Background(), store.Start()) {
			require.NoError(t, err)
			shown := f.Record.Stream == events.OrderStream("o-1") && keep(int(f.Record.Version))
			all.Append(seal.LeafHash(f.Bytes), shown)
			if shown {
				p.Frames = append(p.Frames, bytes.Clone(f.Bytes))
			}
		}
		p.Hashes = all.Proof()
		return &p
	}
	verify := func(p *audit.Proof) (*audit.Proven, error) { return audit.VerifyProof(p, signer.Verifier()) }
	_, err := verify(show(func(int) bool { return true }))
	require.NoError(t, err)

	_, err = verify(show(func(v int) bool { return v < n }))
	assert.ErrorIs(t, err, seal.ErrProof, "the last")
	assert.ErrorContains(t, err, "roll")
	_, err = verify(show(func(v int) bool { return v != 2 }))
	assert.ErrorIs(t, err, seal.ErrProof, "one between")
	_, err = verify(show(func(v int) bool { return v > 1 }))
	assert.ErrorIs(t, err, seal.ErrProof, "the first")
	_, err = verify(show(func(v int) bool { return false }))
	assert.ErrorIs(t, err, seal.ErrProof, "all")

	// Without a roll the last can be hidden, and the proof does not say that it is not.
	cut := show(func(v int) bool { return v < n })
	cut.Roll, cut.Path = nil, nil
	proven, err := verify(cut)
	require.NoError(t, err)
	assert.False(t, proven.Complete)
	assert.Contains(t, proven.String(), "later records of it are not excluded")
	cut.Path = honest.Path
	_, err = verify(cut)
	assert.ErrorIs(t, err, seal.ErrMalformed, "a way in no roll")
}

func TestPartsOfTwoProofsAreNoProof(t *testing.T) {
	signer := shopKey(t)
	logs := sealedLogs(t, 60)
	one := prove(t, logs["memory"], "o-1", &audit.ProveConfig{Signer: signer})
	two := prove(t, logs["memory"], "o-2", &audit.ProveConfig{Signer: signer})
	other := prove(t, logs["bolt"], "o-1", &audit.ProveConfig{Signer: signer})
	for name, mix := range map[string]func(*audit.Proof){
		"another order's records":    func(p *audit.Proof) { p.Frames = two.Frames },
		"another order's record too": func(p *audit.Proof) { p.Frames = append(slices.Clone(p.Frames), two.Frames...) },
		"another order's hashes":     func(p *audit.Proof) { p.Hashes = two.Hashes },
		"another order's way":        func(p *audit.Proof) { p.Path = two.Path },
		"another log's roll":         func(p *audit.Proof) { p.Roll = other.Roll },
		"a roll of no one's":         func(p *audit.Proof) { p.Roll = []byte("\n") },
		"a way that is too long":     func(p *audit.Proof) { p.Path = make([]seal.Hash, seal.MaxRollPath+1) },
		"another log's checkpoint":   func(p *audit.Proof) { p.Checkpoint = other.Checkpoint },
		"a checkpoint as a roll":     func(p *audit.Proof) { p.Roll = p.Checkpoint },
		"a roll as a checkpoint":     func(p *audit.Proof) { p.Checkpoint = p.Roll },
	} {
		p := *one
		mix(&p)
		_, err := audit.VerifyProof(&p, signer.Verifier())
		assert.Error(t, err, name)
	}
	_, err := audit.VerifyProof(one, signerOf(t, "shop.example/other").Verifier())
	assert.ErrorIs(t, err, seal.ErrSignature)
	_, err = audit.VerifyProof(one)
	assert.ErrorIs(t, err, seal.ErrSignature, "nobody is trusted")
}

// A log whose owner holds the key can seal what the rules cannot have written; a proof is judged by the rules too.
func TestAProofOfWhatIsNotLegalDoesNotHold(t *testing.T) {
	signer := shopKey(t)
	log := sealedLogs(t, 0)["memory"]
	created := prove(t, log, "o-1", &audit.ProveConfig{Signer: signer})
	r, err := events.DecodeFrame(created.Frames[0])
	require.NoError(t, err)
	r.ID, r.Keys, r.Event = "rec-2", nil, events.CancelSucceeded{Cause: events.CauseRequested}
	_, err = log.Append(context.Background(), events.OrderStream("o-1"), 1, r)
	require.NoError(t, err)
	_, err = audit.VerifyProof(prove(t, log, "o-1", &audit.ProveConfig{Signer: signer}), signer.Verifier())
	assert.ErrorIs(t, err, audit.ErrIllegal)
}

func TestAProofCanBeOfACheckpointThatWasAnchored(t *testing.T) {
	signer, ctx := shopKey(t), context.Background()
	for name, log := range sealedLogs(t, 60) {
		t.Run(name, func(t *testing.T) {
			checkpoint, roll, err := audit.Notarize(ctx, log, &audit.ProveConfig{Signer: signer})
			require.NoError(t, err)
			then := prove(t, log, "o-1", &audit.ProveConfig{Signer: signer})
			w := newWriter(rand.New(rand.NewPCG(3, 4)).IntN)
			w.log, w.serial = log, 1_000_000
			for range 60 {
				w.step("o-1")
			}
			now := prove(t, log, "o-1", &audit.ProveConfig{Signer: signer})
			assert.Greater(t, len(now.Frames), len(then.Frames))

			// Nobody needs the private key for it.
			verifiers := []*seal.Verifier{signer.Verifier()}
			p := prove(t, log, "o-1", &audit.ProveConfig{Checkpoint: checkpoint, Roll: roll, Verifiers: verifiers})
			assert.Equal(t, then, p)
			proven, err := audit.VerifyProof(p, verifiers...)
			require.NoError(t, err)
			assert.True(t, proven.Complete)

			p = prove(t, log, "o-1", &audit.ProveConfig{Checkpoint: checkpoint, Verifiers: verifiers})
			assert.Nil(t, p.Roll)
			proven, err = audit.VerifyProof(p, verifiers...)
			require.NoError(t, err)
			assert.False(t, proven.Complete)

			// The roll of an old checkpoint can be signed later.
			p = prove(t, log, "o-1", &audit.ProveConfig{Checkpoint: checkpoint, Signer: signer})
			assert.Equal(t, then, p)
		})
	}
}

func TestAFalseRollIsFoundByWhoeverHasTheLog(t *testing.T) {
	signer, ctx := shopKey(t), context.Background()
	log := sealedLogs(t, 60)["memory"]
	checkpoint, roll, err := audit.Notarize(ctx, log, &audit.ProveConfig{Signer: signer})
	require.NoError(t, err)
	said, err := audit.CheckRoll(ctx, log, roll, signer.Verifier())
	require.NoError(t, err)

	said.Root[0] ^= 1
	lie, err := signer.SignRoll(said)
	require.NoError(t, err)
	_, err = audit.CheckRoll(ctx, log, lie, signer.Verifier())
	assert.ErrorIs(t, err, seal.ErrProof)
	_, err = audit.Prove(ctx, log, "o-1", &audit.ProveConfig{Checkpoint: checkpoint, Roll: lie, Signer: signer})
	assert.ErrorIs(t, err, seal.ErrProof)
	_, err = audit.CheckRoll(ctx, log, roll, signerOf(t, "shop.example/other").Verifier())
	assert.ErrorIs(t, err, seal.ErrSignature)
	_, err = audit.CheckRoll(ctx, sealedLogs(t, 60)["memory"], roll, signer.Verifier())
	assert.NoError(t, err, "a roll is about records, and these are the same")
	_, err = audit.CheckRoll(ctx, sealedLogs(t, 61)["bolt"], lie, signer.Verifier())
	assert.Error(t, err)
}

// framed hands out another log's frames, changed.
type framed struct {
	store.Log
	change func(*store.Frame) bool // false: left out
}

func (l framed) Frames(ctx context.Context, from store.Cursor) iter.Seq2[store.Frame, error] {
	return func(yield func(store.Frame, error) bool) {
		for f, err := range l.Log.(store.Framer).Frames(ctx, from) {
			f.Bytes = bytes.Clone(f.Bytes)
			if l.change(&f) && !yield(f, err) {
				return
			}
		}
	}
}

func (l framed) Tree(ctx context.Context) (seal.Checkpoint, error) {
	return l.Log.(audit.Sealer).Tree(ctx)
}

func TestNothingIsProvenThatTheLogDoesNotBearOut(t *testing.T) {
	signer, ctx := shopKey(t), context.Background()
	log := sealedLogs(t, 60)["memory"]
	for name, change := range map[string]func(*store.Frame) bool{
		"a byte":            func(f *store.Frame) bool { f.Bytes[20] ^= 1; return true },
		"a record left out": func(f *store.Frame) bool { return f.Record.Position != 7 },
		"the end left out":  func(f *store.Frame) bool { return f.Record.Position < 30 },
		"the first twice":   func(f *store.Frame) bool { f.Record.Position = min(f.Record.Position, 1); return true },
		"a version":         func(f *store.Frame) bool { f.Record.Version += f.Record.Position / 30; return true },
	} {
		changed := framed{Log: log, change: change}
		_, err := audit.Prove(ctx, changed, "o-1", &audit.ProveConfig{Signer: signer})
		assert.ErrorIs(t, err, store.ErrDamaged, name)
		_, _, err = audit.Notarize(ctx, changed, &audit.ProveConfig{Signer: signer})
		assert.ErrorIs(t, err, store.ErrDamaged, name)
	}
	same := framed{Log: log, change: func(*store.Frame) bool { return true }}
	_, err := audit.Prove(ctx, same, "o-1", &audit.ProveConfig{Signer: signer})
	assert.NoError(t, err)
}

func TestWhatCannotBeProvenIsRefused(t *testing.T) {
	signer, ctx := shopKey(t), context.Background()
	log := sealedLogs(t, 20)["memory"]
	checkpoint, roll, err := audit.Notarize(ctx, log, &audit.ProveConfig{Signer: signer})
	require.NoError(t, err)
	_, later, err := audit.Notarize(ctx, sealedLogs(t, 40)["memory"], &audit.ProveConfig{Signer: signer})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		log store.Reader
		id  string
		cfg *audit.ProveConfig
		is  error
	}{
		"no such order":           {log, "o-9", &audit.ProveConfig{Signer: signer}, store.ErrNotFound},
		"nothing to hold against": {log, "o-1", nil, store.ErrInvalid},
		"a roll alone":            {log, "o-1", &audit.ProveConfig{Signer: signer, Roll: roll}, store.ErrInvalid},
		"no frames":               {&tampered{}, "o-1", &audit.ProveConfig{Signer: signer}, store.ErrInvalid},
		"no frames, a checkpoint": {&tampered{}, "o-1", &audit.ProveConfig{Signer: signer, Checkpoint: checkpoint},
			store.ErrInvalid},
		"a log without a seal": {memory.New(), "o-1", &audit.ProveConfig{Signer: signer}, store.ErrInvalid},
		"another's key": {log, "o-1", &audit.ProveConfig{Signer: signerOf(t, "shop.example/other")},
			seal.ErrInvalid},
		"another's checkpoint": {log, "o-1", &audit.ProveConfig{Checkpoint: checkpoint}, seal.ErrSignature},
		"a roll of another checkpoint": {log, "o-1", &audit.ProveConfig{Signer: signer, Checkpoint: checkpoint,
			Roll: later}, store.ErrInvalid},
	} {
		_, err := audit.Prove(ctx, c.log, c.id, c.cfg)
		require.ErrorIs(t, err, c.is, name)
		assert.ErrorContains(t, err, "prove order "+c.id)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = audit.Prove(ended, log, "o-1", &audit.ProveConfig{Signer: signer})
	assert.ErrorIs(t, err, context.Canceled)
}

// beside is how many bytes a proof has beside its records.
func beside(t testing.TB, p *audit.Proof) int {
	t.Helper()
	return len(encoded(t, p)) - len(bytes.Join(p.Frames, nil))
}

// hashesOf counts the largest subtrees, in a tree over [begin, end), that hold none of the ascending places.
func hashesOf(places []uint64, begin, end uint64) int {
	i, _ := slices.BinarySearch(places, begin)
	if i == len(places) || places[i] >= end {
		return 1
	}
	if end-begin == 1 {
		return 0
	}
	half := uint64(1)
	for half*2 < end-begin {
		half *= 2
	}
	return hashesOf(places, begin, begin+half) + hashesOf(places, begin+half, end)
}
