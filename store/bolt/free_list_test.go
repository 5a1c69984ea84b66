package bolt_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// freeList is the page of the newest commit's free list.
func freeList(file []byte) (page int) {
	const commitAt, listAt = 16 + 48, 16 + 32 // of a header page
	newest := uint64(0)
	for _, header := range [][]byte{file[:pageSize], file[pageSize:]} {
		if n := binary.NativeEndian.Uint64(header[commitAt:]); n >= newest {
			newest, page = n, int(binary.NativeEndian.Uint64(header[listAt:]))
		}
	}
	return page
}

// The page of the free list says itself how many pages it goes on for, and bbolt gives all of them back with the next
// commit, one by one: where that is not so, it runs out of memory, or writes over pages that are in use. It is the last
// page of one file and not of another, by how flushes and commits have met.
func TestAFreeListThatIsSaidToGoOn(t *testing.T) {
	for range 4 {
		path := smallLog(t, false)
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		list := freeList(file)
		for _, overflow := range []uint32{1, 2, 1 << 21, 1 << 31} {
			binary.NativeEndian.PutUint32(file[list*pageSize+12:], overflow)
			require.NoError(t, os.WriteFile(path, file, 0o600))
			for _, readOnly := range []bool{true, false} {
				_, err := bolt.Open(path, &bolt.Config{ReadOnly: readOnly})
				require.ErrorIs(t, err, store.ErrDamaged, fmt.Sprint("page ", list, " goes on for ", overflow))
			}
		}
	}
}
