package judge_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/bolt/powerloss/disk"
	"github.com/tilltape/tilltape/store/bolt/powerloss/judge"
	"github.com/tilltape/tilltape/store/bolt/powerloss/work"
)

// sound is a log of four appends of two records each, and the trace that fits it: everything acknowledged, and shown.
func sound(t *testing.T) (path string, trace *disk.Trace) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "image.log")
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	trace = &disk.Trace{Ready: 1, Ops: []disk.Op{{Kind: disk.Synced}}}
	random := rand.New(rand.NewPCG(1, 1))
	for n := range 4 {
		stream, after := work.Stream(n%2), uint64(n/2*2)
		records := []events.Record{work.Record(random, fmt.Sprintf("a%d-1", n)), work.Record(random, fmt.Sprintf("a%d-2", n))}
		key := events.NewKey(events.KeyPaymentID, fmt.Sprint(n))
		records[0].Keys = []events.Key{key}
		written, err := log.Append(context.Background(), stream, after, records...)
		require.NoError(t, err)
		var told []disk.Record
		for _, r := range written {
			frame, err := events.AppendFrame(nil, r)
			require.NoError(t, err)
			told = append(told, disk.Record{Position: r.Position, Frame: frame})
		}
		trace.Ops = append(trace.Ops, disk.Op{Kind: disk.Acked, Records: told}, disk.Op{Kind: disk.Seen, Records: told})
		trace.Appends = append(trace.Appends,
			disk.Append{IDs: []string{records[0].ID, records[1].ID}, Keys: []string{string(key)}})
	}
	require.NoError(t, log.Close())
	return path, trace
}

func judged(path string, trace *disk.Trace) error {
	j := judge.New(trace)
	j.Advance(len(trace.Ops))
	return j.Image(path, true)
}

func TestASoundImagePasses(t *testing.T) {
	path, trace := sound(t)
	require.NoError(t, judged(path, trace))
}

func TestMoreThanWasAcknowledgedPasses(t *testing.T) {
	path, trace := sound(t)
	j := judge.New(trace)
	j.Advance(3)
	assert.Equal(t, 4, j.Told(), "two records, acknowledged and shown")
	require.NoError(t, j.Image(path, true))
}

// wrong is an image, or a trace, that was made wrong, and what a judge has to say of it.
type wrong struct {
	name   string
	change func(t *testing.T, path string, trace *disk.Trace)
	says   string
	denied bool
}

// missing is a record that is in no log here.
var missing = disk.Record{Position: 9, Frame: []byte("gone")}

var wrongs = []wrong{
	{"a lost record", func(_ *testing.T, _ string, trace *disk.Trace) {
		trace.Ops = append(trace.Ops, disk.Op{Kind: disk.Acked, Records: []disk.Record{missing}})
	}, "position 9 was acknowledged and is lost", false},
	{"another record", func(_ *testing.T, _ string, trace *disk.Trace) {
		trace.Ops[1].Records[0].Frame[20] ^= 1
	}, "position 1 was acknowledged and is another record", false},
	{"a record that could not be kept", func(_ *testing.T, _ string, trace *disk.Trace) {
		trace.Ops[1].Records[0].Frame = nil
	}, "position 1 was acknowledged and is another record", false},
	{"a lost sighting", func(_ *testing.T, _ string, trace *disk.Trace) {
		trace.Ops = append(trace.Ops, disk.Op{Kind: disk.Seen, Records: []disk.Record{missing}})
	}, "position 9 was shown to a reader and is lost", false},
	{"a record from nowhere", func(_ *testing.T, _ string, trace *disk.Trace) {
		trace.Appends = trace.Appends[:3]
	}, "which nobody appended", false},
	{"half an append", func(_ *testing.T, _ string, trace *disk.Trace) {
		trace.Appends[3].IDs = append(trace.Appends[3].IDs, "a3-3")
	}, "record 3 of 3 is not there", false},
	{"an append that had not happened", func(_ *testing.T, _ string, trace *disk.Trace) {
		trace.Appends[1].Nothing = true
	}, `position 3 holds "a1-1"`, true},
	{"records to be read again after an orderly close", func(t *testing.T, path string, trace *disk.Trace) {
		trace.Closed = true
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		log, err := bolt.Open(path, nil)
		require.NoError(t, err)
		random := rand.New(rand.NewPCG(2, 2))
		_, err = log.Append(context.Background(), work.Stream(9), 0, work.Record(random, "more"))
		require.NoError(t, err)
		trace.Appends = append(trace.Appends, disk.Append{IDs: []string{"more"}})
		// The file as it is before the close: a killed process leaves it so.
		killed, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, log.Close())
		require.NotEqual(t, whole, killed)
		require.NoError(t, os.WriteFile(path, killed, 0o600))
	}, "after an orderly close 1 records", false},
	{"no log", func(t *testing.T, path string, _ *disk.Trace) {
		require.NoError(t, os.WriteFile(path, make([]byte, 16384), 0o600))
	}, "it does not open", false},
	{"a name that is gone", func(t *testing.T, path string, _ *disk.Trace) {
		require.NoError(t, os.Remove(path))
	}, "was acknowledged and is lost: the log ends at position 0", false},
	{"a file cut short", func(t *testing.T, path string, _ *disk.Trace) {
		require.NoError(t, os.Truncate(path, 12288))
	}, "it does not open", false},
}

// What is wrong must be found and named.
func TestWrongImages(t *testing.T) {
	for _, test := range wrongs {
		t.Run(test.name, func(t *testing.T) {
			path, trace := sound(t)
			// The sightings share their bytes with the acknowledgements: they say nothing of their own here.
			for i := range trace.Ops {
				if trace.Ops[i].Kind == disk.Seen {
					trace.Ops[i].Records = nil
				}
			}
			test.change(t, path, trace)
			err := judged(path, trace)
			require.ErrorContains(t, err, test.says)
			assert.Equal(t, test.denied, errors.Is(err, judge.ErrDenied))
		})
	}
}
