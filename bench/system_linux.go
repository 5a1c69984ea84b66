package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// syncData makes a file's data durable, and of its metadata what is needed to read it.
func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// writtenBytes is how much this process has handed to the system to be written so far. known is false where the system
// does not tell. The counter beside it, write_bytes, would be of no use: it counts a megabyte for a write of some bytes
// where the system keeps the file's pages in folios of that size.
func writtenBytes() (n int64, known bool) {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte("wchar:")); ok {
			n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// sectorsWritten is the field of a block device's statistics that counts what was written to it, in units of blockSize.
const sectorsWritten = 6

// deviceBytes is how much has been written so far, by anybody, to the device that dir is on. known is false where dir
// is on none that counts.
func deviceBytes(dir string) (n int64, known bool) {
	var s unix.Stat_t
	if err := unix.Stat(dir, &s); err != nil {
		return 0, false
	}
	text, err := os.ReadFile(fmt.Sprintf("/sys/dev/block/%d:%d/stat", unix.Major(s.Dev), unix.Minor(s.Dev)))
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(text)
	if len(fields) <= sectorsWritten {
		return 0, false
	}
	n, err = strconv.ParseInt(string(fields[sectorsWritten]), 10, 64)
	return n * blockSize, err == nil
}

// blockSize is the unit in which the system counts what a file takes.
const blockSize = 512

// blocksCounted: what a file takes on the disk can be told here, holes apart.
const blocksCounted = true

// allocated is what the file takes on its disk, in bytes.
func allocated(info os.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * blockSize
	}
	return info.Size()
}

// forget drops the file's clean pages from the system's memory, so that the next read comes from the disk.
func forget(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return err
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		return fmt.Errorf("dropping the file's pages from memory: %w", err)
	}
	return nil
}

// fileSystems are the magic numbers of those that logs are commonly kept on.
var fileSystems = map[int64]string{
	unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
	unix.TMPFS_MAGIC:           "tmpfs (no disk at all)",
	unix.OVERLAYFS_SUPER_MAGIC: "overlayfs", unix.F2FS_SUPER_MAGIC: "f2fs",
}

func fileSystem(dir string) string {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return unknown
	}
	if name := fileSystems[int64(s.Type)]; name != "" {
		return name
	}
	return fmt.Sprintf("%#x", s.Type)
}

// resident is how much of a process's own memory is in the machine's, in bytes: without pages of files. 0: not known.
func resident(pid int) uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		if rest, is := bytes.CutPrefix(line, []byte("RssAnon:")); is {
			var kilobytes uint64
			_, _ = fmt.Sscan(string(rest), &kilobytes)
			return kilobytes << 10
		}
	}
	return 0
}

// processorTime is what this process has taken of the processor so far, the system's part included.
func processorTime() time.Duration {
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
