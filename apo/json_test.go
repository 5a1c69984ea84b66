package apo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// slowly decodes a body with encoding/json: what parseObject is held against.
func slowly(body []byte) (object, error) {
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, errNotJSON
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	whole, err := slowValue(decoder, "", 0)
	switch {
	case err != nil:
		return nil, err
	case whole[0].kind != jsonObject:
		return nil, errNotJSON
	}
	return whole[1:], nil
}

func slowValue(decoder *json.Decoder, name string, depth int) (object, error) {
	if depth > depthMax {
		return nil, errTooDeep
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, errNotJSON
	}
	whole := object{{name: name}}
	n := &whole[0]
	switch token := token.(type) {
	case json.Delim:
		n.kind = jsonList
		if token == '{' {
			n.kind = jsonObject
		}
		kind, seen := n.kind, map[string]bool{}
		for decoder.More() {
			name := ""
			if kind == jsonObject {
				token, err := decoder.Token()
				if err != nil {
					return nil, errNotJSON
				}
				if name = token.(string); seen[name] {
					return nil, errDuplicate
				}
				seen[name] = true
			}
			inside, err := slowValue(decoder, name, depth+1)
			if err != nil {
				return nil, err
			}
			whole = append(whole, inside...)
		}
		_, err = decoder.Token()
	case string:
		n.kind, n.text = jsonString, token
	case nil:
	default:
		n.kind, n.text = jsonScalar, fmt.Sprint(token)
	}
	whole[0].size = int32(len(whole))
	return whole, err
}

type failer interface {
	Errorf(format string, args ...any)
	FailNow()
}

// readsAlike demands that a body is read as encoding/json reads it, and refused for the same reason.
func readsAlike(t failer, body []byte) {
	want, wrong := slowly(body)
	got, err := parseObject(body)
	require.Equal(t, wrong, err, "%q", body)
	require.True(t, slices.Equal(want, got), "%q: %v, want %v", body, got, want)
}

// awkward are pieces of bodies in which readers differ.
var awkward = []string{
	`{`, `}`, `[`, `]`, `,`, `:`, `"`, `"a"`, `"a":`, `"b":`, `"a":1`, `"\u0061":`, `"\ud83d\ude00"`, `"\ud83d"`,
	`"\u00e9"`,
	`"é"`, `"\x"`, `"\"`, `"\\"`, `"\/\b\f\n\r\t"`, "\"\x00\"", "\"\t\"", "\"\x7f\"", "\"\xff\"", "\xff",
	` `, "\t", "\n", "\r", "\f", "\u00a0", `null`, `nul`, `true`, `false`, `True`, `0`, `-0`, `-`, `01`, `1.`, `.5`, `1.5`,
	`1e5`, `1E+5`, `1e-`, `1e`, `+1`, `0x1`, `NaN`, `12345678901234567890123456789012345`, `{}`, `[]`, `{"a":{}}`, `//`,
	`'a'`, "",
}

func TestParseObject_ReadsAsEncodingJSONDoes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		pieces := rapid.SliceOfN(rapid.SampledFrom(awkward), 0, 12).Draw(r, "pieces")
		readsAlike(r, []byte(strings.Join(pieces, "")))
		readsAlike(r, []byte("{"+strings.Join(pieces, "")+"}"))
		readsAlike(r, []byte(`{"x":[`+strings.Join(pieces, "")+`]}`))
		readsAlike(r, []byte(`{"x":"`+strings.Join(pieces, "")+`"}`))
	})
}

// Bodies that are right but for a byte.
func TestParseObject_OfABodyWithOneByteChanged(t *testing.T) {
	whole := []byte(`{"result":{"resultCode":"SUCCESS","resultStatus":"S","n":[1.5e+3,-0,true,null,"\u00e9é\n"]},` +
		`"x":{"y":[{"z":{}}]} }`)
	readsAlike(t, whole)
	for i := range whole {
		for _, b := range []byte("\x00\x1f\"\\{}[],:0 eé\x80\xff") {
			changed := bytes.Clone(whole)
			changed[i] = b
			readsAlike(t, changed)
		}
		readsAlike(t, whole[:i])
	}
}

func TestParseObject_OfManyMembers(t *testing.T) {
	var b strings.Builder
	for i := range 3 * membersFew {
		fmt.Fprintf(&b, `"name-%d":%d,`, i, i)
	}
	readsAlike(t, []byte(`{`+b.String()+`"last":1}`))
	for _, again := range []string{`"name-0"`, `"name-16"`, `"name-17"`, `"name-47"`} {
		_, err := parseObject([]byte(`{` + b.String() + again + `:1}`))
		assert.Equal(t, errDuplicate, err, again)
	}
}

func TestParseObject_OfANameThatComesAgain(t *testing.T) {
	for _, body := range []string{`{"a":1,"a":2}`, `{"a":1,"b":{"a":1},"a":2}`, `{"":1,"":2}`,
		`{"x":[{"a":1,"b":2,"a":3}]}`} {
		_, err := parseObject([]byte(body))
		assert.Equal(t, errDuplicate, err, body)
	}
	readsAlike(t, []byte(`{"ab":1,"ba":2,"a":{"a":{"ab":3}},"":4,"b":5,"bab":6}`))
}

func TestParseObject_Depth(t *testing.T) {
	for _, open := range []string{`[`, `{"a":`} {
		end := map[string]string{`[`: `]`, `{"a":`: `}`}[open]
		for n := depthMax - 2; n < depthMax+3; n++ {
			readsAlike(t, []byte(`{"x":`+strings.Repeat(open, n)+`1`+strings.Repeat(end, n)+`}`))
		}
		readsAlike(t, []byte(`{"x":`+strings.Repeat(open, 20_000)))
	}
}

func FuzzParseObject(f *testing.F) {
	for _, piece := range awkward {
		f.Add([]byte(`{"x":` + piece + `}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) { readsAlike(t, body) })
}

func BenchmarkReadEvidence(b *testing.B) {
	e := Evidence{Path: "/hear", Body: []byte(`{"notifyType":"PAYMENT_RESULT","result":{"resultCode":"SUCCESS",` +
		`"resultStatus":"S","resultMessage":"success"},"paymentRequestId":"pr-1","paymentId":"20261123194010800100188880",` +
		`"paymentAmount":{"value":"12345","currency":"USD"},"paymentTime":"2026-11-23T09:00:01Z","paymentResultInfo":` +
		`{"cardBrand":"VISA","cardNo":"************8764","funding":"CREDIT","threeDSResult":{"eci":"05"}}}`)}
	b.ReportAllocs()
	var r Reader
	var m Reading
	for b.Loop() {
		if err := r.Read(&e, &m); err != nil {
			b.Fatal(err)
		}
	}
}
