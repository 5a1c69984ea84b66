//go:build unix

package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// process is a command line in a process of its own, with a folder of its own for what is temporary.
type process struct {
	*exec.Cmd
	line string
	temp string
	out  bytes.Buffer
	done chan struct{}
}

func started(t *testing.T, line string) *process {
	t.Helper()
	p := &process{line: line, temp: t.TempDir(), done: make(chan struct{})}
	p.Cmd = &exec.Cmd{Path: theTool(t), Args: append([]string{"tilltape"}, strings.Fields(line)...), Stdout: &p.out,
		Stderr: &p.out, Env: append(os.Environ(), "TMPDIR="+p.temp)}
	require.NoError(t, p.Start())
	go func() {
		defer close(p.done)
		_ = p.Wait() // ProcessState tells
	}()
	t.Cleanup(func() { _ = p.Process.Kill(); <-p.done })
	return p
}

// inFolder are the names of what is in the test's folder.
func inFolder(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A signal in the midst of an answer that does not end: each command ends with 130, and leaves nothing anywhere.
func TestASignalEndsWhatWaits(t *testing.T) {
	aDay(t)
	waiting := make(chan struct{})
	url := aService(t, func(pages http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if name := filepath.Base(r.URL.Path); name != "export" && name != "backup" {
				pages.ServeHTTP(w, r)
				return
			}
			whole := httptest.NewRecorder()
			pages.ServeHTTP(whole, r)
			_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
			_ = http.NewResponseController(w).Flush()
			waiting <- struct{}{}
			<-r.Context().Done()
		})
	})
	before := inFolder(t)
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	var all []*process
	for _, line := range []string{"export S new.jsonl", "import S new.tilltape", "backup S new.tilltape", "verify S",
		"anchor S --key-file orders.key --tiles www"} {
		all = append(all, started(t, strings.ReplaceAll(line, " S", " "+url)))
	}
	for range all {
		<-waiting
	}
	for i, p := range all {
		require.NoError(t, p.Process.Signal(signals[i%len(signals)]))
	}
	for _, p := range all {
		<-p.done
		assert.Equal(t, exitInterrupted, p.ProcessState.ExitCode(), p.line)
		assert.Equal(t, "error: interrupted\n", p.out.String(), p.line)
		left, err := os.ReadDir(p.temp)
		require.NoError(t, err)
		assert.Empty(t, left, p.line)
	}
	assert.Equal(t, before, inFolder(t))
}

// A signal while a file is made: it is whole, or nothing is there. Which of the two depends on the moment.
func TestASignalLeavesAWholeFileOrNone(t *testing.T) {
	aDay(t)
	for _, c := range []struct {
		line, makes string
		signal      os.Signal
	}{{"compact S", "", os.Interrupt}, {"salvage S new.tilltape", "new.tilltape", syscall.SIGTERM}} {
		before := inFolder(t)
		p := started(t, strings.ReplaceAll(c.line, " S", " "+dayLog))
		look := time.NewTicker(time.Millisecond)
		for ended := false; !ended && len(inFolder(t)) == len(before); { // until something is half made, or all is over
			select {
			case <-p.done:
				ended = true
			case <-look.C:
			}
		}
		look.Stop()
		_ = p.Process.Signal(c.signal) // it may be over
		<-p.done
		switch code := p.ProcessState.ExitCode(); code {
		case exitOK:
			if c.makes != "" {
				before = append(before, c.makes)
			}
			assert.ElementsMatch(t, before, inFolder(t), c.line)
		default:
			assert.Equal(t, exitInterrupted, code, "%s: %s", c.line, &p.out)
			assert.Equal(t, before, inFolder(t), c.line)
		}
		code, _, errs := execute(t, "replay", dayLog)
		assert.Equal(t, exitOK, code, errs)
		if c.makes != "" && p.ProcessState.ExitCode() == exitOK {
			code, _, errs = execute(t, "replay", c.makes)
			assert.Equal(t, exitOK, code, errs)
		}
	}
}

// What a process that was killed has left is named by the next one that makes the same file, and kept.
func TestWhatAKilledProcessLeftIsNamed(t *testing.T) {
	aDay(t)
	for _, name := range []string{"new.tilltape.123.partial", ".new.tilltape.45/new.tilltape", dayLog + ".7.partial",
		"new.tilltape.mine.partial", ".new.tilltape.d/x", "new.tilltape.old"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, nil, 0o600))
	}
	for line, want := range map[string][]string{
		"salvage S new.tilltape": {".new.tilltape.45", "new.tilltape.123.partial"},
		"backup S new.tilltape":  {".new.tilltape.45", "new.tilltape.123.partial"},
		"import S new.tilltape":  {".new.tilltape.45", "new.tilltape.123.partial"},
		"export S new.tilltape":  {".new.tilltape.45", "new.tilltape.123.partial"},
		"compact S":              {dayLog + ".7.partial"},
	} {
		p := started(t, strings.ReplaceAll(line, " S", " "+dayLog))
		<-p.done
		require.Equal(t, exitOK, p.ProcessState.ExitCode(), &p.out)
		var named []string
		for _, told := range strings.Split(p.out.String(), "note: ")[1:] {
			named = append(named, strings.Fields(told)[0])
		}
		assert.Equal(t, want, named, line)
		require.NoError(t, os.RemoveAll("new.tilltape"))
	}
}
