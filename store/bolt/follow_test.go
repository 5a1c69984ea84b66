package bolt_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

const followed = "shop.example/orders/000102030405060708090a0b0c0d0e0f"

// following opens a copy of an order in the file, which is closed with the test.
func following(t *testing.T, path string) *bolt.Log {
	t.Helper()
	l, err := bolt.Open(path, &bolt.Config{Follow: followed})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// at is a message's place, of which it is the digest too.
func at(sequence uint64) bolt.Followed {
	return bolt.Followed{Sequence: sequence, Digest: sha256.Sum256(fmt.Append(nil, sequence))}
}

// ordered is an append with the frames that whoever has the order keeps.
func ordered(t *testing.T, id string, after uint64, records ...events.Record) *bolt.Ordered {
	t.Helper()
	o := &bolt.Ordered{Stream: events.OrderStream(id), After: after}
	for _, r := range records {
		r.Stream = o.Stream
		frame, err := events.Prepare(r)
		require.NoError(t, err)
		o.Records, o.Frames = append(o.Records, r), append(o.Frames, frame)
	}
	return o
}

func keyed(id string, keys ...events.Key) events.Record {
	r := record(id)
	r.Keys = keys
	return r
}

// The same order gives the same log, in however many commits it is applied, over restarts, and as appending gives it.
func TestCopiesOfAnOrderAreEqual(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	one, two := following(t, filepath.Join(dir, "one")), following(t, filepath.Join(dir, "two"))
	own, err := bolt.Open(filepath.Join(dir, "own"), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, own.Close()) }()
	var both []*bolt.Ordered
	for i := range uint64(30) {
		id := fmt.Sprintf("o-%d", i%7)
		a := ordered(t, id, i/7, keyed(fmt.Sprintf("r-%d", i), events.Key("paymentId:"+id)))
		require.NoError(t, one.Apply(ctx, at(i+1), []*bolt.Ordered{a}))
		require.NoError(t, a.Err)
		_, err := own.Append(ctx, a.Stream, a.After, a.Records...)
		require.NoError(t, err)
		if both = append(both, ordered(t, id, i/7, a.Records...)); len(both) == 4 {
			require.NoError(t, two.Apply(ctx, at(i+1), both))
			both = nil
		}
		if i == 11 {
			require.NoError(t, two.Close())
			two = following(t, filepath.Join(dir, "two"))
			have, follows := two.Followed()
			assert.True(t, follows)
			assert.Equal(t, at(12), have)
		}
	}
	require.NoError(t, two.Apply(ctx, at(30), both))
	want, err := one.Tree(ctx)
	require.NoError(t, err)
	assert.Equal(t, followed, want.Origin)
	for _, l := range []*bolt.Log{two, own} {
		have, err := l.Tree(ctx)
		require.NoError(t, err)
		assert.Equal(t, want.Root, have.Root)
		require.NoError(t, l.Verify(ctx, nil))
	}
	_, follows := own.Followed()
	assert.False(t, follows)
}

