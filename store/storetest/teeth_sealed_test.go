package storetest_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
	"github.com/tilltape/tilltape/store/storetest"
)

// The broken logs whose fault is in their seal, or in what several handles and impatient callers see.

// suiteSigner signs for all logs of these tests.
var suiteSigner = sync.OnceValue(func() *seal.Signer {
	key, _, err := seal.GenerateKey(nil, "shop.example")
	if err != nil {
		panic(err)
	}
	signer, err := seal.NewSigner(key)
	if err != nil {
		panic(err)
	}
	return signer
})

func newSealed() *memory.Log {
	log, err := memory.NewSealed(memory.Config{Signer: suiteSigner()})
	if err != nil {
		panic(err)
	}
	return log
}

// candid is a log that knows where it was altered, and copies of which are the same log under another name. The flags
// say what it keeps to itself.
type candid struct {
	*memory.Log
	altered                                 *uint64
	verifies, proves, backsUp, opensBlindly bool
}

func newCandid(change func(*candid)) store.Log {
	l := candid{Log: newSealed(), altered: new(uint64)}
	change(&l)
	return l
}

// alteredError is what such a log says of it, unless it is blind there.
func (l candid) alteredError(blind bool) error {
	if *l.altered == 0 || blind {
		return nil
	}
	return &store.DamagedError{Log: "log", Position: *l.altered, Reason: "it was altered"}
}

func (l candid) Verify(ctx context.Context, progress func(done, total uint64)) error {
	return errors.Join(l.alteredError(l.verifies), l.Log.Verify(ctx, progress))
}

func (l candid) Prove(ctx context.Context, position uint64) (seal.Proof, error) {
	if err := l.alteredError(l.proves); err != nil {
		return seal.Proof{}, err
	}
	return l.Log.Prove(ctx, position)
}

// shared is a handle that does not close the log it is on.
type shared struct{ *memory.Log }

func (shared) Close() error { return nil }

// candidSeal is what the suite knows of candid logs, and of memory's as they are.
func candidSeal() *storetest.Seal {
	as := func(log store.Log, blind func(candid) bool) (store.Log, error) {
		if l, ok := log.(candid); ok {
			return shared{l.Log}, l.alteredError(blind(l))
		}
		return shared{log.(*memory.Log)}, nil
	}
	return &storetest.Seal{
		Verifier: suiteSigner().Verifier(),
		Backup: func(_ *testing.T, log store.Log) (store.Log, error) {
			return as(log, func(l candid) bool { return l.backsUp })
		},
		OpenToRead: func(_ *testing.T, log store.Log) (store.Log, error) {
			return as(log, func(l candid) bool { return l.opensBlindly })
		},
		Tamper: func(_ *testing.T, log store.Log, position uint64) { *log.(candid).altered = position },
	}
}

// copying is a seal whose backups are new logs, of the records that change takes.
func copying(change func(position uint64, r *events.Record) bool) *storetest.Seal {
	s := candidSeal()
	s.Backup = func(t *testing.T, log store.Log) (store.Log, error) {
		to, ctx := newSealed(), context.Background()
		for r, err := range log.All(ctx, store.Start()) {
			require.NoError(t, err)
			if change(r.Position, &r) {
				_, err := to.Append(ctx, r.Stream, r.Version-1, r)
				require.NoError(t, err)
			}
		}
		return to, nil
	}
	return s
}

func sealedFaults() []fault {
	blind := func(change func(*candid)) func() store.Log { return func() store.Log { return newCandid(change) } }
	memorySeal := &storetest.Seal{Verifier: suiteSigner().Verifier()}
	bare := func() store.Log { return newSealed() }
	return []fault{
		{name: "old-checkpoints", clause: "checkpoints", seal: memorySeal,
			open: func() store.Log { return &oldCheckpoints{Log: newSealed()} }},
		{name: "forked-checkpoints", clause: "checkpoints", seal: memorySeal,
			open: func() store.Log { return &forked{newSealed(), newSealed()} }},
		{name: "no-consistency", clause: "checkpoints", seal: memorySeal,
			open: func() store.Log { return unproven{newSealed()} }},
		{name: "signed-by-nobody", clause: "checkpoints", seal: memorySeal,
			open: func() store.Log { return memory.New() }},
		{name: "no-sealed-log", clause: "checkpoints", seal: memorySeal,
			open: func() store.Log { return forgetful{newSealed()} }},
		{name: "other-origin-after-a-restart", clause: "checkpoints", seal: memorySeal, open: bare,
			reopen: func(from store.Log) store.Log { return copied(from) }},
		{name: "old-checkpoints-meanwhile", clause: "checkpoints while appending", seal: memorySeal,
			open: func() store.Log { return &oldCheckpoints{Log: newSealed()} }},
		{name: "proof-of-the-neighbour", clause: "proofs", seal: memorySeal,
			open: func() store.Log { return neighbourly{newSealed()} }},
		{name: "proofs-for-ever", clause: "proofs", seal: memorySeal,
			open: func() store.Log { return tireless{newSealed()} }},
		{name: "backup-without-the-last", clause: "backups", open: bare,
			seal: copying(func(position uint64, _ *events.Record) bool { return position != 600 })},
		{name: "backup-of-other-bytes", clause: "backups", open: bare,
			seal: copying(func(position uint64, r *events.Record) bool { r.Actor += "?"; return true })},
		{name: "backup-under-another-origin", clause: "backups", open: bare,
			seal: copying(func(uint64, *events.Record) bool { return true })},
		{name: "blind-verify", clause: "tampering", seal: candidSeal(), open: blind(func(l *candid) { l.verifies = true })},
		{name: "blind-proofs", clause: "tampering", seal: candidSeal(), open: blind(func(l *candid) { l.proves = true })},
		{name: "blind-backup", clause: "tampering", seal: candidSeal(), open: blind(func(l *candid) { l.backsUp = true })},
		{name: "blind-opening", clause: "tampering", seal: candidSeal(),
			open: blind(func(l *candid) { l.opensBlindly = true })},
		{name: "handle-with-a-copy", clause: "two handles", open: func() store.Log { return memory.New() },
			second: func(log store.Log) store.Log { return copied(log) }},
		{name: "handle-that-writes-blindly", clause: "two handles", open: func() store.Log { return memory.New() },
			second: func(log store.Log) store.Log { return undead{blindAppend{log}} }},
		{name: "handle-that-forgets", clause: "two handles", open: func() store.Log { return memory.New() },
			second: func(log store.Log) store.Log { return undead{forgetful{log}} }},
		{name: "handle-with-old-checkpoints", clause: "two handles", seal: memorySeal, open: bare,
			second: func(log store.Log) store.Log { return &oldCheckpoints{Log: log.(*memory.Log)} }},
		{name: "gives-up-with-a-conflict", clause: "retries that give up",
			open: func() store.Log { return hasty{memory.New()} }},
		{name: "gives-up-and-writes", clause: "retries that give up",
			open: func() store.Log { return doubling{memory.New()} }},
		{name: "never-gives-up", clause: "retries that give up", open: func() store.Log { return deaf{memory.New()} }},
	}
}

