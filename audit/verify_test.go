package audit_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

func TestVerify_ACleanLogIsProvenOnEveryLevel(t *testing.T) {
	log := shopInMemory(t, 50)
	early := checkpointOf(t, log)
	fillWith(t, log, shopOf(t, 50, 80))
	r := verify(t, log, withCheckpoints(checkpointOf(t, log), early))
	assert.Empty(t, r.Findings)
	assert.Equal(t, []string{"bytes proven", "legality proven", "evidence proven", "money proven"}, states(r))
	assert.Equal(t, audit.Clean, r.Outcome())
	assert.True(t, r.Clean())
	now, err := log.Tree(context.Background())
	require.NoError(t, err)
	assert.Equal(t, now, r.Seal)
	assert.Equal(t, []uint64{320, 80, 160}, []uint64{r.Records, uint64(r.Orders), r.Messages})
	assert.Equal(t, []uint64{320, 320, 160, 320}, []uint64{r.Level(audit.LevelBytes).Checked,
		r.Level(audit.LevelLegality).Checked, r.Level(audit.LevelEvidence).Checked, r.Level(audit.LevelMoney).Checked})
	require.Len(t, r.Held, 2)
	for i, size := range []uint64{200, 320} {
		assert.Equal(t, audit.StateProven, r.Held[i].State)
		assert.Equal(t, size, r.Held[i].Checkpoint.Size)
	}
	assert.Equal(t, []audit.Day{{Date: "2026-11-23", Currency: "USD", Sums: audit.Sums{Authorized: 80 * 12345,
		Captured: 80 * 12345}}}, r.Days)
}

func TestVerify_WhatIsNotGivenIsNotChecked(t *testing.T) {
	log := memory.New()
	fillWith(t, log, shopOf(t, 0, 3))
	r := verify(t, log, nil)
	assert.Equal(t, []string{"bytes not checked", "legality proven", "evidence not checked", "money proven"}, states(r))
	assert.Equal(t, "the log has no seal, and no checkpoint was given", r.Level(audit.LevelBytes).Why)
	assert.Equal(t, "no key given", r.Level(audit.LevelEvidence).Why)
	assert.True(t, r.Clean())

	r = verify(t, log, &audit.VerifyConfig{Levels: []audit.Level{audit.LevelLegality}})
	assert.Equal(t, []string{"bytes not checked", "legality proven", "evidence not checked", "money not checked"},
		states(r))
	assert.Equal(t, "not asked for", r.Level(audit.LevelMoney).Why)

	r = verify(t, shopInMemory(t, 3), &audit.VerifyConfig{Levels: []audit.Level{audit.LevelBytes}, SkipIndexes: true})
	assert.Equal(t, []string{"bytes proven", "legality not checked", "evidence not checked", "money not checked"},
		states(r))
	assert.Equal(t, "indexes were left out", r.Level(audit.LevelBytes).Why)
}

func TestVerify_WhatItCannotUseIsAnError(t *testing.T) {
	ctx, log := context.Background(), shopInMemory(t, 1)
	for name, cfg := range map[string]*audit.VerifyConfig{
		"a key that is none":      {Keys: []audit.Key{{Version: "1"}}},
		"a key that is too short": {Keys: []audit.Key{{Version: "1", Public: shortKey(t)}}},
		"a key that never was": {Keys: []audit.Key{{Version: "1", Public: &aposKey().PublicKey, From: opening,
			Until: opening}}},
	} {
		_, err := audit.Verify(ctx, log, cfg)
		require.ErrorIs(t, err, store.ErrInvalid, name)
		assert.ErrorContains(t, err, "Keys[0]")
	}
	_, err := audit.Verify(ctx, log, &audit.VerifyConfig{Checkpoints: [][]byte{checkpointOf(t, log)}})
	require.ErrorIs(t, err, seal.ErrSignature, "nobody's key was given")
	_, err = audit.Verify(ctx, log, withCheckpoints([]byte("a root, believe me\n")))
	require.ErrorIs(t, err, seal.ErrMalformed)
	_, err = audit.Verify(ctx, &tampered{}, nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	assert.ErrorContains(t, err, "store.Framer")
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = audit.Verify(ended, log, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, log.Close())
	_, err = audit.Verify(ctx, log, nil)
	require.ErrorIs(t, err, store.ErrClosed)
}

func TestVerify_TellsItsProgress(t *testing.T) {
	log := memory.New()
	for i := range 2_600 {
		fillWith(t, log, history(i, true))
	}
	var told []uint64
	verify(t, log, &audit.VerifyConfig{Levels: []audit.Level{audit.LevelBytes},
		Progress: func(n uint64) { told = append(told, n) }})
	require.NotEmpty(t, told)
	assert.EqualValues(t, 10_000, told[0])
	again := len(told)
	verify(t, log, &audit.VerifyConfig{Levels: []audit.Level{audit.LevelBytes}, SkipIndexes: true,
		Progress: func(n uint64) { told = append(told, n) }})
	assert.Equal(t, []uint64{10_000}, told[again:], "the engine's own verification begins anew, or is left out")
}

func TestVerify_AnEmptyLog(t *testing.T) {
	log, err := memory.NewSealed(memory.Config{Signer: signer()})
	require.NoError(t, err)
	r := verify(t, log, withCheckpoints(checkpointOf(t, log)))
	assert.Empty(t, r.Findings)
	assert.Equal(t, []string{"bytes proven", "legality proven", "evidence proven", "money proven"}, states(r))
	assert.Zero(t, r.Records)
}

func TestVerify_KeysByVersionAndTime(t *testing.T) {
	log := shopInMemory(t, 2)
	public, anothers := &aposKey().PublicKey, &anothersKey().PublicKey
	later := opening.Add(time.Hour)
	for name, tt := range map[string]struct {
		keys    []audit.Key
		problem audit.Problem
		state   audit.State
	}{
		"the key":            {aposKeys(), 0, audit.StateProven},
		"for that time":      {[]audit.Key{{"1", public, opening.Add(-time.Hour), later}}, 0, audit.StateProven},
		"one of two":         {[]audit.Key{{Version: "1", Public: anothers}, aposKeys()[0]}, 0, audit.StateProven},
		"from later on":      {[]audit.Key{{"1", public, later, time.Time{}}}, audit.StaleKey, audit.StateWrong},
		"until then":         {[]audit.Key{{"1", public, time.Time{}, opening}}, audit.StaleKey, audit.StateWrong},
		"of another version": {[]audit.Key{{Version: "2", Public: public}}, audit.NoKey, audit.StateNotChecked},
		"another's":          {[]audit.Key{{Version: "1", Public: anothers}}, audit.BadSignature, audit.StateWrong},
	} {
		r := verify(t, log, &audit.VerifyConfig{Keys: tt.keys})
		level := r.Level(audit.LevelEvidence)
		assert.Equal(t, tt.state, level.State, name)
		if tt.problem == 0 {
			assert.Empty(t, r.Findings, name)
			assert.EqualValues(t, 4, level.Checked, name)
			continue
		}
		require.Len(t, r.Findings, 4, name)
		assert.Zero(t, level.Checked, name)
		for _, f := range r.Findings {
			assert.Equal(t, tt.problem, f.Problem, name)
			assert.Contains(t, []uint64{2, 4, 6, 3, 5, 8, 7}, f.Position, name)
			assert.Equal(t, audit.LevelEvidence, f.Level, name)
		}
		assert.Equal(t, tt.state != audit.StateWrong, r.Clean(), name)
		if tt.problem == audit.NoKey {
			assert.Equal(t, "4 messages of a key version that was not given", level.Why)
		}
	}
}
