package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/pgserver"
)

// The kinds of source that the walk gives to every verb, in the order of the columns of verbsAndSources.
//
//	log       a log's file               part   an export of one order
//	export    an export of everything    span   an export of a stretch of time
//	proof     the proof of one order     note   a file that is none of these
//	none      a file that is not there   dir    a folder
//	url       a URL of no known scheme   base   a database
//	service   a running service
var sourceKinds = []string{"log", "export", "part", "span", "proof", "note", "none", "dir", "url", "base", "service"}

// verbsAndSources is every verb that takes a source, and how it ends with each kind of it. o-06 is the order of the
// part and of the proof; S is the source.
var verbsAndSources = []struct {
	line string
	ends string // a code for each of sourceKinds
}{
	{"anchor S --key-file orders.key --file anchored.notes", "0 0 2 2 2 12 6 12 2 0 0"},
	{"anomalies S", "7 7 0 2 0 12 6 12 2 7 7"},
	{"at S 30", "0 0 2 2 2 12 6 12 2 0 0"},
	{"at S 60 o-06", "0 0 0 2 0 12 6 12 2 0 0"},
	{"backup S new", "0 2 2 2 2 12 6 12 2 0 0"},
	{"checkpoint S", "0 0 2 2 2 12 6 12 2 0 0"},
	{"checkpoint S --key-file orders.key --roll new", "0 0 2 2 2 12 6 12 2 0 0"},
	{"compact S", "0 2 2 2 2 12 6 12 2 2 2"},
	{"diff S --from 30", "1 1 2 2 2 2 2 2 2 1 1"},
	{"due S", "7 7 0 2 0 12 6 12 2 7 7"},
	{"evidence S o-06", "0 0 0 2 0 12 6 12 2 0 0"},
	{"export S new", "0 0 2 2 2 12 6 12 2 0 0"},
	{"export S new -o csv", "0 0 2 2 2 12 6 12 2 0 0"},
	{"graph S --order o-06", "0 0 0 2 0 12 6 12 2 0 0"},
	{"history S o-06", "0 0 0 2 0 12 6 12 2 0 0"},
	{"import S new", "0 0 2 2 2 12 6 12 2 0 0"},
	{"list S", "0 0 0 2 0 12 6 12 2 0 0"},
	{"prove S o-06 new --key-file orders.key", "0 0 2 2 2 12 6 12 2 0 0"},
	{"reconcile S --from 2026-11-01 --until 2026-12-01", "7 7 0 2 0 12 6 12 2 7 7"},
	{"refusals S", "0 0 0 0 2 12 6 12 2 0 0"},
	{"refusals S o-06", "0 0 0 2 2 12 6 12 2 0 0"},
	{"replay S", "0 0 2 2 2 12 6 12 2 0 0"},
	{"salvage S new", "0 2 2 2 2 12 6 12 2 2 2"},
	{"show S o-06", "0 0 0 2 0 12 6 12 2 0 0"},
	{"verify S --public-key orders.pub", "0 0 0 0 0 12 6 12 2 0 0"},
	{"view S", "0 0 2 2 2 12 6 12 2 0 0"},
}

// goType is how a type of Go's looks in a message: nothing that the tool says has one.
var goType = regexp.MustCompile(`\*?\b(bolt|export|memory|postgres|main|store|audit|sealed)\.[A-Z]\w+`)

// TestEveryVerbWithEverySource: each takes every kind of source, or says in one error and one hint why not. Whatever it
// does not do leaves no file.
func TestEveryVerbWithEverySource(t *testing.T) {
	aDay(t)
	names := map[string]string{"log": dayLog, "note": ownerPublic, "none": "no.tilltape", "dir": "folder",
		"url": "ftp://x/y", "export": "whole.jsonl", "part": "part.jsonl", "span": "span.jsonl", "proof": "o-06.proof"}
	require.NoError(t, os.Mkdir("folder", 0o700))
	for _, line := range []string{"export " + dayLog + " whole.jsonl", "export " + dayLog + " part.jsonl --order o-06",
		"export " + dayLog + " span.jsonl --until 2026-11-23T01:30:00Z",
		"prove " + dayLog + " o-06 o-06.proof --key-file " + ownerKey} {
		code, _, errs := execute(t, strings.Fields(line)...)
		require.Equal(t, exitOK, code, errs)
	}
	walked := map[string]bool{}
	for _, row := range verbsAndSources {
		for i, want := range strings.Fields(row.ends) {
			if name := names[sourceKinds[i]]; name != "" {
				walk(t, row.line, sourceKinds[i], name, want)
			}
		}
		walked[strings.Fields(row.line)[0]] = true
	}
	for _, c := range theTree() {
		if ours(c) && strings.Contains(c.Use, "SOURCE") {
			assert.True(t, walked[c.Name()], "%s is walked", c.Name())
		}
	}
}

// walk gives a source to a verb.
func walk(t *testing.T, line, kind, name, want string) {
	t.Helper()
	t.Run(strings.ReplaceAll(line, " S", " "+kind), func(t *testing.T) {
		words := strings.Fields(line)
		if words[0] == "reconcile" {
			for name, value := range anAPO(t) {
				t.Setenv(name, value)
			}
		}
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "new", filepath.Join(t.TempDir(), "new"))
			if words[i] == "S" {
				words[i] = name
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		o, e := stopping(words[0], cancel), bytes.Buffer{}
		code := run(ctx, words, terminal{out: o, err: &e, env: os.Getenv})
		out, errs := o.all.String(), e.String()
		require.Equal(t, want, strconv.Itoa(code), errs)
		assert.NotRegexp(t, goType, errs)
		assert.NotRegexp(t, goType, out)
		if code != exitOK && code != exitOpen && code != diffDiffers {
			assert.Regexp(t, `(?m)^error: .`, errs)
			assert.Regexp(t, `(?m)^hint: .`, errs)
			assert.Equal(t, 1, strings.Count(errs, "error: "), errs)
		}
	})
}

// Two columns of the walk have a source that has to be set up first: a log in a database, and one that a service holds.
func TestEveryVerbWithADatabase(t *testing.T) {
	aDay(t)
	server := pgserver.SharedWhole(t)
	url := inSchema(server.URL(), server.Schema(t))
	code, _, errs := execute(t, "import", dayLog, url)
	require.Equal(t, exitOK, code, errs)
	walkColumn(t, "base", url)
}

func TestEveryVerbWithAService(t *testing.T) {
	aDay(t)
	walkColumn(t, "service", aService(t, nil))
}

// walkColumn gives a source to every verb.
func walkColumn(t *testing.T, kind, name string) {
	t.Helper()
	column := slices.Index(sourceKinds, kind)
	for _, row := range verbsAndSources {
		walk(t, row.line, kind, name, strings.Fields(row.ends)[column])
	}
}
