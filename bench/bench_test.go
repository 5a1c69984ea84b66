package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// The test binary plays the process that is killed, too.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == victimCommand {
		os.Exit(victim(os.Args[2], os.Stdout))
	}
	if len(os.Args) == appenderWords && os.Args[1] == appenderCommand {
		os.Exit(appender(os.Args[2], os.Args[3], os.Stdin, os.Stdout))
	}
	if len(os.Args) == serverWords && os.Args[1] == serverCommand {
		os.Exit(serve(os.Args[2], os.Stdin))
	}
	os.Exit(m.Run())
}

// tiny is a run of every section that takes a second or two.
var tiny = settings{Sections: sections, Orders: []int{100}, IDs: []ordering{random, timeOrdered}, Writers: []int{1, 8},
	Rounds: 2, CellTime: 20 * time.Millisecond, Tape: 300, Cancels: 30}

func TestRun_MeasuresEverySection(t *testing.T) {
	page := filepath.Join(t.TempDir(), "performance.md")
	dir := t.TempDir()
	var out, progress bytes.Buffer
	_, err := run(options{settings: tiny, dir: dir, markdown: page, asJSON: true}, &out, &progress)
	require.NoError(t, err)

	var r report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	assert.Len(t, r.Appends, len(tiny.IDs)*len(tiny.Writers)*len(contenders()))
	for _, c := range r.Appends {
		assert.Len(t, c.Rates, tiny.Rounds)
		assert.Positive(t, c.P50, "%+v", c)
		assert.LessOrEqual(t, c.P50, c.P99)
		assert.LessOrEqual(t, c.P99, c.Longest)
		assert.LessOrEqual(t, c.Max, c.Longest)
		if c.Written != notKnown {
			assert.Greater(t, c.Written, 300.0, "a frame is not written for less: %+v", c)
		}
	}
	require.Len(t, r.Cancels, len(tiny.Writers))
	assert.Positive(t, r.Cancels[0].Cancels)
	assert.Positive(t, r.Cancels[0].Two)
	require.NotNil(t, r.Load)
	assert.Positive(t, r.Load.Warm.P50)
	assert.Positive(t, r.Load.RawWarm.P50)
	require.NotNil(t, r.Replay)
	assert.Equal(t, tiny.Tape*eventsPerOrder, r.Replay.Events)
	assert.Positive(t, r.Replay.OneCore.Warm)
	assert.Positive(t, r.Replay.TwoCores.Warm)
	assert.Positive(t, r.Replay.Live)
	for _, rate := range []float64{r.Replay.MemoryOurs, r.Replay.MemoryPayload, r.Replay.MemoryRecord,
		r.Replay.VerifyBytes, r.Replay.VerifyLegality} {
		assert.Positive(t, rate)
	}
	require.NotNil(t, r.Export)
	assert.Positive(t, r.Export.Export)
	assert.Positive(t, r.Export.Replay)
	require.NotNil(t, r.Open)
	assert.Positive(t, r.Open.Killed)
	assert.Positive(t, r.Open.KilledOrders)
	assert.NotEmpty(t, r.Core)
	measuredStreams(t, &r)
	require.NotNil(t, r.Tool)
	assert.Positive(t, r.Tool.Raw)
	assert.Less(t, r.Tool.Nothing.Wall, time.Minute)
	require.Len(t, r.Tool.Asked, 4)
	for _, a := range append(r.Tool.Asked, toolLine{"version", r.Tool.Start}) {
		assert.Positive(t, a.Wall, a.What)
		assert.Positive(t, a.Processor, a.What)
	}

	measuredAService(t, &r)

	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, want := range []string{"### Machine and settings", "### Appends: 100 orders on file, random ids, 1 writer\n",
		nameSQLiteGroup, "### Figures of the design"} {
		assert.Contains(t, string(text), want)
	}
	namesNoMachine(t, string(text), dir)
	assert.Contains(t, progress.String(), "this takes about")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "nothing is left behind")
}

func namesNoMachine(t *testing.T, text, dir string) {
	host, err := os.Hostname()
	require.NoError(t, err)
	assert.NotContains(t, text, dir)
	if len(host) > 3 {
		assert.NotContains(t, text, host)
	}
}

func measuredStreams(t *testing.T, r *report) {
	require.NotNil(t, r.Streams)
	assert.Len(t, r.Streams.Appends, len(streamLanes())*len(streamWriters))
	for _, c := range r.Streams.Appends {
		assert.Positive(t, c.P50, "%+v", c)
	}
}

// The comparison is between encodings of the same records.
func TestMemoryLogs_HoldTheSameRecords(t *testing.T) {
	all := func(make func(int) (store.Log, error)) (records []events.Record) {
		log, err := make(3)
		require.NoError(t, err)
		for r, err := range log.All(context.Background(), store.Start()) {
			require.NoError(t, err)
			records = append(records, r)
		}
		return records
	}
	want := all(binaryLog)
	require.Len(t, want, 3*eventsPerOrder)
	assert.Equal(t, want, all(jsonPayloadLog))
	assert.Equal(t, want, all(jsonRecordLog))
}

func TestRun_OnlyWhatWasAskedFor(t *testing.T) {
	s := tiny
	s.Sections = []string{sectionCore}
	var out bytes.Buffer
	_, err := run(options{settings: s, dir: t.TempDir()}, &out, &bytes.Buffer{})
	require.NoError(t, err)
	assert.Contains(t, out.String(), "Decide(Cancel)")
	assert.NotContains(t, out.String(), "\nAppends:")
	assert.Contains(t, out.String(), "not measured")
}

