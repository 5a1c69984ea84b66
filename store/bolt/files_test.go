package bolt_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

func TestOpenRefuses(t *testing.T) {
	write := func(content []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, content, 0o600)) }
	}
	for name, c := range map[string]struct {
		make  func(t *testing.T, path string)
		kind  error
		words []string
	}{
		"a text":          {write([]byte("order,amount\no-1,10.00\n")), bolt.ErrNotALog, []string{"not a log"}},
		"a long text":     {write(bytes.Repeat([]byte("order,amount\n"), 10_000)), bolt.ErrNotALog, []string{"not a log"}},
		"a page of zeros": {write(make([]byte, 4096)), bolt.ErrNotALog, nil},
		"pages of zeros":  {write(make([]byte, 1<<16)), bolt.ErrNotALog, nil},
		"one byte":        {write([]byte{0}), bolt.ErrNotALog, nil},
		"SQLite":          {write(append([]byte("SQLite format 3\x00"), make([]byte, 1<<13)...)), bolt.ErrNotALog, nil},
		"a directory": {func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) }, bolt.ErrNotALog,
			[]string{"directory"}},
		"a foreign bbolt": {tamper(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("users")); return err }),
			bolt.ErrNotALog, []string{"another program"}},
		"a foreign meta": {tamper(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("meta")); return err }),
			bolt.ErrNotALog, nil},
		"a link to itself": {func(t *testing.T, path string) { require.NoError(t, os.Symlink(path, path)) }, store.ErrStorage,
			nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "orders.log")
			c.make(t, path)
			before, _ := os.ReadFile(path)
			for _, config := range []*bolt.Config{nil, {ReadOnly: true}} {
				_, err := bolt.Open(path, config)
				isClear(t, err, c.kind, path, c.words...)
			}
			after, _ := os.ReadFile(path)
			assert.True(t, bytes.Equal(before, after), "a file that is not ours is not changed")
		})
	}
}

// tamper returns a function that changes the bbolt file at a path behind the log's back.
func tamper(change func(tx *bbolt.Tx) error) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
		require.NoError(t, err)
		require.NoError(t, db.Update(change))
		require.NoError(t, db.Close())
	}
}

func TestOpenRefusesPaths(t *testing.T) {
	_, err := bolt.Open("", nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	path := filepath.Join(t.TempDir(), "no", "such", "directory", "orders.log")
	_, err = bolt.Open(path, nil)
	isClear(t, err, store.ErrStorage, path, "directory")
	path = filepath.Join(t.TempDir(), "orders.log")
	_, err = bolt.Open(path, &bolt.Config{ReadOnly: true})
	isClear(t, err, store.ErrStorage, path, "no such file; check the path")
	assert.NoFileExists(t, path, "opening for reading makes no file")
	_, err = bolt.Open(path, &bolt.Config{LockTimeout: -1})
	isClear(t, err, store.ErrInvalid, path, "LockTimeout")
	_, err = bolt.Open(path, &bolt.Config{MapSize: -1})
	isClear(t, err, store.ErrInvalid, path, "MapSize")
	file := filepath.Join(filled(t, 1, 1), "orders.log")
	_, err = bolt.Open(file, nil)
	isClear(t, err, store.ErrStorage, file)
}

func TestOpenReadOnlyDirectory(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "sealed")
	require.NoError(t, os.Mkdir(directory, 0o500))
	if os.Geteuid() == 0 {
		directory = "/sys/kernel" // nobody makes files there, root neither
	}
	path := filepath.Join(directory, "orders.log")
	_, err := bolt.Open(path, nil)
	isClear(t, err, store.ErrStorage, path, "not permit")
}

func TestOpenGoesOnWithACreationCutShort(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, path string){
		"an empty file": func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, nil, 0o600)) },
		"bbolt's own only": func(t *testing.T, path string) {
			db, err := bbolt.Open(path, 0o600, nil)
			require.NoError(t, err)
			require.NoError(t, db.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "orders.log")
			prepare(t, path)
			_, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
			isClear(t, err, bolt.ErrNotALog, path, "creation was cut short", "without Config.ReadOnly")
			log, err := bolt.Open(path, nil)
			require.NoError(t, err)
			_, err = log.Append(context.Background(), events.OrderStream("o-1"), 0, record("r-1"))
			require.NoError(t, err)
			require.NoError(t, log.Close())
			log, err = bolt.Open(path, nil)
			require.NoError(t, err, "what was appended was sealed")
			defer log.Close()
			require.NoError(t, log.Verify(context.Background(), nil))
			assert.EqualValues(t, 1, tree(t, log).Size)
		})
	}
}

func TestOpenNewerFormat(t *testing.T) {
	path := filled(t, 1, 1)
	tamper(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("format"), binary.BigEndian.AppendUint32(nil, 2))
	})(t, path)
	for _, config := range []*bolt.Config{nil, {ReadOnly: true}} {
		_, err := bolt.Open(path, config)
		isClear(t, err, store.ErrNewerFormat, path, "version 2", "upgrade first")
	}
}

