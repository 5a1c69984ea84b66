package store

import (
	"math/bits"
	"time"
)

// Measured is a log that counts what it does. Find out with a type assertion.
type Measured interface {
	// Figures tells what this handle of the log has done since it was opened, and how it stands. It asks no server, waits
	// for no commit, and answers after Close too. Cost: a few microseconds, and what it costs to ask for a file's size.
	Figures() Figures
}

// Figures are what a log has counted. What other handles of the same log have done is not in them.
type Figures struct {
	Appends uint64    // that became durable, and not before they came
	Records uint64    // that these wrote
	Refused uint64    // appends that did not fit: somebody was faster, a key was taken, or an earlier try had written them
	Failed  uint64    // appends whose commit failed
	Took    Durations // of Appends: from when each was ready for a commit until it was durable

	Waiting int    // appends that wait for their commit now
	Last    uint64 // position of the newest record, as far as this handle knows
	Bytes   int64  // what the log takes where it is kept; 0: it is closed, or a server knows
}

// DurationClasses is how many classes [Durations] has, and DurationLeast the longest time in the first of them; those
// after it each go to twice the time of the one before, and the last has no end.
const (
	DurationClasses = 18
	DurationLeast   = 125 * time.Microsecond
)

// Durations counts durations by how long they were. The zero value has none. It takes whoever uses it from many
// goroutines a lock.
type Durations struct {
	Sum     time.Duration
	Classes [DurationClasses]uint64 // Classes[i]: those of at most DurationMost(i), and longer than the class before
}

// Add counts a duration; one that is negative counts as none at all.
func (d *Durations) Add(took time.Duration) {
	took = max(took, 0)
	d.Sum += took
	class := bits.Len64(uint64(max(took-1, 0) / DurationLeast))
	d.Classes[min(class, DurationClasses-1)]++
}

// Count is how many there were.
func (d *Durations) Count() uint64 {
	var n uint64
	for _, of := range d.Classes {
		n += of
	}
	return n
}

// DurationMost is the longest duration of a class, 0 for the last one: it has no end.
func DurationMost(class int) time.Duration {
	if class >= DurationClasses-1 {
		return 0
	}
	return DurationLeast << class
}
