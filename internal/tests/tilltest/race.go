//go:build race

package tilltest

// Raced says that the race detector is on, which makes the exhaustive walks ten times slower and no more thorough.
const Raced = true
