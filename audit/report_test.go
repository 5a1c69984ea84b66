package audit_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/memory"
)

func TestReport_EveryProblemHasItsWords(t *testing.T) {
	seen := map[string]bool{}
	n := 0
	for p := audit.Problem(1); p.String() != "unknown"; p++ {
		f := audit.Finding{Problem: p}
		assert.NotEmpty(t, f.Meaning(), p)
		assert.NotEmpty(t, f.Remedy(), p)
		assert.False(t, seen[p.String()], p)
		text, err := p.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, p.String(), string(text))
		seen[p.String()] = true
		n++
	}
	assert.Equal(t, int(audit.SettledOtherwise), n)
	page, err := os.ReadFile("../docs/reference/verification.md")
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(page), "<!-- problems")
	table, _, found := strings.Cut(table, "<!-- end of problems -->")
	require.True(t, found)
	told := map[string]bool{}
	for _, row := range strings.Split(strings.TrimSpace(table), "\n")[1:] {
		cells := strings.Split(row, " | ")
		told[strings.TrimPrefix(cells[0], "| ")] = true
	}
	assert.Equal(t, seen, told, "docs/reference/verification.md tells every problem")
	_, err = audit.Problem(0).MarshalText()
	require.Error(t, err)
}

func TestReport_JSON(t *testing.T) {
	log := shopInMemory(t, 2)
	early := checkpointOf(t, log)
	fillWith(t, log, shopOf(t, 2, 3))
	cfg := withCheckpoints(early)
	cfg.Settlement = settlement(t, "PAYMENT,nobodys,JPY,100,2026-11-22")
	cfg.Keys = nil
	r := verify(t, log, cfg)
	text, err := json.Marshal(r)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(text, &got))
	assert.Equal(t, r.Verdict(), got["verdict"])
	assert.Equal(t, "open", got["outcome"])
	assert.Equal(t, map[string]any{"origin": r.Seal.Origin, "size": "12", "root": r.Seal.Root.String()}, got["log"])
	held := got["checkpoints"].([]any)[0].(map[string]any)
	assert.Equal(t, []any{"8", "proven"}, []any{held["size"], held["state"]})
	assert.Equal(t, map[string]any{"level": "evidence", "state": "not checked", "why": "no key given"},
		got["levels"].([]any)[2])
	assert.Equal(t, map[string]any{"level": "money", "problem": "not on record",
		"detail":  `line 2 of the settlement: payment "nobodys" of JPY 100`,
		"meaning": r.Findings[0].Meaning(), "remedy": r.Findings[0].Remedy()}, got["findings"].([]any)[0])
	day := got["days"].([]any)[0].(map[string]any)
	assert.Equal(t, "2026-11-23", day["date"])
	assert.Equal(t, map[string]any{"currency": "USD", "minor": "37035", "value": "370.35"}, day["captured"])
	assert.Equal(t, map[string]any{"rows": "1", "matched": "0", "from": "2026-11-22T00:00:00.000000000Z",
		"until": "2026-11-23T00:00:00.000000000Z"}, got["settlement"])
	assert.NotContains(t, string(text), "null")
}

func TestReport_VerdictOfACleanLog(t *testing.T) {
	log := shopInMemory(t, 2)
	r := verify(t, log, withCheckpoints(checkpointOf(t, log)))
	assert.Equal(t, "Nothing is wrong with the log "+r.Seal.Origin+", which has 8 records of 2 orders; proven: bytes, "+
		"legality, evidence, money; held against the checkpoint of "+r.Seal.Origin+" over 8 records, root "+
		r.Seal.Root.String()+".", r.Verdict())
	one := memory.New()
	fillWith(t, one, history(0, true)[:1])
	r = verify(t, one, nil)
	assert.Equal(t, "Nothing is wrong with the log, which has 1 record of 1 order; proven: legality, money; not checked: "+
		"bytes (the log has no seal, and no checkpoint was given), evidence (no key given); held against no checkpoint that "+
		"was kept elsewhere, so a history that was rewritten together with its seal would not show.", r.Verdict())
	assert.Equal(t, 1, strings.Count(r.Verdict(), "."))
}

// A reason that several levels have is read once.
func TestReport_VerdictTellsAReasonOnce(t *testing.T) {
	l := shopFrames(t, 2)
	l.frames[3] = []byte{0, 1, 0}
	verdict := verify(t, l, &audit.VerifyConfig{SkipIndexes: true}).Verdict()
	assert.Contains(t, verdict, "; not checked: legality, evidence and money (nobody can judge what cannot be read, "+
		"1 record, and of an order that ends with one it does not show), evidence (no key given); ")
	assert.Equal(t, 1, strings.Count(verdict, "nobody can judge"))
}

// TestCorpus_WhatCannotBeKnownHidesNothing: however many orders cannot be judged, a wrong one is told.
func TestCorpus_WhatCannotBeKnownHidesNothing(t *testing.T) {
	l := shopFrames(t, audit.FindingsMax+20)
	last := len(l.frames)
	for i := range l.frames {
		if r := l.record(t, i+1); r.Version == 2 && r.Stream != l.record(t, last).Stream {
			l.frames[i] = []byte{0, 1, 0}
		}
	}
	l.edit(t, last, func(r *events.Record) { r.Head.Phase = "parked" })
	r := verify(t, l, &audit.VerifyConfig{SkipIndexes: true})
	legality := r.Level(audit.LevelLegality)
	require.Greater(t, legality.Unknown, uint64(audit.FindingsMax))
	require.EqualValues(t, 1, legality.Wrong)
	assert.True(t, problemAt(r, audit.IllegalRecord, uint64(last)), "%+v", r.Findings[len(r.Findings)-1])
}
