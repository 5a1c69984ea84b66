package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store/bolt"
)

// TestTheGuideToProvingAnOrder is followed command by command, from the fixture's day on.
func TestTheGuideToProvingAnOrder(t *testing.T) { followed(t, "../../docs/guides/prove-an-order.md") }

// randomParts are what a page shows and no two runs have alike: a log's name, roots and signatures, and
// where records stand that several settle at once.
var randomParts = regexp.MustCompile(`[0-9a-f]{32}|[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{80,}=*|\+[0-9a-f]{8}\+|` +
	`positions \d+ to \d+`)

// followed runs the commands of a page's shell blocks one after another, in the fixture's directory; a block of text
// that follows is what the block's last command prints. "exit code N" at the end of a command's line is how it ends.
func followed(t *testing.T, path string) {
	t.Helper()
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	aDay(t)
	log, err := bolt.Open(dayLog, &bolt.Config{Origin: "shop.example/orders"}) // it takes that name
	require.NoError(t, err)
	require.NoError(t, log.Close())
	for _, key := range []string{ownerKey, ownerPublic} { // the page makes them
		require.NoError(t, os.Rename(key, key+".given"))
	}
	require.NoError(t, os.Rename(keptNote, keptNote+".given"))
	var printed string
	commands := 0
	for _, block := range regexp.MustCompile("(?s)```(sh|text)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		if block[1] == "text" {
			assert.Equal(t, randomParts.ReplaceAllString(block[2], "…"), randomParts.ReplaceAllString(printed, "…"))
			continue
		}
		for line := range strings.Lines(block[2]) {
			printed = guided(t, strings.TrimSpace(line))
			commands++
		}
	}
	require.Greater(t, commands, 5)
}

// guided runs a line of a page and returns what it printed.
func guided(t *testing.T, line string) string {
	t.Helper()
	line, comment, _ := strings.Cut(line, " # ")
	line, file, redirected := strings.Cut(strings.TrimSpace(line), " > ")
	words := strings.Fields(line)
	require.Equal(t, "tilltape", words[0], line)
	var out, errs bytes.Buffer
	code := run(t.Context(), words[1:], terminal{out: &out, err: &errs, env: os.Getenv})
	want := exitOK
	if strings.HasPrefix(comment, "exit code 10") {
		want = exitAltered
	}
	require.Equal(t, want, code, "%s\n%s", line, errs.String())
	if redirected {
		require.NoError(t, os.WriteFile(file, out.Bytes(), 0o600))
		return ""
	}
	return out.String() + errs.String()
}
