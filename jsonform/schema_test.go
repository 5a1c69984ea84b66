package jsonform

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/filled"
	"github.com/tilltape/tilltape/money"
)

const schemaFile = "../docs/reference/tilltape.schema.json"

// object is a JSON object that keeps its order.
type object []member

type member struct {
	name  string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	out := []byte("{")
	for i, m := range o {
		if i > 0 {
			out = append(out, ',')
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		out, _ = appendText(out, m.name)
		out = append(append(out, ':'), value...)
	}
	return append(out, '}'), nil
}

func ref(name string) object { return object{{"$ref", "#/$defs/" + name}} }

// fields are a Go struct's as they are called in JSON, in its order; what is embedded counts as its own.
func fields(of reflect.Type) (out []reflect.StructField) {
	for i := range of.NumField() {
		f := of.Field(i)
		if f.Anonymous {
			out = append(out, fields(f.Type)...)
			continue
		}
		f.Name = jsonName(f.Name)
		out = append(out, f)
	}
	return out
}

// jsonName spells a Go name in camelCase: PaymentRequestID is paymentRequestId.
func jsonName(name string) string {
	name = strings.ReplaceAll(name, "ID", "Id")
	return strings.ToLower(name[:1]) + name[1:]
}

// members are the names of a document's object, and whether each is always there.
type members map[string]bool

// membersOf compares a document that has everything with one that has as little as can be.
func membersOf(t *testing.T, most, least []byte) members {
	t.Helper()
	var all, some map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(most, &all))
	require.NoError(t, json.Unmarshal(least, &some))
	out := members{}
	for name := range all {
		_, always := some[name]
		out[name] = always
	}
	for name := range some {
		require.Contains(t, out, name)
	}
	return out
}

// schemaOf is the schema of an object: what the Go type says that it has, held against what its documents have.
func schemaOf(t *testing.T, of reflect.Type, has members, first ...member) object {
	t.Helper()
	properties, required := object(first), []string{}
	for _, m := range first {
		required = append(required, m.name)
	}
	for _, f := range fields(of) {
		always, there := has[f.Name]
		require.True(t, there, "%s: no document has %s", of, f.Name)
		properties = append(properties, member{f.Name, typeOf(t, f, always)})
		if always {
			required = append(required, f.Name)
		}
		if f.Type == reflect.TypeFor[[]byte]() && f.Name == "body" {
			properties = append(properties, member{"message", object{{"$comment", "the body decoded, where it is JSON"}}})
		}
	}
	for name := range has {
		assert.True(t, slices.ContainsFunc(properties, func(m member) bool { return m.name == name }),
			"%s: %s is in documents and not in the Go type", of, name)
	}
	s := object{{"type", "object"}, {"properties", properties}}
	if len(required) > 0 {
		s = append(s, member{"required", required})
	}
	return append(s, member{"additionalProperties", false})
}

// typeOf is the schema of a member.
func typeOf(t *testing.T, f reflect.StructField, always bool) any {
	t.Helper()
	switch f.Type {
	case reflect.TypeFor[time.Time]():
		return ref("time")
	case reflect.TypeFor[[]byte]():
		return ref("bytes")
	case reflect.TypeFor[money.Amount]():
		return ref("money")
	case reflect.TypeFor[[]events.Key]():
		return object{{"type", "array"}, {"items", object{{"type", "string"}}}, {"minItems", 1},
			{"maxItems", events.KeysMax}}
	case reflect.TypeFor[events.Event]():
		return ref("fact")
	}
	switch f.Type.Kind() {
	case reflect.Struct:
		return ref(jsonName(f.Type.Name()))
	case reflect.Pointer:
		return ref(jsonName(f.Type.Elem().Name()))
	case reflect.Slice:
		items := reflect.StructField{Name: f.Name, Type: f.Type.Elem()}
		return object{{"type", "array"}, {"items", typeOf(t, items, false)}, {"minItems", 1}}
	case reflect.String:
		return ref("text")
	case reflect.Bool:
		return object{{"const", true}}
	case reflect.Uint64:
		if always {
			return ref("number")
		}
		return ref("positive")
	case reflect.Uint8:
		return ref(jsonName(f.Type.Name()))
	}
	require.Fail(t, "no schema for it", "%s %s", f.Name, f.Type)
	return nil
}

// enumerations are the types of the words that a struct has, and those in it.
func enumerations(of reflect.Type, found map[string][]string) {
	switch of.Kind() {
	case reflect.Pointer, reflect.Slice:
		enumerations(of.Elem(), found)
	case reflect.Struct:
		if of == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range of.NumField() {
			enumerations(of.Field(i).Type, found)
		}
	case reflect.Uint8:
		if of == reflect.TypeFor[byte]() {
			return
		}
		var words []string
		for i := range uint64(256) {
			v := reflect.New(of).Elem()
			v.SetUint(i)
			if word, err := v.Interface().(encoding.TextMarshaler).MarshalText(); err == nil {
				words = append(words, string(word))
			}
		}
		found[jsonName(of.Name())] = words
	}
}

// partOf is the schema of an object that others have in them, held against what its walk writes.
func partOf[T any](t *testing.T, members func(*form, *T)) member {
	t.Helper()
	var most, least T
	filled.Fill(t, reflect.ValueOf(&most).Elem(), plausible())
	write := func(v *T) []byte {
		f := begin(nil)
		members(f, v)
		b, err := f.end(nil)
		require.NoError(t, err)
		return b
	}
	f := begin(nil)
	members(f, &least) // what has to be there and is empty is an error, and stands there all the same
	little := append(f.b, '}')
	of := reflect.TypeFor[T]()
	return member{jsonName(of.Name()), schemaOf(t, of, membersOf(t, write(&most), little))}
}

