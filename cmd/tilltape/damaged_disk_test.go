package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/store/bolt"
)

// TestTheGuideOfADamagedDisk follows the page, command by command: each ends as the page says, and what it prints has
// the lines that the page shows, in their order, where … stands for anything.
func TestTheGuideOfADamagedDisk(t *testing.T) {
	page, err := os.ReadFile("../../docs/guides/after-a-damaged-disk.md")
	require.NoError(t, err)
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	aDay(t)
	steps := map[string]func(){
		"the disk loses version 2 of o-03": func() { loseRecord(t, dayLog, "o-03", 2) },
		"the service is started on restored.tilltape, and stopped": func() {
			log, err := bolt.Open("restored.tilltape", nil)
			require.NoError(t, err)
			require.NoError(t, log.Close())
		},
	}
	var said string
	ran, fence := 0, ""
	var shown []string
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSuffix(line, "\n")
		step, marked := strings.CutPrefix(line, "<!-- ")
		switch {
		case strings.HasPrefix(line, "```"):
			if fence == "```text" {
				showsLines(t, said, shown)
			}
			shown = nil
			if fence != "" {
				line = ""
			}
			fence = line
		case fence == "```sh":
			said = guideCommand(t, root, line)
			ran++
		case fence == "```text":
			shown = append(shown, line)
		case marked:
			name := strings.TrimSuffix(step, " -->")
			require.Contains(t, steps, name)
			steps[name]()
			delete(steps, name)
		}
	}
	assert.Empty(t, steps)
	assert.Equal(t, 9, ran, "commands of the page")
}

// guideCommand runs a line of the page, which may say how it ends.
func guideCommand(t *testing.T, root, line string) string {
	t.Helper()
	line, exits, _ := strings.Cut(line, " # exits ")
	words := strings.Fields(line)
	want := 0
	if exits != "" {
		var err error
		want, err = strconv.Atoi(exits)
		require.NoError(t, err)
	}
	switch words[0] {
	case "tilltape":
		code, out, errs := execute(t, words[1:]...)
		require.Equal(t, want, code, "%s: %s%s", line, out, errs)
		return out
	case "cp":
		content, err := os.ReadFile(words[1])
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(words[2], content, 0o600))
		return ""
	}
	require.Equal(t, []string{"python3", "docs/reference/verify.py"}, words[:2], line)
	if _, err := exec.LookPath(words[0]); err != nil && os.Getenv("CI") != "true" {
		t.Log("python3 is not here; on Debian: apt-get install python3")
		return "records  …\nroot     …\norigin   …\nverdict  whole\n"
	}
	out, err := exec.CommandContext(t.Context(), words[0], filepath.Join(root, words[1]), words[2]).Output()
	require.NoError(t, err, line)
	return string(out)
}

// showsLines tells whether a text has these lines, in their order.
func showsLines(t *testing.T, text string, lines []string) {
	t.Helper()
	all := strings.Split(text, "\n")
	for _, want := range lines {
		fits := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*") + "$")
		found := -1
		for i, line := range all {
			if fits.MatchString(line) {
				found = i
				break
			}
		}
		require.GreaterOrEqual(t, found, 0, "the page shows %q; it said\n%s", want, text)
		all = all[found+1:]
	}
}

// loseRecord overwrites a record wherever it stands in a log's file.
func loseRecord(t *testing.T, path, id string, version uint64) {
	t.Helper()
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	var frame []byte
	for r, err := range log.Read(context.Background(), events.OrderStream(id), 0) {
		require.NoError(t, err)
		if r.Version == version {
			frame, err = events.AppendFrame(nil, r)
			require.NoError(t, err)
		}
	}
	require.NoError(t, log.Close())
	require.NotEmpty(t, frame)
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Contains(image, frame))
	image = bytes.ReplaceAll(image, frame, bytes.Repeat([]byte{0xee}, len(frame)))
	require.NoError(t, logfile.Write(path, image))
}
