package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each of these flags is one that the verb, or the source, has no use for: it is refused where somebody gives it, and
// left alone where it comes from a variable, which may be meant for another verb.
func TestAVariableThatNobodyHasUseForIsLeftAlone(t *testing.T) {
	aDay(t)
	for _, line := range []string{"prove " + dayLog + " o-06 o-06.proof --key-file " + ownerKey,
		"export " + dayLog + " part.jsonl --order o-06",
		"anchor " + dayLog + " --key-file " + ownerKey + " --tiles www"} {
		code, _, errs := execute(t, strings.Fields(line)...)
		require.Equal(t, exitOK, code, errs)
	}
	signed, err := os.ReadFile("www/checkpoint")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("day.note", signed, 0o600))
	const by = " --public-key " + ownerPublic
	for _, c := range []struct{ line, flag, value string }{
		{"salvage " + dayLog + " new.tilltape", "public-key", ownerPublic},
		{"verify o-06.proof" + by, "checkpoint", "day.note"},
		{"verify o-06.proof" + by, "apo-key", "apo.pub"},
		{"verify o-06.proof" + by, "level", "bytes"},
		{"verify part.jsonl" + by, "apo-key", "apo.pub"},
		{"verify part.jsonl" + by, "skip-indexes", "true"},
		{"checkpoint www" + by, "key-file", ownerKey},
		{"checkpoint www" + by, "since", "day.note"},
		{"prove " + dayLog + " o-09 o-09.proof --key-file " + ownerKey, "roll", "day.note"},
		{"prove " + dayLog + " o-12 o-12.proof --key-file " + ownerKey, "check", "o-06.proof"},
		{"graph", "order", "o-06"},
		{"export " + dayLog + " new.jsonl", "kind", "refund"},
		{"export " + dayLog + " other.jsonl", "table", "orders"},
		{"export " + dayLog + " new.csv -o csv --table orders", "kind", "refund"},
	} {
		t.Run(c.line+" "+c.flag, func(t *testing.T) {
			code, _, errs := execute(t, append(strings.Fields(c.line), "--"+c.flag+"="+c.value)...)
			assert.Equal(t, exitUsage, code, errs)
			t.Setenv(variable(c.flag), c.value)
			code, _, errs = ran(t, strings.Fields(c.line)...)
			assert.Equal(t, exitOK, code, errs)
		})
	}
}
