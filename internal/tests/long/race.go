//go:build race

package long

// Raced says that the race detector is on.
const Raced = true