// What does not fit is refused alone, and the log is one message further all the same.
func TestApplyRefuses(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "orders.log"), context.Background()
	l := following(t, path)
	fits, late := ordered(t, "o-1", 0, keyed("r-1", "paymentId:p-1")), ordered(t, "o-1", 0, record("r-2"))
	taken, next := ordered(t, "o-2", 0, keyed("r-3", "paymentId:p-1")), ordered(t, "o-1", 1, record("r-4"))
	require.NoError(t, l.Apply(ctx, at(1), []*bolt.Ordered{fits, late, taken, next}))
	require.NoError(t, fits.Err)
	require.NoError(t, next.Err)
	assert.Equal(t, []uint64{1, 0, 2, 1}, []uint64{fits.First, fits.Previous, next.First, next.Previous})
	require.ErrorIs(t, late.Err, store.ErrConflict)
	require.ErrorIs(t, taken.Err, store.ErrKeyTaken)
	again := ordered(t, "o-1", 0, keyed("r-1", "paymentId:p-1"))
	require.NoError(t, l.Apply(ctx, at(7), []*bolt.Ordered{again}))
	require.ErrorIs(t, again.Err, store.ErrConflict)

	for _, sequence := range []uint64{0, 6, 7} {
		require.ErrorIs(t, l.Apply(ctx, at(sequence), nil), store.ErrInvalid)
	}
	_, err := l.Append(ctx, events.OrderStream("o-3"), 0, record("r-5"))
	require.ErrorIs(t, err, store.ErrReadOnly)
	require.ErrorIs(t, l.Adopt(ctx, nil), store.ErrReadOnly)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, l.Apply(ended, at(8), nil), context.Canceled)
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Apply(ctx, at(8), nil), store.ErrClosed)
	_, err = l.Append(ctx, events.OrderStream("o-3"), 0, record("r-5"))
	require.ErrorIs(t, err, store.ErrClosed)

	reader, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	have, _ := reader.Followed()
	assert.Equal(t, at(7), have, "a message of which nothing was taken counts")
	require.NoError(t, reader.Verify(ctx, nil))
	require.NoError(t, reader.Close())
}

// A file that follows one order is opened for no other purpose.
func TestOpeningWhatFollows(t *testing.T) {
	dir := t.TempDir()
	path, own := filepath.Join(dir, "orders.log"), filepath.Join(dir, "own.log")
	require.NoError(t, following(t, path).Close())
	l, err := bolt.Open(own, nil)
	require.NoError(t, err)
	require.NoError(t, l.Close())

	_, err = bolt.Open(path, nil)
	require.ErrorIs(t, err, store.ErrReadOnly)
	_, err = bolt.Open(path, &bolt.Config{Follow: followed[:len(followed)-1] + "0"})
	require.ErrorIs(t, err, store.ErrDamaged)
	require.ErrorContains(t, err, "made again")
	_, err = bolt.Open(own, &bolt.Config{Follow: followed})
	require.ErrorIs(t, err, store.ErrInvalid)
	for what, c := range map[string]bolt.Config{"no origin": {Follow: "shop.example"},
		"no seal": {Follow: followed, Unsealed: true}, "a journal": {Follow: followed, Journal: true},
		"another origin": {Follow: followed, Origin: "shop"}, "to read": {Follow: followed, ReadOnly: true}} {
		_, err = bolt.Open(filepath.Join(dir, "new.log"), &c)
		require.ErrorIs(t, err, store.ErrInvalid, what)
	}
	_, err = bolt.Compact(context.Background(), path, nil)
	require.NoError(t, err)
	_, follows := following(t, path).Followed()
	assert.True(t, follows, "it follows after a compaction")
}

// A copy goes on as one more copy of the order, from where it is; or as a log of its own, which says what it was.
func TestBackupsOfWhatFollows(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	l := following(t, filepath.Join(dir, "orders.log"))
	require.NoError(t, l.Apply(ctx, at(3), []*bolt.Ordered{ordered(t, "o-1", 0, record("r-1"))}))
	require.NoError(t, l.Apply(ctx, at(5), nil))
	more, own := filepath.Join(dir, "more.log"), filepath.Join(dir, "own.log")
	require.NoError(t, l.Backup(ctx, more, nil))
	require.NoError(t, l.Backup(ctx, own, nil))
	was, err := l.Tree(ctx)
	require.NoError(t, err)

	another := following(t, more)
	have, _ := another.Followed()
	assert.Equal(t, at(5), have)
	for _, log := range []*bolt.Log{l, another} {
		require.NoError(t, log.Apply(ctx, at(6), []*bolt.Ordered{ordered(t, "o-1", 1, record("r-2"))}))
	}
	now, err := l.Tree(ctx)
	require.NoError(t, err)
	also, err := another.Tree(ctx)
	require.NoError(t, err)
	assert.Equal(t, now, also)
	past, err := another.Ancestry(ctx)
	require.NoError(t, err)
	assert.Empty(t, past, "it is the same log")
	require.NoError(t, another.Close())
	following(t, more)

	alone, err := bolt.Open(own, nil)
	require.NoError(t, err)
	_, follows := alone.Followed()
	assert.False(t, follows)
	past, err = alone.Ancestry(ctx)
	require.NoError(t, err)
	require.Len(t, past, 1)
	assert.Equal(t, was, past[0])
	_, err = alone.Append(ctx, events.OrderStream("o-1"), 1, record("r-9"))
	require.NoError(t, err)
	require.NoError(t, alone.Verify(ctx, nil))
	require.NoError(t, alone.Close())
}

