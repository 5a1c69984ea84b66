package stories

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
	"github.com/tilltape/tilltape/store/storetest"
)

// file is a log that knows its file.
type file struct {
	*bolt.Log
	path string
}

func openFile(t *testing.T, path string) store.Log {
	t.Helper()
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	return file{log, path}
}

func TestStories(t *testing.T) {
	engines := map[string]storetest.Factory{
		"memory": {Open: func(*testing.T) store.Log { return memory.New() }},
		"bolt": {
			Open: func(t *testing.T) store.Log { return openFile(t, filepath.Join(t.TempDir(), "orders.log")) },
			Reopen: func(t *testing.T, log store.Log) store.Log {
				require.NoError(t, log.Close())
				return openFile(t, log.(file).path)
			},
		},
	}
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) { Run(t, engine, long.Rounds) })
	}
}

func TestStories_EveryStepIsInSomeStory(t *testing.T) {
	acts, asserts := storyActs(), storyAsserts()
	g, used := newStage(acts, asserts), map[string]bool{}
	for _, tale := range tales(t) {
		for _, l := range tale.lines {
			p, _, err := g.find(l)
			require.NoError(t, err)
			used[p.form] = true
		}
	}
	for _, p := range slices.Concat(acts, asserts) {
		assert.True(t, used[p.form], "no story has a line like %q", p.form)
	}
}

func TestStories_ALineThatNobodyUnderstandsIsNamed(t *testing.T) {
	_, err := readStory("x.txt", "given a\nperhaps b\nthen c")
	require.EqualError(t, err, `x.txt:2: a line begins with given, when, then or and, not with "perhaps"`)
	_, err = readStory("x.txt", "and a")
	require.EqualError(t, err, "x.txt:1: nothing stands before this and")
	_, err = readStory("x.txt", "given a # then b")
	require.EqualError(t, err, "x.txt: a story ends with a then")

	twin := storyStep{form: "{id} is {status}"}
	g := newStage([]storyStep{{form: "cancel {id}"}, {form: "cancel {all...}"}}, []storyStep{twin})
	lines, err := readStory("x.txt",
		"# a title\n\nwhen cancel o-1 # now\nand refund o-1\nand cancel o-1 again\nthen o-1 is paid")
	require.NoError(t, err)
	_, _, err = g.find(lines[0])
	require.EqualError(t, err, `x.txt:3: "cancel o-1" can be read as "cancel {id}" and as "cancel {all...}"`)
	_, _, err = g.find(lines[1])
	require.EqualError(t, err, `x.txt:4: no step reads when "refund o-1"`)
	_, words, err := g.find(lines[2])
	require.NoError(t, err)
	assert.Equal(t, "o-1 again", words["all"])
	found, words, err := g.find(lines[3])
	require.NoError(t, err)
	assert.Equal(t, twin.form, found.form)
	assert.Equal(t, "paid", words["status"])
}
