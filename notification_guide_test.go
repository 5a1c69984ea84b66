package tilltape_test

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
)

// The guide's code is code of the tested Examples, and its figures are the constants.
func TestTheGuideToNotificationsShowsTestedCode(t *testing.T) {
	guide, err := os.ReadFile("docs/guides/notifications.md")
	require.NoError(t, err)
	source, err := os.ReadFile("notification_example_test.go")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	require.Len(t, blocks, 2)
	for _, b := range blocks {
		assert.Contains(t, dedent(string(source)), dedent(b[1]))
	}
	assert.Contains(t, string(guide), fmt.Sprintf("at most %d KiB", apo.BodyMax>>10))
	readers := tilltape.NotificationReaders * tilltape.DefaultNotificationConcurrency
	assert.Contains(t, string(guide), fmt.Sprintf("%d whose bodies are on their way, %d of them longer than %d KiB, and %[2]d that are verified",
		readers, tilltape.DefaultNotificationConcurrency, tilltape.NotificationShort>>10))
	for o := tilltape.NotificationRefused; o <= tilltape.NotificationFailed; o++ {
		field := map[tilltape.NotificationOutcome]string{tilltape.NotificationUnknownOrder: "UnknownOrder"}[o]
		if field == "" {
			name := o.String()
			field = string(name[0]-'a'+'A') + name[1:]
		}
		assert.Contains(t, string(guide), "`"+field+"`", "the guide says what %s means", field)
	}
}
