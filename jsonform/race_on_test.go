//go:build race

package jsonform

// raced: the race detector drops pooled values at random, so allocations cannot be counted.
const raced = true
