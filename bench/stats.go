package main

import (
	"cmp"
	"slices"
)

// percentile returns the smallest value that at least the share p (0 to 1) of the values does not exceed: the nearest
// rank, so it is always one that was measured. It sorts the values in place. No values come to zero.
func percentile[T cmp.Ordered](values []T, p float64) T {
	var none T
	if len(values) == 0 {
		return none
	}
	slices.Sort(values)
	rank := int(p * float64(len(values)))
	if float64(rank) < p*float64(len(values)) {
		rank++
	}
	return values[min(max(rank, 1), len(values))-1]
}

// median returns the middle value, or the mean of the two in the middle. The values stay in their order. No values come
// to zero.
func median[T ~int64 | ~float64](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return sorted[middle-1] + (sorted[middle]-sorted[middle-1])/2
}

// ratio is a/b, and zero where there is nothing to compare with.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
