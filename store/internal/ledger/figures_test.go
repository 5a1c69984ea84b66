package ledger

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/store"
)

// What a commit wrote, refused and lost is counted once its appends are told, nudges are not, and what still waits is
// counted as waiting.
func TestFigures(t *testing.T) {
	f := newFake(t)
	all := []*request{appending(t, "a", 0, "r-1"), appending(t, "a", 0, "r-2"), {Nudge: true}}
	for _, r := range all {
		r.ready = time.Now().Add(-time.Hour)
		f.queue.Enter()
		_, _ = f.queue.add(r)
	}
	queue := f.queue
	assert.Equal(t, store.Figures{Waiting: 3}, queue.Figures())
	queue.Close()
	Run(queue, f, &Plan[int]{Log: "test log"})
	got := queue.Figures()
	assert.GreaterOrEqual(t, got.Took.Sum, time.Hour, "of the one that was written, from when it came")
	assert.Less(t, got.Took.Sum, 2*time.Hour)
	got.Took.Sum = 0
	assert.Equal(t, store.Figures{Appends: 1, Records: 1, Refused: 1,
		Took: store.Durations{Classes: [store.DurationClasses]uint64{store.DurationClasses - 1: 1}}}, got)
	assert.Zero(t, (*Queue[int])(nil).Figures(), "of a log that is only read")
}

func TestFigures_OfACommitThatFailed(t *testing.T) {
	f := newFake(t)
	f.commit = func(int) error { return errors.New("no disk") }
	queue := f.queue
	f.together(appending(t, "a", 0, "r-1"), appending(t, "a", 9, "r-2"))
	assert.Equal(t, store.Figures{Failed: 2}, queue.Figures())
}
