package export_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/export"
)

// The page's header is one that is read, and its table has the members that are written, in their order.
func TestThePage(t *testing.T) {
	page, err := os.ReadFile("../docs/reference/export.md")
	require.NoError(t, err)
	header := regexp.MustCompile("(?m)^{\"export\".*\n").Find(page)
	require.NotNil(t, header)
	l, err := export.New("the page", bytes.NewReader(header), int64(len(header)))
	require.NoError(t, err)
	assert.EqualValues(t, 2, l.Header().Count)

	original := engines(t)["memory"]()
	everyKind(t, original)
	_, text := exported(t, original, &export.Config{Filter: export.Filter{Orders: []string{"o-1"}, From: noon}})
	var told, names []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllSubmatch(page, -1) {
		told = append(told, string(row[1]))
	}
	for _, name := range told {
		if bytes.Contains([]byte(lines(text)[0]), []byte(`"`+name+`":`)) {
			names = append(names, name)
		}
	}
	var said map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(lines(text)[0]), &said))
	assert.ElementsMatch(t, names, slices.Collect(maps.Keys(said)))
	assert.Len(t, told, len(names)+1, "all but the ancestry, which this log has not")
	at := 0
	for _, name := range names {
		next := bytes.Index([]byte(lines(text)[0]), []byte(`"`+name+`":`))
		assert.GreaterOrEqual(t, next, at, "%s stands in the order of the page", name)
		at = next
	}
}
