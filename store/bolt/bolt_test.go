package bolt_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	bberrors "go.etcd.io/bbolt/errors"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
	"github.com/tilltape/tilltape/store/storetest"
)

// kept is a log that remembers its file.
type kept struct {
	*bolt.Log
	path string
}

func factory() storetest.Factory { return factoryOf(nil) }

func factoryOf(config *bolt.Config) storetest.Factory {
	open := func(t *testing.T, path string) store.Log {
		log, err := bolt.Open(path, config)
		require.NoError(t, err)
		return kept{log, path}
	}
	return storetest.Factory{
		Short: !long.Enabled(),
		Open:  func(t *testing.T) store.Log { return open(t, filepath.Join(t.TempDir(), "orders.log")) },
		Reopen: func(t *testing.T, log store.Log) store.Log {
			require.NoError(t, log.Close())
			return open(t, log.(kept).path)
		},
	}
}

// sealedFactory is a factory whose logs sign what they hold.
func sealedFactory(t *testing.T, config bolt.Config) storetest.Factory {
	config.Signer = newSigner(t, "shop.example/orders")
	reading := config
	reading.ReadOnly = true
	f := factoryOf(&config)
	toRead := func(path string) (store.Log, error) {
		log, err := bolt.Open(path, &reading)
		if err != nil {
			return nil, err
		}
		return kept{log, path}, nil
	}
	f.Seal = &storetest.Seal{
		Verifier: config.Signer.Verifier(),
		Backup: func(t *testing.T, log store.Log) (store.Log, error) {
			path := filepath.Join(t.TempDir(), "backup.log")
			if err := log.(kept).Backup(context.Background(), path, nil); err != nil {
				return nil, err
			}
			return toRead(path)
		},
		OpenToRead: func(t *testing.T, log store.Log) (store.Log, error) {
			require.NoError(t, log.Close())
			return toRead(log.(kept).path)
		},
		Tamper: tamperRecord,
	}
	return f
}

// tamperRecord changes a letter of the actor in the record at the position, in the file under an open log, together
// with the checksum in its chunk's directory.
func tamperRecord(t *testing.T, log store.Log, position uint64) {
	t.Helper()
	for r, err := range log.All(context.Background(), store.After(events.Record{Position: position - 1})) {
		require.NoError(t, err)
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err)
		require.NotEmpty(t, r.Actor)
		require.Positive(t, rotFrame(t, log.(kept).path, frame, bytes.Index(frame, []byte(r.Actor))))
		return
	}
}

func TestLog(t *testing.T) { storetest.Run(t, sealedFactory(t, bolt.Config{})) }

// TestLogOfSmallGenerations: the same where what is lazy goes to the file all the time. Everyday it is operations by
// lot, against a log in memory.
func TestLogOfSmallGenerations(t *testing.T) {
	if !long.Enabled() {
		storetest.Same(t, sealedFactory(t, *bolt.SmallGenerations(7)), inMemory())
		return
	}
	for _, entries := range []int{1, 7, 100} {
		t.Run(fmt.Sprint(entries), func(t *testing.T) { storetest.Run(t, sealedFactory(t, *bolt.SmallGenerations(entries))) })
	}
}

func inMemory() storetest.Factory {
	return storetest.Factory{Open: func(*testing.T) store.Log { return memory.New() }}
}

func TestSameAsMemory(t *testing.T) { storetest.Same(t, factory(), inMemory()) }

// noon is when everything in these tests happens.
var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

func record(id string) events.Record {
	return events.Record{
		ID: id, Recorded: noon, Occurred: noon,
		Head:  events.Head{Status: "created", StatusSince: noon, ParkedSince: noon, Due: noon},
		Keys:  []events.Key{events.NewKey(events.KeyPaymentID, id)},
		Event: events.PaymentPending{PaymentID: id, Proof: events.Proof{Evidence: &events.Evidence{Body: []byte("{}")}}},
	}
}

// bulk is a body that takes some pages of the file.
const bulk = 48 << 10

// bulky is a record with a large body.
func bulky(id string) events.Record {
	r := record(id)
	r.Event = events.PaymentPending{PaymentID: id,
		Proof: events.Proof{Evidence: &events.Evidence{Body: bytes.Repeat([]byte{'x'}, bulk)}}}
	return r
}

// filled makes a log of some orders with some records each and returns its path, closed.
func filled(t *testing.T, orders, each int) string { return filledWith(t, nil, orders, each) }

