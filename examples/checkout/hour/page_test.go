package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the hour promises. The names are all that the program has from package order: its types, and constants too.
const (
	linesMax    = 350
	packagesMax = 5
	namesMax    = 12
	module      = "github.com/tilltape/tilltape"
)

func TestTheProgramNeedsLittle(t *testing.T) {
	source, err := os.ReadFile("main.go")
	require.NoError(t, err)
	assert.LessOrEqual(t, strings.Count(string(source), "\n"), linesMax)
	file, err := parser.ParseFile(token.NewFileSet(), "main.go", source, parser.SkipObjectResolution)
	require.NoError(t, err)
	packages, names := map[string]bool{}, map[string]bool{}
	for _, i := range file.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		if path == module || strings.HasPrefix(path, module+"/") {
			require.Nil(t, i.Name, "%s goes by its own name", path)
			packages[path] = true
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, is := n.(*ast.SelectorExpr); is {
			if x, is := s.X.(*ast.Ident); is && x.Name == "order" {
				names[s.Sel.Name] = true
			}
		}
		return true
	})
	assert.Contains(t, packages, module+"/order")
	assert.LessOrEqual(t, len(packages), packagesMax, packages)
	assert.LessOrEqual(t, len(names), namesMax, names)
}

// page is the hour's text, and block a piece of code of it with its language.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/start/your-own-service.md")
	require.NoError(t, err)
	return string(text)
}

var block = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

// The pieces on the page, one after another, are this program: nothing is left out, and nothing stands there twice.
func TestThePiecesOnThePageAreThisProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	require.NoError(t, err)
	var pieces []string
	for _, b := range block.FindAllStringSubmatch(page(t), -1) {
		if b[1] == "go" {
			pieces = append(pieces, b[2])
		}
	}
	assert.Greater(t, len(pieces), 5)
	assert.Equal(t, string(program), strings.Join(pieces, "\n"))
}

// An own port, date, id, root and signature has every run; the page has those of one.
var own = []*regexp.Regexp{
	regexp.MustCompile(`127\.0\.0\.1:\d+`),
	regexp.MustCompile(`\d{4}-\d\d-\d\d([ T]\d\d:\d\d:\d\d(\.\d+)?Z?)?`),
	regexp.MustCompile(`\d{30}`),
	regexp.MustCompile(`\b[0-9a-f]{32}\b`),
	regexp.MustCompile(`[0-9A-Za-z+/]{43,99}=+`),
}

func plain(text string) string {
	for _, r := range own {
		text = r.ReplaceAllString(text, "…")
	}
	return text
}

var curl = regexp.MustCompile(`^curl( -X POST)? http://127\.0\.0\.1:(8080|8620)(\S+)` +
	`(?: -H 'Idempotency-Key: (\S+)')?(?: -d '(.*)')?$`)

// The page's calls are made here in their order, and the answer that the page shows after a block of them is held
// against the last one's. What takes a moment there takes one here: then that call is repeated, which is harmless.
func TestThePageTellsWhatHappens(t *testing.T) {
	w := newWorld(t)
	var last func() string
	var said string
	var calls, shown int
	for _, b := range block.FindAllStringSubmatch(page(t), -1) {
		switch language, text := b[1], b[2]; {
		case language == "sh" && strings.HasPrefix(text, "curl "):
			for line := range strings.Lines(text) {
				last = w.called(strings.TrimSpace(line))
				said = last()
				calls++
			}
		case language == "sh" && strings.HasPrefix(text, "./tilltape replay "):
			last, said = nil, w.replayed()
		case language == "json", language == "text":
			for end := time.Now().Add(patience); last != nil && plain(said) != plain(text) && time.Now().Before(end); {
				said = last()
			}
			require.Equal(t, plain(text), plain(said))
			shown++
		}
	}
	assert.Equal(t, 13, calls)
	assert.Equal(t, 9, shown)
	w.looksAt(page(t))
}

// looksAt opens each of the viewer's pages that the text links to, which has the words that stand in quotes until the
// next link.
func (w *world) looksAt(text string) {
	w.t.Helper()
	links := strings.Split(text, "<http://127.0.0.1:8080"+viewPath)[1:]
	require.Len(w.t, links, 3)
	for _, link := range links {
		path, rest, _ := strings.Cut(link, ">")
		rest, _, _ = strings.Cut(rest, "\n\n")
		words := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(rest, -1)
		require.NotEmpty(w.t, words, link)
		r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.public+viewPath+path, nil)
		require.NoError(w.t, err)
		r.Header.Set("Accept", "text/html")
		answer, err := http.DefaultClient.Do(r)
		require.NoError(w.t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(w.t, errors.Join(err, answer.Body.Close()))
		require.Equal(w.t, http.StatusOK, answer.StatusCode, string(body))
		for _, word := range words {
			assert.Contains(w.t, string(body), word[1], path)
		}
	}
}

// called makes a call as the page has it.
func (w *world) called(line string) func() string {
	w.t.Helper()
	c := curl.FindStringSubmatch(line)
	require.NotNil(w.t, c, line)
	method, address := "POST", map[string]string{"8080": w.public, "8620": w.control}[c[2]]+c[3]
	if c[1] == "" && c[5] == "" {
		method = "GET"
	}
	return func() string {
		a := w.do(method, address, c[4], c[5])
		assert.Less(w.t, a.status, 500, a.body)
		w.apo.Deliver(w.t.Context())
		return a.body
	}
}

// replayed is what the command line says of the log, of which no process may be at work. Then the program goes on.
func (w *world) replayed() string {
	w.t.Helper()
	require.NoError(w.t, w.stop())
	replay := exec.CommandContext(w.t.Context(), "go", "-C", "../../../cmd/tilltape", "run", ".", "replay",
		filepath.Join(w.dir, "orders.tilltape"))
	out, err := replay.CombinedOutput()
	require.NoError(w.t, err, string(out))
	w.start()
	return string(out)
}
