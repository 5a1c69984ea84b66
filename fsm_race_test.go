//go:build race

package tilltape_test

// raced says that the race detector is on, which makes the exhaustive walks ten times slower and no more thorough.
const raced = true
