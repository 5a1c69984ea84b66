//go:build !linux

package main

import (
	"errors"
	"os"
	"time"
)

func syncData(f *os.File) error { return f.Sync() }

func writtenBytes() (n int64, known bool) { return 0, false }

func deviceBytes(string) (n int64, known bool) { return 0, false }

// blocksCounted: what a file takes on the disk can be told here, holes apart.
const blocksCounted = false

func allocated(info os.FileInfo) int64 { return info.Size() }

func forget(string) error {
	return errors.New("this system has no way to drop a file from its memory; cold figures need Linux")
}

func fileSystem(string) string { return unknown }

func resident(int) uint64 { return 0 }

// processorTime is not known here.
func processorTime() time.Duration { return 0 }