func TestRun_OnlyTheContendersAskedFor(t *testing.T) {
	s := tiny
	s.Sections, s.Only, s.IDs, s.Writers = []string{sectionAppends}, "raw|^tilltape$", []ordering{random}, []int{1}
	var out bytes.Buffer
	profile := filepath.Join(t.TempDir(), "cpu")
	_, err := run(options{settings: s, dir: t.TempDir(), profile: profile}, &out, &bytes.Buffer{})
	require.NoError(t, err)
	assert.Contains(t, out.String(), nameRaw)
	assert.NotContains(t, out.String(), nameUnsealed)
	info, err := os.Stat(profile)
	require.NoError(t, err)
	assert.Positive(t, info.Size())
}

func TestParse(t *testing.T) {
	o, err := parse(nil, &bytes.Buffer{})
	require.NoError(t, err)
	assert.Equal(t, quick, o.settings)

	o, err = parse([]string{"-writers", "2,3", "-full", "-seconds", "0.5", "-only", "load,open", "-ids", "random",
		"-check"}, &bytes.Buffer{})
	require.NoError(t, err)
	assert.Equal(t, []int{2, 3}, o.Writers, "a flag changes the preset, wherever it stands")
	assert.Equal(t, full.Orders, o.Orders)
	assert.Equal(t, 500*time.Millisecond, o.CellTime)
	assert.Equal(t, []string{"load", "open"}, o.Sections)
	assert.Equal(t, []ordering{random}, o.IDs)
	assert.True(t, o.check)
	assert.False(t, o.counted)
	o, err = parse([]string{"-ci"}, &bytes.Buffer{})
	require.NoError(t, err)
	assert.Equal(t, ci, o.settings)
	assert.True(t, o.counted)

	for _, bad := range []string{"-only=loads", "-ids=v4", "-writers=many", "-writers=0", "-rounds=0", "-seconds=0",
		"-contenders=(", "-contenders=nobody", "extra"} {
		var told bytes.Buffer
		_, err := parse([]string{bad}, &told)
		require.Error(t, err, bad)
		assert.NotEmpty(t, told.String(), bad)
	}
}

func TestPresets_FitTheirTime(t *testing.T) {
	require.NoError(t, full.check())
	assert.Less(t, full.estimate(), 32*time.Minute)
	assert.Less(t, quick.estimate(), 270*time.Second)
	assert.Less(t, ci.estimate(), 45*time.Second)
	only := full
	only.Sections = []string{sectionOpen}
	assert.Less(t, only.estimate(), 3*time.Minute)
}

func TestTogether(t *testing.T) {
	boom, had := assert.AnError, make(chan struct{})
	require.ErrorIs(t, together(4, 100, func(i int) func() error {
		return func() error {
			if i == 2 {
				close(had)
				return boom
			}
			<-had // a busy machine may come to it last
			return nil
		}
	}), boom)
	require.NoError(t, together(4, 0, nil))
}

func TestTable(t *testing.T) {
	tab := table{title: "T", note: "N", words: 1, head: []string{"", "µ"}, rows: [][]string{{"ab", "10"}, {"c", "9"}}}
	var text, md strings.Builder
	tab.text(&text)
	tab.markdown(&md)
	assert.Equal(t, "\nT\nN\n       µ\n  ab  10\n  c    9\n", text.String())
	assert.Equal(t, "### T\n\nN\n\n|  | µ |\n| --- | ---: |\n| ab | 10 |\n| c | 9 |\n\n", md.String())
}

func TestWords(t *testing.T) {
	assert.Equal(t, "1.50 M", count(1.5e6))
	assert.Equal(t, "12.3 k", count(12_345))
	assert.Equal(t, "9999", count(9_999))
	assert.Equal(t, "1.50 s", short(1500*time.Millisecond))
	assert.Equal(t, "1.5 ms", short(1500*time.Microsecond))
	assert.Equal(t, "12.3 µs", short(12345*time.Nanosecond))
	assert.Equal(t, "99 ns", short(99))
	assert.Equal(t, "–", times(1, 0))
	assert.Equal(t, "0.50", times(1, 2))
	assert.Equal(t, "–", bytesEach(notKnown))
}

func measuredAService(t *testing.T, r *report) {
	t.Helper()
	require.NotNil(t, r.Memory)
	assert.Positive(t, r.Memory.First)
	assert.Positive(t, r.Memory.Second)
	assert.Positive(t, r.Memory.Rate)
	require.Len(t, r.Memory.Services, 2)
	for _, s := range r.Memory.Services {
		assert.Positive(t, s.Alive)
		assert.Equal(t, runtime.GOOS == "linux", s.Resident > 0)
		assert.Positive(t, s.Commands)
	}
	require.NotNil(t, r.Service)
	assert.Positive(t, r.Service.Alone)
	require.NotEmpty(t, r.Service.Lanes)
	for _, l := range r.Service.Lanes {
		assert.Positive(t, l.Commands, l.Name)
		assert.Positive(t, l.P50, l.Name)
		assert.Positive(t, l.Service, l.Name)
		assert.Positive(t, l.Simulator, l.Name)
		assert.Positive(t, l.Mean, l.Name)
		assert.Positive(t, l.Log, l.Name)
		assert.Positive(t, l.Shares[partSigning], l.Name)
	}
}
