package jetstream

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Bounds of asking and waiting.
const (
	askTimeout  = 2 * time.Second       // for one answer
	askPatience = 15 * time.Second      // for any, and for what is applied to move
	askAgain    = 20 * time.Millisecond // after no answer
	heedEvery   = 5 * time.Second       // that the stream's settings are looked at, whoever reads or not
	heedAgain   = 250 * time.Millisecond
)

// question is what several wait for: the newest sequence of the stream.
type question struct {
	done   chan struct{}
	newest uint64
	err    error
}

// current returns once this process has applied all that was in the stream when it was called, unless reads are local.
func (l *Log) current(ctx context.Context, doing string) error {
	if err := l.usable(ctx, doing); err != nil || l.config.LocalReads {
		return err
	}
	return l.catchUp(ctx, doing)
}

// catchUp is current, local reads or not.
func (l *Log) catchUp(ctx context.Context, doing string) error {
	if err := l.usable(ctx, doing); err != nil {
		return err
	}
	q := l.ask()
	select {
	case <-q.done:
	case <-ctx.Done():
		return l.usable(ctx, doing)
	case <-l.ended:
		return l.closedError()
	}
	if q.err != nil {
		return q.err
	}
	return l.reach(ctx, doing, q.newest)
}

// ask joins the next question: one that is asked already may have been answered before the caller came.
func (l *Log) ask() *question {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asking == nil {
		l.asking = &question{done: make(chan struct{})}
		go l.answer(l.asking)
		return l.asking
	}
	if l.next == nil {
		l.next = &question{done: make(chan struct{})}
	}
	return l.next
}

// answer asks, and goes on with the question that has gathered meanwhile.
func (l *Log) answer(q *question) {
	for q != nil {
		q.newest, q.err = l.newest()
		close(q.done)
		l.mu.Lock()
		q, l.next = l.next, nil
		l.asking = q
		l.mu.Unlock()
	}
}

// errGone is the answer of a server that does not have every message up to its newest one.
var errGone = errors.New("the servers do not have all of the stream's messages")

// heed asks the stream's leader, and takes note of what it says of the stream: how far it is, and whether it could lose
// messages by now, or has. Of two answers the one to the later question counts.
func (l *Log) heed() (newest uint64, err error) {
	question := l.asked.Add(1)
	info, err := l.info(l.following)
	if err != nil {
		return 0, err
	}
	weak := checkStream(l.name, l.config, info.Config, payloadMin) // an append looks at what the server takes
	state := info.State
	l.mu.Lock()
	if question > l.weakBy {
		l.weak, l.weakBy = weak, question
	}
	behind := state.LastSeq < l.applied
	l.mu.Unlock()
	switch {
	case behind:
		return 0, errBehind
	case state.LastSeq > 0 && (state.FirstSeq > 1 || state.Msgs < state.LastSeq):
		return 0, errGone
	}
	l.hear(state.LastSeq)
	return state.LastSeq, nil
}

// heeding asks the servers how the stream is, whoever reads or not: in turns, and when the connection was made again.
// Where messages are gone, and the servers had time to know better, nothing is appended any more.
func (l *Log) heeding() {
	defer close(l.heeded)
	connected := l.conn.StatusChanged(nats.CONNECTED)
	defer l.conn.RemoveStatusListener(connected)
	again := time.NewTicker(heedEvery)
	defer again.Stop()
	var soon <-chan time.Time
	var gone time.Time // since when
	for {
		select {
		case <-again.C:
		case <-soon:
		case _, open := <-connected:
			if !open { // for good
				connected = nil
			}
		case <-l.ended:
			return
		}
		soon = nil
		switch _, err := l.heed(); {
		case errors.Is(err, errGone):
			if gone.IsZero() {
				gone = time.Now()
			}
			if time.Since(gone) >= askPatience {
				l.mu.Lock()
				l.gone = l.goneError()
				l.mu.Unlock()
			}
		case errors.Is(err, errBehind): // who reads is told
		case err != nil:
			soon = time.After(heedAgain)
		default:
			gone = time.Time{}
		}
	}
}

func (l *Log) goneError() error {
	return l.damaged("the stream does not have all of its messages any more: it lost what was confirmed")
}

// mayLose is why nothing is appended: the stream has lost messages, or could by its settings.
func (l *Log) mayLose() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if weak, is := errors.AsType[*StreamError](l.weak); is && l.gone == nil {
		undone := *weak
		undone.undone = true
		return &undone
	}
	return l.gone
}

// errBehind is the answer of a server that does not know what this process has applied.
var errBehind = errors.New("the servers tell of less than this process has applied")

// newest asks the stream's leader for the newest sequence.
func (l *Log) newest() (uint64, error) {
	var err error
	for begun := time.Now(); time.Since(begun) < askPatience; {
		var newest uint64
		if newest, err = l.heed(); err == nil {
			return newest, nil
		}
		select {
		case <-time.After(askAgain):
		case <-l.ended:
			return 0, l.closedError()
		case <-l.failed:
			return 0, l.broken()
		}
	}
	switch {
	case errors.Is(err, errGone):
		return 0, l.goneError()
	case errors.Is(err, errBehind):
		return 0, l.damaged("the stream ends before what this process has applied: it lost what was confirmed, or was made " +
			"again")
	}
	return 0, l.unavailable("the log's end is not known", err)
}

// errLeaderless is the answer of a server while the stream has no leader: it tells what that server has, which may be
// less than what was confirmed.
var errLeaderless = errors.New("the stream has no leader")

// info is what the stream's leader says of the stream.
func (l *Log) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	ctx, stop := context.WithTimeout(ctx, askTimeout)
	defer stop()
	if !l.conn.IsConnected() {
		return nil, errDisconnected
	}
	stream, err := l.js.Stream(ctx, l.config.Stream)
	if err != nil {
		return nil, err
	}
	info := stream.CachedInfo()
	if info.Cluster != nil && info.Cluster.Name != "" && info.Cluster.Leader == "" {
		return nil, errLeaderless
	}
	return info, nil
}

// hear takes note of how far the stream is.
func (l *Log) hear(sequence uint64) {
	for {
		told := l.told.Load()
		if told >= sequence || l.told.CompareAndSwap(told, sequence) {
			return
		}
	}
}

// reach waits until this process has applied up to a sequence, as long as it comes nearer.
func (l *Log) reach(ctx context.Context, doing string, sequence uint64) error {
	for {
		l.mu.Lock()
		applied, moved, trouble := l.applied, l.moved, l.trouble
		l.mu.Unlock()
		if applied >= sequence {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return l.usable(ctx, doing)
		case <-l.ended:
			return l.closedError()
		case <-l.failed:
			return l.broken()
		case <-time.After(askPatience):
			if trouble == nil {
				trouble = errors.New("the messages do not come")
			}
			return l.unavailable("what was appended last is not applied here", trouble)
		}
	}
}
