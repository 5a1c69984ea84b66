package jetstream

import (
	"testing"
	"time"

	js "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sized is a message of which only the size counts.
type sized struct {
	js.Msg
	data []byte
}

func (s sized) Data() []byte { return s.data }

// What waits to be applied is bounded in bytes: by a limit, and one message that came before it was reached.
func TestAnInboxHoldsFewBytes(t *testing.T) {
	in, large := newInbox(), sized{data: make([]byte, messageMax)}
	put := make(chan int)
	go func() {
		for i := range 4 {
			in.put(large)
			put <- i
		}
		close(put)
	}()
	require.Equal(t, 0, <-put)
	require.Equal(t, 1, <-put)
	select {
	case i := <-put:
		t.Fatalf("%d was put where there is no room", i)
	case <-time.After(20 * time.Millisecond):
	}
	in.took(<-in.come)
	require.Equal(t, 2, <-put)
	assert.LessOrEqual(t, in.bytes.Load(), int64(pulledBytes))
	close(in.left) // nobody takes any more: whoever puts goes on
	require.Equal(t, 3, <-put)
	assert.Len(t, in.come, 2)
}
