package store

import "time"

// Recovery is what an opening had to do again: after a close it is nothing, after a crash it is bounded.
type Recovery struct {
	Records uint64        // read again from the log's tail
	Took    time.Duration // for that and for loading the seal
}

// Recoverer is a log that tells what its opening has cost. Find out with a type assertion.
type Recoverer interface {
	// Recovery tells what opening this log has cost.
	Recovery() Recovery
}
