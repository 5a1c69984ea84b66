package jetstream

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// Bounds of following.
const (
	pulled      = 64                     // messages that may be on their way here
	pulledBytes = 2 * messageMax         // of one pull, or one larger message; two may be under way, and as many wait here
	heartbeat   = 500 * time.Millisecond // of a consumer; where two are missing there is another one
	pullExpiry  = 10 * time.Second
	idleMax     = 30 * time.Second       // of a consumer that nobody asks any more
	stalledMax  = 2 * time.Second        // that a message may be late of which a server has told
	followAgain = 50 * time.Millisecond  // after a consumer that could not be made
	applyAgain  = 200 * time.Millisecond // after the file could not be written
)

// follow applies the stream to this process's file, as long as the log is open.
func (l *Log) follow() {
	defer close(l.followed)
	for l.following.Err() == nil {
		if err := l.consume(); err != nil {
			if fatal, is := errors.AsType[*fatalError](err); is {
				l.fail(fatal.err)
				return
			}
			l.note(err)
		}
		select {
		case <-time.After(followAgain):
		case <-l.following.Done():
		}
	}
}

// fatalError is why nothing can be applied any more.
type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }

func (l *Log) note(trouble error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trouble = trouble
}

// consume follows the stream by one consumer, until that brings no more.
func (l *Log) consume() error {
	// It begins with the message that was applied last, which shows that the stream is the one that it was.
	held, _ := l.replica.Followed()
	next := max(held.Sequence, 1)
	ctx, stop := context.WithTimeout(l.following, askTimeout)
	defer stop()
	c, err := l.js.CreateConsumer(ctx, l.config.Stream, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: next, AckPolicy: jetstream.AckNonePolicy,
		InactiveThreshold: idleMax, Replicas: 1, MemoryStorage: true})
	if err != nil {
		return err
	}
	bytes := max(pulledBytes, int(l.conn.MaxPayload())+reserved)
	messages, err := c.Messages(jetstream.PullMaxMessagesWithBytesLimit(pulled, bytes), jetstream.PullHeartbeat(heartbeat),
		jetstream.PullExpiry(pullExpiry))
	if err != nil {
		return err
	}
	ended := context.AfterFunc(l.following, messages.Stop)
	defer ended()
	in, failed := newInbox(), make(chan error, 1)
	go func() {
		defer close(in.come)
		for {
			m, err := messages.Next()
			if err != nil {
				failed <- err
				return
			}
			in.put(m)
		}
	}()
	defer func() { // the goroutine above ends, and with it nothing is left of this consumer here
		messages.Stop()
		close(in.left)
		for range in.come {
		}
	}()
	f := &follower{log: l, held: held, next: next}
	if err := f.run(in); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
		return errStalled
	}
}

// errStalled is why a consumer is given up.
var errStalled = errors.New("the messages do not come, of which a server has told")

// follower applies what one consumer brings.
type follower struct {
	log  *Log
	held bolt.Followed // what was applied before it
	next uint64        // sequence that is to come
}

// run applies what comes, as much together as there is, until no more comes.
func (f *follower) run(in *inbox) error {
	look := time.NewTicker(stalledMax / 2)
	defer look.Stop()
	late := 0
	for {
		var first jetstream.Msg
		select {
		case m, more := <-in.come:
			if !more {
				return nil
			}
			in.took(m)
			first, late = m, 0
		case <-look.C:
			if f.log.told.Load() < f.next {
				late = 0
			} else if late++; late > 2 {
				return nil
			}
			continue
		}
		g := &group{}
		if err := f.take(g, first); err != nil {
			return err
		}
		for more := true; more && !g.full(); {
			select {
			case m, open := <-in.come:
				if more = open; open {
					in.took(m)
					if err := f.take(g, m); err != nil {
						return err
					}
				}
			default:
				more = false
			}
		}
		if err := f.log.apply(g); err != nil {
			return err
		}
	}
}

// group is messages that are applied together.
type group struct {
	to      bolt.Followed
	appends []*bolt.Ordered
	size    int
	of      []carrying
}

// carrying is which of a group's appends a message brought.
type carrying struct {
	token   token
	appends []*bolt.Ordered
}

func (g *group) full() bool {
	return len(g.appends) >= ledger.BatchMax || g.size >= ledger.BatchBytesMax
}

