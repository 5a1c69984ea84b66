// Package tempdir spends memory where tests would spend time: it puts their directories there, and lets garbage lie for
// longer. Most tests of logs wait for the disk for far longer than
// they work: bbolt syncs at every commit, and a disk that others use too takes many milliseconds each time. What a sync
// is for, a loss of power, no test of this kind can see, wherever its files are; store/bolt/powerloss is about that.
//
// It is for tests.
package tempdir

import (
	"os"
	"runtime/debug"
)

// variable is where [os.TempDir], and with it every test's T.TempDir, looks.
const variable = "TMPDIR"

// memory is the folder of Linux that is in memory.
const memory = "/dev/shm"

// roomMin is what has to be free in memory, in bytes: a container may have 64 MB of it and no more.
const roomMin = 1 << 30

// passable lets a PostgreSQL server of a test, which another user runs, reach its own directory, and nobody list this
// one.
const passable = 0o711

// heapGrowth is how many percent the heap of tests may grow before it is collected. They build small worlds by the
// thousands, of which little lives at any time: Go would collect so often that it takes much of the processor's time.
const heapGrowth = 400

// Run runs the tests of a binary, a [testing.M], with [testing.T.TempDir] in memory, and returns the code to exit with.
// Processes that the tests start inherit it. Where there is no such place, or too little of it, or the variable TMPDIR
// names one already, everything stays as it is: TMPDIR=/var/tmp go test runs the tests on that disk. Garbage
// is collected as [heapGrowth] says, or the variable GOGC where it is there.
func Run(tests interface{ Run() int }) int {
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(heapGrowth))
	}
	if os.Getenv(variable) != "" || room(memory) < roomMin {
		return tests.Run()
	}
	dir, err := os.MkdirTemp(memory, "tilltape")
	if err != nil {
		return tests.Run()
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if os.Chmod(dir, passable) != nil || os.Setenv(variable, dir) != nil {
		return tests.Run()
	}
	defer func() { _ = os.Unsetenv(variable) }()
	return tests.Run()
}
