package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/store"
)

func ExampleDurations() {
	var took store.Durations
	for _, d := range []time.Duration{90 * time.Microsecond, 2 * time.Millisecond, 3 * time.Millisecond, time.Minute} {
		took.Add(d)
	}
	for class, n := range took.Classes {
		if n > 0 {
			fmt.Println(n, "of at most", store.DurationMost(class))
		}
	}
	fmt.Println(took.Count(), "in", took.Sum)
	// Output:
	// 1 of at most 125µs
	// 1 of at most 2ms
	// 1 of at most 4ms
	// 1 of at most 0s
	// 4 in 1m0.00509s
}

// Every duration is in the class whose end is the first that is not shorter.
func TestDurations_ClassesHaveTheirEnds(t *testing.T) {
	in := func(d time.Duration) int {
		var one store.Durations
		one.Add(d)
		for class, n := range one.Classes {
			if n == 1 {
				return class
			}
		}
		return -1
	}
	assert.Equal(t, 0, in(-time.Second))
	assert.Equal(t, 0, in(0))
	for class := range store.DurationClasses - 1 {
		most := store.DurationMost(class)
		assert.Equal(t, class, in(most), most)
		assert.Equal(t, class+1, in(most+1), most)
	}
	assert.Equal(t, store.DurationClasses-1, in(1<<63-1))
	assert.Zero(t, store.DurationMost(store.DurationClasses-1))
	assert.Equal(t, 8192*time.Millisecond, store.DurationMost(store.DurationClasses-2))
}

func TestDurations_NoTimeIsNegative(t *testing.T) {
	var d store.Durations
	d.Add(-time.Second)
	assert.Equal(t, []any{uint64(1), time.Duration(0)}, []any{d.Count(), d.Sum})
}
