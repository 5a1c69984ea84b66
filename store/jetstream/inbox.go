package jetstream

import (
	"sync/atomic"

	"github.com/nats-io/nats.go/jetstream"
)

// inbox is what one consumer has brought and is not applied yet: some messages, and not many bytes.
type inbox struct {
	come  chan jetstream.Msg
	bytes atomic.Int64  // of what is in it
	freed chan struct{} // there may be room
	left  chan struct{} // closed when nobody takes any more
}

func newInbox() *inbox {
	return &inbox{come: make(chan jetstream.Msg, pulled), freed: make(chan struct{}, 1), left: make(chan struct{})}
}

// put waits for room: as long as there is less than pulledBytes in it. One goroutine puts.
func (i *inbox) put(m jetstream.Msg) {
	for i.bytes.Load() >= pulledBytes {
		select {
		case <-i.freed:
		case <-i.left:
			return
		}
	}
	i.bytes.Add(int64(len(m.Data())))
	i.come <- m
}

// took takes note that a message is not in it any more.
func (i *inbox) took(m jetstream.Msg) {
	i.bytes.Add(-int64(len(m.Data())))
	select {
	case i.freed <- struct{}{}:
	default: // it is known already
	}
}