func TestOpenDamagedStructure(t *testing.T) {
	for name, change := range map[string]func(tx *bbolt.Tx) error{
		"format is gone": func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Delete([]byte("format")) },
		"format is zero": func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("meta")).Put([]byte("format"), make([]byte, 4))
		},
		"a bucket is gone":     func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("due")) },
		"newest frame is torn": func(tx *bbolt.Tx) error { return tx.Bucket([]byte("log")).Put(position(4), []byte("torn")) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t, 2, 2)
			tamper(change)(t, path)
			_, err := bolt.Open(path, nil)
			isClear(t, err, store.ErrDamaged, path, "backup")
		})
	}
}

func position(p uint64) []byte { return binary.BigEndian.AppendUint64(nil, p) }

// readDamage is something wrong in a log of two orders with three records each, where o-0 has positions 1, 3 and 5, and
// which reads come upon it.
type readDamage struct {
	change   func(tx *bbolt.Tx) error
	position string // that All must name; empty where All has nothing to complain about
	stream   bool   // whether reading o-0 fails too
	head     bool   // and its head
	heads    bool   // and the heads
}

func readDamages() map[string]readDamage {
	get := func(tx *bbolt.Tx, p uint64) []byte { return bytes.Clone(tx.Bucket([]byte("log")).Get(position(p))) }
	put := func(tx *bbolt.Tx, p uint64, frame []byte) error {
		return tx.Bucket([]byte("log")).Put(position(p), frame)
	}
	return map[string]readDamage{
		"a frame is gone": {change: func(tx *bbolt.Tx) error { return tx.Bucket([]byte("log")).Delete(position(3)) },
			position: "position 3", stream: true},
		"a frame is garbage": {change: func(tx *bbolt.Tx) error { return put(tx, 3, []byte("garbage")) },
			position: "position 3", stream: true},
		"a frame is empty": {change: func(tx *bbolt.Tx) error { return put(tx, 3, nil) }, position: "position 3",
			stream: true},
		"a frame is cut short": {change: func(tx *bbolt.Tx) error { f := get(tx, 3); return put(tx, 3, f[:len(f)-1]) },
			position: "position 3", stream: true},
		"a frame stands twice": {change: func(tx *bbolt.Tx) error { return put(tx, 3, get(tx, 1)) }, position: "position 3",
			stream: true},
		"newest frame is gone, and not the log's newest": {change: func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("log")).Delete(position(5))
		},
			position: "position 5", stream: true, head: true, heads: true},
		"a stream's end is another's": {change: func(tx *bbolt.Tx) error {
			return forge(tx, "heads", "\x05order\x03o-0", []byte{3, 6})
		}, stream: true, head: true, heads: true},
		"a stream's end is garbage": {change: func(tx *bbolt.Tx) error {
			return forge(tx, "heads", "\x05order\x03o-0", []byte("garbage"))
		}, stream: true, head: true, heads: true},
		"a stream's end is too high": {change: func(tx *bbolt.Tx) error {
			return forge(tx, "heads", "\x05order\x03o-0", []byte{4, 5})
		}, stream: true, head: true, heads: true},
		"an index entry too many": {change: func(tx *bbolt.Tx) error {
			return forge(tx, "status", "\x00\x00\x00\x00\x00\x00\x00\x00\x00o-0", nil)
		}, heads: true},
		"an index entry of nobody": {change: func(tx *bbolt.Tx) error {
			return forge(tx, "status", "\x00\x00\x00\x00\x00\x00\x00\x00\x00o-9", nil)
		}, heads: true},
		"an index entry without an id": {change: func(tx *bbolt.Tx) error {
			return forge(tx, "status", "\x00\x00", nil)
		}, heads: true},
	}
}

func TestReadsProveWhatTheyRead(t *testing.T) {
	ctx := context.Background()
	o0 := events.OrderStream("o-0")
	for name, c := range readDamages() {
		t.Run(name, func(t *testing.T) {
			path := filledWith(t, &bolt.Config{Unsealed: true}, 2, 3)
			tamper(c.change)(t, path)
			log, err := bolt.Open(path, nil)
			require.NoError(t, err, "without a seal, of the records only the newest are looked at when a log is opened")
			defer log.Close()
			check := func(what string, err error, bad bool, words ...string) {
				t.Helper()
				if bad {
					isClear(t, err, store.ErrDamaged, path, words...)
				} else {
					assert.NoError(t, err, what)
				}
			}
			_, err = readAll(log)
			check("all", err, c.position != "", c.position)
			err = nil
			for _, err = range log.Read(ctx, o0, 0) {
			}
			check("stream", err, c.stream)
			_, err = log.Head(ctx, o0)
			check("head", err, c.head)
			for _, err = range log.Heads(ctx, store.AllOrders()) {
			}
			check("heads", err, c.heads)
			if c.head {
				_, err = log.Append(ctx, o0, 3, record("new"))
				require.Error(t, err, "nothing is built on a damaged end")
				_, err = log.Append(ctx, events.OrderStream("o-2"), 0, record("new"))
				require.NoError(t, err, "other orders go on")
			}
		})
	}
}

