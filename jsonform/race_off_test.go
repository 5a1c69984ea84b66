//go:build !race

package jsonform

const raced = false
