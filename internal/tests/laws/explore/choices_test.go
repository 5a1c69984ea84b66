package explore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// choices makes every run of a test that asks it different, until all have been made: the first answers of a run repeat
// the last one's, up to where there is something left to choose.
type choices struct {
	taken []int
	of    []int
	at    int
}

// pick returns 0 … n-1, a different one in each run that comes here by the same way.
func (c *choices) pick(n int) int {
	if c.at == len(c.taken) {
		c.taken, c.of = append(c.taken, 0), append(c.of, n)
	}
	c.at++
	return c.taken[c.at-1]
}

// fresh reports whether what follows was not chosen before: from here on the run repeats none.
func (c *choices) fresh() bool { return c.at == len(c.taken) }

// next begins another run; false once all have been made.
func (c *choices) next() bool {
	c.at = 0
	for n := len(c.taken); n > 0; n-- {
		if c.taken[n-1]++; c.taken[n-1] < c.of[n-1] {
			c.taken, c.of = c.taken[:n], c.of[:n]
			return true
		}
	}
	return false
}

func TestChoicesWalkTheWholeTree(t *testing.T) {
	var c choices
	seen := map[string]bool{}
	for again := true; again; again = c.next() {
		way := ""
		for range 2 {
			n := c.pick(3)
			way += fmt.Sprint(n)
			if n == 2 {
				way += fmt.Sprint(c.pick(2))
			}
		}
		require.False(t, seen[way], way)
		seen[way] = true
	}
	assert.Len(t, seen, 16, "(2 + 2) ways to answer, twice")
}
