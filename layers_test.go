package tilltape_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// layeredRooms are the packages whose files form layers: a file uses what is defined in files below it, and none of
// these uses it in turn, by however many others. Then a reader who begins at the bottom never has to look up.
var layeredRooms = []string{".", "evidence", "notify", "problem", "service", "internal/refusing",
	"internal/settling"}

// nameOnly imports every package as an empty one: of what a file uses, only what its own package defines is looked at.
type nameOnly struct{}

func (nameOnly) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}

// sources parses the Go files of a folder, tests apart.
func sources(t *testing.T, fset *token.FileSet, dir string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	require.NotEmpty(t, files, dir)
	return files
}

// arrows says for each file of a package which other files' definitions it uses, methods and fields included, and one
// of them each.
func arrows(fset *token.FileSet, files []*ast.File) map[string]map[string]string {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: nameOnly{}, Error: func(error) {}} // what is imported is not there
	room, _ := config.Check("room", fset, files, info)
	found := map[string]map[string]string{}
	file := func(p token.Pos) string { return filepath.Base(fset.Position(p).Filename) }
	for use, what := range info.Uses {
		if what.Pkg() != room || !what.Pos().IsValid() {
			continue
		}
		from, to := file(use.Pos()), file(what.Pos())
		if from == to {
			continue
		}
		if found[from] == nil {
			found[from] = map[string]string{}
		}
		if name := found[from][to]; name == "" || what.Name() < name {
			found[from][to] = what.Name()
		}
	}
	return found
}

// circle finds files that use each other in a ring, and says what of each.
func circle(arrows map[string]map[string]string) string {
	done, path := map[string]bool{}, []string(nil)
	var walk func(file string) string
	walk = func(file string) string {
		if at := slices.Index(path, file); at >= 0 {
			var steps []string
			for i, from := range path[at:] {
				to := append(path[at+i+1:], file)[0]
				steps = append(steps, fmt.Sprintf("%s uses %s of %s", from, arrows[from][to], to))
			}
			return strings.Join(steps, ", ")
		}
		if done[file] {
			return ""
		}
		path = append(path, file)
		for _, to := range slices.Sorted(maps.Keys(arrows[file])) {
			if found := walk(to); found != "" {
				return found
			}
		}
		path, done[file] = path[:len(path)-1], true
		return ""
	}
	for _, file := range slices.Sorted(maps.Keys(arrows)) {
		if found := walk(file); found != "" {
			return found
		}
	}
	return ""
}

func TestFilesUseOnlyWhatIsBelowThem(t *testing.T) {
	for _, room := range layeredRooms {
		fset := token.NewFileSet()
		assert.Empty(t, circle(arrows(fset, sources(t, fset, room))), room)
	}
}

func TestCirclesAreFound(t *testing.T) {
	fset := token.NewFileSet()
	var files []*ast.File
	for name, source := range map[string]string{
		"a.go": `package p; import "store"; type T struct{ log store.Log }; func (t *T) A() { t.log.Read(); t.b() }`,
		"b.go": `package p; type base struct{}; func (t *T) b() { Own() }`,
		"c.go": `package p; func Own() { T := 1; _ = T }`,
	} {
		file, err := parser.ParseFile(fset, name, source, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	assert.Equal(t, "a.go uses b of b.go, b.go uses T of a.go", circle(arrows(fset, files)))
	assert.Empty(t, circle(map[string]map[string]string{"a": {"b": "x", "c": "y"}, "b": {"c": "z"}}))
}

// orderLinesMax is how many lines the short documentation of the core has at most: more is no surface, but an attic.
const orderLinesMax = 65

func TestTheSurfaceOfOrderIsSmall(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "doc", "-short", "./order")
	out, err := cmd.Output()
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	assert.Greater(t, len(lines), 1, "go doc lists nothing")
	assert.LessOrEqual(t, len(lines), orderLinesMax, "what only this module uses belongs in internal:\n%s", out)
}
