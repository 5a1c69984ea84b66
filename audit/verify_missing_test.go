package audit_test

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
)

// Whoever asks for one level is told all the same that records cannot be read, or are not there: else the level would
// be taken for the whole log's.
func TestVerify_WhatIsMissingIsToldWhateverTheLevels(t *testing.T) {
	for _, levels := range [][]audit.Level{{audit.LevelMoney}, {audit.LevelLegality, audit.LevelMoney}} {
		cfg := &audit.VerifyConfig{Levels: levels}
		log := shopFrames(t, 4)
		r, err := audit.Verify(context.Background(), log, cfg)
		require.NoError(t, err)
		require.Equal(t, audit.Clean, r.Outcome())

		log.frames[6] = log.frames[6][:10]
		r, err = audit.Verify(context.Background(), log, cfg)
		require.NoError(t, err)
		f, found := r.First()
		require.True(t, found)
		assert.Equal(t, []any{audit.DamagedRecord, uint64(7)}, []any{f.Problem, f.Position})
		assert.Equal(t, audit.Altered, r.Outcome())
		assert.Equal(t, audit.StateWrong, r.Level(audit.LevelBytes).State)

		path, _ := shopFileOf(t, 3)
		require.NoError(t, os.Truncate(path, 100))
		r = verifyDamaged(t, path, cfg)
		assert.Equal(t, audit.Unreadable, r.Outcome())
		assert.NotEmpty(t, r.Findings)
	}
}