// TestSealedLogsRefuseDamage: with a seal, the records after the newest full tile are proven when the log is opened;
// for reading as much as for appends.
func TestSealedLogsRefuseDamage(t *testing.T) {
	for name, c := range readDamages() {
		if c.position == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			path := filled(t, 2, 3)
			tamper(c.change)(t, path)
			for _, config := range []*bolt.Config{nil, {ReadOnly: true}} {
				_, err := bolt.Open(path, config)
				isClear(t, err, store.ErrDamaged, path, "backup")
			}
		})
	}
}

func TestLookupProvesTheOwner(t *testing.T) {
	path := filled(t, 2, 1)
	tamper(func(tx *bbolt.Tx) error {
		return forge(tx, "keys", "\x01\x05o-0-0", []byte("\x09x"))
	})(t, path)
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	defer log.Close()
	_, err = log.Lookup(context.Background(), "paymentId:o-0-0")
	isClear(t, err, store.ErrDamaged, path, "paymentId:o-0-0")
	_, err = log.Append(context.Background(), events.OrderStream("o-2"), 0, record("o-0-0"))
	isClear(t, err, store.ErrDamaged, path, "paymentId:o-0-0")
}

// TestDamagedPages overwrites every used page of a file in several ways. The log may refuse the file or a read, or be
// lucky; it may never panic, hang, return what was not written, or keep the file locked.
func TestDamagedPages(t *testing.T) {
	t.Parallel()
	path := filled(t, 12, 6)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	want := map[string]bool{}
	for o := range 12 {
		for v := range 6 {
			want[fmt.Sprintf("o-%d-%d", o, v)] = true
		}
	}
	const page = 4096
	step, caught := long.Rounds(1, 11), 0
	for _, with := range []string{"zeros", "ones", "next page", "first byte", "count", "middle"} {
		for at := 0; at < usedBytes(t, path); at += page * step {
			bad := bytes.Clone(whole)
			switch with {
			case "zeros":
				fill(bad[at:at+page], 0)
			case "ones":
				fill(bad[at:at+page], 0xff)
			case "next page":
				copy(bad[at:at+page], whole[at+page:])
			case "first byte":
				bad[at+8] ^= 0xff // the page's kind
			case "count":
				bad[at+10] /= 2 // of the page's entries; one too high can send bbolt around in circles, see the package's limits
			case "middle":
				bad[at+page/2] ^= 0xff
			}
			victim := filepath.Join(t.TempDir(), "orders.log")
			require.NoError(t, logfile.Write(victim, bad))
			if err := useWholly(t, victim, want); err != nil {
				caught++
				assert.True(t, isContract(err), "%s at page %d: %v", with, at/page, err)
			}
			// The lock is free again, whatever happened.
			require.NoError(t, logfile.Write(victim, whole))
			log, err := bolt.Open(victim, &bolt.Config{LockTimeout: 50 * time.Millisecond, MapSize: 1})
			require.NoError(t, err, "%s at page %d: open again", with, at/page)
			require.NoError(t, log.Close())
		}
	}
	assert.Greater(t, caught, 10/step, "most of this damage shows")
}

func fill(b []byte, with byte) {
	for i := range b {
		b[i] = with
	}
}

// useWholly opens the file, reads all there is, appends, and returns the first error.
func useWholly(t *testing.T, path string, want map[string]bool) error {
	log, err := bolt.Open(path, &bolt.Config{MapSize: 1})
	if err != nil {
		return err
	}
	defer func() {
		closed := make(chan struct{})
		go func() { defer close(closed); _ = log.Close() }()
		select {
		case <-closed:
		case <-time.After(10 * time.Second):
			t.Error("Close hangs")
		}
	}()
	ctx := context.Background()
	all, err := readAll(log)
	for _, r := range all {
		assert.True(t, want[r.ID], "record %q was never written", r.ID)
	}
	if err != nil {
		return err
	}
	for o := range 12 {
		for _, err := range log.Read(ctx, events.OrderStream(fmt.Sprintf("o-%d", o)), 0) {
			if err != nil {
				return err
			}
		}
	}
	for _, filter := range []store.Filter{store.AllOrders(), store.DueBy(noon), store.Attention(events.AttentionParked)} {
		for _, err := range log.Heads(ctx, filter) {
			if err != nil {
				return err
			}
		}
	}
	if _, err := log.Lookup(ctx, "paymentId:o-1-1"); err != nil {
		return err
	}
	_, err = log.Append(ctx, events.OrderStream("new"), 0, bulky("new"))
	return err
}