// take reads a message into a group. One whose sequence is not the next one is damage, or the consumer's own slip,
// which another one shows.
func (f *follower) take(g *group, m jetstream.Msg) error {
	at, err := m.Metadata()
	if err != nil {
		return err
	}
	sequence := at.Sequence.Stream
	if sequence < f.next {
		return nil
	}
	if sequence > f.next {
		if err := f.log.gap(f.next, sequence); err != nil {
			return err
		}
		return fmt.Errorf("message %d came where %d was to come", sequence, f.next)
	}
	if sequence == f.held.Sequence {
		if sha256.Sum256(m.Data()) != f.held.Digest {
			return &fatalError{f.log.madeAgain(sequence)}
		}
	} else if err := f.log.read(g, sequence, m.Data()); err != nil {
		return err
	}
	f.next++
	return nil
}

// madeAgain is the damage of a stream that has another message where the one is that was applied last.
func (l *Log) madeAgain(sequence uint64) error {
	return l.damaged("message %d of the stream is not the one that it has applied: the stream was made again", sequence)
}

// gap is damage where the stream does not have the message that is missing.
func (l *Log) gap(missing, came uint64) error {
	_, err := l.fetch(missing)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return &fatalError{l.damaged("message %d of the stream is missing, and message %d is there: it lost what was "+
			"confirmed", missing, came)}
	}
	return err
}

// fetch reads one message of the stream.
func (l *Log) fetch(sequence uint64) ([]byte, error) {
	ctx, stop := context.WithTimeout(l.following, askTimeout)
	defer stop()
	s, err := l.js.Stream(ctx, l.config.Stream)
	if err != nil {
		return nil, err
	}
	m, err := s.GetMsg(ctx, sequence)
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

// read takes a message into a group.
func (l *Log) read(g *group, sequence uint64, data []byte) error {
	m, err := parseMessage(data)
	if err == nil && (m.kind == kindOrigin) != (sequence == 1) {
		err = errMessage
	}
	if err == nil && m.kind == kindParted {
		m.appends, err = l.whole(m)
	}
	if err != nil {
		return l.unreadable(sequence, err)
	}
	g.to = bolt.Followed{Sequence: sequence, Digest: sha256.Sum256(data)}
	if len(m.appends) > 0 {
		g.appends, g.size = append(g.appends, m.appends...), g.size+len(data)+int(m.parted.size)
		g.of = append(g.of, carrying{m.token, m.appends})
	}
	return nil
}

// unreadable is the error of a message that cannot be applied: nothing after it can.
func (l *Log) unreadable(sequence uint64, err error) error {
	switch {
	case errors.Is(err, store.ErrNewerFormat):
		return &fatalError{fmt.Errorf("%s: message %d of the stream: %w", l.name, sequence, err)}
	case errors.Is(err, errMessage), errors.Is(err, jetstream.ErrMsgNotFound):
		return &fatalError{l.damaged("message %d of the stream cannot be read: %v", sequence, err)}
	}
	return err // of fetching a part: it is tried again
}

// whole puts together the appends that stand in parts.
func (l *Log) whole(by message) ([]*bolt.Ordered, error) {
	var body []byte
	p := by.parted
	for _, sequence := range p.parts {
		data, err := l.fetch(sequence)
		if err != nil {
			return nil, err
		}
		m, err := parseMessage(data)
		if err != nil || m.kind != kindPart {
			return nil, errMessage
		}
		body = append(body, m.part...)
	}
	if uint64(len(body)) != p.size || sha256.Sum256(body) != p.sum {
		return nil, errMessage
	}
	return by.limits.parseAppends(body)
}

// apply has a group applied, and gives those who wait for one of its messages their outcomes. Where no more may wait
// for the file, which has no room, it tries again: the order cannot be left.
func (l *Log) apply(g *group) error {
	for g.to.Sequence > 0 {
		err := l.replica.Apply(context.Background(), g.to, g.appends)
		if err == nil {
			break
		}
		if !errors.Is(err, store.ErrFull) {
			return &fatalError{err}
		}
		l.note(err)
		select {
		case <-time.After(applyAgain):
		case <-l.following.Done():
			return l.following.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.to.Sequence == 0 {
		return nil
	}
	l.applied, l.trouble = g.to.Sequence, nil
	close(l.moved)
	l.moved = make(chan struct{})
	for _, c := range g.of {
		o := l.waiting[c.token]
		if o == nil || len(o.requests) != len(c.appends) {
			continue
		}
		delete(l.waiting, c.token) // a copy of the message that comes later is nobody's
		for i, a := range c.appends {
			r := o.requests[i]
			r.First, r.Previous, r.Err = a.First, a.Previous, a.Err
		}
		close(o.done)
	}
	return nil
}
