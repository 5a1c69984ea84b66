package bolt

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// openJournalled opens a log whose journal nothing fills, with so many orders in it.
func openJournalled(t *testing.T, c Config, orders int) *Log {
	t.Helper()
	c.Journal = true
	c.moveBounds = moveBounds{step: 1 << 20, max: 1 << 20, moveAt: 1 << 30, moveMax: 1 << 20}
	l, err := Open(filepath.Join(t.TempDir(), "orders.log"), &c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	for i := range orders {
		require.NoError(t, appendOne(l, fmt.Sprintf("o-%d", i)))
	}
	return l
}

func appendOne(l *Log, id string) error {
	_, err := l.Append(context.Background(), events.OrderStream(id), 0, testRecord(id))
	return err
}

// TestCloseRemovesItsOwnJournalOnly: what somebody put in the place of the two files is theirs, and who closes hears of
// it.
func TestCloseRemovesItsOwnJournalOnly(t *testing.T) {
	for name, both := range map[string]bool{"both files": true, "the journal": false} {
		t.Run(name, func(t *testing.T) {
			l := openJournalled(t, Config{}, 3)
			file := l.path
			if both {
				require.NoError(t, os.Rename(l.path, l.path+".was"))
				require.NoError(t, os.WriteFile(l.path, []byte("the restored file"), 0o600))
				file += ".was"
			}
			require.NoError(t, os.Rename(l.journalAt, file+".away"))
			require.NoError(t, os.WriteFile(l.journalAt, []byte("the restored journal"), 0o600))
			require.ErrorIs(t, l.Close(), store.ErrStorage)
			kept, err := os.ReadFile(l.journalAt)
			require.NoError(t, err)
			assert.Equal(t, "the restored journal", string(kept))
			if both {
				kept, err := os.ReadFile(l.path)
				require.NoError(t, err)
				assert.Equal(t, "the restored file", string(kept))
			}
			require.NoError(t, os.Remove(l.journalAt))
			require.NoError(t, os.Rename(file+".away", file+journalSuffix))
			again, err := Open(file, &Config{ReadOnly: true})
			require.NoError(t, err)
			assert.EqualValues(t, 3, again.lazy.end())
			require.NoError(t, again.Verify(context.Background(), nil))
			require.NoError(t, again.Close())
		})
	}
}

// TestStoppedLogMovesNothing: after a commit that the disk did not confirm, the file may have what waits to be moved;
// nothing is written to it again, so no record gets there twice.
func TestStoppedLogMovesNothing(t *testing.T) {
	l := openJournalled(t, Config{}, 5)
	last, frontier, waiting := l.last, l.frontier, l.waiting.now()
	require.NoError(t, l.move(0, nil)) // the commit is there, and its sync is said to have failed:
	l.last, l.frontier, l.waiting.groups = last, frontier, waiting
	l.fail(&failure{err: unconfirmedError(l.path, syscall.EIO)})
	err := l.move(moveMax, nil)
	require.ErrorIs(t, err, store.ErrStorage)
	require.ErrorContains(t, err, "did not confirm")
	require.ErrorContains(t, l.Verify(context.Background(), nil), "did not confirm")
	require.NoError(t, l.Close())
	again, err := Open(l.path, &Config{ReadOnly: true})
	require.NoError(t, err)
	assert.EqualValues(t, 5, again.lazy.end())
	require.NoError(t, again.Verify(context.Background(), nil))
	require.NoError(t, again.Close())
}

// TestWedgedLogWithAJournalCloses: bbolt holds its locks after a fault, and nobody waits for them.
func TestWedgedLogWithAJournalCloses(t *testing.T) {
	l := openJournalled(t, Config{MapSize: 1}, 3)
	require.NoError(t, os.Truncate(l.path, 0))
	_, err := l.Lookup(context.Background(), "nobody")
	require.ErrorIs(t, err, store.ErrDamaged)
	comesBack(t, func() { assert.ErrorIs(t, l.Verify(context.Background(), nil), store.ErrDamaged) })
	l.journal.starving.Store(true) // as if the mover had something to move when it happened
	signal(l.journal.wake)
	comesBack(t, func() { assert.NoError(t, l.Close()) })
}

// comesBack requires that f comes back.
func comesBack(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("it waits for ever")
	}
}

// TestWhoeverFreesTheJournalSaysSo: appends that wait for room hear of it from whoever moved what was there, and from
// whatever stopped the log.
func TestWhoeverFreesTheJournalSaysSo(t *testing.T) {
	l := openJournalled(t, Config{}, 2)
	told := func() bool {
		select {
		case <-l.journal.freed:
			return true
		default:
			return false
		}
	}
	require.False(t, told())
	require.NoError(t, l.Verify(context.Background(), nil))
	assert.True(t, told(), "by a verification")
	l.fail(&failure{err: unconfirmedError(l.path, syscall.EIO)})
	assert.True(t, told(), "by a failure")
}

