// Package stories plays the stories of testdata: what happens to an order, told in plain English line by line. [Run]
// plays them over the logs of any engine.
//
// It is for tests: it imports testify, so nothing but a _test.go file may import it.
package stories

import (
	"embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store/storetest"
)

// A story is a file in testdata: lines of plain English, each of which is a step of the table in [storySteps]. A line
// begins with given, when, then or and; # begins a comment. given and when do something, then asserts, and carries on
// as the line before it.
const storyDir = "testdata"

//go:embed testdata/*.txt
var storyFiles embed.FS

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

// tale is a story as it was read.
type tale struct {
	name, text string
	lines      []line
}

// tales reads all stories.
func tales(t *testing.T) (all []tale) {
	t.Helper()
	files, err := storyFiles.ReadDir(storyDir)
	require.NoError(t, err)
	for _, file := range files {
		text, err := storyFiles.ReadFile(path.Join(storyDir, file.Name()))
		require.NoError(t, err)
		lines, err := readStory(file.Name(), string(text))
		require.NoError(t, err)
		all = append(all, tale{name: strings.TrimSuffix(file.Name(), ".txt"), text: string(text), lines: lines})
	}
	require.NotEmpty(t, all)
	return all
}

// Run plays every story over a log of its own, one subtest a story. A process that starts again reopens the log, and
// where Reopen is nil it goes on with the same one. A crowd of orders is as large as rounds says, which is long.Rounds,
// or long.Walk where the race detector would take long.
func Run(t *testing.T, f storetest.Factory, rounds func(whole, everyday int) int) {
	g, all := newStage(storyActs(), storyAsserts()), tales(t)
	for name, why := range knownFailures {
		t.Logf("known to fail: %s: %s", name, why)
		assert.True(t, slices.ContainsFunc(all, func(s tale) bool { return s.name == name }), "no story is called %s", name)
	}
	for _, tale := range all {
		why, known := knownFailures[tale.name]
		t.Run(tale.name, func(t *testing.T) {
			if !strings.Contains(tale.text, "memory") { // which is the process's, and others use it too
				t.Parallel()
			}
			err := play(newStory(t, f, rounds), g, tale.lines)
			if known {
				require.Error(t, err, "it passes now, so take it out of knownFailures: %s", why)
				t.Logf("fails as known: %v", err)
				return
			}
			require.NoError(t, err)
		})
	}
}
