package main

import (
	"bytes"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/cmd/tilltape/internal/tables"
)

// The guide to a month's audit is followed command by command on the fixture's day: each ends with the exit code that
// its comment names, or 0, and what the page shows is what the command before it prints, but for the log's random name
// and root.
func TestTheGuideToAuditingAMonth(t *testing.T) {
	page, err := os.ReadFile("../../docs/guides/audit-a-month.md")
	require.NoError(t, err)
	aDay(t)
	random := regexp.MustCompile(`tilltape/[0-9a-f]{32}|[A-Za-z0-9+/]{43}=`)
	var printed string
	commands, shown := 0, 0
	for _, block := range regexp.MustCompile("(?s)```(sh|text)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		if block[1] == "text" {
			want := random.ReplaceAllString(block[2], "…")
			assert.Contains(t, random.ReplaceAllString(strings.ReplaceAll(printed, "\r\n", "\n"), "…"), want)
			shown++
			continue
		}
		for line := range strings.Lines(block[2]) {
			command, comment, _ := strings.Cut(strings.TrimSpace(line), "  # exit code ")
			want, _ := strconv.Atoi(comment)
			words := strings.Fields(command)
			require.Equal(t, "tilltape", words[0], line)
			var out, errs bytes.Buffer
			code := run(t.Context(), words[1:], terminal{out: &out, err: &errs, env: os.Getenv})
			require.Equal(t, want, code, "%s%s", line, errs.String())
			assert.NotEmpty(t, out.String(), line)
			printed = out.String()
			commands++
		}
	}
	assert.Equal(t, 8, commands)
	assert.Equal(t, 3, shown)
	for _, kind := range tables.MovementKinds() {
		assert.Contains(t, string(page), "`"+kind+"`", "each movement is told")
	}
}
