package apo

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// parsesAlike demands that a Reader that has read other bodies before decodes one as parseObject does.
func parsesAlike(t failer, r *Reader, body []byte) {
	want, wrong := parseObject(body)
	got, err := r.parse(body)
	require.Equal(t, wrong, err, "%q", body)
	require.True(t, slices.Equal(want, got), "%q: %v, want %v", body, got, want)
}

// formed is a body whose strings stand for themselves.
const formed = `{"result":{"resultCode":"SUCCESS","resultStatus":"S","n":[1.5e+3,-0,true,null,"x","é"]},"empty":"",` +
	`"x":{"y":[{"z":{}}, "last"]} }`

// Whatever differs from a body that was read before, by a byte in a string or by one around it.
func TestReader_BodiesThatAreNearlyOfAForm(t *testing.T) {
	var r Reader
	whole := []byte(formed)
	parsesAlike(t, &r, whole)
	require.Len(t, r.forms.kept, 1)
	for i := range whole {
		for _, b := range []byte("\x00\x1f\"\\{}[],:0 eé\x80\xff") {
			changed := bytes.Clone(whole)
			changed[i] = b
			parsesAlike(t, &r, changed)
			parsesAlike(t, &r, whole)
			parsesAlike(t, &r, slices.Insert(bytes.Clone(whole), i, b))
			parsesAlike(t, &r, slices.Delete(bytes.Clone(whole), i, i+1))
		}
		parsesAlike(t, &r, whole[:i])
	}
	parsesAlike(t, &r, append(whole, ' '))
	assert.LessOrEqual(t, len(r.forms.kept), formsMax)
}

func TestReader_BodiesOfPiecesOneAfterAnother(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var r Reader
		for range 4 {
			pieces := rapid.SliceOfN(rapid.SampledFrom(awkward), 0, 8).Draw(rt, "pieces")
			parsesAlike(rt, &r, []byte(`{"x":[`+strings.Join(pieces, ",")+`],"a":"`+strings.Join(pieces, "")+`"}`))
			parsesAlike(rt, &r, []byte(`{"x":"`+strings.Join(pieces, "")+`"}`))
		}
	})
}

// A form is found again, with other strings, and nothing of it belongs to the message it was taken from.
func TestReader_KeepsForms(t *testing.T) {
	var r Reader
	first := []byte(`{"paymentId":"p-1","paid":true}`)
	parsesAlike(t, &r, first)
	for i := range first {
		first[i] = '!'
	}
	others := r.forms.others
	for _, id := range []string{"", "p-2", "a longer one than before", "支付"} {
		parsesAlike(t, &r, []byte(`{"paymentId":"`+id+`","paid":true}`))
	}
	assert.Equal(t, others, r.forms.others, "none of them was parsed")
	for _, body := range []string{`{"paymentId":"p-1","paid":false}`, `{"paymentId":"p\u002d1","paid":true}`,
		`{"paymentId":"p-1","paid":true,"paymentId":"p-2"}`, `{"paymentId":"p-1","paid":true}}`} {
		parsesAlike(t, &r, []byte(body))
	}
	assert.Equal(t, others+2, r.forms.others, "two of them are JSON of another form")
}

// Of a log whose messages are all of different forms a few are kept, and which they are goes on changing.
func TestReader_KeepsFewForms(t *testing.T) {
	var r Reader
	body := func(i int) []byte { return []byte(`{"n":"x","` + strings.Repeat("n", i+2) + `":"x"}`) }
	for i := range 10 * formEvery {
		parsesAlike(t, &r, body(i))
		require.LessOrEqual(t, len(r.forms.kept), formsMax)
	}
	newest := 10*formEvery - 1
	others := r.forms.others
	parsesAlike(t, &r, body(newest))
	assert.Equal(t, others, r.forms.others, "the one whose turn it was is among them")

	var fresh Reader
	parsesAlike(t, &fresh, []byte(`{"`+strings.Repeat("x", formBytes)+`":"x"}`))
	assert.Empty(t, fresh.forms.kept, "a large body is not kept")
}

// A string with an escape is longer than what it says: where it ends would be guessed.
func TestReader_KeepsNoFormOfABodyWithEscapes(t *testing.T) {
	var r Reader
	parsesAlike(t, &r, []byte(`{"a":"abc\n\n","b":"x"}`))
	parsesAlike(t, &r, []byte(`{"a":"xyz\n","b":"x"}`))
	assert.Empty(t, r.forms.kept)
}
