package outbox_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/pages"
	"github.com/tilltape/tilltape/outbox"
)

// The guide's code is code of the tested Examples, and its figures are the constants.
func TestTheGuideShowsTestedCode(t *testing.T) {
	guide, err := os.ReadFile("../docs/guides/telling-others.md")
	require.NoError(t, err)
	pages.ShowsCode(t, string(guide), "example_test.go", 2)
	words := strings.Join(strings.Fields(string(guide)), " ")
	assert.Contains(t, words, fmt.Sprintf("tries %d times, then parks the order", outbox.RefusalsMax))
	assert.Equal(t, []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute},
		outbox.DefaultWaits())
	assert.Contains(t, words, "1 s, 5 s, 30 s, 2 min and then every 10 min")
	assert.Equal(t, time.Hour, outbox.DefaultPatience, "the guide says an hour")
	assert.Equal(t, 1000, outbox.ParkedMax, "the guide says a thousand")
	assert.Contains(t, words, "`"+outbox.TypePrefix+"`")
}
