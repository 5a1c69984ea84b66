package apo

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
)

// Every byte, at every place of a text of every length up to three words.
func TestWords_FindEveryByte(t *testing.T) {
	for size := range 24 {
		for at := range size {
			for b := range 256 {
				text := []byte(strings.Repeat("x", size))
				text[at] = byte(b)
				want := size
				if b < ' ' || b == '"' || b == '\\' {
					want = at
				}
				if plain(string(text)) != want {
					assert.Equal(t, want, plain(string(text)), "%q", text)
				}
				ascii := b <= unicode.MaxASCII && !unicode.IsControl(rune(b))
				if isPrintable(string(text)) != ascii {
					assert.Equal(t, ascii, isPrintable(string(text)), "%q", text)
				}
			}
		}
	}
	assert.Equal(t, 3, plain("xxx\x00\x01\"\\"), "the first of several")
	assert.Equal(t, 3, plain("xxx\"!#][\\\x1f 0"), "and what looks like them after it")
}
