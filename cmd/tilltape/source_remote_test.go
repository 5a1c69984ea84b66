package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/problem"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/viewer"
)

// aService holds the fixture's log open for appends, as a service does, and shows it to who has the token. What it
// answers goes through change first, where there is one.
func aService(t *testing.T, change func(http.Handler) http.Handler) (url string) {
	t.Helper()
	day, err := os.ReadFile(dayLog)
	require.NoError(t, err)
	require.NoError(t, logfile.Write("held.tilltape", day))
	log, err := bolt.Open("held.tilltape", nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	pages, err := viewer.New(log, &viewer.Config{Prefix: "/till", Authorize: viewer.Bearer("a-secret"),
		Orders: tilltape.Config{Now: func() time.Time { return dayEnds }}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, pages.Close()) })
	var handler http.Handler = pages
	if change != nil {
		handler = change(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	require.NoError(t, os.WriteFile("token", []byte("a-secret\n"), 0o600))
	t.Setenv(variable(tokenFlag), "token")
	return server.URL + "/till"
}

// ran runs a command line, and returns its exit code and what it printed.
func ran(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, terminal{out: &o, err: &e, env: os.Getenv})
	return code, o.String(), e.String()
}

// What is asked of a service answers as what is asked of its file does.
func TestAServiceAnswersAsItsFileDoes(t *testing.T) {
	dir := aDay(t)
	url := aService(t, nil)
	code, _, errs := ran(t, "list", "held.tilltape")
	require.NotEqual(t, exitOK, code, "the service holds the file: %s", errs)
	if runtime.GOOS != "windows" {
		code, _, errs = ran(t, "salvage", "held.tilltape", "salvaged.tilltape")
		assert.Equal(t, exitFailure, code)
		assert.Contains(t, errs, "another process has it open for appends")
		assert.Contains(t, errs, "hint: stop the service that writes it, or salvage a copy of the file")
		assert.NoFileExists(t, "salvaged.tilltape")
	}
	for _, args := range [][]string{{"list", ""}, {"list", "", "--only", "open"}, {"list", "", "--only", "due"},
		{"list", "", "--only", "parked"}, {"list", "", "--status", "captured", "-o", "jsonl"}, {"list", "", "--limit", "3"},
		{"list", "", "--after", "2026-11-23T01:20:43.000000000Z/o-09"},
		{"show", "", "o-12"}, {"show", "", "o-12", "-o", "json"}, {"history", "", "o-09"},
		{"history", "", "o-14", "-o", "jsonl"},
		{"due", ""}, {"anomalies", ""}, {"refusals", ""}, {"evidence", "", "o-06", "--apo-key", apoKey},
		{"graph", "", "--order", "o-06"}, {"replay", ""}, {"show", "", "nobody"}, {"at", "", "60", "o-06"},
		{"at", "", "2026-11-23T01:30:00Z", "o-06", "-o", "json"}, {"at", "", "1000000", "o-06"}, {"at", "", "1", "o-06"},
		{"checkpoint", ""}, {"checkpoint", "", "-o", "json"}, {"checkpoint", "", "--key-file", ownerKey}} {
		of := func(source string) (int, string, string) {
			given := append([]string{}, args...)
			given[1] = source
			code, out, errs := ran(t, given...)
			return code, strings.ReplaceAll(out, source, "SOURCE"), strings.ReplaceAll(errs, source, "SOURCE")
		}
		wantCode, wantOut, _ := of(dayLog)
		code, out, errs := of(url)
		out = strings.ReplaceAll(out, "SOURCE/", "SOURCE")
		assert.Equal(t, wantCode, code, "%s: %s", args, errs)
		if args[0] != "replay" {
			assert.Equal(t, wantOut, out, args)
		}
	}
	wantCode, want, _ := ran(t, "verify", dayLog, "--apo-key", apoKey)
	code, out, errs := ran(t, "verify", url, "--apo-key", apoKey)
	assert.Equal(t, wantCode, code, errs)
	assert.Contains(t, want, "105 records")
	assert.Contains(t, out, "105 records")
	code, _, errs = ran(t, "export", url, "fetched.jsonl")
	require.Equal(t, exitOK, code, errs)
	code, _, errs = ran(t, "replay", "fetched.jsonl")
	assert.Equal(t, exitOK, code, errs)
	left, err := filepath.Glob(filepath.Join(dir, "*.part"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestABackupOfAServiceIsVerifiedOnArrival(t *testing.T) {
	aDay(t)
	url := aService(t, nil)
	const stale = "fetched.tilltape.part" // what an earlier one that was killed may have left, or is somebody's
	require.NoError(t, os.WriteFile(stale, []byte("half"), 0o600))
	code, out, errs := ran(t, "backup", url, "fetched.tilltape")
	require.Equal(t, exitOK, code, errs)
	half, err := os.ReadFile(stale)
	require.NoError(t, err)
	assert.Equal(t, "half", string(half))
	assert.Contains(t, out, "fetched.tilltape is a whole copy")
	assert.Contains(t, out, "records  105")
	code, _, errs = ran(t, "replay", "fetched.tilltape")
	assert.Equal(t, exitOK, code, errs)
	code, _, errs = ran(t, "backup", url, "fetched.tilltape")
	assert.Equal(t, exitFailure, code, "it replaces nothing")
	assert.Contains(t, errs, "is there already")
	left, err := filepath.Glob(".fetched*")
	require.NoError(t, err)
	assert.Empty(t, left)
}

// spoilt is a service whose backups or lists come otherwise than they were sent.
func spoilt(body func([]byte) []byte) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
			w.WriteHeader(rec.Code)
			_, _ = w.Write(body(rec.Body.Bytes()))
		})
	}
}

