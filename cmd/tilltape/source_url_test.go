package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every verb that takes a source takes it by --url, and ends as with the address as its argument; by the variable too,
// where the command line has too few arguments without it.
func TestASourceByItsURL(t *testing.T) {
	aDay(t)
	url := aService(t, nil)
	short := map[string]bool{"at S 60 o-06": true, "refusals S o-06": true} // one argument fewer is a command line, too
	for _, row := range verbsAndSources {
		if strings.HasPrefix(row.line, "compact ") || strings.HasPrefix(row.line, "salvage ") {
			continue // of files alone
		}
		want := strings.Fields(row.ends)[len(sourceKinds)-1]
		walk(t, strings.Replace(row.line, " S", "", 1)+" --url S", "service", url, want)
		if !short[row.line] {
			t.Run("variable", func(t *testing.T) {
				t.Setenv("TILLTAPE_URL", url)
				walk(t, strings.Replace(row.line, " S", "", 1), "service", url, want)
			})
		}
	}
}

func TestAnArgumentWinsOverTheVariable(t *testing.T) {
	aDay(t)
	t.Setenv("TILLTAPE_URL", "http://127.0.0.1:1/nobody")
	code, out, errs := ran(t, "show", dayLog, "o-06")
	require.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "order o-06")
	code, _, errs = ran(t, "show", "o-06")
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, errs, "http://127.0.0.1:1/nobody/ cannot be reached")
	code, out, errs = ran(t, "graph")
	assert.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "stateDiagram", "the machine itself is of no log")
	code, _, errs = ran(t, "anchor", dayLog, "--key-file", ownerKey, "--file", "kept")
	assert.Equal(t, exitOK, code, "where a log is asked is not where its checkpoint is sent: %s", errs)
}

func TestWhatAURLFlagRefuses(t *testing.T) {
	aDay(t)
	url := aService(t, nil)
	t.Setenv("TILLTAPE_TOKEN_FILE", "")
	for line, want := range map[string]string{
		"list --url " + dayLog: "error: what --url or TILLTAPE_URL names is no URL\n" +
			"hint: give one such as https://shop.example/tilltape; a file is named without it\n",
		"show " + dayLog + " o-06 --url " + url: "error: tilltape show takes a source and an order's id, but was given " +
			"3 arguments, the URL among them\nhint: the URL is the source: leave SOURCE out, or the URL\n",
		"list " + dayLog + " --token-file token": "error: --token-file is for a running service, and none is named\n" +
			"hint: name it by its address, such as https://shop.example/tilltape\n",
	} {
		code, out, errs := ran(t, strings.Fields(line)...)
		assert.Equal(t, strconv.Itoa(exitUsage), strconv.Itoa(code), line)
		assert.Empty(t, out)
		assert.Equal(t, want, errs, line)
	}
	code, _, errs := ran(t, "list", "--url", url)
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, errs, "hint: name the file with your token by --token-file or TILLTAPE_TOKEN_FILE\n")
	code, out, errs := ran(t, "list", "--url", url, "--token-file", "token", "--limit", "1")
	assert.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "o-01")
	t.Setenv("TILLTAPE_URL", "postgres:/u:a-secret@db/orders")
	code, _, errs = ran(t, "list")
	assert.Equal(t, exitUsage, code)
	assert.NotContains(t, errs, "a-secret")
}

// What a command takes as arguments may depend on a flag, which may come from the environment.
func TestAVariableCountsBeforeTheArguments(t *testing.T) {
	aDay(t)
	t.Setenv("TILLTAPE_ORDER", "o-06")
	code, out, errs := ran(t, "graph")
	assert.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "stateDiagram", "without a source nothing has a use for it")
	code, out, errs = ran(t, "graph", dayLog)
	assert.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "cancel refused")
}
