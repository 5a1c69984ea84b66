package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// exported is a log as an export of it, whose lines a test may change.
func exported(t *testing.T, log export.Source, change func(lines [][]byte) [][]byte) *export.Log {
	t.Helper()
	var file bytes.Buffer
	_, err := export.Write(context.Background(), &file, log, nil)
	require.NoError(t, err)
	lines := bytes.SplitAfter(file.Bytes(), []byte("\n"))
	if change != nil {
		lines = change(lines)
	}
	text := bytes.Join(lines, nil)
	l, err := export.New("orders.jsonl", bytes.NewReader(text), int64(len(text)))
	require.NoError(t, err)
	return l
}

// On a machine without the log, an export of it answers as the log does.
func TestVerify_AnExportAnswersAsTheLog(t *testing.T) {
	log := shopInMemory(t, 10)
	early := checkpointOf(t, log)
	fillWith(t, log, shopOf(t, 10, 20))
	cfg := withCheckpoints(early, checkpointOf(t, log))
	want, err := json.Marshal(verify(t, log, cfg))
	require.NoError(t, err)
	got, err := json.Marshal(verify(t, exported(t, log, nil), cfg))
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(got))
	assert.Contains(t, string(got), `"verdict":"Nothing is wrong`)
}

// What is done to an export is found at its position, too.
func TestVerify_AnExportThatWasAltered(t *testing.T) {
	log := shopInMemory(t, 20)
	cfg := withCheckpoints(checkpointOf(t, log))
	for name, change := range map[string]func(lines [][]byte) [][]byte{
		"a letter in the part for people": func(lines [][]byte) [][]byte {
			lines[spot] = bytes.Replace(lines[spot], []byte(`"order-`), []byte(`"Order-`), 1)
			return lines
		},
		"a line taken out": func(lines [][]byte) [][]byte { return append(lines[:spot:spot], lines[spot+1:]...) },
		"a line doubled": func(lines [][]byte) [][]byte {
			return slices.Insert(lines, spot, lines[spot-1])
		},
		"a line put between": func(lines [][]byte) [][]byte {
			return slices.Insert(lines, spot, []byte("{\"position\":\"7\"}\n"))
		},
		"a line moved here from far behind": func(lines [][]byte) [][]byte {
			return slices.Insert(slices.Delete(lines, 70, 71), spot, lines[70])
		},
		"two lines swapped": func(lines [][]byte) [][]byte {
			lines[spot], lines[spot+1] = lines[spot+1], lines[spot]
			return lines
		},
	} {
		r := verify(t, exported(t, log, change), cfg)
		f, found := r.First()
		require.True(t, found, name)
		assert.EqualValues(t, spot, f.Position, "%s: %+v", name, r.Findings)
		assert.Equal(t, audit.Altered, r.Outcome(), name)
		assert.Contains(t, r.Verdict(), "is not what was written", name)
		assert.LessOrEqual(t, r.Missing, uint64(1), "%s: what is behind it is read", name)
		assert.LessOrEqual(t, len(r.Findings), 4, "%s: %+v", name, r.Findings)
		assert.GreaterOrEqual(t, r.Level(audit.LevelLegality).Checked, uint64(75), name)
	}
	r := verify(t, exported(t, log, func(lines [][]byte) [][]byte { return lines[:spot] }), cfg)
	assert.Equal(t, audit.CutOff, r.Outcome())
}

// An export of some orders proves no log.
func TestVerify_AFilteredExportIsNoLog(t *testing.T) {
	log := shopInMemory(t, 3)
	var file bytes.Buffer
	_, err := export.Write(context.Background(), &file, log, &export.Config{Filter: export.Filter{
		Orders: []string{"order-20261123-000001"}}})
	require.NoError(t, err)
	l, err := export.New("some.jsonl", bytes.NewReader(file.Bytes()), int64(file.Len()))
	require.NoError(t, err)
	_, err = audit.Verify(context.Background(), l, nil)
	require.ErrorIs(t, err, export.ErrFiltered)
}

// counting counts the bytes that are read.
type counting struct {
	io.ReaderAt
	n int64
}

func (c *counting) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, at)
	c.n += int64(n)
	return n, err
}

