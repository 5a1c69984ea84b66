package events

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

var (
	commentText = regexp.MustCompile(`//.*`)
	blockText   = regexp.MustCompile(`(message|enum) (\w+) \{([^}]*)\}`)
	fieldText   = regexp.MustCompile(`^(optional )?(\w+) (\w+) = (\d+)$`)
	valueText   = regexp.MustCompile(`^(\w+) = (\d+)$`)
	scalarTypes = map[string]descriptorpb.FieldDescriptorProto_Type{
		"string": descriptorpb.FieldDescriptorProto_TYPE_STRING, "bytes": descriptorpb.FieldDescriptorProto_TYPE_BYTES,
		"bool": descriptorpb.FieldDescriptorProto_TYPE_BOOL, "int64": descriptorpb.FieldDescriptorProto_TYPE_INT64,
		"uint64": descriptorpb.FieldDescriptorProto_TYPE_UINT64, "sfixed64": descriptorpb.FieldDescriptorProto_TYPE_SFIXED64,
	}
)

// published reads tilltape.proto: as much of the language as it uses, and nothing else.
func published(t *testing.T) protoreflect.FileDescriptor {
	t.Helper()
	source, err := os.ReadFile("tilltape.proto")
	require.NoError(t, err)
	text := commentText.ReplaceAllString(string(source), "")
	file := &descriptorpb.FileDescriptorProto{Name: proto.String("tilltape.proto"), Syntax: proto.String("proto3"),
		Package: proto.String("tilltape.events.v1")}

	rest := blockText.ReplaceAllString(text, "")
	require.Equal(t, []string{`syntax`, `=`, `"proto3";`, `package`, `tilltape.events.v1;`}, strings.Fields(rest),
		"this parser does not know what else stands there")

	blocks := blockText.FindAllStringSubmatch(text, -1)
	enums := map[string]bool{}
	for _, b := range blocks {
		enums[b[2]] = b[1] == "enum"
	}
	for _, b := range blocks {
		lines := strings.Split(strings.TrimSuffix(strings.TrimSpace(b[3]), ";"), ";")
		if b[1] == "enum" {
			file.EnumType = append(file.EnumType, parseEnum(t, b[2], lines))
		} else {
			file.MessageType = append(file.MessageType, parseMessage(t, b[2], lines, enums))
		}
	}
	described, err := protodesc.NewFile(file, nil)
	require.NoError(t, err)
	return described
}

func parseEnum(t *testing.T, name string, lines []string) *descriptorpb.EnumDescriptorProto {
	t.Helper()
	e := &descriptorpb.EnumDescriptorProto{Name: &name}
	for _, line := range lines {
		m := valueText.FindStringSubmatch(strings.TrimSpace(line))
		require.NotNil(t, m, "%s: %q", name, line)
		n, err := strconv.ParseInt(m[2], 10, 32)
		require.NoError(t, err)
		e.Value = append(e.Value, &descriptorpb.EnumValueDescriptorProto{Name: proto.String(m[1]),
			Number: proto.Int32(int32(n))})
	}
	return e
}

