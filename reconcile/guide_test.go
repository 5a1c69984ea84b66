package reconcile_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/pages"
	"github.com/tilltape/tilltape/reconcile"
)

// The guide's code is code of the tested Example, and its figures are the constants.
func TestTheGuideShowsTestedCode(t *testing.T) {
	guide, err := os.ReadFile("../docs/guides/reconcile-a-month.md")
	require.NoError(t, err)
	pages.ShowsCode(t, string(guide), "example_test.go", 1)
	words := strings.Join(strings.Fields(string(guide)), " ")
	assert.Contains(t, words, fmt.Sprintf("At %d inquiries a minute", reconcile.DefaultPerMinute))
	assert.Equal(t, 20, reconcile.SilentMax, "the guide says twenty")
	for _, o := range []reconcile.Outcome{reconcile.Same, reconcile.Differs, reconcile.Unanswered} {
		assert.Contains(t, string(guide), "| `"+string(o)+"` |")
	}
}
