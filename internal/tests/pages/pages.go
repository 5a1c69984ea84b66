// Package pages reads what stands as text, for tests that hold it against the code: tables that were typed by hand, and
// the code that a page of the docs shows.
//
// It is for tests: it imports testing and testify.
package pages

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Grid reads a table, whose cells are parted by "|", as row → column → cell. Its first line names the columns, and the
// first cell of each line the row.
func Grid(t *testing.T, text string) map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]string{}
	var columns []string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		var cells []string
		for c := range strings.SplitSeq(line, "|") {
			cells = append(cells, strings.TrimSpace(c))
		}
		if columns == nil {
			columns = cells
			continue
		}
		require.Len(t, cells, len(columns), line)
		row := map[string]string{}
		for i, c := range cells[1:] {
			row[columns[i+1]] = c
		}
		require.NotContains(t, out, cells[0], "a row stands once")
		out[cells[0]] = row
	}
	return out
}

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// ShowsCode holds every block of Go on a page, which are so many, against a source file: each must stand there, however
// it is indented.
func ShowsCode(t *testing.T, page, sourceFile string, blocks int) {
	t.Helper()
	source, err := os.ReadFile(sourceFile)
	require.NoError(t, err)
	shown := goBlock.FindAllStringSubmatch(page, -1)
	require.Len(t, shown, blocks)
	for _, b := range shown {
		assert.Contains(t, Dedent(string(source)), Dedent(b[1]))
	}
}

var indentation = regexp.MustCompile(`(?m)^[\t ]+`)

// Dedent takes the indentation away, line by line.
func Dedent(s string) string { return indentation.ReplaceAllString(strings.TrimSpace(s), "") }
