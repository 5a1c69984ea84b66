package jsonform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// changed is a document that somebody changed in one place, and what is to be said of it.
type changed struct{ name, from, to, want string }

// changes are to the document of full's payment.paid.
var changes = []changed{
	{"a name of nobody's", `"version":`, `"hue":"red","version":`, `"hue" is no name that belongs here; leave it out`},
	{"a name in other letters", `"actor":`, `"Actor":`, `"Actor" is no name that belongs here; leave it out`},
	{"another fact's member", `"paymentId":"`, `"refundId":"x","paymentId":"`,
		`fact."refundId" is no name that belongs here; leave it out`},
	{"a name twice", `"actor":`, `"actor":"x","actor":`, "actor stands twice in one object; give it once"},
	{"a name twice, once spelt", `"actor":`, `"act\u006fr":"x","actor":`, "actor stands twice in one object; give"},
	{"a name twice, inside", `"minor":"2000"`, `"minor":"2000","minor":"1"`, "fact.amount.minor stands twice in one"},
	{"no version", `"version":"3",`, ``, "version is missing"},
	{"no id", `"id":"rec-1",`, ``, "id is missing"},
	{"no stream", `"stream":{"category":"order","id":"order-1"},`, ``, "stream is missing"},
	{"no category", `"category":"order",`, ``, "stream.category is missing"},
	{"no fact", `"fact":{`, `"keys":{`, "fact is missing"},
	{"no kind", `"kind":"payment.paid.v1",`, ``, "fact.kind is missing"},
	{"no word", `"via":"answer",`, ``, "fact.proof.via is missing"},
	{"no currency", `"currency":"USD",`, ``, "fact.amount.currency is missing"},
	{"no minor units", `"minor":"2000",`, ``, "fact.amount.minor is missing"},
	{"no value", `,"value":"20.00"`, ``, "fact.amount.value is missing; its minor units come to 20.00"},
	{"no message", `,"message":{"n":13,"name":"Zoë"}`, ``, "fact.proof.evidence.message is missing; the body is JSON"},
	{"another kind", "payment.paid.v1", "payment.melted.v1",
		`fact.kind "payment.melted.v1" is none that this version knows; give one of its kinds, or upgrade, if a newer ` +
			"version wrote it"},
	{"a kind without its version", "payment.paid.v1", "payment.paid", `fact.kind "payment.paid" is none that this`},
	{"another word", `"via":"answer"`, `"via":"hearsay"`, `fact.proof.via is "hearsay"; give one of ourselves, answer, ` +
		"notification, inquiry, operator, or upgrade, if a newer version wrote it"},
	{"a word in other letters", `"via":"answer"`, `"via":"Answer"`, `fact.proof.via is "Answer"; give one of ourselves`},
	{"an enumeration's number", `"via":"answer"`, `"via":1`, "fact.proof.via is a number; give text"},
	{"a number for a text of digits", `"version":"3"`, `"version":3`, "version is a number; give text"},
	{"zeros in front", `"version":"3"`, `"version":"03"`, "version is not a whole number from 0 to 2^64-1; give"},
	{"a sign", `"version":"3"`, `"version":"+3"`, "version is not a whole number"},
	{"an exponent", `"version":"3"`, `"version":"3e0"`, "version is not a whole number"},
	{"above 64 bits", `"version":"3"`, `"version":"18446744073709551616"`, "version is not a whole number"},
	{"a number of nothing", `"previous":"300"`, `"previous":"0"`, "previous is 0; leave it out"},
	{"other digits", `"version":"3"`, `"version":"３"`, "version is not a whole number"},
	{"minor units with a zero in front", `"minor":"2000"`, `"minor":"02000"`, "fact.amount.minor is not a whole"},
	{"less than nothing of nothing", `"minor":"2000","value":"20.00"`, `"minor":"-0","value":"0.00"`,
		"fact.amount.minor is not a whole number of 64 bits"},
	{"a value that is not so", `"value":"20.00"`, `"value":"20.01"`,
		`fact.amount.value is "20.01", and its minor units come to 20.00`},
	{"a value written otherwise", `"value":"20.00"`, `"value":"20.0"`,
		`fact.amount.value is "20.0", and its minor units come to 20.00`},
	{"a value as a number", `"value":"20.00"`, `"value":20.00`, "fact.amount.value is a number; give text"},
	{"a value of nobody knows what", `"currency":"USD"`, `"currency":"XXX"`,
		"fact.amount.value is given of a currency that is not in ISO 4217; leave it out"},
	{"no money at all", `{"currency":"USD","minor":"2000","value":"20.00"}`, `{"currency":"","minor":"0"}`,
		"fact.amount is no money in no currency; leave it out"},
	{"a time with fewer decimals", "2026-11-29T11:59:00.123456789Z", "2026-11-29T11:59:00.123Z", "occurred is not a time"},
	{"elsewhere", "2026-11-29T11:59:00.123456789Z", "2026-11-29T12:59:00.123456789+01:00", "occurred is not a time"},
	{"a time in small", "2026-11-29T11:59:00.123456789Z", "2026-11-29t11:59:00.123456789z", "occurred is not a time"},
	{"a day that was not", "2026-11-29T11:59:00.123456789Z", "2026-11-31T11:59:00.123456789Z", "occurred is not a time"},
	{"a comma", "2026-11-29T11:59:00.123456789Z", "2026-11-29T11:59:00,123456789Z", "occurred is not a time"},
	{"a time no log holds", "2026-11-29T11:59:00.123456789Z", "1600-11-29T11:59:00.123456789Z", "occurred is not a time"},
	{"a time as a number", `"2026-11-29T11:59:00.123456789Z"`, "1795953540", "occurred is a number; give text"},
	{"an empty text", `"actor":"Zoë@shop"`, `"actor":""`, "actor is empty; leave it out"},
	{"nothing for a text", `"actor":"Zoë@shop"`, `"actor":null`, "actor is null; give text"},
	{"an empty list", `["paymentId:p-1","paymentRequestId:r-1","captureRequestId:c-1","refundRequestId:f-1"]`, `[]`,
		"keys is empty; leave it out"},
	{"a list of something else", `"paymentRequestId:r-1"`, `7`, "keys[1] is a number; give text"},
	{"an object for a list", `["paymentId:p-1","paymentRequestId:r-1","captureRequestId:c-1","refundRequestId:f-1"]`, `{}`,
		"keys is an object; give a list"},
	{"an object that says nothing", `"head":{`, `"head":{},"x":{`, "head says nothing; leave it out"},
	{"a list for an object", `"stream":{"category":"order","id":"order-1"}`, `"stream":[]`, "stream is a list; give an"},
	{"a body that is not base64", `"body":"eyJu`, `"body":"*yJu`, "fact.proof.evidence.body is not in base64"},
	{"a body with a line break", `"body":"eyJu`, `"body":"eyJu\n`, "fact.proof.evidence.body is not in base64"},
	{"a body without padding", `fQ=="`, `fQ"`, "fact.proof.evidence.body is not in base64"},
	{"a message that is not the body", `"n":13`, `"n":16`,
		"fact.proof.evidence.message is not what the body says; the body counts, so give that"},
	{"a message with digits lost", `"n":13`, `"n":13.0`, "fact.proof.evidence.message is not what the body says"},
	{"a message of what is not JSON", `"body":"eyJuIjoxMywibmFtZSI6Ilpvw6sifQ=="`, `"body":"AA=="`,
		"fact.proof.evidence.message is given of a body that is not JSON; leave it out"},
	{"an id that breaks lines", `"id":"rec-1"`, `"id":"rec\n1"`,
		`the document cannot be held by a log: record id "rec\n1" has the control character U+000A at byte 4`},
	{"a long text", `"paymentId":"paymentid-1"`, `"paymentId":"` + strings.Repeat("x", events.TextMax+1) + `"`,
		"fact cannot be held by a log: paymentId has 1025 bytes; give at most 1024"},
	{"something after it", "}}", "}}{}", "the document is not JSON at byte "},
	{"an end too early", "}}", "}", "the document is not JSON at byte "},
}

