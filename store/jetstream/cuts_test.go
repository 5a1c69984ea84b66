package jetstream_test

import (
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// wire is one way between two servers, or from clients to one: a port, and where what comes there goes. While it is
// cut, nothing passes, in neither direction; whether those at its ends notice is up to how it was cut.
type wire struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	whole *sync.Cond
	cut   bool
	conns map[net.Conn]bool // whether they go on
}

func newWire(t *testing.T, to int) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{listener: l, to: fmt.Sprintf("127.0.0.1:%d", to), conns: map[net.Conn]bool{}}
	w.whole = sync.NewCond(&w.mu)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(c)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		w.set(true, true)
	})
	return w
}

// carry has a connection go on to the other end, once the wire is whole.
func (w *wire) carry(c net.Conn) {
	defer c.Close()
	if !w.pass(c) {
		return
	}
	far, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer far.Close()
	if !w.pass(far) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { w.copy(far, c) })
	both.Go(func() { w.copy(c, far) })
	both.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
	delete(w.conns, far)
}

func (w *wire) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	for b := make([]byte, 32<<10); ; {
		n, err := from.Read(b)
		if !w.pass(from) {
			return
		}
		if _, failed := to.Write(b[:n]); err != nil || failed != nil {
			return
		}
	}
}

// pass waits until the wire is whole; false where it never will be, for this connection.
func (w *wire) pass(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.conns[c]; !known {
		w.conns[c] = true
	}
	for w.cut && w.conns[c] {
		w.whole.Wait()
	}
	return w.conns[c]
}

// set cuts the wire, or mends it. A cut that is noticed ends its connections, and any other one only holds them up.
func (w *wire) set(cut, noticed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut && noticed {
		for c := range w.conns {
			w.conns[c] = false
			_ = c.Close()
		}
	}
	w.whole.Broadcast()
}

func (w *wire) address() string { return w.listener.Addr().String() }
