//go:build !race

package tilltest

// Raced says that the race detector is on.
const Raced = false