func TestStrictness(t *testing.T) {
	doc, err := AppendRecord(nil, full(t, events.KindPaymentPaid))
	require.NoError(t, err)
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			at := strings.Index(string(doc), c.from)
			if c.from == "}}" {
				at = len(doc) - 2
			}
			require.GreaterOrEqual(t, at, 0, "%s is not in %s", c.from, doc)
			spoilt := string(doc[:at]) + c.to + string(doc[at+len(c.from):])
			r, frame, err := DecodeRecord([]byte(spoilt))
			require.ErrorIs(t, err, ErrDocument)
			assert.Zero(t, r, "nothing is handed out that was read in part")
			assert.Nil(t, frame)
			assert.True(t, strings.HasPrefix(err.Error(), "reading JSON: "+c.want), "%v\nwant %s", err, c.want)
			newer := strings.Contains(c.want, "upgrade") || c.name == "a kind without its version" ||
				c.name == "a word in other letters"
			assert.Equal(t, newer, errors.Is(err, events.ErrUpgrade), "%v", err)
			document, is := errors.AsType[*DocumentError](err)
			require.True(t, is)
			assert.Contains(t, err.Error(), document.Path)
		})
	}
}

func TestDocumentsThatAreNotJSON(t *testing.T) {
	for doc, want := range map[string]string{
		"":                                "at byte 0: it ends too early",
		"  ":                              "at byte 2: it ends too early",
		"nul":                             "at byte 0: no value begins so",
		"tru ":                            "at byte 0: no value begins so",
		"x":                               "at byte 0: no value begins so",
		"{":                               "at byte 1: a name should stand here",
		`{"a"`:                            "at byte 4: a colon should stand here",
		`{"a":1,}`:                        "at byte 7: a name should stand here",
		`{"a":1 "b"`:                      "at byte 7: a comma or the end of the object should stand here",
		`[1,]`:                            "at byte 3: no value begins so",
		`[1 2]`:                           "at byte 3: a comma or the end of the list should stand here",
		`01`:                              "at byte 1: something follows the value; give one document",
		`-`:                               "at byte 1: a digit should stand here",
		`1.`:                              "at byte 2: a digit should stand here",
		`1e+`:                             "at byte 3: a digit should stand here",
		`"a`:                              "at byte 2: a string has no end",
		`"\`:                              "at byte 1: a string has no end",
		`"\x"`:                            "at byte 1: no character is escaped so",
		`"\u12"`:                          "at byte 1: no character is escaped so",
		`"\ud800"`:                        "at byte 1: no character is escaped so",
		`"\ud800\u0041"`:                  "at byte 1: no character is escaped so",
		`"\udc00\ud800"`:                  "at byte 1: no character is escaped so",
		"\"a\nb\"":                        "at byte 2: a control character stands in a string; escape it",
		"\"a\xff\"":                       "at byte 2: a string is not UTF-8",
		"\xef\xbb\xbf{}":                  "at byte 0: no value begins so",
		strings.Repeat("[", depthMax+1):   fmt.Sprintf("at byte %d: it is nested more than %d deep", depthMax, depthMax),
		`"` + strings.Repeat("é", 9) + ``: "at byte 19: a string has no end",
	} {
		_, _, err := DecodeRecord([]byte(doc))
		assert.EqualError(t, err, "reading JSON: the document is not JSON "+want, "%q", doc)
	}
	for doc, want := range map[string]string{"[]": "a list", "null": "null", `"x"`: "text", "1": "a number",
		"true": "true"} {
		_, _, err := DecodeRecord([]byte(doc))
		assert.EqualError(t, err, "reading JSON: the document is "+want+"; give an object")
	}
	_, err := DecodeFact(make([]byte, DocumentMax+1))
	assert.EqualError(t, err, "reading JSON: the document has 4194305 bytes; the longest has 4194304")
}

