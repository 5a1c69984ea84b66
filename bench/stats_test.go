package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestPercentile_NearestRank(t *testing.T) {
	values := []int64{50, 15, 40, 20, 35}
	for _, tt := range []struct {
		p    float64
		want int64
	}{{0, 15}, {0.05, 15}, {0.2, 15}, {0.21, 20}, {0.3, 20}, {0.4, 20}, {0.5, 35}, {0.99, 50}, {1, 50}} {
		assert.Equal(t, tt.want, percentile(values, tt.p), "p %v", tt.p)
	}
	assert.Zero(t, percentile([]int64{}, 0.5))
	assert.Equal(t, 7.5, percentile([]float64{7.5}, 0.01))
}

// What a percentile is, by its definition: enough values at or below it, and not enough below.
func TestPercentile_ByItsDefinition(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(-9, 9), 1, 40).Draw(r, "values")
		p := float64(rapid.IntRange(1, 99).Draw(r, "hundredths")) / 100
		got := percentile(values, p)
		below, upTo := 0, 0
		for _, v := range values {
			if v < got {
				below++
			}
			if v <= got {
				upTo++
			}
		}
		need := p * float64(len(values))
		if float64(upTo) < need || float64(below) >= need {
			r.Fatalf("%v of %v is %d: %d below, %d up to it, %v needed", p, values, got, below, upTo, need)
		}
	})
}

func TestMedian(t *testing.T) {
	values := []float64{9, 1, 5}
	assert.Equal(t, 5.0, median(values))
	assert.Equal(t, []float64{9, 1, 5}, values, "left as they were")
	assert.Equal(t, 3.0, median([]float64{4, 2, 9, 1}))
	assert.Equal(t, int64(3), median([]int64{4, 3}))
	assert.Zero(t, median[float64](nil))
}

func TestRatio(t *testing.T) {
	assert.Equal(t, 2.5, ratio(5, 2))
	assert.Zero(t, ratio(5, 0))
}
