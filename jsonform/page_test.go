package jsonform

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/money"
)

const pageFile = "../docs/reference/json.md"

// between are the marks around a table of the page that is made out of the code.
func between(name string) (begin, end string) {
	return "<!-- " + name + ": go test ./jsonform -update writes this table -->\n", "<!-- end of " + name + " -->\n"
}

// kindOf is what a member holds, in a word that the page explains; empty for text.
func kindOf(f reflect.StructField) string {
	switch f.Type {
	case reflect.TypeFor[time.Time]():
		return "time"
	case reflect.TypeFor[[]byte]():
		return "base64"
	case reflect.TypeFor[money.Amount]():
		return "money"
	}
	switch f.Type.Kind() {
	case reflect.Bool:
		return "true"
	case reflect.Uint64:
		return "number"
	case reflect.Uint8, reflect.Struct:
		return jsonName(f.Type.Name())
	case reflect.Pointer:
		return jsonName(f.Type.Elem().Name())
	}
	return ""
}

func factTable(t *testing.T) string {
	t.Helper()
	out := "| kind | members |\n|---|---|\n"
	for _, k := range events.Kinds() {
		var cells []string
		for _, f := range fields(reflect.TypeOf(blank(t, k))) {
			cell := "`" + f.Name + "`"
			if kind := kindOf(f); kind != "" && kind != f.Name {
				cell += " " + kind
			}
			cells = append(cells, cell)
		}
		out += fmt.Sprintf("| `%s` | %s |\n", k, strings.Join(cells, ", "))
	}
	return out
}

func wordTable(t *testing.T) string {
	t.Helper()
	words := map[string][]string{}
	for _, k := range events.Kinds() {
		enumerations(reflect.TypeOf(blank(t, k)), words)
	}
	out := "| enumeration | words |\n|---|---|\n"
	for _, name := range sortedNames(words) {
		out += fmt.Sprintf("| %s | %s |\n", name, strings.Join(words[name], ", "))
	}
	return out
}

// The page's tables are the code's.
func TestThePageIsTheCodes(t *testing.T) {
	page, err := os.ReadFile(pageFile)
	require.NoError(t, err)
	want := string(page)
	for name, table := range map[string]string{"facts": factTable(t), "words": wordTable(t)} {
		begin, end := between(name)
		before, rest, found := strings.Cut(want, begin)
		require.True(t, found, "%s has no %q", pageFile, begin)
		_, after, found := strings.Cut(rest, end)
		require.True(t, found, "%s has no %q", pageFile, end)
		want = before + begin + table + end + after
	}
	golden(t, pageFile, want)
}

// The record that the page shows is the one that the Example prints.
func TestThePageShowsTheExample(t *testing.T) {
	page, err := os.ReadFile(pageFile)
	require.NoError(t, err)
	_, shown, found := strings.Cut(string(page), "```json\n")
	require.True(t, found)
	shown, _, found = strings.Cut(shown, "```")
	require.True(t, found)
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	require.Contains(t, strings.ReplaceAll(string(source), "\t// ", ""), shown)
	_, _, err = DecodeRecord([]byte(shown))
	require.NoError(t, err)
}
