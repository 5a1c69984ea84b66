package jsonform

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

func names(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`"n%d":0`, i))
	}
	return "{" + strings.Join(all, ",") + "}"
}

// A message is shown where every reader of JSON takes it alike, in its own order and with its own digits.
func TestWhatIsShownOfAMessage(t *testing.T) {
	deep := strings.Repeat("[", MessageDepthMax) + strings.Repeat("]", MessageDepthMax)
	for body, want := range map[string]string{
		`{"b":1,"a":[true,false,null]}`:        `{"b":1,"a":[true,false,null]}`,
		" { \"b\" :\t1 ,\r\n\"a\" : [ ] } ":    `{"b":1,"a":[]}`,
		`{"paymentId":2026112919401080010018}`: `{"paymentId":2026112919401080010018}`,
		`{"n":-0.10E+05,"m":1e400}`:            `{"n":-0.10E+05,"m":1e400}`,
		`"\u00e9\/\u0041\n\u001F"`:             `"é/A\n\u001f"`,
		`"\ud83d\ude00"`:                       `"😀"`,
		`{"\u0061":1,"b":{"a":2}}`:             `{"a":1,"b":{"a":2}}`,
		`[{"a":1},{"a":1}]`:                    `[{"a":1},{"a":1}]`,
		`{"b":{"a":2},"a":1}`:                  `{"b":{"a":2},"a":1}`,
		`null`:                                 `null`,
		deep:                                   deep,
		names(MessageNamesMax):                 names(MessageNamesMax),

		`{"a":1,"a":1}`:                  "",
		`{"a":1,"\u0061":1}`:             "",
		`{"b":{"a":1,"a":1}}`:            "",
		`{"a":{"x":0},"b":0,"a":0}`:      "",
		"[" + deep + "]":                 "",
		names(MessageNamesMax + 1):       "",
		`"\ud83d"`:                       "",
		"\"\xff\"":                       "",
		"a=b&c=d":                        "",
		`{} {}`:                          "",
		`{"a":1`:                         "",
		"\xef\xbb\xbf{}":                 "",
		`{"amount":{"value":01}}`:        "",
		"<html></html>":                  "",
		string(make([]byte, 3)):          "",
		`{"a":1}` + string([]byte{0x00}): "",
	} {
		doc, err := AppendFact(nil, events.InquiryAnswered{Evidence: &events.Evidence{Body: []byte(body)}})
		require.NoError(t, err)
		var got struct {
			Evidence struct{ Message json.RawMessage }
		}
		require.NoError(t, json.Unmarshal(doc, &got))
		if want == "null" { // which RawMessage has too
			assert.Contains(t, string(doc), `"message":null`)
		}
		assert.Equal(t, want, string(got.Evidence.Message), "%s", body)
		back, err := DecodeFact(doc)
		require.NoError(t, err, "%s", doc)
		assert.Equal(t, body, string(back.(events.InquiryAnswered).Evidence.Body))
	}
}