func TestABackupThatWasAlteredOnTheWayIsNotKept(t *testing.T) {
	for name, spoil := range map[string]func([]byte) []byte{
		"cut": func(b []byte) []byte { return b[:len(b)-5000] },
		"altered": func(b []byte) []byte {
			return bytes.Replace(bytes.Clone(b), []byte("changed their mind"), []byte("changed their mInd"), 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			aDay(t)
			url := aService(t, spoilt(spoil))
			code, _, errs := ran(t, "backup", url, "fetched.tilltape")
			assert.NotEqual(t, exitOK, code, errs)
			left, err := filepath.Glob("*fetched*")
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
}

func TestAServiceThatIsNoViewerIsSaid(t *testing.T) {
	aDay(t)
	url := aService(t, nil)
	t.Run("wrong token", func(t *testing.T) {
		require.NoError(t, os.WriteFile("wrong", []byte("another"), 0o600))
		t.Setenv(variable(tokenFlag), "wrong")
		code, _, errs := ran(t, "list", url)
		assert.NotEqual(t, exitOK, code)
		assert.Contains(t, errs, variable(tokenFlag))
		assert.NotContains(t, errs, "another", "a token is told nobody")
	})
	t.Run("a token that others can read", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("rights are no bits here")
		}
		require.NoError(t, os.WriteFile("open", []byte("a-secret"), 0o600))
		require.NoError(t, os.Chmod("open", 0o640))
		t.Setenv(variable(tokenFlag), "open")
		code, _, errs := ran(t, "list", url)
		assert.Equal(t, exitFailure, code)
		assert.Contains(t, errs, "token file open can be read by others (mode 0640), and is not used")
		assert.Contains(t, errs, "hint: chmod 600 open")
		assert.NotContains(t, errs, "a-secret")
	})
	t.Run("no viewer there", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		defer server.Close()
		code, _, errs := ran(t, "list", server.URL)
		assert.NotEqual(t, exitOK, code)
		assert.Contains(t, errs, "did not answer as a viewer does")
	})
	t.Run("a checkpoint for somebody else", func(t *testing.T) {
		t.Setenv(variable(tokenFlag), "")
		code, _, errs := ran(t, "checkpoint", url)
		assert.NotEqual(t, exitOK, code)
		assert.Contains(t, errs, variable(tokenFlag))
	})
	t.Run("nobody there", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		code, _, errs := ran(t, "list", server.URL)
		assert.NotEqual(t, exitOK, code)
		assert.Contains(t, errs, "cannot be reached")
	})
	t.Run("it leads elsewhere", func(t *testing.T) {
		seen := false
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen = true }))
		defer other.Close()
		server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
		defer server.Close()
		code, _, _ := ran(t, "list", server.URL)
		assert.NotEqual(t, exitOK, code)
		assert.False(t, seen, "a token goes nowhere else")
	})
	for given, says := range map[string]string{"http://shop.example/till": "in the clear",
		"http://ada:pw@127.0.0.1/": "none that a viewer can have", "https://": "none that a viewer can have",
		"http://127.0.0.1/?a=b": "none that a viewer can have"} {
		code, _, errs := ran(t, "list", given)
		assert.Equal(t, exitUsage, code, given)
		assert.Contains(t, errs, says, given)
		assert.NotContains(t, errs, "pw", given)
	}
	require.NoError(t, os.WriteFile("empty", []byte("\n"), 0o600))
	for _, file := range []string{"empty", "missing"} {
		t.Setenv(variable(tokenFlag), file)
		code, _, errs := ran(t, "list", url)
		assert.NotEqual(t, exitOK, code, file)
		assert.Contains(t, errs, variable(tokenFlag), file)
	}
}

