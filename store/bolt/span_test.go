package bolt_test

import (
	"encoding/binary"
	"hash/fnv"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// A damaged page that says that it goes on for half of a large file costs no memory of that size, neither where the
// file is looked at nor where what is left is read.
func TestOpenDamaged_APageIsNotBelievedHowFarItGoesOn(t *testing.T) {
	const (
		pages, goesOn = 1 << 18, 1 << 17 // a GiB, most of it a hole, and half of one
		most          = 128 << 20        // bytes: what reading the records takes, many times over
	)
	path := filled(t, 4, 7)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	size := int64(os.Getpagesize())
	info, err := file.Stat()
	require.NoError(t, err)
	page := make([]byte, size)
	leaves := 0
	for at := int64(0); at < info.Size(); at += size {
		_, err := file.ReadAt(page, at)
		require.NoError(t, err)
		switch {
		case at < 2*size: // a header, which has its number of pages and its own checksum
			binary.NativeEndian.PutUint64(page[56:], pages)
			sum := fnv.New64a()
			_, _ = sum.Write(page[16:72])
			binary.NativeEndian.PutUint64(page[72:], sum.Sum64())
		case binary.NativeEndian.Uint16(page[8:])&0x02 != 0 && binary.NativeEndian.Uint64(page) == uint64(at/size):
			leaves++
			binary.NativeEndian.PutUint32(page[12:], goesOn)
		default:
			continue
		}
		_, err = file.WriteAt(page, at)
		require.NoError(t, err)
	}
	require.Greater(t, leaves, 2)
	require.NoError(t, file.Truncate(pages*size))

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d := openDamaged(t, path)
	assert.ErrorIs(t, d.Refusal(), store.ErrDamaged)
	read, _ := left(t, d)
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(most))
	assert.NotEmpty(t, read, "what stands in the page itself is left")
	_, err = bolt.Open(path, &bolt.Config{ReadOnly: true})
	assert.ErrorIs(t, err, store.ErrDamaged)
}
