//go:build !race

package tilltape_test

const raced = false
