package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the command called the last capture, every attempt tells APO, in this process and in one that starts after it.
func TestCaptures_EveryAttemptSaysThatItIsTheLast(t *testing.T) {
	for _, last := range []bool{true, false} {
		x := in(t, Authorized)
		x.must(Capture{CommandID: "k", Amount: usd(300), Last: last})
		first, ok := x.o.Claimed()
		require.True(t, ok)
		assert.Equal(t, last, first.Last)
		x.answer(unknownU)
		x.retry()
		replayIsLive(t, x)
		restarted, ok := unpack(pack(x.o))
		require.True(t, ok)
		again, ok := restarted.Claimed()
		require.True(t, ok)
		again.Attempt, again.Lease = first.Attempt, first.Lease
		assert.Equal(t, first, again)
	}
	x := in(t, Captured)
	x.must(Refund{CommandID: "k", Amount: usd(100)})
	call, _ := x.o.Claimed()
	assert.False(t, call.Last, "only a capture can be the last")
}
