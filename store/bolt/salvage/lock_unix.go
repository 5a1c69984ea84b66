//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package salvage

import (
	"errors"
	"os"
	"syscall"
)

// held takes a reader's part of the advisory lock that whoever appends to a log has all of, and tells whether somebody
// has. The lock goes when the file is closed. Where a file system has no locks, nobody can tell.
func held(file *os.File) bool {
	return errors.Is(syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
