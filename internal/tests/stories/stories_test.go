// Package stories_test plays the stories of testdata: what happens to an order, told in plain English line by line.
package stories_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A story is a file in testdata: lines of plain English, each of which is a step of the table in [storySteps]. A line
// begins with given, when, then or and; # begins a comment. given and when do something, then asserts, and carries on
// as the line before it.
const storyDir = "testdata"

// knownFailures are the stories that show a fault of the library which is not mended yet, with the reason. They run,
// must still fail, and the test prints them: a story that has come to pass must leave this table.
var knownFailures = map[string]string{}

// line is one step of a story as it stands in its file.
type line struct {
	at     string // file:line
	word   string // given, when or then
	clause string
}

// readStory splits a story into its lines. name stands in errors.
func readStory(name, text string) ([]line, error) {
	var lines []line
	last := ""
	for i, raw := range strings.Split(text, "\n") {
		raw, _, _ = strings.Cut(raw, "#")
		word, clause, _ := strings.Cut(strings.TrimSpace(raw), " ")
		if word == "" {
			continue
		}
		at := fmt.Sprintf("%s:%d", name, i+1)
		switch word {
		case "given", "when", "then":
			last = word
		case "and":
			if last == "" {
				return nil, fmt.Errorf("%s: nothing stands before this and", at)
			}
		default:
			return nil, fmt.Errorf("%s: a line begins with given, when, then or and, not with %q", at, word)
		}
		lines = append(lines, line{at: at, word: last, clause: strings.TrimSpace(clause)})
	}
	if last != "then" {
		return nil, fmt.Errorf("%s: a story ends with a then", name)
	}
	return lines, nil
}

// storyStep is what lines of one form do. A name in braces is one word, one with dots is the rest of the line.
type storyStep struct {
	form string
	do   func(s *story, a args) error
}

// args are a line's words by the names of its form.
type args map[string]string

var hole = regexp.MustCompile(`\\\{([a-z]+)(\\\.\\\.\\\.)?\\\}`)

// shapes tell words apart that any sentence has from those that name something, so that a line can be read in one way
// alone.
var shapes = map[string]string{"id": `o-\S+`, "cmd": `c-[^\s,]+`, "n": `\d+`, "time": `\d\S*`}

// pattern is the form as a regular expression.
func (p storyStep) pattern() *regexp.Regexp {
	return regexp.MustCompile("^" + hole.ReplaceAllStringFunc(regexp.QuoteMeta(p.form), func(h string) string {
		m := hole.FindStringSubmatch(h)
		if m[2] != "" {
			return "(?P<" + m[1] + ">.+)"
		}
		shape := shapes[m[1]]
		if shape == "" {
			shape = `\S+`
		}
		return "(?P<" + m[1] + ">" + shape + ")"
	}) + "$")
}

// stage is a table of steps, ready to be matched.
type stage struct {
	acts, asserts []matcher
}

type matcher struct {
	storyStep
	re *regexp.Regexp
}

func newStage(acts, asserts []storyStep) stage {
	ready := func(steps []storyStep) (out []matcher) {
		for _, p := range steps {
			out = append(out, matcher{p, p.pattern()})
		}
		return out
	}
	return stage{ready(acts), ready(asserts)}
}

// find is the one step that a line is. None, and more than one, is an error.
func (g stage) find(l line) (storyStep, args, error) {
	table := g.acts
	if l.word == "then" {
		table = g.asserts
	}
	var found []storyStep
	var words args
	for _, m := range table {
		if hit := m.re.FindStringSubmatch(l.clause); hit != nil {
			found, words = append(found, m.storyStep), args{}
			for i, name := range m.re.SubexpNames() {
				words[name] = hit[i]
			}
		}
	}
	switch len(found) {
	case 0:
		return storyStep{}, nil, fmt.Errorf("%s: no step reads %s %q", l.at, l.word, l.clause)
	case 1:
		return found[0], words, nil
	}
	return storyStep{}, nil, fmt.Errorf("%s: %q can be read as %q and as %q", l.at, l.clause, found[0].form, found[1].form)
}

// play runs a story, and what every story has to end with.
func play(s *story, g stage, lines []line) error {
	for _, l := range lines {
		p, words, err := g.find(l)
		if err != nil {
			return err
		}
		if err := p.do(s, words); err != nil {
			return fmt.Errorf("%s: %s %s: %w", l.at, l.word, l.clause, err)
		}
	}
	return s.agrees()
}

func TestStories(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(storyDir, "*.txt"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	g := newStage(storyActs(), storyAsserts())
	for name, why := range knownFailures {
		t.Logf("known to fail: %s: %s", name, why)
		assert.FileExists(t, filepath.Join(storyDir, name+".txt"))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		lines, err := readStory(filepath.Base(file), string(text))
		require.NoError(t, err)
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		for _, engine := range []string{"memory", "bolt"} {
			t.Run(name+"/"+engine, func(t *testing.T) {
				if !strings.Contains(string(text), "memory") { // which is the process's, and others use it too
					t.Parallel()
				}
				err := play(newStory(t, engine), g, lines)
				if why, known := knownFailures[name]; known {
					require.Error(t, err, "it passes now, so take it out of knownFailures: %s", why)
					t.Logf("fails as known: %v", err)
					return
				}
				require.NoError(t, err)
			})
		}
	}
}

func TestStories_EveryStepIsInSomeStory(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(storyDir, "*.txt"))
	require.NoError(t, err)
	acts, asserts := storyActs(), storyAsserts()
	g, used := newStage(acts, asserts), map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		lines, err := readStory(filepath.Base(file), string(text))
		require.NoError(t, err)
		for _, l := range lines {
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
