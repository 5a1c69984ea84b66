package bolt

import (
	"os"
	"syscall"
)

// syncData makes a file's data durable, and of its metadata what is needed to read it.
func syncData(file *os.File) error {
	for {
		if err := syscall.Fdatasync(int(file.Fd())); err != syscall.EINTR {
			return err
		}
	}
}