// Applying goes on beside what was read again after a crash and is taken into the file.
func TestApplyAfterACrash(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	path := filepath.Join(dir, "orders.log")
	open := func() *bolt.Log {
		c := bolt.SmallGenerations(64)
		c.Follow = followed
		l, err := bolt.Open(path, c)
		require.NoError(t, err)
		return l
	}
	l, sequence := open(), uint64(0)
	apply := func(n int) {
		for range n {
			sequence++
			a := ordered(t, fmt.Sprintf("o-%d", sequence), 0, record(fmt.Sprintf("r-%d", sequence)))
			require.NoError(t, l.Apply(ctx, at(sequence), []*bolt.Ordered{a}))
			require.NoError(t, a.Err)
		}
	}
	apply(50)
	require.NoError(t, l.Verify(ctx, nil)) // of the file, so that all is there
	crashed := filepath.Join(dir, "crashed.log")
	copyFile(t, path, crashed)
	require.NoError(t, l.Close())
	path = crashed
	l = open()
	assert.Positive(t, l.Recovery().Records)
	var readers sync.WaitGroup
	readers.Go(func() { assert.NoError(t, l.Verify(ctx, nil)) })
	apply(100)
	readers.Wait()
	require.NoError(t, l.Verify(ctx, nil))
	require.NoError(t, l.Close())
	l = open()
	have, _ := l.Followed()
	assert.Equal(t, at(150), have)
	require.NoError(t, l.Close())
}

// What was applied is read before it is in the file; a crash leaves the file some messages behind, and says which; and
// the same messages, applied again, make the same log.
func TestApplyIsAheadOfTheFile(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	path, crashed := filepath.Join(dir, "orders.log"), filepath.Join(dir, "crashed.log")
	l := following(t, path)
	apply := func(to *bolt.Log, i uint64) *bolt.Ordered {
		a := ordered(t, "o-1", i-1, keyed(fmt.Sprintf("r-%d", i), "paymentId:p-1"))
		require.NoError(t, to.Apply(ctx, at(i), []*bolt.Ordered{a}))
		require.NoError(t, a.Err)
		return a
	}
	apply(l, 1)
	require.NoError(t, l.Verify(ctx, nil))
	for i := uint64(2); i <= 5; i++ {
		apply(l, i)
	}
	copyFile(t, path, crashed)
	assert.NotZero(t, l.Behind().Records)
	versions := []uint64{}
	for r, err := range l.Read(ctx, events.OrderStream("o-1"), 0) {
		require.NoError(t, err)
		versions = append(versions, r.Version)
	}
	assert.Equal(t, []uint64{1, 2, 3, 4, 5}, versions)
	want, err := l.Tree(ctx)
	require.NoError(t, err)
	require.NoError(t, l.Verify(ctx, nil))
	assert.Zero(t, l.Behind())

	again := following(t, crashed)
	have, _ := again.Followed()
	require.Equal(t, at(1), have)
	for i := uint64(2); i <= 5; i++ {
		apply(again, i)
	}
	made, err := again.Tree(ctx)
	require.NoError(t, err)
	assert.Equal(t, want, made)
	require.NoError(t, again.Close())
	require.NoError(t, l.Close())
}