// parts are the objects that facts, records and orders have in them.
func parts(t *testing.T) object {
	t.Helper()
	whole := partOf(t, orderMembers)
	whole.name = "order"
	return object{whole,
		partOf(t, lateMembers), partOf(t, operationMembers), partOf(t, inquiryMembers), partOf(t, anomalyMembers),
		partOf(t, heldMembers), partOf(t, disputeMembers), partOf(t, entryMembers),
		partOf(t, streamMembers), partOf(t, headMembers), partOf(t, identifierMembers), partOf(t, proofMembers),
		partOf(t, evidenceMembers)}
}

// leaves are what stands in a member by itself.
func leaves() object {
	pattern := func(p string) object { return object{{"type", "string"}, {"pattern", p}} }
	return object{
		{"text", object{{"type", "string"}, {"minLength", 1}}},
		{"number", pattern("^(0|[1-9][0-9]{0,19})$")},
		{"positive", pattern("^[1-9][0-9]{0,19}$")},
		{"time", pattern(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z$`)},
		{"bytes", pattern("^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$")},
		{"money", object{{"type", "object"}, {"properties", object{{"currency", object{{"type", "string"}}},
			{"minor", pattern("^(0|-?[1-9][0-9]{0,18})$")}, {"value", pattern(`^-?(0|[1-9][0-9]*)(\.[0-9]{2,4})?$`)}}},
			{"required", []string{"currency", "minor"}}, {"additionalProperties", false}}},
	}
}

// schema makes the schema out of the code.
func schema(t *testing.T) object {
	t.Helper()
	words, facts, choices := map[string][]string{}, object{}, []object{}
	for _, k := range events.Kinds() {
		most, err := AppendFact(nil, full(t, k).Event)
		require.NoError(t, err)
		least, err := AppendFact(nil, blank(t, k))
		require.NoError(t, err)
		has := membersOf(t, most, least)
		require.Contains(t, has, "kind")
		of := reflect.TypeOf(blank(t, k))
		facts = append(facts, member{string(k), schemaOf(t, of, has, member{"kind", object{{"const", k}}})})
		choices = append(choices, ref(string(k)))
		enumerations(of, words)
	}
	enumerations(reflect.TypeFor[orderDoc](), words)
	defs := append(object{{"record", recordSchema(t)}, {"storeHead", storeHeadSchema()},
		{"fact", object{{"oneOf", choices}}}}, facts...)
	defs = append(defs, parts(t)...)
	for _, name := range sortedNames(words) {
		defs = append(defs, member{name, object{{"enum", words[name]}}})
	}
	defs = append(defs, leaves()...)
	return object{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", "Tilltape's JSON: facts, records, heads and orders; json.md beside this file tells what they mean"},
		{"anyOf", []object{ref("record"), ref("fact"), ref("order"), ref("storeHead")}}, {"$defs", defs}}
}

func sortedNames(words map[string][]string) []string {
	var names []string
	for name := range words {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func recordSchema(t *testing.T) object {
	t.Helper()
	r, small := full(t, events.KindPaymentPaid), minimal(t, events.KindPaymentPaid)
	most, err := AppendRecord(nil, r)
	require.NoError(t, err)
	least, err := AppendRecord(nil, small)
	require.NoError(t, err)
	s := schemaOf(t, reflect.TypeFor[events.Record](), renamed(membersOf(t, most, least), "fact", "event"))
	for i := range s {
		if properties, is := s[i].value.(object); is && s[i].name == "properties" {
			s[i].value = append(rename(properties, "event", "fact"), member{"frame", ref("bytes")})
		}
		if required, is := s[i].value.([]string); is {
			required[slices.Index(required, "event")] = "fact"
		}
	}
	return s
}

func renamed(m members, from, to string) members {
	m[to] = m[from]
	delete(m, from)
	return m
}

func rename(o object, from, to string) object {
	for i := range o {
		if o[i].name == from {
			o[i].name = to
		}
	}
	return o
}

func storeHeadSchema() object {
	return object{{"type", "object"}, {"properties", object{{"stream", ref("stream")}, {"version", ref("number")},
		{"position", ref("number")}, {"head", ref("head")}}}, {"required", []string{"stream", "version", "position"}},
		{"additionalProperties", false}}
}

// Every kind, member and word that the code has is in the published schema, and the other way round: it is made out of
// the code, and compared.
func TestTheSchemaIsTheCodes(t *testing.T) {
	doc, err := json.Marshal(schema(t))
	require.NoError(t, err)
	golden(t, schemaFile, readable(t, doc))
}

func TestTheSchemaFollowsItsReferences(t *testing.T) {
	doc, err := json.Marshal(schema(t))
	require.NoError(t, err)
	var s struct {
		Defs map[string]json.RawMessage `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(doc, &s))
	for _, piece := range strings.Split(string(doc), `"#/$defs/`)[1:] {
		name, _, _ := strings.Cut(piece, `"`)
		assert.Contains(t, s.Defs, name)
	}
	assert.Len(t, s.Defs, len(schema(t)[len(schema(t))-1].value.(object)), "a name stands twice")
}
