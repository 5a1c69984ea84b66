//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package bolt

import "os"

// unlock does nothing: on these systems the lock ends with the descriptor.
func unlock(*os.File) {}
