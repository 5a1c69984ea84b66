//go:build !race

package events

const raced = false
