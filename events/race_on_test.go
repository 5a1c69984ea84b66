//go:build race

package events

// raced: the race detector drops pooled values at random, so allocations cannot be counted.
const raced = true