// TestFlushAllLooksUnderTheLock: a catch-up may be carrying the flush on while a log closes.
func TestFlushAllLooksUnderTheLock(t *testing.T) {
	l := openJournalled(t, Config{}, 2)
	require.NoError(t, l.Verify(context.Background(), nil))
	l.writing.Lock()
	done := make(chan error)
	go func() { done <- l.flushAll() }()
	time.Sleep(5 * time.Millisecond) // what it must not do, it may do later than this; what it does is right at any time
	assert.Nil(t, l.lazy.layers().frozen)
	l.writing.Unlock()
	require.NoError(t, <-done)
	assert.Equal(t, progress{2, 2}, l.progress)
}

// TestVerifyPastAChunk: the mover puts records that came after a verification began into one chunk with those before.
func TestVerifyPastAChunk(t *testing.T) {
	l := openJournalled(t, Config{}, 5)
	now := l.lazy.layers()
	for i := 5; i < 8; i++ {
		require.NoError(t, appendOne(l, fmt.Sprintf("o-%d", i)))
	}
	require.NoError(t, l.moveUntil(context.Background(), l.lazy.end()))
	var told []uint64
	require.NoError(t, l.verify(context.Background(), now, func(done, total uint64) { told = append(told, done, total) }))
	assert.Equal(t, []uint64{5, 5}, told)
}

// TestVerifyOfWhatWaitsEndsWithItsContext: what the journal has may be much, and the disk slow.
func TestVerifyOfWhatWaitsEndsWithItsContext(t *testing.T) {
	l := openJournalled(t, Config{}, 3)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, l.Verify(ctx, nil), context.Canceled)
	assert.Zero(t, l.last, "nothing was moved")
}

// TestWedgeWhileACloseWaits: the mover is in bbolt, which then breaks under a reader, and neither ever comes back.
func TestWedgeWhileACloseWaits(t *testing.T) {
	l := openJournalled(t, Config{}, 3)
	_, err := l.db.Begin(true) // a writer's lock that nobody gives back
	require.NoError(t, err)
	l.journal.starving.Store(true)
	signal(l.journal.wake)
	for l.writing.TryLock() { // until the mover has it
		l.writing.Unlock()
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = l.Close()
	}()
	<-l.ended
	l.fail(&failure{err: store.ErrDamaged, wedged: true})
	comesBack(t, func() { <-closed })
}

// TestBehind: what is in the journal alone, and what keeps it there.
func TestBehind(t *testing.T) {
	l := openJournalled(t, Config{}, 3)
	assert.Equal(t, Behind{Records: 3, Bytes: 3 * journalPage}, l.Behind())
	l.stuck.Store(&failure{err: store.ErrFull})
	assert.Equal(t, Behind{Records: 3, Bytes: 3 * journalPage, Stuck: store.ErrFull}, l.Behind())
	require.NoError(t, l.Verify(context.Background(), nil))
	assert.Zero(t, l.Behind(), "what was moved is told as much")
	assert.Zero(t, openTest(t).Behind(), "a log without a journal")
}

// TestMoverRests as long as it worked, and does not while appends need room.
func TestMoverRests(t *testing.T) {
	j := &journal{space: space{size: 100}, mover: newMover(moveBounds{})}
	j.filling = j.space.filling
	begun := time.Now()
	j.rest(5*time.Millisecond, 50)
	assert.GreaterOrEqual(t, time.Since(begun), 5*time.Millisecond)
	comesBack(t, func() { j.rest(time.Hour, 51) })
	comesBack(t, func() { j.rest(time.Hour, 50) })
	signal(j.hurry)
	comesBack(t, func() { j.rest(time.Hour, 50) })
	j.starving.Store(true)
	comesBack(t, func() { j.rest(time.Hour, 50) })
}

// TestAWriteThatFailedHalfway leaves no half of a sector: that is nothing that a power loss leaves.
func TestAWriteThatFailedHalfway(t *testing.T) {
	l := openJournalled(t, Config{}, 3)
	j := l.journal
	half := bytes.Repeat([]byte("half"), 153)
	_, err := j.file.WriteAt(half, j.space.at)
	require.NoError(t, err)
	writes := j.file
	j.file, err = os.Open(j.path) // to which nothing more can be written
	require.NoError(t, err)
	require.NoError(t, writes.Close())
	require.ErrorIs(t, appendOne(l, "o-4"), store.ErrStorage)
	require.NoError(t, l.Close())
	again, err := Open(l.path, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 3, again.lazy.end())
	require.NoError(t, again.Close())
}

// TestAGrowthThatFailsCutsNothingThatWasSaid: the try before may have failed only in saying so.
func TestAGrowthThatFailsCutsNothingThatWasSaid(t *testing.T) {
	l := openJournalled(t, Config{}, 1)
	j := l.journal
	size := j.space.size
	require.NoError(t, j.lay(size, 1<<20))
	require.NoError(t, j.giveBack(size))
	fileSize := func() int64 {
		info, err := j.file.Stat()
		require.NoError(t, err)
		return info.Size()
	}
	require.Equal(t, size, fileSize())
	require.NoError(t, j.lay(size, 1<<20))
	require.NoError(t, j.lengthen(size+1<<20)) // and its sync is said to have failed
	require.NoError(t, j.giveBack(size))
	require.Equal(t, size+1<<20, fileSize())
}