// The scanner takes what encoding/json takes, but for what is not UTF-8, halves of surrogate pairs, and great depth.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-0.5e+3,"\u00e9",true,null]}`, `"\ud83d\ude00"`, "[[]]", `{"":{}}`, " 1e5 "} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		s := scanner{src: src, depth: MessageDepthMax, naming: true, copying: true}
		got := s.whole()
		if got {
			if !json.Valid(src) || !json.Valid(s.out) {
				t.Fatalf("taken, and no JSON: %q, as %q", src, s.out)
			}
			again := scanner{src: s.out, depth: MessageDepthMax, copying: true}
			if !again.whole() || !bytes.Equal(again.out, s.out) {
				t.Fatalf("%q is not in its one form: %q", s.out, again.out)
			}
			return
		}
		loose := strings.Contains(s.problem, "deep") || strings.Contains(s.problem, "twice") ||
			strings.Contains(s.problem, "names") || strings.Contains(s.problem, "escaped so")
		if json.Valid(src) && utf8.Valid(src) && !loose {
			t.Fatalf("%q is JSON: %s", src, s.problem)
		}
	})
}

// What is accepted is written again, and that is accepted as the same record; nothing panics.
func FuzzDecodeRecord(f *testing.F) {
	for _, k := range events.Kinds() {
		for _, r := range []events.Record{full(f, k), minimal(f, k)} {
			doc, err := AppendRecord(nil, r)
			require.NoError(f, err)
			f.Add(doc)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		r, frame, err := DecodeRecord(src)
		if err != nil {
			if !errors.Is(err, ErrDocument) {
				t.Fatalf("an error that says nothing of the document: %v", err)
			}
			return
		}
		doc, err := AppendStored(nil, r, frame)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, _, err := DecodeRecord(doc)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, doc)
		}
		third, err := AppendStored(nil, again, frame)
		if err != nil || !bytes.Equal(doc, third) {
			t.Fatalf("two forms of one record:\n%s\n%s", doc, third)
		}
		if _, err := events.AppendFrame(nil, r); err != nil {
			t.Fatalf("no frame holds what was read: %v", err)
		}
	})
}
