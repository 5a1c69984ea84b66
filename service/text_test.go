package service_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Text of every kind is taken as it was written, and what only looks like half a pair is no escape.
func TestTextIsTakenAsItIsWritten(t *testing.T) {
	w := newWorld(t)
	for written, want := range map[string]string{
		`\ud83d\uDE00`: "😀", "😀": "😀", `\uFFFD`: "\ufffd", "\ufffd": "\ufffd", `\\ud800`: `\ud800`,
		`\"\u00e9\n`: "\"é\n", `\u0000`: "\x00",
	} {
		given(func(rw http.ResponseWriter, r *http.Request) {
			var body struct{ Note string }
			assert.True(t, w.Read(rw, r, &body), written)
			assert.Equal(t, want, body.Note)
		}, request("", `{"Note":"`+written+`"}`))
	}
}
