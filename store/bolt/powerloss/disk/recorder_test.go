package disk_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store/bolt/powerloss/disk"
)

// attached is a new file and what is recorded of it.
func attached(t *testing.T, fault *disk.Fault) (*os.File, *disk.Recorder) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	r := &disk.Recorder{Fault: fault}
	disk.Attach(file.Name(), r)
	t.Cleanup(func() { disk.Detach(); _ = file.Close() })
	return file, r
}

func size(t *testing.T, file *os.File) int64 {
	t.Helper()
	info, err := file.Stat()
	require.NoError(t, err)
	return info.Size()
}

func TestRecorderKeepsTheTrueOrder(t *testing.T) {
	file, r := attached(t, nil)
	data := page('a', 1)
	n, err := disk.WriteAt(file, data, 100)
	require.NoError(t, err)
	assert.Equal(t, disk.SectorSize, n)
	data[0] = 'x' // the engine uses its buffers again
	require.NoError(t, disk.Truncate(file, 4096))
	require.NoError(t, disk.Sync(file))
	told := []disk.Record{{Position: 1, Frame: []byte("frame")}}
	r.Told(disk.Acked, told)
	assert.Equal(t, []disk.Op{
		{Kind: disk.Wrote, Offset: 100, Data: page('a', 1)}, {Kind: disk.Sized, Size: 4096},
		{Kind: disk.Synced, Since: 2, By: 1}, {Kind: disk.Acked, Records: told},
	}, r.Ops())
	assert.Equal(t, 4, r.Len())
	assert.EqualValues(t, 4096, size(t, file), "what is recorded is done, too")
}

func TestOtherFilesAreNotRecorded(t *testing.T) {
	_, r := attached(t, nil)
	other, err := os.Create(filepath.Join(t.TempDir(), "other"))
	require.NoError(t, err)
	defer other.Close()
	_, err = disk.WriteAt(other, page('a', 1), 0)
	require.NoError(t, err)
	require.NoError(t, disk.Truncate(other, 4096))
	require.NoError(t, disk.Sync(other))
	assert.Zero(t, r.Len())
	assert.EqualValues(t, 4096, size(t, other), "and work as ever")
}

func TestFaultsStrikeWhereTheyShould(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault disk.Fault
		fails []bool // of four writes, each followed by growing and a sync, the operation of the fault's kind
		size  int64  // in the end
		ops   int
	}{
		{"a write", disk.Fault{Kind: disk.Wrote, At: 2, Err: syscall.ENOSPC}, []bool{false, true, false, false}, 2000, 11},
		{"a write, halfway", disk.Fault{Kind: disk.Wrote, At: 2, Err: syscall.ENOSPC, Torn: 3},
			[]bool{false, true, false, false}, 2000, 12},
		{"every write", disk.Fault{Kind: disk.Wrote, At: 2, Err: syscall.EIO, Forever: true}, []bool{false, true, true, true},
			2000, 9},
		{"growing", disk.Fault{Kind: disk.Sized, At: 4, Err: syscall.ENOSPC}, []bool{false, false, false, true}, 1500, 11},
		{"a sync", disk.Fault{Kind: disk.Synced, At: 1, Err: syscall.EIO}, []bool{true, false, false, false}, 2000, 12},
	} {
		t.Run(test.name, func(t *testing.T) {
			fault := test.fault
			file, r := attached(t, &fault)
			for i, fails := range test.fails {
				_, wrote := disk.WriteAt(file, page('a', 1), 0)
				sized := disk.Truncate(file, int64(i+1)*500)
				synced := disk.Sync(file)
				err := map[disk.Kind]error{disk.Wrote: wrote, disk.Sized: sized, disk.Synced: synced}[fault.Kind]
				if fails {
					require.ErrorIs(t, err, fault.Err, "round %d", i)
				} else {
					require.NoError(t, err, "round %d", i)
				}
			}
			assert.True(t, fault.Hit())
			assert.Equal(t, test.ops, r.Len())
			assert.Equal(t, test.size, size(t, file))
			failures := 0
			for _, op := range r.Ops() {
				if op.Failed {
					failures++
				}
			}
			assert.Equal(t, fault.Kind == disk.Synced, failures == 1, "a failed sync is on record")
		})
	}
}

func TestAFaultThatIsNotReachedHasNotStruck(t *testing.T) {
	fault := &disk.Fault{Kind: disk.Wrote, At: 3, Err: syscall.EIO}
	file, _ := attached(t, fault)
	for range 2 {
		_, err := disk.WriteAt(file, page('a', 1), 0)
		require.NoError(t, err)
	}
	assert.False(t, fault.Hit())
	_, err := disk.WriteAt(file, page('a', 1), 0)
	require.Error(t, err)
	assert.True(t, fault.Hit())
	assert.Equal(t, 2, fault.Struck())
}

func TestTracesAreKeptWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace")
	trace := &disk.Trace{
		Ops: []disk.Op{wrote(3, page('a', 1)), {Kind: disk.Sized, Size: 7}, failed(2),
			{Kind: disk.Seen, Records: []disk.Record{{Position: 1, Frame: []byte{1}}}}},
		Ready:   2,
		Appends: []disk.Append{{IDs: []string{"a"}, Keys: []string{"k"}, Nothing: true}}, Replies: []string{"no"},
		Finished: []byte("file"),
	}
	require.NoError(t, trace.Save(path))
	again, err := disk.LoadTrace(path)
	require.NoError(t, err)
	assert.Equal(t, trace, again)
	require.NoError(t, os.WriteFile(path, []byte("no trace"), 0o600))
	_, err = disk.LoadTrace(path)
	require.ErrorContains(t, err, path)
}
