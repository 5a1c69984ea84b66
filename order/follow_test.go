package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/ours"
)

// follows holds Follow against the functions over values that it does the work of.
func follows(t require.TestingT, before Order, r events.Record) (legal bool) {
	want, wrong := Evolve(before, r), Judge(before, r)
	got := before
	head, err := got.Follow(ours.Key{}, &r)
	require.Equal(t, wrong, err)
	if wrong != nil {
		require.Equal(t, before, got, "as it was")
		require.Zero(t, head)
		return false
	}
	require.Equal(t, want, got)
	require.Equal(t, want.Head(), head)
	return true
}

// Any record after any order, legal or not.
func TestFollow_IsJudgeAndEvolve(t *testing.T) {
	legal, illegal := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		k := startWalk(t)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			k.step(t)
		}
		var o Order
		for i, r := range k.log {
			for range 3 {
				other := k.log[rapid.IntRange(0, len(k.log)-1).Draw(t, "another record")]
				if rapid.Bool().Draw(t, "in turn") {
					other.Version = r.Version
				}
				if follows(t, o, other) {
					legal++
				} else {
					illegal++
				}
			}
			require.True(t, follows(t, o, r), "record %d", i)
			o = Evolve(o, r)
		}
	})
	assert.Positive(t, legal)
	assert.Positive(t, illegal)
}

// Orders that came from the same prefix share their past: following one way leaves the other alone.
func TestFollow_LeavesWhatIsSharedAlone(t *testing.T) {
	x := in(t, Captured)
	one, before := x.o, pack(x.o)
	for _, id := range []string{"C2", "C3"} {
		r := events.Record{ID: "x-" + id, Stream: x.log[0].Stream, Version: one.Version + 1, Recorded: opened,
			Occurred: opened, Event: events.CaptureSucceeded{CaptureID: id, Amount: usd(100)}}
		_, err := one.Follow(ours.Key{}, &r)
		require.NoError(t, err)
	}
	assert.Equal(t, before, pack(x.o))
	assert.NotEqual(t, before, pack(one))
}
