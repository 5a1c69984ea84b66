package viewer

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The page's table has each member that the viewer writes, and no other.
func TestThePageOfJSONTellsTheViewersDocuments(t *testing.T) {
	page, err := os.ReadFile("../docs/reference/json.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(page), "## What the viewer tells")
	require.True(t, ok)
	table, _, ok = strings.Cut(table, "\n`counting` is there")
	require.True(t, ok)
	rows := 0
	for name, doc := range map[string]any{"overview": overviewDocument{}, "counting": countingDocument{},
		"list": listDocument{}, "oldest": oldestDocument{}, "sums": moneyDocument{}, "refused": refusedDocument{},
		"told": toldDocument{}, "parked": parkedDocument{}, "hour": hourDocument{},
		"orders": listPageDocument{}, "row": listRowDocument{}, "story": orderPageDocument{},
		"message": messageDocument{}, "search": searchDocument{}, "found": foundDocument{}, "log": logDocument{},
		"checkpoint": checkpointDocument{}, "verifying": verifyDocument{}, "owner": ownerDocument{}} {
		row := regexp.MustCompile(`(?m)^\| ` + name + ` \|[^|]*\|(.*)\|$`).FindStringSubmatch(table)
		require.NotNil(t, row, name)
		rows++
		var told, written []string
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			told = append(told, m[1])
		}
		for f := range reflect.TypeOf(doc).Fields() {
			member, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			written = append(written, member)
		}
		assert.Equal(t, written, told, name)
	}
	assert.Equal(t, rows, strings.Count(table, "\n| ")-1, "rows of objects that are none")
}

// The guide names every page, and every name of a query.
func TestTheGuideTellsEveryPage(t *testing.T) {
	guide, err := os.ReadFile("../docs/guides/viewer.md")
	require.NoError(t, err)
	all := maps.Clone(pages)
	maps.Copy(all, transfers)
	for path, p := range all {
		if strings.HasPrefix(path, "/assets/") || path == "/overview" {
			continue
		}
		assert.Regexp(t, "`"+regexp.QuoteMeta(path)+"[`?]", string(guide), path)
		for _, name := range p.takes {
			assert.Regexp(t, "`"+name+"`", string(guide), path)
		}
	}
}
