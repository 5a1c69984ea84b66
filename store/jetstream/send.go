package jetstream

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tilltape/tilltape/store"
)

// Bounds of sending.
const (
	inFlight     = 4                     // batches that are on their way at once
	patienceMax  = time.Millisecond      // for appends that have just come
	sendTimeout  = 3 * time.Second       // for one confirmation
	sendAgain    = 50 * time.Millisecond // after none
	sendPatience = 5 * time.Second       // until an append that surely was not stored is refused
	doubtMax     = 30 * time.Second      // until one that may have been is in doubt, and for its outcome once it is stored
	partsAtOnce  = 4                     // of one append
	messageMax   = 4 << 20               // bytes of a message, also where the servers take more
)

// outgoing is a message on its way, and whose outcomes it brings.
type outgoing struct {
	token    token
	data     []byte
	requests []*request
	done     chan struct{} // closed when each has its outcome
}

// send is the log's one sender. It sends what gathers in the queue, and ends when that is closed and empty.
func (l *Log) send() {
	defer close(l.sent)
	var under sync.WaitGroup
	var took atomic.Int64
	slots := make(chan struct{}, inFlight)
	for {
		slots <- struct{}{}
		b := l.queue.Take(min(time.Duration(took.Load()), patienceMax))
		if b == nil {
			break
		}
		under.Go(func() {
			begun := time.Now()
			l.carryAll(b)
			took.Store(int64(time.Since(begun)))
			l.queue.Done(b)
			<-slots
		})
	}
	under.Wait()
}

// carryAll has every request of a batch get its outcome.
func (l *Log) carryAll(b *batch) {
	room := l.room()
	var carried sync.WaitGroup
	var together []*request
	size := 0
	flush := func() {
		if requests := together; len(requests) > 0 {
			carried.Go(func() { l.carry(requests) })
		}
		together, size = nil, 0
	}
	weak := l.mayLose() // told before any conflict: a probe is to find it
	for _, r := range b.Requests {
		if r.Err = cmp.Or(weak, r.Look.refused); r.Err != nil {
			continue
		}
		if size+sizeOf(r) > room {
			flush()
		}
		together, size = append(together, r), size+sizeOf(r)
	}
	flush()
	carried.Wait()
}

// room is how many bytes of appends a message has room for.
func (l *Log) room() int {
	return min(int(l.conn.MaxPayload()), messageMax) - reserved - headSize - tokenSize - sumSize
}

// carry has the requests get their outcomes by one message, or, where one is larger than that, by several.
func (l *Log) carry(requests []*request) {
	err := l.broken()
	if err == nil {
		err = l.carried(requests)
	}
	if err != nil {
		for _, r := range requests {
			r.Err = err
		}
	}
}

func (l *Log) carried(requests []*request) error {
	if takes := l.conn.MaxPayload(); takes < payloadMin { // since the connection was made again
		return l.unavailable("append", fmt.Errorf("the server takes messages of %d bytes (max_payload), and %d are needed",
			takes, payloadMin))
	}
	o := &outgoing{token: newToken(), requests: requests, done: make(chan struct{})}
	var body []byte
	for _, r := range requests {
		var err error
		if body, err = appendRequest(body, r); err != nil {
			return err
		}
	}
	if len(body) <= l.room() {
		o.data = finish(append(append(begin(kindAppends, tokenSize+len(body)), o.token[:]...), body...))
	} else {
		p, err := l.sendParts(o.token, body)
		if err != nil {
			return err
		}
		o.data = partedMessage(o.token, p)
	}
	l.mu.Lock()
	l.waiting[o.token] = o
	l.mu.Unlock()
	err := l.deliver(o)
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, o.token)
	select {
	case <-o.done: // whatever became of the message that was sent last
		return nil
	default:
		return err
	}
}

