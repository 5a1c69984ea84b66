package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// ofManyPages makes a log of so many orders of one record, and opens it for reading, and its file for damage.
func ofManyPages(t *testing.T, orders int, id func(n int) string) (log *bolt.Log, file *os.File, image []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orders.log")
	log = openLog(t, path, nil)
	for n := range orders {
		_, err := log.Append(context.Background(), events.OrderStream(id(n)), 0, record(id(n)))
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	file, err = os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return openLog(t, path, &bolt.Config{ReadOnly: true}), file, image
}

// askAll asks for every order and its lookup key: each is known, or the log is damaged, so often.
func askAll(t *testing.T, log *bolt.Log, orders int, id func(n int) string) (damaged int) {
	t.Helper()
	for n := range orders {
		_, err := log.Head(context.Background(), events.OrderStream(id(n)))
		_, other := log.Lookup(context.Background(), events.NewKey(events.KeyPaymentID, id(n)))
		for _, err := range []error{err, other} {
			if err != nil {
				require.ErrorIs(t, err, store.ErrDamaged, id(n))
				damaged++
			}
		}
	}
	return damaged
}

// TestNothingIsUnknownInManyPages changes keys of heads and keys in a tree of many pages below an open log, those of
// entries and those that lead to the pages: whichever order or lookup key is asked for then, it is known, or the log is
// damaged.
func TestNothingIsUnknownInManyPages(t *testing.T) {
	const orders = 1500
	id := func(n int) string { return fmt.Sprintf("%04x-%d", n*7919%0xffff, n) }
	log, file, image := ofManyPages(t, orders, id)
	entries, inner := spotsOf(t, image)
	ofKeys := func(all []spot) (some []spot) {
		for _, s := range all {
			if s.bucket == "heads" || s.bucket == "keys" {
				some = append(some, s)
			}
		}
		return some
	}
	entries, inner = ofKeys(entries), ofKeys(inner)
	require.Greater(t, len(inner), 10, "each of the two has several pages")
	random := rand.New(rand.NewPCG(3, 4))
	for round := range long.Walk(3000, 9) {
		s := entries[random.IntN(len(entries))]
		if round%3 == 0 {
			s = inner[random.IntN(len(inner))]
		}
		at := s.at + random.IntN(s.value-s.at)
		_, err := file.WriteAt([]byte{image[at] ^ 1<<random.IntN(8)}, int64(at))
		require.NoError(t, err)
		damaged := askAll(t, log, orders, id)
		if round%3 != 0 {
			require.Positive(t, damaged, "the entry itself is not found any more")
		}
		_, err = log.Head(context.Background(), events.OrderStream("never"))
		require.True(t, errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDamaged), "%v", err)
		_, err = file.WriteAt(image[at:at+1], int64(at))
		require.NoError(t, err)
	}
}

// TestNothingIsUnknownWhereAPageMisplacesAnEntry changes where a leaf page says that an entry stands, below an open
// log: the bytes there can be another sound entry, of another page, and then every checksum fits. It stands out of
// order, and whichever order is asked for, it is known, or the log is damaged.
func TestNothingIsUnknownWhereAPageMisplacesAnEntry(t *testing.T) {
	const orders = 900
	id := func(n int) string { return fmt.Sprintf("o-%06d", n) }
	log, file, image := ofManyPages(t, orders, id)
	entries, _ := spotsOf(t, image)
	random := rand.New(rand.NewPCG(5, 6))
	damaged := 0
	for range long.Walk(600, 12) {
		s := entries[random.IntN(len(entries))]
		if s.bucket != "heads" && s.bucket != "keys" {
			continue
		}
		at := s.element + 5 // the second byte of four: some pages further on
		_, err := file.WriteAt([]byte{image[at] ^ 16<<random.IntN(4)}, int64(at))
		require.NoError(t, err)
		damaged += askAll(t, log, orders, id)
		_, err = file.WriteAt(image[at:at+1], int64(at))
		require.NoError(t, err)
	}
	require.Positive(t, damaged)
}
