package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// TestMain lets the test binary be the process that the demo kills, and the one that copies the tool.
func TestMain(m *testing.M) {
	if os.Getenv(childMark) != "" {
		main() // with its signals
	}
	if to := os.Getenv(toolMark); to != "" {
		if err := copyTool(os.Args[1], to); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(pgserver.Run(cleared{m}))
}

func TestDemoHoldsEveryExpectation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "day")
	code, out, errs := execute(t, "demo", "--dir", dir)
	require.Equal(t, exitOK, code, out+errs)
	assert.Empty(t, errs)
	assert.NotContains(t, out, "\x1b", "a pipe gets no escape codes")
	assert.NotContains(t, out, "broken")

	path := filepath.Join(dir, demoLog)
	for _, want := range []string{
		path, "all ", "expectations held",
		"→ APO pay  paymentRequestId pay-o-01", "[fault: pay 1 cut after]",
		"cancel  paymentId", "cancel  paymentRequestId", "U UNKNOWN_EXCEPTION", "cut after", "F ORDER_STATUS_INVALID",
		"→ APO inquiryPayment",
		"refused: captured", "refused: a capture is outstanding", "refused: APO captures automatically", "refused: refunded",
		"refused: the cancel window closed",
		"remedy:  refund", "anomaly: late payment of USD 100.00; the order is cancelled", "that process is gone",
		"perhaps sent",
		"orders 13,", "refused before APO 6",
	} {
		assert.Contains(t, out, want)
	}
	for line := range strings.Lines(out) {
		assert.LessOrEqual(t, len([]rune(strings.ReplaceAll(line, path, "PATH"))), 140, line)
	}

	t.Run("its log replays", func(t *testing.T) {
		code, out, errs := execute(t, "replay", path)
		require.Equal(t, exitOK, code, errs)
		assert.Contains(t, out, "of 13 orders, every one legal")
		assert.Contains(t, out, "anomaly: order o-11: late payment")
	})
	t.Run("it is never overwritten", func(t *testing.T) {
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		code, out, errs := execute(t, "demo", "--dir", dir)
		assert.Equal(t, exitFailure, code)
		assert.Empty(t, out)
		assert.Contains(t, errs, "error: "+path+" is there already")
		assert.Contains(t, errs, "hint: name an empty directory with --dir")
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(before, after))
	})
}

func TestDemoNamesItsTemporaryDirectory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	path, err := demoPath("")
	require.NoError(t, err)
	assert.DirExists(t, filepath.Dir(path))
	assert.NoFileExists(t, path)
}

func TestDemoRefusesADirectoryThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	code, _, errs := execute(t, "demo", "--dir", filepath.Join(file, "below"))
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, errs, "hint: name another one with --dir")

	code, _, errs = execute(t, "demo", "--dir", file)
	assert.Equal(t, exitFailure, code)
	assert.Equal(t, "error: "+file+" is a file and no directory\nhint: name a directory with --dir\n", errs)

	below := filepath.Join(t.TempDir(), "a", "b")
	code, _, errs = execute(t, "demo", "--dir", below)
	assert.Equal(t, exitFailure, code)
	assert.Equal(t, "error: directory "+below+" cannot be made: there is no "+filepath.Dir(below)+"\n"+
		"hint: make that one first, or name another one with --dir\n", errs)
	assert.NoDirExists(t, filepath.Dir(below))
}

// aDemo is a demo whose day has not begun.
func aDemo(t *testing.T) (*demo, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	d, err := newDemo(terminal{out: &out, err: &out}, filepath.Join(t.TempDir(), demoLog))
	require.NoError(t, err)
	t.Cleanup(d.close)
	return d, &out
}

func TestDemoEndsWhatItBeganWhereItsLogCannotBe(t *testing.T) {
	d, err := newDemo(terminal{out: io.Discard, err: io.Discard}, filepath.Join(t.TempDir(), "none", demoLog))
	require.ErrorIs(t, err, store.ErrStorage)
	assert.Nil(t, d)
}

func TestDemoFailsWhenTheLedgerDisagrees(t *testing.T) {
	d, out := aDemo(t)
	require.NoError(t, d.afterCapture(t.Context()))
	require.Empty(t, d.broken)
	_, err := d.apo.DashboardRefund("pay-o-06", 1) // nobody tells the till
	require.NoError(t, err)
	require.NoError(t, d.balance(t.Context()))

	err = d.verdict()
	require.ErrorIs(t, err, errDemo)
	assert.Contains(t, out.String(), "broken: story 1: expected order o-06 to agree with the ledger")
}

func TestDemoFailsWhenARefusedCancelIsNotRefused(t *testing.T) {
	d, _ := aDemo(t)
	_, err := d.authorized(t.Context(), "o-06", order.CaptureManual)
	require.NoError(t, err)
	d.refusedCancel(t.Context(), "o-06", order.ReasonCaptured) // nothing was captured: it goes through
	assert.Len(t, d.broken, 2, "neither was it refused, nor was the wire silent")
	require.ErrorIs(t, d.verdict(), errDemo)
}

func TestDemoUsesColourOnATerminalAlone(t *testing.T) {
	d, out := aDemo(t)
	d.t.colourOut = true
	require.NoError(t, d.afterCapture(t.Context()))
	assert.Contains(t, out.String(), "\x1b[33mrefused: \x1b[0m")
}

func TestCrashChildSaysSoWhenItCannotDie(t *testing.T) {
	code, _, errs := execute(t, crashCommand, "--now", "never")
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, errs, "error:")
	code, _, errs = execute(t, crashCommand, "--now", "2026-11-23T01:00:00Z", "--keys", t.TempDir())
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, errs, "error:")
}
