package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/evidence"
	"github.com/tilltape/tilltape/internal/reports"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store/bolt/salvage"
)

// toolSchemaFile tells what the tool prints beside records, heads and orders; -update makes it of the code.
const toolSchemaFile = "../../docs/reference/tilltape.tool.schema.json"

// toolDocuments are what the tool prints for programs, each with a command line of the fixture's that prints it.
var toolDocuments = []struct {
	name, by string
	of       any
	told     bool // in the page's table above, by hand
	line     string
}{
	{"entry", "history", entryDocument{}, true, "history S o-04"},
	{"shown", "show", orderDocument{}, true, "show S o-12"},
	{"owed", "due", owedDocument{}, true, "due S"},
	{"change", "diff", changeDocument{}, true, "diff yesterday.tilltape S"},
	{"openAnomaly", "anomalies", anomalyDocument{}, true, "anomalies S"},
	{"checkpoint", "`checkpoint`", signedJSON{}, false, "checkpoint S --key-file orders.key"},
	{"consistency", "`checkpoint --since`", consistencyJSON{}, false,
		"checkpoint S --since kept.note --public-key orders.pub"},
	{"roll", "`checkpoint --check-roll`", rollJSON{}, false,
		"checkpoint S --check-roll roll --public-key orders.pub"},
	{"proof", "`prove`, and `verify` of a proof", proofJSON{}, false, "verify o-09.proof --public-key orders.pub"},
	{"proof", "`prove`, and `verify` of a proof", proofJSON{}, false, "prove S o-09 new --key-file orders.key"},
	{"part", "`verify` of a filtered export", partJSON{}, false,
		"verify one.jsonl --checkpoint kept.note --public-key orders.pub"},
	{"salvage", "`salvage`", salvage.Report{}, false,
		"salvage damaged new --with yesterday.tilltape --checkpoint kept.note --public-key orders.pub"},
	{"case", "`evidence`", evidence.Bundle{}, false, "evidence S o-12"},
	{"verification", "`verify`", reports.Verification{}, false,
		"verify S --checkpoint kept.note --public-key orders.pub --settlement paid.csv"},
	{"verification", "`verify`", reports.Verification{}, false, "verify damaged"},
	{"reconciliation", "`reconcile`", reports.Reconciliation{}, false,
		"reconcile S --from 2026-11-01 --until 2026-12-01 --reach 1"},
}

// sharedDocuments are what the tool prints of package jsonform's documents, each with a command line that prints it.
var sharedDocuments = []struct{ name, line string }{
	{"storeHead", "list S"}, {"order", "at S 30"}, {"record", "refusals S"}, {"record", "replay S"},
}

// toolSchemas makes the schema, and the rows of the page, of the types.
type toolSchemas struct {
	defs map[string]any
	rows []string
}

func sharedRef(name string) map[string]any {
	return map[string]any{"$ref": "tilltape.schema.json#/$defs/" + name}
}

// flat are a struct's fields, with those of the structs that it embeds in their place.
func flat(of reflect.Type) (all []reflect.StructField) {
	for f := range of.Fields() {
		if f.Anonymous && f.Tag.Get("json") == "" {
			all = append(all, flat(f.Type)...)
		} else {
			all = append(all, f)
		}
	}
	return all
}

func (g *toolSchemas) object(name, by string, of reflect.Type) {
	if g.defs[name] != nil {
		return
	}
	properties, required, told := map[string]any{}, []string{}, []string{}
	g.defs[name] = true // a type that has itself in it ends here
	row := len(g.rows)
	g.rows = append(g.rows, "")
	for _, f := range flat(of) {
		tag := strings.Split(f.Tag.Get("json"), ",")
		optional := slices.Contains(tag, "omitempty") || slices.Contains(tag, "omitzero")
		form, word := g.member(name, tag[0], f.Type, optional)
		properties[tag[0]] = form
		if !optional {
			required = append(required, tag[0])
		}
		told = append(told, "`"+tag[0]+"`"+prefix(" ", word))
	}
	g.defs[name] = map[string]any{"type": "object", "properties": properties, "required": required,
		"additionalProperties": false}
	g.rows[row] = fmt.Sprintf("| %s | %s | %s |", name, by, strings.Join(told, ", "))
}

// ofShared are the names whose texts have a form.
var ofShared = map[string]string{"size": "number", "version": "number", "attempt": "number", "inquiry": "number",
	"bytes": "number", "records": "number", "at": "time", "due": "time", "since": "time", "legalAt": "time"}

// ofDocuments are the names of documents that package jsonform writes.
var ofDocuments = map[string]string{"record": "record", "records": "record", "order": "order", "before": "order",
	"after": "order", "head": "storeHead"}

