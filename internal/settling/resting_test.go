package settling

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// What is remembered only to save work must not grow with the number of orders.
func TestTheRestOfSoManyOrdersIsRemembered(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	m := &New(Config{Now: func() time.Time { return now }, Concurrency: 1}).orders
	for i := range 3 * restingMax {
		m.rest(fmt.Sprint("o-", i), time.Time{})
	}
	assert.Len(t, m.resting, restingMax)

	var waits []time.Duration
	for range 9 {
		waits = append(waits, m.rest("o", time.Time{}).Sub(now))
	}
	assert.Equal(t, []time.Duration{1e9, 2e9, 4e9, 8e9, 16e9, 32e9, RestMax, RestMax, RestMax}, waits)
	assert.Equal(t, now.Add(time.Hour), m.rest("o", now.Add(time.Hour)), "what is not due before stays away until then")
}

// The root's documentation gives these figures in words, since whoever reads it does not see them here.
func TestTheBoundsAreThoseThatAreDocumented(t *testing.T) {
	assert.Equal(t, []time.Duration{time.Minute, time.Minute, 5 * time.Second, time.Hour},
		[]time.Duration{LookEvery, RestMax, PauseMax, StraysEvery})
	assert.Equal(t, 16, ErrorsMax)
}