// sendParts stores a body that no message has room for. Until the message that names its parts is in the order, nothing
// has happened.
func (l *Log) sendParts(t token, body []byte) (parted, error) {
	p := parted{size: uint64(len(body)), sum: sha256.Sum256(body)}
	room := l.room()
	n := (len(body) + room - 1) / room
	if n > min(limitsOf[messageVersion].parts, (room-numberMax-sha256.Size)/sequenceSize) {
		return parted{}, fmt.Errorf("%w: an append takes %d messages of the size that the servers take (max_payload); "+
			"split it, or raise that", store.ErrInvalid, n)
	}
	p.parts = make([]uint64, n)
	failures := make([]error, n)
	var sending sync.WaitGroup
	var failed atomic.Bool // then the others are not sent: nothing comes of them
	slots := make(chan struct{}, partsAtOnce)
	for i := 0; i < n && !failed.Load(); i++ {
		part := body[i*room : min((i+1)*room, len(body))]
		slots <- struct{}{}
		sending.Go(func() {
			defer func() { <-slots }()
			if !failed.Load() {
				p.parts[i], failures[i] = l.publish(hex.EncodeToString(t[:])+fmt.Sprint("-", i), partMessage(part), nil)
			}
			if failures[i] != nil {
				failed.Store(true)
			}
		})
	}
	sending.Wait()
	for _, err := range failures {
		if errors.Is(err, store.ErrFull) {
			return parted{}, err
		}
		if err != nil {
			return parted{}, l.unavailable("a part of the append is not known to be stored", err)
		}
	}
	return p, nil
}

// deliver returns nil once the message has been applied; else why its requests have no outcome.
func (l *Log) deliver(o *outgoing) error {
	sequence, err := l.publish(hex.EncodeToString(o.token[:]), o.data, o.done)
	if err != nil {
		return err
	}
	l.hear(sequence)
	select {
	case <-o.done:
		return nil
	case <-l.failed:
		return l.inDoubt(fmt.Sprintf("the append is message %d of the order, which is not applied here any more (%v)",
			sequence, l.broken()))
	case <-time.After(doubtMax):
		l.mu.Lock()
		trouble := l.trouble
		l.mu.Unlock()
		return l.inDoubt(fmt.Sprintf("the append is message %d of the order, which is not applied here yet (%s)", sequence,
			plain(trouble)))
	}
}

// publish stores a message, and sends it again where no answer comes: as one under the same id, where the stream
// remembers that. It returns the sequence, or 0 where the message has been applied meanwhile. An error that wraps
// store.ErrUnavailable says that it is not stored.
func (l *Log) publish(id string, data []byte, applied <-chan struct{}) (sequence uint64, err error) {
	m := &nats.Msg{Subject: subject(l.config.Stream), Data: data}
	maybe := false
	for begun := time.Now(); ; {
		sequence, err = l.publishOnce(m, id)
		if err == nil {
			return sequence, nil
		}
		maybe = maybe || !surelyNot(err)
		waited := time.Since(begun)
		switch {
		case !maybe && waited >= sendPatience:
			return 0, l.refused(err)
		case waited >= doubtMax:
			return 0, l.inDoubt("no server has confirmed the append (" + plain(err) + ")")
		}
		select {
		case <-applied:
			return 0, nil
		case <-l.failed:
			if maybe {
				return 0, l.inDoubt(fmt.Sprintf("no server has confirmed the append, and nothing is applied here any more (%v)",
					l.broken()))
			}
			return 0, l.broken()
		case <-time.After(sendAgain):
		}
	}
}

func (l *Log) publishOnce(m *nats.Msg, id string) (uint64, error) {
	if !l.conn.IsConnected() {
		return 0, errDisconnected // else the client would send it whenever it is connected again
	}
	ctx, stop := context.WithTimeout(context.Background(), sendTimeout)
	defer stop()
	m.Header = nats.Header{}
	ack, err := l.js.PublishMsg(ctx, m, jetstream.WithMsgID(id), jetstream.WithExpectStream(l.config.Stream),
		jetstream.WithRetryAttempts(1), jetstream.WithRetryWait(sendAgain))
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}
