//go:build !unix

package folder

// Sync does nothing: here a folder cannot be synced, and a file's name is durable with its content.
func Sync(string) error { return nil }
