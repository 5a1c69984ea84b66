package tempdir

import "syscall"

// room is how many bytes are free where path is, 0 where nobody says.
func room(path string) uint64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0
	}
	return s.Bavail * uint64(s.Bsize)
}
