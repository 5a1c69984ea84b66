package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
)

func TestTimesAreShownAsAsked(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 42, time.UTC)
	for word, want := range map[string]string{"": "2026-11-23 09:00:00", timeISO: "2026-11-23 09:00:00",
		timeRaw: "2026-11-23T09:00:00.000000042Z", timeRelative: "3 h ago"} {
		show := terminal{times: word, at: at.Add(3 * time.Hour)}
		assert.Equal(t, want, show.when(at), word)
		assert.Equal(t, "-", show.when(time.Time{}), "what is not set")
	}
	for want, d := range map[string]time.Duration{"0 ms ago": 0, "250 ms ago": 250 * time.Millisecond,
		"59 s ago":      59 * time.Second,
		"4 min 5 s ago": 245 * time.Second, "1 h ago": time.Hour, "23 h 59 min ago": day - time.Minute,
		"2 d 3 h ago": 51 * time.Hour, "in 2 d": -2 * day} {
		assert.Equal(t, want, ago(d))
	}
	now := time.Now()
	assert.WithinDuration(t, now, (&terminal{}).now(), time.Minute)
}

func TestAMomentIsReadInUTC(t *testing.T) {
	for text, want := range map[string]string{"2026-11-23": "2026-11-23T00:00:00Z",
		"2026-11-23 09:30":          "2026-11-23T09:30:00Z",
		"2026-11-23T09:30:00+08:00": "2026-11-23T01:30:00Z", "2026-11-23T09:30:00.5Z": "2026-11-23T09:30:00.5Z"} {
		var m moment
		require.NoError(t, m.Set(text))
		assert.Equal(t, want, m.String())
	}
	var m moment
	require.Error(t, m.Set("23.11.2026"))
	assert.Empty(t, m.String())
}

// A flag wins over its variable, and a variable over what stands unasked.
func TestAFlagsVariable(t *testing.T) {
	build := func(env string, args ...string) (string, error) {
		cmd := &cobra.Command{Use: "probe"}
		format := outputFlag(cmd, formatText, formatJSON)
		require.NoError(t, cmd.Flags().Parse(args))
		err := fromEnvironment(&terminal{env: func(name string) string {
			return map[string]string{"TILLTAPE_OUTPUT": env}[name]
		}}, cmd)
		return format.word, err
	}
	for _, tt := range []struct {
		env  string
		args []string
		want string
	}{{"", nil, "text"}, {"json", nil, "json"}, {"json", []string{"-o", "text"}, "text"},
		{"", []string{"-ojson"}, "json"}} {
		got, err := build(tt.env, tt.args...)
		require.NoError(t, err)
		assert.Equal(t, tt.want, got, tt)
	}
	_, err := build("csv")
	require.ErrorIs(t, err, errUsage)
	require.EqualError(t, err, `TILLTAPE_OUTPUT="csv": give text or json`)
	assert.Equal(t, "TILLTAPE_NO_SUCH", variable("no-such"))
}

func TestTheMeter(t *testing.T) {
	var errs bytes.Buffer
	m := (&terminal{err: &errs, liveErr: true}).meter("record")
	now := m.began
	m.clock = func() time.Time { return now }
	m.at(1000)
	assert.Empty(t, errs.String(), "work of less than a second is told nothing of")
	now = now.Add(2 * time.Second)
	m.of(1_000_000, 4_000_000)
	assert.Equal(t, "\r\x1b[K1 000 000 of 4 000 000 records, 500 000 a second, 6 s left", errs.String())
	m.of(1_000_001, 4_000_000)
	now = now.Add(meterEvery)
	errs.Reset()
	m.at(1_050_000)
	assert.Equal(t, "\r\x1b[K1 050 000 records, 500 000 a second", errs.String(), "where nobody knows how many there are")
	// A second pass over the same begins anew: its rate is its own.
	now, m.total = now.Add(time.Second), 4_000_000
	errs.Reset()
	m.at(10_000)
	assert.Equal(t, "\r\x1b[K10 000 of 4 000 000 records", errs.String(), "of no time there is no rate")
	now = now.Add(time.Second)
	errs.Reset()
	m.at(1_000_000)
	assert.Equal(t, "\r\x1b[K1 000 000 of 4 000 000 records, 1 000 000 a second, 3 s left", errs.String())
	errs.Reset()
	m.end()
	m.end()
	assert.Equal(t, "\r\x1b[K", errs.String(), "nothing stays")

	piped := (&terminal{err: &errs}).meter("record")
	piped.clock = func() time.Time { return now.Add(time.Hour) }
	errs.Reset()
	piped.at(7)
	piped.end()
	assert.Empty(t, errs.String())
	assert.Equal(t, []string{"7", "999", "1 000", "12 345 678"},
		[]string{grouped(7), grouped(999), grouped(1000), grouped(12_345_678)})
}

