package rooms_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/internal/tests/pages"
)

func TestGrid(t *testing.T) {
	assert.Equal(t, map[string]map[string]string{"a b": {"one": "1", "two": ""}, "c": {"one": "–", "two": "2"}},
		pages.Grid(t, "\nrow | one|two\na b | 1 |\nc|–|2\n"))
}

func TestDedent(t *testing.T) {
	assert.Equal(t, "if x {\ny()\n}", pages.Dedent("\n\tif x {\n\t\ty()\n\t}\n"))
}
