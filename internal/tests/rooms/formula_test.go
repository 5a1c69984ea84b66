package rooms_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/internal/formula"
)

func TestSafe(t *testing.T) {
	for _, text := range []string{"=1+1", "+1", "-1", "@A1", "\tx", "\rx", "\n=1", "\uff1d1", "\uff0b1", "\uff0d1",
		"\uff20a"} {
		assert.Equal(t, "'"+text, formula.Safe(text))
	}
	for _, text := range []string{"", "a=1", "'=1", "20261115194010800100188", "\xff=", "é"} {
		assert.Equal(t, text, formula.Safe(text))
	}
}
