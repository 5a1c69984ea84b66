package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The README's commands for the service are given to it here, in their order, and the answers it shows are looked for.
func TestTheReadmeTellsWhatHappens(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	calls := regexp.MustCompile(`(?m)^curl http://127\.0\.0\.1:8080(\S+)`+
		`(?: -H 'Idempotency-Key: (\S+)')?(?: -d '(.*)')?$`).
		FindAllStringSubmatch(string(readme), -1)
	require.Len(t, calls, 6)
	shown := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(string(readme))
	require.NotNil(t, shown)

	w := newWorld(t)
	var said []answer
	for i, c := range calls {
		method := "POST"
		if c[3] == "" {
			method = "GET"
		}
		said = append(said, w.do(method, c[1], c[2], c[3]))
		if i == 0 {
			require.NoError(t, w.apo.Submit("pay-1"))
		}
		w.apo.Deliver(t.Context())
	}
	var statuses []int
	for _, a := range said {
		statuses = append(statuses, a.status)
	}
	assert.Equal(t, []int{201, 200, 409, 202, 200, 200}, statuses)
	assert.Equal(t, shown[1], said[1].body+said[2].body)
	assert.Equal(t, "refunding", said[3].order(t).Words)
	assert.Equal(t, int64(400), w.apo.Totals("pay-1").Refunded)

	for _, status := range []string{"202", "400", "404", "409", "422", "500", "502", "503"} {
		assert.True(t, strings.Contains(string(readme), "\n| "+status+" | "), status)
	}
}