// However much is wrong with an export, it is read a few times and no more.
func TestVerify_ADamagedExportIsReadFewTimes(t *testing.T) {
	log := shopInMemory(t, 100)
	var file bytes.Buffer
	_, err := export.Write(context.Background(), &file, log, nil)
	require.NoError(t, err)
	lines := bytes.SplitAfter(file.Bytes(), []byte("\n"))
	for i := 20; i < 380; i += 4 {
		lines[i] = bytes.Replace(lines[i], []byte(`"order`), []byte(`"Order`), 1)
	}
	text := bytes.Join(slices.Delete(lines, 10, 11), nil)
	src := &counting{ReaderAt: bytes.NewReader(text)}
	l, err := export.New("orders.jsonl", src, int64(len(text)))
	require.NoError(t, err)
	r := verify(t, l, &audit.VerifyConfig{SkipIndexes: true})
	f, _ := r.First()
	assert.EqualValues(t, 10, f.Position)
	assert.EqualValues(t, 91, r.Missing)
	assert.Less(t, src.n, 3*int64(len(text)), "the export has %d bytes", len(text))
}

// What a log lacks at its end nobody has judged: no level is proven of all of it.
func TestVerify_WhatIsCutOffIsNotProven(t *testing.T) {
	log := shopInMemory(t, 10)
	early := checkpointOf(t, log)
	fillWith(t, log, shopOf(t, 10, 20))
	late := checkpointOf(t, log)
	old := shopInMemory(t, 10)
	headerAlone := exported(t, log, func(lines [][]byte) [][]byte { return lines[:1] })
	endless := exported(t, log, func(lines [][]byte) [][]byte { return lines[:spot] })
	for name, row := range map[string]struct {
		log store.Reader
		cfg *audit.VerifyConfig
	}{
		"a header alone":               {headerAlone, withCheckpoints()},
		"an export without its end":    {endless, withCheckpoints(early)},
		"an old copy":                  {old, withCheckpoints(renamed(t, late, checkpointOf(t, old)))},
		"a header alone, rules wanted": {headerAlone, onlyRules()},
	} {
		r := verify(t, row.log, row.cfg)
		assert.Equal(t, audit.CutOff, r.Outcome(), name)
		for _, l := range audit.Levels()[1:] {
			assert.Equal(t, audit.StateNotChecked, r.Level(l).State, "%s: %s", name, l)
		}
		assert.Contains(t, r.Level(audit.LevelLegality).Why, "are not there", name)
	}
}

// onlyRules wants one level.
func onlyRules() *audit.VerifyConfig {
	return &audit.VerifyConfig{Levels: []audit.Level{audit.LevelLegality}}
}

// renamed signs what one checkpoint says of a log under the name in another.
func renamed(t *testing.T, signed, named []byte) []byte {
	t.Helper()
	c, err := seal.Told(signed)
	require.NoError(t, err)
	of, err := seal.Told(named)
	require.NoError(t, err)
	c.Origin = of.Origin
	again, err := signer().Sign(c)
	require.NoError(t, err)
	return again
}

// The name in an export's header is under no root: a checkpoint of the same records tells it.
func TestVerify_AnExportUnderAnotherName(t *testing.T) {
	log := shopInMemory(t, 5)
	signed := checkpointOf(t, log)
	c, err := seal.Told(signed)
	require.NoError(t, err)
	l := exported(t, log, func(lines [][]byte) [][]byte {
		header, signature, _ := bytes.Cut(lines[0], []byte(`,"checkpoint":`))
		require.NotEmpty(t, signature)
		lines[0] = append(bytes.Replace(header, []byte(c.Origin), []byte("shop.example/another"), 1), "}\n"...)
		return lines
	})
	r := verify(t, l, withCheckpoints(signed))
	require.Len(t, r.Findings, 1)
	assert.Equal(t, audit.OtherLog, r.Findings[0].Problem)
	assert.Contains(t, r.Findings[0].Detail, "shop.example/another")
	assert.Equal(t, audit.Altered, r.Outcome())
	assert.Equal(t, audit.StateWrong, r.Level(audit.LevelBytes).State)
}