// What was signed is in the file, and so is, soon, how far a log is that took nothing.
func TestWhatIsSignedIsInTheFile(t *testing.T) {
	ctx := context.Background()
	signer, _, err := seal.GenerateKey(nil, "shop.example/orders")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "orders.log")
	l, err := bolt.Open(path, &bolt.Config{Follow: followed, SignerKey: signer})
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	require.NoError(t, l.Apply(ctx, at(1), []*bolt.Ordered{ordered(t, "o-1", 0, record("r-1"))}))
	require.NotZero(t, l.Behind().Records)
	_, err = l.Checkpoint(ctx)
	require.NoError(t, err)
	assert.Zero(t, l.Behind().Records)

	refused := ordered(t, "o-1", 0, record("r-2"))
	require.NoError(t, l.Apply(ctx, at(9), []*bolt.Ordered{refused}))
	require.ErrorIs(t, refused.Err, store.ErrConflict)
	crashed := path + ".crashed"
	require.Eventually(t, func() bool {
		copyFile(t, path, crashed)
		again, err := bolt.Open(crashed, &bolt.Config{Follow: followed})
		require.NoError(t, err)
		now, _ := again.Followed()
		require.NoError(t, again.Close())
		return now == at(9)
	}, time.Minute, 200*time.Millisecond)
}

// What a crash left is compacted, and follows its order as before.
func TestCompactAfterACrashOfWhatFollows(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "orders.log")
	c := bolt.SmallGenerations(64)
	c.Follow = followed
	l, err := bolt.Open(path, c)
	require.NoError(t, err)
	for i := uint64(1); i <= 50; i++ {
		a := ordered(t, fmt.Sprintf("o-%d", i), 0, record(fmt.Sprintf("r-%d", i)))
		require.NoError(t, l.Apply(ctx, at(i), []*bolt.Ordered{a}))
	}
	require.NoError(t, l.Verify(ctx, nil))
	crashed := path + ".crashed"
	copyFile(t, path, crashed)
	require.NoError(t, l.Close())
	_, err = bolt.Compact(ctx, crashed, nil)
	require.NoError(t, err)
	have, _ := following(t, crashed).Followed()
	assert.Equal(t, at(50), have)
}

// What gathered is moved though nothing more comes.
func TestWhatWaitsForTheFile(t *testing.T) {
	ctx := context.Background()
	l := following(t, filepath.Join(t.TempDir(), "orders.log"))
	for i := uint64(1); i <= 3; i++ {
		a := ordered(t, fmt.Sprintf("o-%d", i), 0, record(fmt.Sprintf("r-%d", i)))
		require.NoError(t, l.Apply(ctx, at(i), []*bolt.Ordered{a}))
	}
	require.NotZero(t, l.Behind().Records)
	require.Eventually(t, func() bool { return l.Behind().Records == 0 }, time.Minute, 10*time.Millisecond)
}

// Whoever sets the file back to an earlier message has to answer to what memory knows.
func TestVerifyHoldsWhatIsFollowed(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "orders.log"), context.Background()
	l := following(t, path)
	require.NoError(t, l.Apply(ctx, at(3), nil))
	require.NoError(t, l.Close())
	alter := func(change func(value []byte) []byte) {
		db, err := bbolt.Open(path, 0o600, nil)
		require.NoError(t, err)
		require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
			meta := tx.Bucket([]byte("meta"))
			return meta.Put([]byte("follows"), change(append([]byte(nil), meta.Get([]byte("follows"))...)))
		}))
		require.NoError(t, db.Close())
	}
	alter(func(value []byte) []byte { value[7]--; return value })
	_, err := bolt.Open(path, &bolt.Config{Follow: followed})
	require.ErrorIs(t, err, store.ErrDamaged)
	require.ErrorContains(t, err, "sum")
	alter(func(value []byte) []byte { value[7]++; return value })
	l = following(t, path)
	require.NoError(t, l.Verify(ctx, nil))
	require.NoError(t, bolt.SetBack(l, at(2)))
	require.ErrorIs(t, l.Verify(ctx, nil), store.ErrDamaged, "with a sum that fits")
}