// A service may stand before its viewer, and tell in its own words what to do.
func TestWhatAServiceSaysToDoIsTheHint(t *testing.T) {
	aDay(t)
	t.Setenv(variable(tokenFlag), "")
	for _, c := range []struct {
		status               int
		detail, remedy       string
		command, error, hint string
	}{
		{http.StatusUnauthorized, "this needs the token", "send the token that CHECKOUT_TOKEN_FILE has", "list",
			"this needs the token", "hint: name the file with your token by --token-file or TILLTAPE_TOKEN_FILE; the service " +
				"says: send the token that CHECKOUT_TOKEN_FILE has\n"},
		{http.StatusUnauthorized, "this needs the token", "", "list", "this needs the token",
			"hint: name the file with your token by --token-file or TILLTAPE_TOKEN_FILE\n"},
		{http.StatusForbidden, "this is for the same machine", "set CHECKOUT_TOKEN_FILE, and send its token", "list",
			"this is for the same machine", "; the service says: set CHECKOUT_TOKEN_FILE, and send its token\n"},
		{http.StatusInsufficientStorage, "a backup is made in /tmp, where 3 MiB are free and 70 MiB are wanted",
			"make room, or set CHECKOUT_BACKUPS to another folder\x1b[31m", "backup", "3 MiB are free and 70 MiB are wanted",
			"hint: the service says: make room, or set CHECKOUT_BACKUPS to another folder"},
		{http.StatusServiceUnavailable, "not now", "come again at noon", "list", "not now",
			"hint: the service says: come again at noon\n"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			problem.Plain(r, c.status, c.detail, c.remedy).Write(w)
		}))
		args := []string{c.command, server.URL, "copy.tilltape"}
		if c.command == "list" {
			args = args[:2]
		}
		code, _, errs := ran(t, args...)
		server.Close()
		assert.NotEqual(t, exitOK, code)
		assert.Contains(t, errs, c.error)
		assert.Contains(t, errs, c.hint)
		assert.NotContains(t, errs, "\x1b", "what a service says does not paint the terminal")
	}
}

// A backup is made before its first byte is sent: whoever asks a question would have given up long before.
func TestABackupMayTakeLongerToBeginThanAnAnswer(t *testing.T) {
	const patience = 50 * time.Millisecond
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(4 * patience)
		_, _ = w.Write([]byte("a copy"))
	}))
	defer server.Close()
	r, err := newRemote(t.Context(), server.URL)
	require.NoError(t, err)
	r.client = client(patience)
	_, err = r.Head(t.Context(), events.OrderStream("o-1"))
	require.ErrorIs(t, err, store.ErrUnavailable)
	to := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, r.fetch(t.Context(), "log/backup", to))
	got, err := os.ReadFile(to)
	require.NoError(t, err)
	assert.Equal(t, "a copy", string(got))
	assert.Equal(t, wholeTimeout, r.fetcher.Transport.(*http.Transport).ResponseHeaderTimeout)
}
