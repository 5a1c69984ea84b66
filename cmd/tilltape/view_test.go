package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// viewed runs view over a source until the test ends, and returns where it serves.
func viewed(t *testing.T, args ...string) string {
	t.Helper()
	read := printing(t, terminal{env: func(string) string { return "" }}, append([]string{"view"}, args...)...)
	line, err := bufio.NewReader(read).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

// page asks for a page.
func page(t *testing.T, url string) (status int, body string) {
	t.Helper()
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	b, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(b)
}

func TestViewServesALogABackupAndAnExport(t *testing.T) {
	dir := aDay(t)
	require.Equal(t, exitOK, run(t.Context(), []string{"export", dayLog, "orders.jsonl"},
		terminal{out: io.Discard, err: io.Discard}))
	for source, order := range map[string]string{filepath.Join(dir, dayLog): "o-12", noonLog: "o-09",
		"orders.jsonl": "o-12"} {
		url := viewed(t, source, "--apo-key", apoKey, "--now", dayEnds.Format(time.RFC3339))
		assert.Regexp(t, `^http://127\.0\.0\.1:[0-9]+/$`, url)
		status, body := page(t, url+"order?id="+order)
		assert.Equal(t, http.StatusOK, status, source)
		assert.Contains(t, body, "signature holds", source)
		assert.Contains(t, body, " · "+filepath.Base(source)+"</title>")
		assert.NotContains(t, body, dir)
		status, body = page(t, url+"overview.json")
		assert.Equal(t, http.StatusOK, status, source)
		assert.Contains(t, body, `"at":"2026-11-24T12:00:00.000000000Z"`, source)
		follows, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(follows, http.MethodGet, url+"live", nil)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(r) // it is no reason not to stop
		require.NoError(t, err)
		t.Cleanup(func() { cancel(); _ = answer.Body.Close() })
	}
}

func TestViewShowsItselfToThisMachineAlone(t *testing.T) {
	aDay(t)
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:80", "[::]:0", "example.com:80", "127.0.0.1", "x",
		"127.0.0.1.example.com:0", "10.0.0.1:0", "[::ffff:192.0.2.1]:0"} {
		var errs strings.Builder
		code := run(t.Context(), []string{"view", dayLog, "--listen", address}, terminal{out: io.Discard, err: &errs})
		assert.Equal(t, exitUsage, code, address)
		assert.Contains(t, errs.String(), "loopback", address)
	}
	for _, address := range []string{"127.0.0.1:0", "localhost:0", "127.8.8.8:0"} {
		status, _ := page(t, viewed(t, dayLog, "--listen", address))
		assert.Equal(t, http.StatusOK, status, address)
	}
}

func TestTheTitleOfASourceFits(t *testing.T) {
	assert.Equal(t, "orders.tilltape", titleOf("/var/lib/orders.tilltape"))
	assert.Equal(t, "postgres://db/orders", titleOf("postgres://db/orders"))
	long := titleOf(strings.Repeat("é", 100))
	assert.Equal(t, "…"+strings.Repeat("é", 30), long)
}
