package notify_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/internal/tests/pages"
	"github.com/tilltape/tilltape/notify"
)

// The guide's code is code of the tested Examples, and its figures are the constants.
func TestTheGuideToNotificationsShowsTestedCode(t *testing.T) {
	guide, err := os.ReadFile("../docs/guides/notifications.md")
	require.NoError(t, err)
	pages.ShowsCode(t, string(guide), "example_test.go", 2)
	words := strings.Join(strings.Fields(string(guide)), " ") // wherever its lines break
	assert.Contains(t, words, fmt.Sprintf("at most %d KiB", apo.BodyMax>>10))
	readers := notify.Readers * notify.DefaultConcurrency
	assert.Contains(t, words, fmt.Sprintf("%d whose bodies are on their way, %d that are verified and recorded, and of "+
		"all these %d longer than %d KiB", readers, notify.DefaultConcurrency, notify.LongMax, notify.ShortMax>>10))
	for o := notify.Malformed; o <= notify.Failed; o++ {
		field := map[notify.Outcome]string{notify.UnknownOrder: "UnknownOrder"}[o]
		if field == "" {
			name := o.String()
			field = string(name[0]-'a'+'A') + name[1:]
		}
		assert.Contains(t, string(guide), "`"+field+"`", "the guide says what %s means", field)
	}
}