// member is the schema of a member, and its form in a word for the page.
func (g *toolSchemas) member(in, name string, of reflect.Type, optional bool) (form map[string]any, word string) {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	switch of {
	case reflect.TypeFor[evidence.Time](), reflect.TypeFor[reports.Time]():
		return sharedRef("time"), "time"
	case reflect.TypeFor[evidence.Amount](), reflect.TypeFor[moneyDocument](), reflect.TypeFor[reports.Money]():
		return sharedRef("money"), "money"
	case reflect.TypeFor[reports.Seconds]():
		return map[string]any{"type": "string", "pattern": `^[0-9]+\.[0-9]{9}$`}, "seconds with nine decimals"
	case reflect.TypeFor[evidence.Decoded]():
		return map[string]any{"$comment": "the body decoded, where it is JSON"}, "decoded"
	case reflect.TypeFor[salvage.Positions]():
		return map[string]any{"type": "array", "items": sharedRef("number")}, "list of number"
	case reflect.TypeFor[json.RawMessage]():
		return sharedRef(ofDocuments[name]), ofDocuments[name]
	case reflect.TypeFor[[]byte]():
		return sharedRef("bytes"), "base64"
	}
	switch of.Kind() {
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return sharedRef("number"), "number"
	case reflect.Bool:
		if optional {
			return map[string]any{"const": true}, "true"
		}
		return map[string]any{"type": "boolean"}, "true or false"
	case reflect.Slice:
		items, word := g.member(in, name, of.Elem(), false)
		if word == "" {
			word = "text"
		}
		return map[string]any{"type": "array", "items": items}, "list of " + word
	case reflect.Struct:
		inner := strings.TrimSuffix(strings.TrimSuffix(of.Name(), "Document"), "JSON")
		whole, _, _ := strings.Cut(in, ".")
		inner = whole + "." + strings.ToLower(inner[:1]) + inner[1:]
		if of == reflect.TypeFor[checkpointJSON]() {
			inner = "tree" // of a log: everywhere the same
		}
		g.object(inner, "", of)
		return map[string]any{"$ref": "#/$defs/" + inner}, inner
	}
	if shared, has := ofShared[name]; has && in != "case.message" {
		return sharedRef(shared), shared
	}
	return sharedRef("text"), ""
}

// madeSchemas makes all of them.
func madeSchemas(t *testing.T) (file []byte, rows []string) {
	t.Helper()
	g := &toolSchemas{defs: map[string]any{}}
	for _, d := range toolDocuments {
		before := len(g.rows)
		g.object(d.name, d.by, reflect.TypeOf(d.of))
		if !d.told {
			rows = append(rows, g.rows[before:]...)
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	require.NoError(t, e.Encode(map[string]any{"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title": "What tilltape prints for programs beside records, heads and orders; see json.md beside this file",
		"$defs": g.defs}))
	return b.Bytes(), rows
}

// The schema and the page tell each member that the tool writes, and no other.
func TestTheToolsDocumentsAreTold(t *testing.T) {
	file, rows := madeSchemas(t)
	const begin = "<!-- tool: go test ./cmd/tilltape -run Documents -update writes this table -->\n"
	const end = "<!-- end of tool -->"
	table := "| object | printed by | members |\n|---|---|---|\n" + strings.Join(rows, "\n") + "\n"
	const pageFile = "../../docs/reference/json.md"
	page, err := os.ReadFile(pageFile)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(page), begin)
	require.True(t, ok)
	was, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(pageFile, []byte(before+begin+table+end+after), 0o644))
		require.NoError(t, os.WriteFile(toolSchemaFile, file, 0o644))
		return
	}
	assert.Equal(t, table, was)
	published, err := os.ReadFile(toolSchemaFile)
	require.NoError(t, err)
	assert.JSONEq(t, string(file), string(published))
}

