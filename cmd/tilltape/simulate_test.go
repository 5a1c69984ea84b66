package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
)

// simulation is a simulate command under way.
type simulation struct{ url, client, keys, control string }

// printing runs a command that serves until the test ends, and returns what it prints.
func printing(t *testing.T, to terminal, args ...string) *io.PipeReader {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	to.out, to.err = write, io.Discard
	ended := make(chan int, 1)
	go func() {
		code := run(ctx, args, to)
		_ = write.Close()
		ended <- code
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case code := <-ended:
			assert.Equal(t, exitOK, code, "being stopped is no failure")
		case <-time.After(10 * time.Second):
			t.Errorf("%s did not stop", args[0])
		}
	})
	return read
}

// startSimulation runs simulate until the test ends, and reads what it prints as a shell script would.
func startSimulation(t *testing.T, args ...string) simulation {
	t.Helper()
	read := printing(t, terminal{}, append([]string{"simulate"}, args...)...)
	var s simulation
	fields := map[string]*string{"url": &s.url, "client": &s.client, "keys": &s.keys, "control": &s.control}
	text := make([]byte, 4096)
	var all bytes.Buffer
	for s.control == "" {
		n, err := read.Read(text)
		require.NoError(t, err, all.String())
		all.Write(text[:n])
		for line := range strings.Lines(all.String()) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if to := fields[name]; to != nil {
				*to = strings.TrimSpace(value)
			}
		}
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	return s
}

func TestSimulateServesAClientThatKnowsWhatItPrints(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(script, []byte("# the first cancel is not decided\ncancel 1 unknown\n"), 0o600))
	s := startSimulation(t, "--keys", t.TempDir(), "--script", script)

	keys, err := apotest.ReadKeys(s.keys)
	require.NoError(t, err)
	client, err := apo.NewClient(s.url, s.client, keys, nil)
	require.NoError(t, err)
	paid := client.Pay(t.Context(), apo.PayRequest{PaymentRequestID: "p-1", Method: "CARD",
		Amount: apo.Amount{Currency: "USD", Minor: 1000}, Capture: apo.CaptureManual})
	require.Equal(t, apo.Accepted, paid.Class, paid.Err)
	answer, err := http.Post(s.control+"submit/p-1", "", nil)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode)

	cancel := func() apo.Class {
		return client.Cancel(t.Context(), apo.CancelRequest{PaymentRequestID: "p-1"}).Class
	}
	assert.Equal(t, apo.Unknown, cancel(), "the script strikes the first call")
	assert.Equal(t, apo.Succeeded, cancel())
}

func TestSimulateKeepsItsKeys(t *testing.T) {
	dir := t.TempDir()
	var first apo.Keys
	for i := range 2 {
		s := startSimulation(t, "--keys", dir)
		keys, err := apotest.ReadKeys(s.keys)
		require.NoError(t, err)
		if i == 0 {
			first = keys
		}
		assert.True(t, first.Private.Equal(keys.Private), "a second run finds the same keys")
	}
}

// TestSimulateLeavesNoKeys in a temporary directory: a private key that nobody needs any more.
func TestSimulateLeavesNoKeys(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Run("stopped", func(t *testing.T) { assert.DirExists(t, startSimulation(t).keys) })
	code, _, _ := execute(t, "simulate", "--listen", "0.0.0.0:0")
	assert.Equal(t, exitUsage, code)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestSimulateRefusesWhatItCannotRunWith(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = busy.Close() }()
	garbage := t.TempDir()
	s := startSimulation(t, "--keys", garbage)
	files, err := os.ReadDir(s.keys)
	require.NoError(t, err)
	for _, f := range files {
		require.NoError(t, os.WriteFile(filepath.Join(garbage, f.Name()), []byte("no key"), 0o600))
	}
	bad := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(bad, []byte("cancel 1 unknown\ncancel sometimes fail\n"), 0o600))

	for name, tt := range map[string]struct {
		args        []string
		code        int
		error, hint string
	}{
		"another machine could reach it": {[]string{"--listen", "0.0.0.0:0"}, exitUsage, "loopback", "--listen"},
		"notifies another machine":       {[]string{"--notify", "http://shop.example/"}, exitUsage, "loopback", "--help"},
		"the port is taken": {[]string{"--listen", busy.Addr().String()}, exitFailure, busy.Addr().String(),
			"--listen"},
		"a script with a slip": {[]string{"--script", bad}, exitUsage, "line 2", "OP CALLS DO"},
		"no such script":       {[]string{"--script", bad + "-not"}, exitFailure, "reading the script", "--script"},
		"a file for the keys":  {[]string{"--keys", bad}, exitFailure, bad + " is a file and no directory", "--keys"},
		"keys that are none":   {[]string{"--keys", garbage}, exitFailure, "key", "--keys"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"simulate"}, tt.args...)
			if tt.args[0] != "--keys" {
				args = append(args, "--keys", t.TempDir())
			}
			code, out, errs := execute(t, args...)
			assert.Equal(t, tt.code, code)
			assert.Empty(t, out)
			assert.Equal(t, 2, strings.Count(errs, "\n"), "one error and one hint: %s", errs)
			first, second, _ := strings.Cut(errs, "\n")
			assert.Contains(t, first, tt.error)
			assert.Contains(t, second, tt.hint)
		})
	}
}
