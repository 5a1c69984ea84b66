package notify_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/notify"
)

// The guide's code is code of the tested Examples, and its figures are the constants.
func TestTheGuideToNotificationsShowsTestedCode(t *testing.T) {
	guide, err := os.ReadFile("../docs/guides/notifications.md")
	require.NoError(t, err)
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	require.Len(t, blocks, 2)
	for _, b := range blocks {
		assert.Contains(t, dedent(string(source)), dedent(b[1]))
	}
	words := strings.Join(strings.Fields(string(guide)), " ") // wherever its lines break
	assert.Contains(t, words, fmt.Sprintf("at most %d KiB", apo.BodyMax>>10))
	readers := notify.Readers * notify.DefaultConcurrency
	assert.Contains(t, words, fmt.Sprintf("%d whose bodies are on their way, %d of them longer than %d KiB, "+
		"and %[2]d that are verified",
		readers, notify.DefaultConcurrency, notify.ShortMax>>10))
	for o := notify.Malformed; o <= notify.Failed; o++ {
		field := map[notify.Outcome]string{notify.UnknownOrder: "UnknownOrder"}[o]
		if field == "" {
			name := o.String()
			field = string(name[0]-'a'+'A') + name[1:]
		}
		assert.Contains(t, string(guide), "`"+field+"`", "the guide says what %s means", field)
	}
}

// dedent lets code be compared wherever it is indented.
func dedent(s string) string {
	return regexp.MustCompile(`(?m)^[\t ]+`).ReplaceAllString(strings.TrimSpace(s), "")
}
