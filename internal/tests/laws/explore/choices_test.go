package explore_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
)

// choices makes every run of a test that asks it different, until all have been made: the first answers of a run repeat
// the last one's, up to where there is something left to choose. Where chance is set, so many runs are drawn by lot
// instead.
type choices struct {
	taken []int
	of    []int
	at    int

	chance *rand.Rand
	drawn  int // runs that are still to come
}

// drawnRuns is how many of a scene's runs with crashes are walked in everyday runs, of up to some thousands.
const drawnRuns = 60

// walked are the runs of a scene with crashes: all of them, or everyday some that are drawn, the same ones each time.
func walked() *choices {
	if long.Enabled() {
		return &choices{}
	}
	return &choices{chance: rand.New(rand.NewPCG(1, 1)), drawn: drawnRuns - 1}
}

// pick returns 0 … n-1, a different one in each run that comes here by the same way.
func (c *choices) pick(n int) int {
	if c.chance != nil {
		return c.chance.IntN(n)
	}
	if c.at == len(c.taken) {
		c.taken, c.of = append(c.taken, 0), append(c.of, n)
	}
	c.at++
	return c.taken[c.at-1]
}

// next begins another run; false once all have been made.
func (c *choices) next() bool {
	if c.chance != nil {
		c.drawn--
		return c.drawn >= 0
	}
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

func TestChoicesDrawnByLotDiffer(t *testing.T) {
	c := choices{chance: rand.New(rand.NewPCG(1, 1)), drawn: 19}
	seen, runs := map[int]bool{}, 0
	for again := true; again; again = c.next() {
		seen[c.pick(3)] = true
		runs++
	}
	assert.Len(t, seen, 3)
	assert.Equal(t, 20, runs)
}
