//go:build linux || darwin || freebsd

package main

import "syscall"

// room is how many bytes a service like this one can still write in a folder.
func room(folder string) (free uint64, known bool) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(folder, &fs); err != nil {
		return 0, true
	}
	return uint64(fs.Bavail) * uint64(fs.Bsize), true
}