// What the tool prints keeps to the published schema, by somebody else's validator, which takes nothing beside it: each
// verb, in each of its formats for programs. What export writes is told by a page of its own.
func TestTheToolsDocumentsKeepToTheSchema(t *testing.T) {
	schemas := map[string]*jsonschema.Schema{} // compiled where the published files are
	schemas[reconcileRow] = publishedIn(t, schemaDir+"tilltape.tool.schema.json", reconcileRow)
	for _, d := range toolDocuments {
		schemas[d.name] = publishedIn(t, schemaDir+"tilltape.tool.schema.json", d.name)
	}
	for _, d := range sharedDocuments {
		schemas[d.name] = published(t, d.name)
	}
	aDay(t)
	for name, value := range anAPO(t) {
		t.Setenv(name, value)
	}
	damaged, err := os.ReadFile(dayLog)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("damaged", damaged, 0o600))
	loseRecord(t, "damaged", "o-15", 2)
	require.NoError(t, os.WriteFile("paid.csv", []byte("type,transactionId,currency,amount,time\n"+
		"CAPTURE,strange,USD,1.00,2026-11-23\n"), 0o600))
	for _, line := range []string{"checkpoint S --key-file orders.key --roll roll", "export S one.jsonl --order o-06",
		"prove S o-09 o-09.proof --key-file orders.key"} {
		code, _, errs := execute(t, strings.Fields(strings.ReplaceAll(line, " S", " "+dayLog))...)
		require.Equal(t, exitOK, code, errs)
	}
	walked := map[string]bool{"export jsonl": true}
	for _, d := range toolDocuments {
		keepsTo(t, schemas, d.name, d.line, walked)
	}
	for _, d := range sharedDocuments {
		keepsTo(t, schemas, d.name, d.line, walked)
	}
	for _, c := range theTree() {
		if output := c.Flag("output"); output != nil {
			for format := range strings.SplitSeq(output.Value.Type(), "|") {
				if format == formatJSON || format == formatJSONL {
					assert.True(t, walked[c.Name()+" "+format], "%s -o %s is held against the schema", c.Name(), format)
				}
			}
		}
	}
}

// reconcileRow is what reconcile prints before its report.
const reconcileRow = "reconciliation.line"

// keepsTo holds what a command line prints against a schema, in each of the verb's formats for programs.
func keepsTo(t *testing.T, schemas map[string]*jsonschema.Schema, name, line string, walked map[string]bool) {
	t.Helper()
	schema := schemas[name]
	verb, _, _ := strings.Cut(line, " ")
	for _, c := range theTree() {
		if c.Name() != verb {
			continue
		}
		for format := range strings.SplitSeq(c.Flag("output").Value.Type(), "|") {
			if format != formatJSON && format != formatJSONL {
				continue
			}
			walked[verb+" "+format] = true
			line := strings.ReplaceAll(strings.ReplaceAll(line+" -o "+format, " S", " "+dayLog), " new", " "+verb+"."+format)
			var out, errs bytes.Buffer
			run(t.Context(), strings.Fields(line), terminal{out: &out, err: &errs, env: os.Getenv})
			documents := documentsIn(t, format, out.String())
			require.NotEmpty(t, documents, "%s: %s", line, &errs)
			if last := len(documents) - 1; verb == "reconcile" && format == formatJSONL { // the rows come as they are found
				require.Positive(t, last, line)
				for _, document := range documents[:last] {
					require.NoError(t, judged(t, schemas[reconcileRow], document), "%s: %s", line, document)
				}
				documents = documents[last:]
			}
			for _, document := range documents {
				require.NoError(t, judged(t, schema, document), "%s: %s", line, document)
			}
			var first any
			require.NoError(t, json.Unmarshal(documents[0], &first))
			refusesOthers(t, schema, first, first, line)
		}
	}
}

// documentsIn parts what was printed: a line each in jsonl, one document or an array of them in json.
func documentsIn(t *testing.T, format, printed string) (all []json.RawMessage) {
	t.Helper()
	switch {
	case format == formatJSONL:
		for line := range strings.Lines(printed) {
			all = append(all, json.RawMessage(line))
		}
	case strings.HasPrefix(printed, "["):
		require.NoError(t, json.Unmarshal([]byte(printed), &all))
	default:
		all = []json.RawMessage{json.RawMessage(printed)}
	}
	return all
}

// refusesOthers changes each member of the first objects of a document, one at a time, and adds one: the schema takes
// neither. Everyday each is changed in one way of three.
func refusesOthers(t *testing.T, schema *jsonschema.Schema, whole, at any, line string) {
	t.Helper()
	switch at := at.(type) {
	case []any:
		if len(at) > 0 {
			refusesOthers(t, schema, whole, at[0], line)
		}
	case map[string]any:
		at["hue"] = "red"
		require.Error(t, schema.Validate(whole), line)
		delete(at, "hue")
		for name, was := range at {
			if name == "message" { // APO's, of any form
				continue
			}
			for _, other := range []any{1.5, nil, ""}[:long.Rounds(3, 1)] {
				if other == "" && name == "currency" { // of signed money in no currency
					continue
				}
				at[name] = other
				require.Error(t, schema.Validate(whole), "%s: %s is not %v", line, name, other)
			}
			at[name] = was
			if ofDocuments[name] == "" { // those are changed in every place by the tests of the golden documents
				refusesOthers(t, schema, whole, was, line)
			}
		}
	}
}
