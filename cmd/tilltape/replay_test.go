package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/bolt"
)

// aLog writes a log of one cancelled order and returns its path. With lie, the newest record's head says something that the facts
// do not come to.
func aLog(t *testing.T, lie bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	head := events.Head{Status: "created", StatusSince: at, Phase: "idle"}
	placed := events.Record{ID: "r-1", Recorded: at, Occurred: at, Actor: "shop", Head: head,
		Event: events.OrderCreated{PaymentRequestID: "p-1", Amount: events.Money{Minor: 100, Currency: "USD"}, Method: "CARD"}}
	pending := placed
	pending.ID, pending.Event = "r-2", events.PaymentPending{PaymentID: "P1", Proof: events.Proof{Via: events.ViaNotification}}
	if lie {
		pending.Head.Status = "paid"
	}
	_, err = log.Append(t.Context(), events.OrderStream("o-1"), 0, placed, pending)
	require.NoError(t, err)
	return path
}

func TestReplayJudgesALog(t *testing.T) {
	code, out, errs := execute(t, "replay", aLog(t, false))
	require.Equal(t, exitOK, code, errs)
	assert.Equal(t, "ok: 2 records of 1 order, every one legal\n"+
		"    from 2026-11-23 09:00:00 to 2026-11-23 09:00:00 UTC\n       1 created\n", out)
}

func TestReplayNamesTheFirstIllegalRecord(t *testing.T) {
	code, out, errs := execute(t, "replay", aLog(t, true))
	assert.Equal(t, exitFailure, code)
	assert.Empty(t, out)
	assert.Contains(t, errs, "log position 2 (order o-1, version 2)")
	assert.Contains(t, errs, `its head says "paid"`)
	assert.Contains(t, errs, "hint: keep the file as it is and compare it with a backup")
	assert.Equal(t, 1, strings.Count(errs, "backup"), "the way out is said once")
}

func TestReplayShowsOneOrder(t *testing.T) {
	path := aLog(t, false)
	code, out, _ := execute(t, "replay", path, "--order", "o-1")
	assert.Equal(t, exitOK, code)
	assert.Contains(t, out, "order.created.v1")
	assert.Contains(t, out, "payment.pending.v1")

	code, _, errs := execute(t, "replay", path, "--order", "o-2")
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, errs, `order "o-2" is not in this log`)
}

func TestReplayPrintsJSONForPrograms(t *testing.T) {
	code, out, _ := execute(t, "replay", aLog(t, false), "--json")
	require.Equal(t, exitOK, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 2)
	var first struct {
		Position uint64
		ID, Kind string
		Fact     struct {
			Amount struct{ Minor int64 }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	assert.Equal(t, uint64(1), first.Position)
	assert.Equal(t, "o-1", first.ID)
	assert.Equal(t, "order.created.v1", first.Kind)
	assert.Equal(t, int64(100), first.Fact.Amount.Minor)
}

func TestReplayOfBadFiles(t *testing.T) {
	good := aLog(t, false)
	whole, err := os.ReadFile(good)
	require.NoError(t, err)
	write := func(name string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	locked := aLog(t, false)
	holder, err := bolt.Open(locked, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, holder.Close()) }()

	for name, path := range map[string]string{
		"missing":     filepath.Join(t.TempDir(), "nowhere"),
		"a directory": t.TempDir(),
		"text":        write("text", []byte(strings.Repeat("not a log\n", 1000))),
		"empty":       write("empty", nil),
		"truncated":   write("truncated", whole[:2*os.Getpagesize()+100]),
		"locked":      locked,
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := os.ReadFile(path)
			code, out, errs := execute(t, "replay", path)
			assert.Equal(t, exitFailure, code)
			assert.Empty(t, out)
			assert.True(t, strings.HasPrefix(errs, "error: "), errs)
			assert.Contains(t, errs, path, "it names the file")
			assert.Contains(t, errs, "hint: ", "and the way out")
			assert.Equal(t, 2, strings.Count(errs, "\n"), "one clear error and one hint: %s", errs)
			after, _ := os.ReadFile(path)
			assert.Equal(t, before, after, "the file is as it was")
		})
	}
}

func TestReplayThatCannotBePrintedFails(t *testing.T) {
	for _, args := range [][]string{nil, {"--json"}, {"--order", "o-1"}} {
		var errs bytes.Buffer
		code := run(t.Context(), append([]string{"replay", aLog(t, false)}, args...), terminal{out: brokenWriter{errors.New("no space left")}, err: &errs})
		assert.Equal(t, exitFailure, code, args)
		assert.Contains(t, errs.String(), "no space left", args)
	}
}

func TestReplayWantsOneFile(t *testing.T) {
	for _, args := range [][]string{{"replay"}, {"replay", "a", "b"}} {
		code, _, errs := execute(t, args...)
		assert.Equal(t, exitUsage, code)
		assert.Contains(t, errs, "takes the log's file")
	}
}