func parseMessage(t *testing.T, name string, lines []string, enums map[string]bool) *descriptorpb.DescriptorProto {
	t.Helper()
	d := &descriptorpb.DescriptorProto{Name: &name}
	for _, line := range lines {
		m := fieldText.FindStringSubmatch(strings.TrimSpace(line))
		require.NotNil(t, m, "%s: %q", name, line)
		n, err := strconv.ParseInt(m[4], 10, 32)
		require.NoError(t, err)
		f := &descriptorpb.FieldDescriptorProto{Name: proto.String(m[3]), Number: proto.Int32(int32(n)),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
		if scalar, ok := scalarTypes[m[2]]; ok {
			f.Type = scalar.Enum()
		} else {
			f.TypeName = proto.String(".tilltape.events.v1." + m[2])
			f.Type = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum()
			if enums[m[2]] {
				f.Type = descriptorpb.FieldDescriptorProto_TYPE_ENUM.Enum()
			}
		}
		if m[1] != "" {
			f.Proto3Optional, f.OneofIndex = proto.Bool(true), proto.Int32(int32(len(d.OneofDecl)))
			d.OneofDecl = append(d.OneofDecl, &descriptorpb.OneofDescriptorProto{Name: proto.String("_" + m[3])})
		}
		d.Field = append(d.Field, f)
	}
	return d
}

// payloadOf is what a log keeps of the fact.
func payloadOf(t testing.TB, e Event) []byte {
	t.Helper()
	_, _, k, err := current.kind(e)
	require.NoError(t, err)
	w := wire{name: string(e.Kind()), writing: true}
	w = k.encode(w, e)
	require.NoError(t, w.err)
	return w.b
}

// Someone with nothing but tilltape.proto and a protobuf library reads every field of every fact, and writes the same
// bytes again.
func TestProtoDescribesEveryPayload(t *testing.T) {
	file := published(t)
	for _, k := range Kinds() {
		t.Run(string(k), func(t *testing.T) {
			e := fact(t, k, newPlausible())
			name := reflect.TypeOf(e).Name()
			described := file.Messages().ByName(protoreflect.Name(name))
			require.NotNil(t, described, "tilltape.proto has no message %s", name)

			payload := payloadOf(t, e)
			message := dynamicpb.NewMessage(described)
			require.NoError(t, proto.Unmarshal(payload, message))
			agree(t, reflect.ValueOf(e), message)

			again, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
			require.NoError(t, err)
			assert.Equal(t, payload, again)
		})
	}
}

// agree compares a Go struct, all of whose fields are set, with the message it became.
func agree(t *testing.T, v reflect.Value, m protoreflect.Message) {
	t.Helper()
	fields := m.Descriptor().Fields()
	require.Empty(t, m.GetUnknown(), "%s: tilltape.proto does not name all that is written", m.Descriptor().Name())
	named := leaves(v)
	require.Len(t, named, fields.Len(), "%s: the fields of the Go type and of the message", m.Descriptor().Name())
	for i := range fields.Len() {
		f := fields.Get(i)
		what := fmt.Sprintf("%s.%s", m.Descriptor().Name(), f.Name())
		value, ok := named[string(f.Name())]
		require.True(t, ok, "%s: the Go type has no such field", what)
		require.True(t, m.Has(f), "%s is set and was not written under number %d", what, f.Number())
		require.LessOrEqual(t, int(f.Number()), 15, "%s: its tag would need two bytes", what)
		require.Equal(t, i+1, int(f.Number()), "%s: fields stand in order and without a gap", what)
		switch got := m.Get(f); f.Kind() {
		case protoreflect.MessageKind:
			agree(t, reflect.Indirect(value), got.Message())
		case protoreflect.Sfixed64Kind:
			assert.True(t, f.HasOptionalKeyword(), "%s: the epoch must differ from no time", what)
			assert.Equal(t, value.Interface().(time.Time).UnixNano(), got.Int(), what)
		case protoreflect.EnumKind:
			assert.Equal(t, value.Uint(), uint64(got.Enum()), what)
			assert.Equal(t, value.Type().Name(), string(f.Enum().Name()), what)
			assert.Equal(t, int(enumMax[value.Type()])+1, f.Enum().Values().Len(), what)
		case protoreflect.BytesKind:
			assert.Equal(t, value.Bytes(), got.Bytes(), what)
		default:
			assert.Equal(t, fmt.Sprint(value.Interface()), fmt.Sprint(got.Interface()), what)
		}
	}
}

// leaves are a struct's fields under the names that a .proto gives them, embedded structs taken apart.
func leaves(v reflect.Value) map[string]reflect.Value {
	named := map[string]reflect.Value{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			for name, value := range leaves(v.Field(i)) {
				named[name] = value
			}
			continue
		}
		named[snake(f.Name)] = v.Field(i)
	}
	return named
}

// snake turns "PaymentID" into "payment_id".
func snake(name string) string {
	var words strings.Builder
	for i, r := range strings.ReplaceAll(name, "ID", "Id") {
		if i > 0 && r >= 'A' && r <= 'Z' {
			words.WriteByte('_')
		}
		words.WriteRune(r)
	}
	return strings.ToLower(words.String())
}

// The names in errors are those of tilltape.proto, too: each field, made unwritable, is named.
func TestErrorsNameFieldsAsPublished(t *testing.T) {
	file := published(t)
	for _, k := range Kinds() {
		e := fact(t, k, newPlausible())
		described := file.Messages().ByName(protoreflect.Name(reflect.TypeOf(e).Name()))
		for i := range described.Fields().Len() {
			f := described.Fields().Get(i)
			v := reflect.New(reflect.TypeOf(e)).Elem()
			v.Set(reflect.ValueOf(e))
			bad := leaves(v)[string(f.Name())]
			switch {
			case f.Kind() == protoreflect.StringKind:
				bad.SetString("\xff")
			case f.Kind() == protoreflect.Sfixed64Kind:
				bad.Set(reflect.ValueOf(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)))
			case f.Kind() == protoreflect.EnumKind:
				bad.SetUint(255)
			default:
				continue
			}
			r := full(t, k)
			r.Event = v.Interface().(Event)
			_, err := AppendFrame(nil, r)
			var invalid *InvalidError
			require.ErrorAs(t, err, &invalid)
			assert.Equal(t, string(k)+": "+string(f.Name()), invalid.Field)
		}
	}
}

// No message in the file is for nothing.
func TestProtoHasNoMessageTooMany(t *testing.T) {
	used := map[string]bool{"Money": true, "Evidence": true, "Proof": true, "Identifier": true}
	for _, k := range Kinds() {
		used[reflect.TypeOf(blank(t, k)).Name()] = true
	}
	messages := published(t).Messages()
	for i := range messages.Len() {
		assert.True(t, used[string(messages.Get(i).Name())], messages.Get(i).Name())
	}
	assert.Equal(t, len(used), messages.Len())
}
