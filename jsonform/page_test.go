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
	"github.com/tilltape/tilltape/order"
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
	case reflect.Slice:
		f.Type = f.Type.Elem()
		return "list of " + kindOf(f)
	case reflect.Pointer:
		return jsonName(f.Type.Elem().Name())
	}
	return ""
}

func factTable(t *testing.T) string {
	t.Helper()
	out := "| kind | members |\n|---|---|\n"
	for _, k := range events.Kinds() {
		out += fmt.Sprintf("| `%s` | %s |\n", k, cells(reflect.TypeOf(blank(t, k))))
	}
	return out
}

// cells are the members of a type and what they hold.
func cells(of reflect.Type) string {
	var all []string
	for _, f := range fields(of) {
		cell := "`" + f.Name + "`"
		if kind := kindOf(f); kind != "" && (kind != f.Name || kind == "number") {
			cell += " " + kind
		}
		all = append(all, cell)
	}
	return strings.Join(all, ", ")
}

func orderTable(*testing.T) string {
	out := "| object | members |\n|---|---|\n"
	for _, of := range []reflect.Type{reflect.TypeFor[orderDoc](), reflect.TypeFor[late](), reflect.TypeFor[operation](),
		reflect.TypeFor[inquiry](), reflect.TypeFor[order.Anomaly](), reflect.TypeFor[heldRefund](),
		reflect.TypeFor[order.Dispute](), reflect.TypeFor[order.Entry]()} {
		name := jsonName(of.Name())
		if of == reflect.TypeFor[orderDoc]() {
			name = "order"
		}
		out += fmt.Sprintf("| %s | %s |\n", name, cells(of))
	}
	return out
}

func wordTable(t *testing.T) string {
	t.Helper()
	words := map[string][]string{}
	for _, k := range events.Kinds() {
		enumerations(reflect.TypeOf(blank(t, k)), words)
	}
	enumerations(reflect.TypeFor[orderDoc](), words)
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
	for name, table := range map[string]string{"facts": factTable(t), "orders": orderTable(t), "words": wordTable(t)} {
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
