package tilltape_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const modulePath = "github.com/tilltape/tilltape"

// The modules we rest on; docs/decisions says why. testify and rapid are linked with what is for tests only.
const (
	fsmModule      = "github.com/looplab/fsm"
	boltModule     = "go.etcd.io/bbolt"
	sysModule      = "golang.org/x/sys" // bbolt's own
	modModule      = "golang.org/x/mod"
	uuidModule     = "github.com/google/uuid"
	protobufModule = "google.golang.org/protobuf"
	testifyModule  = "github.com/stretchr/testify"
	yamlModule     = "go.yaml.in/yaml/v3" // testify's own
	rapidModule    = "pgregory.net/rapid"
)

// testRooms are for tests alone: they may be linked with a test's libraries and rest on engines, and nothing that a
// user's program is linked with may rest on them.
var testRooms = []string{"store/storetest", "internal/tests/logfile", "internal/tests/tilltest", "internal/tests/long",
	"internal/tests/pages", "internal/tests/pgserver", "internal/tests/filled", "internal/tests/stories",
	"internal/tests/simulation"}

// pureRooms take time, ids and randomness as values and touch nothing outside themselves.
var pureRooms = []string{"money", "events", "internal/law", "order/window", "order", "jsonform"}

// impureImports would let a pure room reach the world; a trailing slash stands for everything below.
var impureImports = []string{
	"crypto/rand", "io/fs", "log", "log/", "math/rand", "math/rand/", "net", "net/", "os", "os/", "syscall", uuidModule,
}

// impureCalls are the functions of package time that read or wait for the clock.
var impureCalls = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

// listed is what `go list` says about a package.
type listed struct {
	ImportPath   string
	Dir          string
	Standard     bool
	Module       *struct{ Path string }
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// module is the package's module, or "" for the standard library.
func (p listed) module() string {
	if p.Standard || p.Module == nil {
		return ""
	}
	return p.Module.Path
}

// roomOf is the path below the root of a package of ours.
func roomOf(importPath string) (name string, ours bool) {
	if importPath == modulePath {
		return ".", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

// house lists our packages and all they rest on, as a user gets them: without the workspace, whose other modules could
// raise a requirement.
func house(t *testing.T) map[string]listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps",
		"-json=ImportPath,Dir,Standard,Module,GoFiles,Imports,TestImports,XTestImports,Deps", "./...")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())

	packages := map[string]listed{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else {
			require.NoError(t, err)
		}
		packages[p.ImportPath] = p
	}
}

// breaches says what is wrong with the package's imports; all is what [house] returned.
func breaches(p listed, all map[string]listed) []string {
	name, _ := roomOf(p.ImportPath)
	allowed, known := rooms[name]
	if !known {
		return []string{fmt.Sprintf("%s: no such room; add it to the table in arch_test.go, or put the code where it belongs",
			name)}
	}
	var found []string
	for _, path := range p.Imports {
		if other, ours := roomOf(path); ours && !slices.Contains(allowed.ours, other) {
			found = append(found, fmt.Sprintf("%s must not import %s", name, other))
		}
	}
	for _, path := range p.Deps {
		if m := all[path].module(); m != "" && m != modulePath && !slices.Contains(allowed.modules, m) {
			found = append(found, fmt.Sprintf("%s must not be linked with %s (%s)", name, m, path))
		}
	}
	for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
		// That module requires this one, with a replace: a test that needs it would not run outside the workspace.
		if other, ours := roomOf(path); ours && (other == "ordertest" || strings.HasPrefix(other, "ordertest/")) {
			found = append(found, fmt.Sprintf("%s: tests must not import ordertest", name))
		}
	}
	return found
}

// impurities says where a Go file reaches for the clock, for randomness or for the world.
func impurities(name string, source any) ([]string, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []string
	clock := "" // what this file calls package time
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if impure(path) {
			found = append(found, fmt.Sprintf("%s: imports %s", fset.Position(spec.Pos()), path))
		}
		if path != "time" {
			continue
		}
		clock = path
		if spec.Name != nil {
			clock = spec.Name.Name
		}
		if clock == "." {
			found = append(found, fmt.Sprintf("%s: imports time without its name, which hides calls", fset.Position(spec.Pos())))
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && x.Name == clock && slices.Contains(impureCalls, selector.Sel.Name) {
			found = append(found, fmt.Sprintf("%s: uses time.%s; take the time as a parameter", fset.Position(n.Pos()),
				selector.Sel.Name))
		}
		return true
	})
	return found, nil
}

func impure(path string) bool {
	return slices.ContainsFunc(impureImports, func(bad string) bool {
		return path == bad || strings.HasSuffix(bad, "/") && strings.HasPrefix(path, bad)
	})
}

func TestArrowsRunDownwards(t *testing.T) {
	all := house(t)
	var seen int
	for path, p := range all {
		if _, ours := roomOf(path); ours {
			seen++
			assert.Empty(t, breaches(p, all), path)
		}
	}
	require.Positive(t, seen, "go list named none of our packages")
}

func TestPureRoomsReachForNothing(t *testing.T) {
	all := house(t)
	for _, name := range pureRooms {
		p, ok := all[modulePath+"/"+name]
		require.True(t, ok, "room %s is missing", name)
		require.NotEmpty(t, p.GoFiles)
		for _, file := range p.GoFiles {
			found, err := impurities(filepath.Join(p.Dir, file), nil)
			require.NoError(t, err)
			assert.Empty(t, found)
		}
	}
}

