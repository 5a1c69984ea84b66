//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package salvage

import "os"

// held tells nothing here: a file is not locked as a whole.
func held(*os.File) bool { return false }
