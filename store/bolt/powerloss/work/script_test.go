package work_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/bolt/powerloss/disk"
	"github.com/tilltape/tilltape/store/bolt/powerloss/work"
)

var script = work.Script{Seed: 3, Writers: 4, Appends: 20, Streams: 8, MapSize: 1 << 16, Follow: true}

// run does the script with bbolt as it is: then only what was told is recorded.
func run(t *testing.T, s work.Script) *disk.Trace {
	t.Helper()
	trace, err := s.Run(filepath.Join(t.TempDir(), "work.log"), new(disk.Recorder), nil)
	require.NoError(t, err)
	return trace
}

func TestScriptTellsWhatWasAcknowledgedAndSeen(t *testing.T) {
	trace := run(t, script)
	require.Len(t, trace.Appends, script.Writers*script.Appends)
	assert.Empty(t, trace.Replies, "on a sound disk nothing but conflicts")
	assert.Zero(t, trace.Ready)
	assert.NotEmpty(t, trace.Finished)

	refused := 0
	tried := map[string]bool{}
	for _, a := range trace.Appends {
		if a.Nothing {
			refused++
		}
		for _, id := range a.IDs {
			assert.False(t, tried[id], "%s is tried twice", id)
			tried[id] = true
		}
	}
	acked := map[uint64]string{}
	seen := map[uint64]string{}
	appends := 0
	for _, op := range trace.Ops {
		told := acked
		if op.Kind == disk.Seen {
			told = seen
		} else {
			appends++
		}
		for _, r := range op.Records {
			record, err := events.DecodeFrame(r.Frame)
			require.NoError(t, err)
			assert.Equal(t, r.Position, record.Position)
			assert.True(t, tried[record.ID])
			told[r.Position] = record.ID
		}
	}
	assert.Equal(t, len(trace.Appends), appends+refused, "every append is acknowledged or refused")
	assert.NotEmpty(t, seen)
	for position, id := range seen {
		assert.Equal(t, acked[position], id, "position %d", position)
	}
}

func TestEqualSeedsTryEqualAppends(t *testing.T) {
	lone := script
	lone.Writers, lone.Follow = 1, false
	one, two := run(t, lone), run(t, lone)
	assert.Equal(t, one.Ops, two.Ops)
	assert.Equal(t, one.Appends, two.Appends)
	lone.Seed++
	assert.NotEqual(t, one.Ops, run(t, lone).Ops)
}

func TestScriptsHaveLargeAppendsKeysAndRefusals(t *testing.T) {
	lone := script
	lone.Writers, lone.Appends, lone.Streams = 1, 150, work.StreamsMax
	trace := run(t, lone)
	large, keys, many := 0, 0, 0
	categories := map[string]bool{}
	for _, op := range trace.Ops {
		for _, r := range op.Records {
			record, err := events.DecodeFrame(r.Frame)
			require.NoError(t, err)
			categories[record.Stream.Category] = true
			if len(r.Frame) > 4096 {
				large++
			}
			keys += len(record.Keys)
		}
	}
	for _, a := range trace.Appends {
		if len(a.IDs) > 1 {
			many++
		}
	}
	assert.NotZero(t, large, "records that need pages of their own")
	assert.NotZero(t, keys)
	assert.NotZero(t, many)
	assert.True(t, categories[events.CategoryOrder] && categories[events.CategoryRefusal])
}

func TestStreamsAreAllDifferent(t *testing.T) {
	var all []events.Stream
	for n := range work.StreamsMax {
		assert.False(t, slices.Contains(all, work.Stream(n)))
		all = append(all, work.Stream(n))
	}
}

func TestALogThatDoesNotOpenIsAnError(t *testing.T) {
	_, err := script.Run(filepath.Join(t.TempDir(), "no such directory", "work.log"), new(disk.Recorder), nil)
	require.Error(t, err)
}
