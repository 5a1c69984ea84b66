//go:build !unix

package outbox

// syncFolder does nothing: here a folder cannot be synced, and a file's name is durable with its content.
func syncFolder(string) error { return nil }
