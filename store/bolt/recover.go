package bolt

import (
	"context"
	"time"

	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// Recovery is what an opening had to do again: after a close it is nothing, after a crash it is bounded.
type Recovery = store.Recovery

// Recovery tells what opening this log has cost.
func (l *Log) Recovery() Recovery { return l.recovery }

// recover brings into memory what the lazy buckets do not have yet, and the seal's right edge, and proves each by the
// other. look, if there is one, has done so for the file as it was a moment ago.
func (l *Log) recover(look *Log) error {
	begun := time.Now()
	err := l.peek(func(tx reading) error {
		h, err := l.readHeader(tx.Tx)
		if err != nil {
			return err
		}
		l.named.Store(&h.identity)
		l.progress = h.progress
		last := lastPosition(tx.Tx)
		if err := l.confirmCovered(tx, h.covered); err != nil {
			return err
		}
		l.last, l.frontier, l.marked, l.found = last, h.frontier, h.journal, sumOf(h.entries())
		l.follow(h.follows)
		if look != nil && look.last == last && look.found == l.found {
			l.lazy.active, l.lazy.frozen = look.lazy.active, look.lazy.frozen
			l.lazy.last, l.lazy.tree, l.recovery = look.lazy.last, look.lazy.tree, look.recovery
			l.waiting.groups, l.waiting.bytes = look.waiting.groups, look.waiting.bytes
			l.filedTree = look.filedTree
			return nil
		}
		if err := l.loadSeal(tx, h, last); err != nil {
			return err
		}
		if err := l.replay(tx, h.progress, last); err != nil {
			return err
		}
		if err := l.endsWhole(tx, last); err != nil || h.journal == "" {
			return err
		}
		l.filedTree = l.lazy.tree
		return l.readBack(tx, h)
	})
	l.recovery.Took += time.Since(begun)
	return err
}

// replay reads the records after covered into memory, those up to filing as the generation that was on its way into the
// file.
func (l *Log) replay(tx reading, so progress, last uint64) error {
	walk := l.newProven(context.Background(), l.lazy.tree).in(tx) // opening has no context
	if so.filing > so.covered {
		if err := l.lazy.active.replay(walk, so.covered, so.filing); err != nil {
			return err
		}
		l.lazy.freeze()
	}
	if err := l.lazy.active.replay(walk, so.filing, last); err != nil {
		return err
	}
	l.lazy.last = last
	l.recovery.Records = last - so.covered
	return nil
}

// replay reads the records of a stretch into a generation.
func (g *generation) replay(walk *provenFrames, begin, last uint64) error {
	for position := begin + 1; position <= last; position++ {
		r, _, err := walk.record(position)
		if err != nil {
			return err
		}
		g.setHead(r.Stream, ledger.Summarize(r))
		for _, key := range r.Keys {
			g.setKey(key, claim{Owner: r.Stream, Position: r.Position})
		}
	}
	g.begin, g.last = begin, last
	return nil
}

// A flush ends when as much again has been appended, and what is covered moves only then. So a process that is killed
// before that, over and over, would leave more to each one after it. What an opening had to read again is therefore
// taken into the file at once, while appends go on, unless it is less than catchUpShare of a generation; and before
// any, from hopelessShare generations on: those before were not given the seconds that it takes.
const (
	catchUpShare  = 2
	hopelessShare = 4
)

// resumeFlush goes on with the flush that was under way, or begins one of what was read again.
func (l *Log) resumeFlush() {
	if l.flush != nil { // by what the journal held
		return
	}
	frozen := l.lazy.layers().frozen
	if frozen == nil && l.lazy.filled() >= l.lazy.limit/catchUpShare {
		frozen = l.lazy.freeze()
	}
	if frozen != nil {
		l.flush = l.newFlush(frozen)
	}
}

// hopeless tells whether there is so much of it that appends have to wait.
func (l *Log) hopeless() bool { return l.lazy.filled() >= hopelessShare*l.lazy.limit }

// catchUp has the committer take the rest of a generation into the file without waiting for appends to pay for it.
func (l *Log) catchUp(begun *flush) {
	<-begun.prepared
	if l.mover == nil { // what goes on beside a mover is nothing that the committer should wait for
		l.queue.Enter()
		defer l.queue.Leave()
	}
	for l.lazy.layers().frozen == begun.gen {
		if l.mover != nil {
			if l.usable() != nil || l.move(0, func(*flush) int { return flushMax }) != nil {
				return
			}
			continue
		}
		r := &request{Nudge: true}
		if l.enqueue(context.Background(), r) != nil || r.Err != nil {
			return // the log is closed or has failed, and says so when it is asked
		}
	}
}

// endsWhole checks that the newest record ends its stream. It stands for all: whether each is sound shows when it is
// read.
func (l *Log) endsWhole(tx reading, last uint64) error {
	if last == 0 {
		return nil
	}
	r, err := newFrames(l, tx).record(last)
	if err != nil {
		return err
	}
	end := place{}
	memory := l.lazy.layers()
	if s := memory.newest(r.Stream); s != nil {
		end = s.Place
	} else if end, err = l.filedPlace(tx, r.Stream); err != nil {
		return err
	}
	if end != (place{Version: r.Version, Position: r.Position}) {
		return l.damagedError("the log ends at position %d, and %s %q does not end there", last, r.Stream.Category,
			r.Stream.ID)
	}
	return nil
}
