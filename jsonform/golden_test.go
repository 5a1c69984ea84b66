package jsonform

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

var update = flag.Bool("update", false, "write the golden documents, the schema and the page's tables anew")

const goldenDir = "testdata"

func goldenFile(k events.Kind) string {
	return filepath.Join(goldenDir, strings.TrimSuffix(string(k), ".v1")+".json")
}

// readable is a document as people read it. Spaces mean nothing in it.
func readable(t *testing.T, doc []byte) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, json.Indent(&out, doc, "", "  "))
	return out.String() + "\n"
}

// golden holds a text against a file, which it writes where that is asked for.
func golden(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err, "write it with go test ./jsonform -update")
	require.Equal(t, want, string(got), "%s: write it with go test ./jsonform -update and read what changed", file)
}

// One record of every kind, with everything that it can have but its stored bytes.
func TestGoldenDocuments(t *testing.T) {
	files := map[string]bool{goldenDir + "/order.json": true}
	for _, k := range events.Kinds() {
		file := goldenFile(k)
		files[file] = true
		r := full(t, k)
		doc, err := AppendRecord(nil, r)
		require.NoError(t, err)
		golden(t, file, readable(t, doc))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		got, _, err := DecodeRecord(text)
		require.NoError(t, err, file)
		assert.Equal(t, r, got, file)
	}
	there, err := filepath.Glob(filepath.Join(goldenDir, "*.json"))
	require.NoError(t, err)
	for _, file := range there {
		assert.True(t, files[file], "%s is of no kind", file)
	}
}