func filledWith(t *testing.T, config *bolt.Config, orders, each int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orders.log")
	log, err := bolt.Open(path, config)
	require.NoError(t, err)
	for v := range each {
		for o := range orders {
			_, err := log.Append(context.Background(), events.OrderStream(fmt.Sprintf("o-%d", o)), uint64(v),
				record(fmt.Sprintf("o-%d-%d", o, v)))
			require.NoError(t, err)
		}
	}
	require.NoError(t, log.Close())
	return path
}

// readAll reads the log to its end or to its first error.
func readAll(log store.Log) (all []events.Record, err error) {
	for r, err := range log.All(context.Background(), store.Start()) {
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}

// isClear checks an error that a user will see: it is of the kind, names the file, and nothing of bbolt's is in it.
func isClear(t *testing.T, err, kind error, path string, words ...string) {
	t.Helper()
	require.ErrorIs(t, err, kind)
	for _, word := range append(words, path) {
		assert.Contains(t, err.Error(), word)
	}
	for _, theirs := range []error{
		bberrors.ErrTimeout, bberrors.ErrInvalid, bberrors.ErrChecksum, bberrors.ErrVersionMismatch,
		bberrors.ErrDatabaseNotOpen,
		bberrors.ErrInvalidMapping, bberrors.ErrMaxSizeReached, bberrors.ErrDatabaseReadOnly, bberrors.ErrTxClosed,
	} {
		assert.NotErrorIs(t, err, theirs, "an error of bbolt's leaks")
	}
}

func TestNewFileIsPrivate(t *testing.T) {
	info, err := os.Stat(filled(t, 1, 1))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestReadOnly(t *testing.T) {
	path, ctx := filled(t, 3, 3), context.Background()
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	one, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	two, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.NoError(t, err, "readers share the file")

	for _, log := range []store.Log{one, two} {
		all, err := readAll(log)
		require.NoError(t, err)
		assert.Len(t, all, 9)
		_, err = log.Append(ctx, events.OrderStream("o-0"), 3, record("new"))
		isClear(t, err, store.ErrReadOnly, path, "Config.ReadOnly")
	}
	_, err = bolt.Open(path, &bolt.Config{LockTimeout: 10 * time.Millisecond})
	isClear(t, err, bolt.ErrLocked, path)
	require.NoError(t, one.Close())
	require.NoError(t, two.Close())
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(before, after), "a reader changes nothing")
}

func TestSlowReaderHoldsUpNobody(t *testing.T) {
	ctx := context.Background()
	// The smallest map there is, so that the file outgrows it under the reader again and again.
	log, err := bolt.Open(filepath.Join(t.TempDir(), "orders.log"), &bolt.Config{MapSize: 1})
	require.NoError(t, err)
	defer log.Close()
	stream := events.OrderStream("o-1")
	_, err = log.Append(ctx, stream, 0, bulky("b-0"))
	require.NoError(t, err)
	version := uint64(1)
	for r, err := range log.All(ctx, store.Start()) {
		require.NoError(t, err)
		if r.Version == 40 {
			break
		}
		for range 2 {
			_, err = log.Append(ctx, stream, version, bulky(fmt.Sprintf("b-%d", version)))
			require.NoError(t, err)
			version++
		}
	}
	all, err := readAll(log)
	require.NoError(t, err)
	assert.Len(t, all, int(version))
}

func BenchmarkAppendAlone(b *testing.B) {
	log, err := bolt.Open(filepath.Join(b.TempDir(), "orders.log"), nil)
	require.NoError(b, err)
	defer log.Close()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, err := log.Append(context.Background(), events.OrderStream(fmt.Sprintf("o-%d", i/4)), uint64(i%4),
			record(fmt.Sprintf("r-%d", i)))
		require.NoError(b, err)
	}
}

func BenchmarkReadOrder(b *testing.B) {
	log, err := bolt.Open(filepath.Join(b.TempDir(), "orders.log"), nil)
	require.NoError(b, err)
	defer log.Close()
	const length = 8
	stream := events.OrderStream("o-1")
	for v := range uint64(length) {
		_, err := log.Append(context.Background(), stream, v, record(fmt.Sprintf("r-%d", v)))
		require.NoError(b, err)
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range log.Read(context.Background(), stream, 0) {
			require.NoError(b, err)
			n++
		}
		require.Equal(b, length, n)
	}
}