// TestCandidLogsPass: what the faults of sealed logs are put into keeps every promise, so that a clause which fails
// fails for the fault.
func TestCandidLogsPass(t *testing.T) {
	storetest.Run(t, storetest.Factory{
		Open:   func(*testing.T) store.Log { return newCandid(func(*candid) {}) },
		Second: func(_ *testing.T, log store.Log) store.Log { return shared{log.(candid).Log} },
		Seal:   candidSeal(),
		Short:  !long.Enabled(),
	})
}

// copied is another log of the same records.
func copied(from store.Log) store.Log {
	ctx, to := context.Background(), newSealed()
	for r, err := range from.All(ctx, store.Start()) {
		if err == nil {
			_, err = to.Append(ctx, r.Stream, r.Version-1, r)
		}
		if err != nil {
			panic(err)
		}
	}
	return shared{to}
}

// oldCheckpoints signs every other time what it signed before.
type oldCheckpoints struct {
	*memory.Log
	mu     sync.Mutex
	signed []byte
}

func (l *oldCheckpoints) Checkpoint(ctx context.Context) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.signed != nil {
		return l.signed, ctx.Err()
	}
	signed, err := l.Log.Checkpoint(ctx)
	l.signed = signed
	return signed, err
}

// forked signs, from some size on, what another log holds.
type forked struct {
	*memory.Log
	other *memory.Log
}

const forkedFrom = 300

func (l *forked) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	written, err := l.Log.Append(ctx, to, after, records...)
	if err == nil {
		for _, r := range written {
			r.Actor += "?"
			if _, err := l.other.Append(ctx, to, r.Version-1, r); err != nil {
				return nil, err
			}
		}
	}
	return written, err
}

func (l *forked) Checkpoint(ctx context.Context) ([]byte, error) {
	if now, err := l.Log.Tree(ctx); err != nil || now.Size < forkedFrom {
		return l.Log.Checkpoint(ctx)
	}
	return l.other.Checkpoint(ctx)
}

// unproven has no proofs of consistency.
type unproven struct{ *memory.Log }

func (unproven) ProveConsistency(context.Context, uint64, uint64) ([]seal.Hash, error) {
	return nil, nil
}

// neighbourly proves the next record, where there is one.
type neighbourly struct{ *memory.Log }

func (l neighbourly) Prove(ctx context.Context, position uint64) (seal.Proof, error) {
	if proof, err := l.Log.Prove(ctx, position+1); err == nil {
		return proof, nil
	}
	return l.Log.Prove(ctx, position)
}

// tireless proves for whoever has gone.
type tireless struct{ *memory.Log }

func (l tireless) Prove(ctx context.Context, position uint64) (seal.Proof, error) {
	return l.Log.Prove(context.WithoutCancel(ctx), position)
}

// hasty takes a retry whose caller gives up for a conflict.
type hasty struct{ store.Log }

func (l hasty) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	h, err := l.Head(context.WithoutCancel(ctx), to)
	if err == nil && h.Version > after && ctx.Err() != nil {
		return nil, &store.ConflictError{Stream: to, Want: after, Have: h.Version}
	}
	return l.Log.Append(ctx, to, after, records...)
}

// doubling writes again what it did not recognise in time.
type doubling struct{ store.Log }

func (l doubling) Append(ctx context.Context, to events.Stream, after uint64,
	records ...events.Record) ([]events.Record, error) {
	h, err := l.Head(context.WithoutCancel(ctx), to)
	if err == nil && h.Version > after && ctx.Err() != nil {
		if _, err := l.Log.Append(context.WithoutCancel(ctx), to, h.Version, records...); err != nil {
			return nil, err
		}
		return nil, ctx.Err()
	}
	return l.Log.Append(ctx, to, after, records...)
}