// rootFilesMax is how many files the first page of the repository lists at most, as git keeps them.
const rootFilesMax = 40

func TestTheRootFolderIsOneScreen(t *testing.T) {
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	var files []string
	for _, e := range entries {
		if !e.IsDir() && e.Name() != ".git" { // which is a file in a second work tree
			files = append(files, e.Name())
		}
	}
	assert.LessOrEqual(t, len(files), rootFilesMax, "give some a folder of their own: %v", files)
}

// The table itself must say what the house promises, whatever is built so far.
func TestTheTableKeepsThePromises(t *testing.T) {
	for name, r := range rooms {
		for _, other := range r.ours {
			assert.Contains(t, rooms, other, "%s may import a room that the table does not name", name)
			assert.NotContains(t, rooms[other].ours, name, "%s and %s may not import each other", name, other)
		}
		if slices.Contains(testRooms, name) {
			continue
		}
		assert.NotContains(t, r.modules, testifyModule, name)
		assert.NotContains(t, r.modules, rapidModule, name)
		for _, other := range testRooms {
			assert.NotContains(t, r.ours, other, name)
		}
		assert.NotContains(t, r.ours, "store/memory", name)
		if name != "store/bolt/salvage" { // which is of that engine's files and writes one
			assert.NotContains(t, r.ours, "store/bolt", name)
		}
	}
	assert.Equal(t, room{}, rooms["money"])
	assert.Equal(t, room{ours: []string{"money", "internal/words"}, modules: []string{protobufModule}}, rooms["events"])
	assert.Equal(t, room{ours: []string{"events", "internal/words"}, modules: []string{protobufModule}},
		rooms["internal/law"])
	core := room{ours: []string{"money", "events", "internal/law", "internal/ours", "internal/words", "order/window"},
		modules: []string{protobufModule, fsmModule}}
	assert.Equal(t, core, rooms["order"])
	assert.Equal(t, room{ours: []string{"money", "internal/words"}}, rooms["apo"])
	assert.Equal(t, room{}, rooms["internal/words"])
}

func TestBreachesAreFound(t *testing.T) {
	all := map[string]listed{
		"fmt":                 {ImportPath: "fmt", Standard: true},
		fsmModule:             {ImportPath: fsmModule, Module: &struct{ Path string }{fsmModule}},
		testifyModule + "/as": {ImportPath: testifyModule + "/as", Module: &struct{ Path string }{testifyModule}},
		modulePath + "/order": {ImportPath: modulePath + "/order", Module: &struct{ Path string }{modulePath}},
	}
	tests := []struct {
		name string
		give listed
		want []string
	}{
		{"what is allowed", listed{ImportPath: modulePath + "/order", Imports: []string{"fmt", modulePath + "/events"},
			Deps: []string{"fmt", fsmModule}}, nil},
		{"an arrow upwards", listed{ImportPath: modulePath + "/events", Imports: []string{modulePath + "/order"},
			Deps: []string{modulePath + "/order"}}, []string{"events must not import order"}},
		{"the root and an engine", listed{ImportPath: modulePath, Imports: []string{modulePath + "/store/bolt"}},
			[]string{". must not import store/bolt"}},
		{"a module below", listed{ImportPath: modulePath + "/apo", Deps: []string{fsmModule}},
			[]string{"apo must not be linked with " + fsmModule + " (" + fsmModule + ")"}},
		{"a test's library in a binary", listed{ImportPath: modulePath + "/store", Deps: []string{testifyModule + "/as"}},
			[]string{"store must not be linked with " + testifyModule + " (" + testifyModule + "/as)"}},
		{"a test of a nested module", listed{ImportPath: modulePath, XTestImports: []string{modulePath + "/ordertest"}},
			[]string{".: tests must not import ordertest"}},
		{"an unknown room", listed{ImportPath: modulePath + "/util"},
			[]string{"util: no such room; add it to the table in arch_test.go, or put the code where it belongs"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, breaches(tt.give, all)) })
	}
}

func TestImpuritiesAreFound(t *testing.T) {
	tests := []struct{ name, source, want string }{
		{"values of time are free", "package p\nimport \"time\"\nvar d = time.Unix(0, 0).Add(time.Hour)", ""},
		{"another package's Now", "package p\nimport \"time\"\nvar _ time.Time\nvar env struct{ Now int }\nvar n = env.Now",
			""},
		{"the clock", "package p\nimport \"time\"\nvar now = time.Now()",
			"p.go:3:11: uses time.Now; take the time as a parameter"},
		{"the clock as a value", "package p\nimport \"time\"\nvar now = time.Now",
			"p.go:3:11: uses time.Now; take the time as a parameter"},
		{"the clock by another name", "package p\nimport clock \"time\"\nvar now = clock.Since",
			"p.go:3:11: uses time.Since; take the time as a parameter"},
		{"the clock without a name", "package p\nimport . \"time\"\nvar now = Now()",
			"p.go:2:8: imports time without its name, which hides calls"},
		{"randomness", "package p\nimport _ \"math/rand/v2\"", "p.go:2:8: imports math/rand/v2"},
		{"ids", "package p\nimport _ \"" + uuidModule + "\"", "p.go:2:8: imports " + uuidModule},
		{"the world", "package p\nimport _ \"net/http\"", "p.go:2:8: imports net/http"},
		{"a name that only begins like one", "package p\nimport _ \"oslo\"", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, err := impurities("p.go", tt.source)
			require.NoError(t, err)
			assert.Equal(t, tt.want, strings.Join(found, "\n"))
		})
	}
}
