package main

import (
	"errors"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"bytes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRowsPrintTheFirstAtOnce(t *testing.T) {
	var out bytes.Buffer
	r := (&terminal{out: &out}).rows(formatText)
	require.NoError(t, r.text("one"))
	assert.Equal(t, "one\n", out.String(), "who waits sees that it works")
	require.NoError(t, r.text("two"))
	assert.Equal(t, "one\n", out.String())
	require.NoError(t, r.end())
	assert.Equal(t, "one\ntwo\n", out.String())
}

func TestRowsForPrograms(t *testing.T) {
	for format, want := range map[string][3]string{formatJSON: {"[]\n", "[\n{}\n]\n", "[\n{},\n{}\n]\n"},
		formatJSONL: {"", "{}\n", "{}\n{}\n"}} {
		for n, text := range want {
			var out bytes.Buffer
			r := (&terminal{out: &out}).rows(format)
			for range n {
				require.NoError(t, r.document(func(dst []byte) ([]byte, error) { return append(dst, "{}"...), nil }))
			}
			require.NoError(t, r.end())
			assert.Equal(t, text, out.String(), "%s of %d", format, n)
		}
	}
	full := errors.New("no space left")
	r := (&terminal{out: brokenWriter{full}}).rows(formatJSONL)
	require.ErrorIs(t, r.text("x"), full)
	require.ErrorIs(t, r.end(), full)
	odd := errors.New("odd")
	require.ErrorIs(t, r.document(func([]byte) ([]byte, error) { return nil, odd }), odd)
}

// The page's table has each member that the tool writes, and no other.
func TestThePageOfJSONTellsTheToolsDocuments(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/json.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(page), "## What the tool tells beside these")
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "## Words")
	for name, doc := range map[string]any{"entry": entryDocument{}, "call": callDocument{}, "order": orderDocument{},
		"action": actionDocument{}, "owed": owedDocument{}, "anomaly": anomalyDocument{},
		"change": changeDocument{}} {
		row := regexp.MustCompile(`(?m)^\| ` + name + ` \|[^|]*\|(.*)\|$`).FindStringSubmatch(table)
		require.NotNil(t, row, name)
		var told, written []string
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			told = append(told, m[1])
		}
		for f := range reflect.TypeOf(doc).Fields() {
			member, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			written = append(written, member)
		}
		assert.Equal(t, written, told, name)
	}
}