// A source that knows how many records it has lets the meter tell how much time is left; and rows are counted where
// they are not seen.
func TestTheMeterKnowsHowManyThereAre(t *testing.T) {
	aDay(t)
	code, _, errs := execute(t, "export", dayLog, "all.jsonl")
	require.Equal(t, exitOK, code, errs)
	code, _, errs = execute(t, "export", dayLog, "one.jsonl", "--order", "o-06")
	require.Equal(t, exitOK, code, errs)
	for name, want := range map[string]uint64{dayLog: 105, "all.jsonl": 105, "one.jsonl": 8} {
		s, err := openSource(t.Context(), name)
		require.NoError(t, err)
		term := &terminal{}
		assert.Equal(t, want, term.meterOf(t.Context(), s).total, name)
		assert.Equal(t, min(want, 30), term.meterUpTo(t.Context(), s, audit.Point{Position: 30}).total, name)
		require.NoError(t, s.close())
	}
	var out, seen bytes.Buffer
	term := &terminal{out: &out, err: &seen, liveErr: true}
	r := term.rows(formatText).metered(term, "order")
	r.meter.began, r.meter.pass = r.meter.began.Add(-time.Hour), r.meter.pass.Add(-time.Hour)
	require.NoError(t, r.text("o-1"))
	require.NoError(t, r.end())
	assert.Equal(t, "\r\x1b[K1 order, 0 a second\r\x1b[K", seen.String())
	assert.Equal(t, "o-1\n", out.String())
	assert.Nil(t, (&terminal{liveOut: true}).rows(formatText).metered(&terminal{liveOut: true}, "order").meter)
}

// Whatever reads a whole log tells how far it is, also what opens a source, and work that is the library's own.
func TestLongWorkIsMetered(t *testing.T) {
	aDay(t)
	url := aService(t, nil)
	for _, line := range []string{"checkpoint S --key-file orders.key --roll roll", "export S all.jsonl"} {
		code, _, errs := execute(t, strings.Fields(strings.ReplaceAll(line, " S", " "+dayLog))...)
		require.Equal(t, exitOK, code, errs)
	}
	for line, want := range map[string]string{
		"export " + url + " new.jsonl":                           `[\d ]+ bytes, [\d ]+ a second`,
		"backup " + url + " new.tilltape":                        `[\d ]+ of [\d ]+ bytes, [\d ]+ a second, [^\r]+ left`,
		"show all.jsonl o-06":                                    `105 of 105 records`,
		"anchor S --key-file orders.key --tiles www":             `\d+ of 105 records, [\d ]+ a second`,
		"checkpoint S --check-roll roll --public-key orders.pub": `\d+ of 105 records, [\d ]+ a second`,
		"verify S": `105 of 105 records`,
	} {
		var out, errs bytes.Buffer
		looks := time.Now()
		term := terminal{out: &out, err: &errs, liveErr: true, env: os.Getenv, clock: func() time.Time {
			looks = looks.Add(meterAfter)
			return looks
		}}
		code := run(t.Context(), strings.Fields(strings.ReplaceAll(line, " S", " "+dayLog)), term)
		require.Contains(t, []int{exitOK, diffDiffers}, code, "%s: %s", line, errs.String())
		assert.Regexp(t, `\r\x1b\[K`+want, errs.String(), line)
		assert.True(t, strings.HasSuffix(errs.String(), "\r\x1b[K"), "%s: nothing stays: %q", line, errs.String())
	}
}

func TestNewFileIsWholeOrNotThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	left := func() (names []string) {
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, f := range files {
			names = append(names, f.Name())
		}
		return names
	}
	half := func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, context.Canceled)
	}
	require.ErrorIs(t, (&terminal{}).newFile(path, 0o600, half), context.Canceled)
	assert.Empty(t, left())

	whole := func(w io.Writer) error { _, err := io.WriteString(w, "whole"); return err }
	require.NoError(t, (&terminal{}).newFile(path, 0o640, whole))
	assert.Equal(t, []string{"out"}, left())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "whole", string(text))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())

	for name, write := range map[string]func(io.Writer) error{
		"there before": func(io.Writer) error { t.Error("nothing is written for nothing"); return nil },
		"came meanwhile": func(w io.Writer) error {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "came meanwhile"), []byte("theirs"), 0o600))
			return whole(w)
		},
	} {
		if name == "there before" {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("theirs"), 0o600))
		}
		err := (&terminal{}).newFile(filepath.Join(dir, name), 0o600, write)
		require.ErrorContains(t, err, "is there already")
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, "theirs", string(text))
	}
	assert.Len(t, left(), 3)
	require.ErrorContains(t, (&terminal{}).newFile(filepath.Join(dir, "none", "out"), 0o600, whole), "writing")
}

func TestWrapBreaksAtSpaces(t *testing.T) {
	assert.Equal(t, "one two\nthree", wrap("one two three", 8))
	assert.Equal(t, "a-word-that-is-long\nx", wrap("a-word-that-is-long x", 5))
	assert.Empty(t, wrap("  ", 5))
	assert.Equal(t, "at\n2026-11-23 01:20:38,\nthen", wrap("at 2026-11-23 01:20:38, then", 16), "a moment stays whole")
}

func TestQuietErrorsOnlySetTheCode(t *testing.T) {
	var errs bytes.Buffer
	assert.Equal(t, exitOpen, report(t.Context(), terminal{err: &errs}, quiet(errOpen)))
	assert.Empty(t, errs.String())
	assert.Equal(t, exitUsage, exitCode(errors.Join(errTrouble, errNotFound)), "of diff, all trouble is one")
}
