//go:build unix

package folder

import (
	"errors"
	"os"
)

// Sync makes the names in a folder durable.
func Sync(path string) (err error) {
	names, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, names.Close()) }()
	return names.Sync()
}
