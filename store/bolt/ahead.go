package bolt

import "sync/atomic"

// A log that is not in memory would be read a page fault at a time, each waiting for the disk. Positions grow with the
// place in the file, by and large: so while a reader walks the log, the part of the file that it comes to next is read
// by a goroutine of its own, in large pieces, only so that the system has it.

const (
	aheadPiece   = 1 << 20  // bytes read at once
	aheadWindow  = 32 << 20 // bytes that may be ahead of the reader
	aheadRecords = 8192     // records a reader has passed before it is helped: short reads need no help
)

// readAhead is the help for one walk over the log.
type readAhead struct {
	log     *Log
	passed  int // records
	want    atomic.Int64
	ended   atomic.Bool
	nudge   chan struct{}
	started bool
}

func (l *Log) newReadAhead() *readAhead { return &readAhead{log: l} }

// at tells that the reader has passed so many records more and is at a position.
func (a *readAhead) at(position uint64, more int) {
	a.passed += more
	if a.passed < aheadRecords {
		return
	}
	end := a.log.lazy.end()
	info, err := a.log.file.Stat()
	if err != nil || end == 0 {
		return
	}
	at := int64(float64(info.Size()) * float64(position) / float64(end))
	a.want.Store(min(at+aheadWindow, info.Size()))
	if !a.started {
		a.started = true
		a.nudge = make(chan struct{}, 1)
		go a.read(at)
	}
	select {
	case a.nudge <- struct{}{}:
	default:
	}
}

// stop ends the help. It does not wait for a read under way.
func (a *readAhead) stop() {
	if a.started {
		a.ended.Store(true)
		close(a.nudge)
	}
}

func (a *readAhead) read(at int64) {
	piece := make([]byte, aheadPiece)
	for range a.nudge {
		for at < a.want.Load() && !a.ended.Load() {
			n, err := a.log.file.ReadAt(piece, at)
			if at += int64(n); err != nil {
				break // the file's end, or a log that was closed meanwhile; what is not read ahead is read later
			}
		}
	}
}
