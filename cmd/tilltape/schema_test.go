package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
)

// Somebody else's validator judges documents by the published schema: what the library writes, what the command line
// prints, and what was changed. The tests of package jsonform make the schema out of the code; here it is only read.

// published compiles a definition of the schema.
func published(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	return publishedIn(t, schemaDir+"tilltape.schema.json", name)
}

// schemaDir is where the schemas are published.
const schemaDir = "../../docs/reference/"

// publishedIn compiles a definition of one of the schemas.
func publishedIn(t *testing.T, file, name string) *jsonschema.Schema {
	t.Helper()
	s, err := compiled(file, name)
	require.NoError(t, err)
	return s
}

// compiled reads a file once for all of its definitions.
var compiled = func() func(file, name string) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	return func(file, name string) (*jsonschema.Schema, error) { return c.Compile(file + "#/$defs/" + name) }
}()

// judged validates one document.
func judged(t *testing.T, s *jsonschema.Schema, doc []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	require.NoError(t, err)
	return s.Validate(v)
}

// goldenEveryday is of how many golden documents one is spoilt in everyday runs.
const goldenEveryday = 12

func TestGoldenDocumentsKeepToTheSchema(t *testing.T) {
	files, err := filepath.Glob("../../jsonform/testdata/*.json")
	require.NoError(t, err)
	require.Greater(t, len(files), 30, "one of every kind")
	record, order := published(t, "record"), published(t, "order")
	for i, file := range files {
		doc, err := os.ReadFile(file)
		require.NoError(t, err)
		s := record
		if filepath.Base(file) == "order.json" {
			s = order
		}
		require.NoError(t, judged(t, s, doc), file)
		if long.Each(i, goldenEveryday) || s == order {
			spoil(t, s, doc, file)
		}
	}
}

// spoil changes a document in every place, one at a time: the schema takes none of them.
func spoil(t *testing.T, s *jsonschema.Schema, doc []byte, file string) {
	t.Helper()
	var whole map[string]any
	require.NoError(t, json.Unmarshal(doc, &whole))
	changes := 0
	refused := func(what, where string) {
		changed, err := json.Marshal(whole)
		require.NoError(t, err)
		assert.Error(t, judged(t, s, changed), "%s: %s at %s", file, what, where)
		changes++
	}
	var walk func(path string, o map[string]any)
	walk = func(path string, o map[string]any) {
		o["hue"] = "red"
		refused("another name", path)
		delete(o, "hue")
		for name, was := range o {
			if name == "message" { // APO's, of any form
				continue
			}
			for what, other := range map[string]any{"null": nil, "a number": 1, "false": false, "an empty text": ""} {
				if name == "currency" && what == "an empty text" { // of signed money in no currency
					continue
				}
				o[name] = other
				refused(what, path+"."+name)
			}
			o[name] = was
			if inner, is := was.(map[string]any); is {
				walk(path+"."+name, inner)
			}
		}
	}
	walk("", whole)
	require.Greater(t, changes, 20)
}

// What replay prints of a day in a shop is told by the schema, line by line.
func TestReplayKeepsToTheSchema(t *testing.T) {
	d, _ := aDemo(t)
	require.NoError(t, d.afterCapture(t.Context()))
	require.NoError(t, d.shut())
	code, out, errs := execute(t, "replay", d.path, "-o", "jsonl")
	require.NoError(t, d.open()) // for the end of the test
	require.Equal(t, exitOK, code, errs)
	s, lines := published(t, "record"), 0
	for line := range strings.Lines(out) {
		require.NoError(t, judged(t, s, []byte(line)), line)
		lines++
	}
	require.Greater(t, lines, 5)
}
