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

// room is what the code of one package, tests apart, may rest on.
type room struct {
	ours    []string // packages of this module it may import, relative to the root
	modules []string // other modules it may be linked with, directly or not; the standard library is free
}

// worldModules are what tests' worlds are linked with: all of ours, and testify.
var worldModules = []string{protobufModule, fsmModule, modModule, uuidModule, boltModule, sysModule, testifyModule,
	yamlModule}

// rooms holds the arrows of the house. They run downwards only: a package may rest on those above it. A package that is
// not named here fails the test, so that a new room is a decision; a room that nobody built yet is no failure.
var rooms = map[string]room{
	"money":          {},
	"internal/words": {}, "internal/folder": {}, "internal/formula": {},
	"events":       {ours: []string{"money", "internal/words"}, modules: []string{protobufModule}},
	"internal/law": {ours: []string{"events", "internal/words"}, modules: []string{protobufModule}},
	"order/window": {ours: []string{"internal/words"}},
	"order": {ours: []string{"money", "events", "internal/law", "internal/ours", "internal/words", "order/window"},
		modules: []string{protobufModule, fsmModule}},
	"store": {ours: []string{"events"}, modules: []string{protobufModule}},
	"jsonform": {ours: []string{"money", "events", "order", "store"},
		modules: []string{protobufModule, fsmModule}},
	"seal":                  {ours: []string{"internal/folder", "internal/words"}, modules: []string{modModule}},
	"store/memory":          {ours: []string{"events", "store", "seal"}, modules: []string{protobufModule, modModule}},
	"store/sealed":          {ours: []string{"events", "store", "seal"}, modules: []string{protobufModule, modModule}},
	"store/internal/ledger": {ours: []string{"events", "store", "seal"}, modules: []string{protobufModule, modModule}},
	"store/bolt": {ours: []string{"events", "internal/folder", "store", "seal", "store/sealed", "store/internal/ledger"},
		modules: []string{protobufModule, modModule, boltModule, sysModule}},
	"store/bolt/salvage": {ours: []string{"events", "internal/words", "store", "seal", "store/sealed", "store/bolt"},
		modules: []string{protobufModule, modModule, boltModule, sysModule}},
	"store/storetest": {ours: []string{"events", "store", "seal"},
		modules: []string{protobufModule, modModule, testifyModule, yamlModule, rapidModule}},
	"apo":           {ours: []string{"money", "internal/words"}},
	"apo/apotest":   {ours: []string{"apo"}},
	"internal/ours": {},
	// Writes the derived pages of docs; nothing imports it.
	"internal/gen/states": {ours: []string{"internal/law"}, modules: []string{protobufModule}},
	"internal/engine":     {ours: []string{"events", "order", "store"}, modules: []string{protobufModule, fsmModule}},
	"internal/refusing": {ours: []string{"money", "events", "order", "store"},
		modules: []string{protobufModule, fsmModule}},
	"internal/settling":  {ours: []string{"events", "order", "store"}, modules: []string{protobufModule, fsmModule}},
	"internal/translate": {ours: []string{"events", "order", "apo"}, modules: []string{protobufModule, fsmModule}},
	".": {
		ours: []string{"events", "order", "store", "apo", "internal/engine", "internal/refusing",
			"internal/settling", "internal/translate", "internal/words"},
		modules: []string{protobufModule, fsmModule, uuidModule},
	},
	"evidence": {ours: []string{".", "events", "jsonform", "order", "apo"},
		modules: []string{protobufModule, fsmModule, uuidModule}},
	"problem": {ours: []string{".", "order"}, modules: []string{protobufModule, fsmModule, uuidModule}},
	"notify": {ours: []string{".", "order", "apo", "internal/words"},
		modules: []string{protobufModule, fsmModule, uuidModule}},
	"service": {ours: []string{".", "apo", "notify", "problem", "store"},
		modules: []string{protobufModule, fsmModule, uuidModule}},
	"internal/reports": {ours: []string{"money"}},
	"audit": {
		ours: []string{"money", "events", "internal/folder", "internal/law", "internal/ours", "internal/reports",
			"internal/words", "order", "store", "seal", "apo", "internal/translate"},
		modules: []string{protobufModule, fsmModule, modModule},
	},
	"internal/path": {ours: []string{"audit", "internal/law", "internal/words", "order", "store"},
		modules: []string{protobufModule, fsmModule, modModule}},
	"internal/documents": {ours: []string{"audit", "jsonform", "money", "order"},
		modules: []string{protobufModule, fsmModule, modModule}},
	"reconcile": {ours: []string{".", "apo", "events", "internal/formula", "internal/reports", "internal/words", "order",
		"store"},
		modules: []string{protobufModule, fsmModule, uuidModule}},
	"viewer": {
		ours: []string{".", "apo", "audit", "events", "export", "internal/documents", "internal/folder", "internal/path",
			"internal/words", "jsonform", "money", "order", "outbox", "seal", "store"},
		modules: []string{protobufModule, fsmModule, uuidModule, modModule},
	},
	"outbox": {ours: []string{"events", "internal/folder", "store", "jsonform", "seal"},
		modules: []string{protobufModule, fsmModule, modModule}},
	"outbox/outboxtest": {ours: []string{"events", "store", "outbox"}, modules: []string{testifyModule, yamlModule,
		protobufModule, fsmModule, modModule}},
	"export": {ours: []string{"events", "internal/words", "store", "seal", "jsonform", "store/sealed"},
		modules: []string{protobufModule, fsmModule, modModule}},
	"internal/tests/logfile": {}, "internal/tests/long": {}, "internal/tests/tempdir": {},
	"internal/tests/testkeys": {},
	"internal/tests/pgserver": {ours: []string{"internal/tests/long", "internal/tests/tempdir"}},
	"internal/tests/filled":   {modules: []string{testifyModule, yamlModule, rapidModule}},
	"internal/tests/pages":    {modules: []string{testifyModule, yamlModule}},
	// The worlds that the tests of the root share, those of its tests that any engine can run, and the packages of its
	// other tests, which have no code of their own.
	"internal/tests/tilltest": {
		ours: []string{".", "events", "order", "store", "store/memory", "store/bolt", "apo", "apo/apotest", "audit",
			"internal/engine", "internal/tests/tempdir", "internal/tests/testkeys", "internal/translate", "notify"},
		modules: worldModules,
	},
	"internal/tests/stories": {
		ours: []string{".", "events", "order", "store", "store/storetest", "apo", "apo/apotest", "audit", "evidence",
			"notify", "internal/tests/tempdir", "internal/tests/testkeys", "internal/tests/tilltest"},
		modules: append(slices.Clip(worldModules), rapidModule),
	},
	"internal/tests/simulation": {
		ours: []string{".", "events", "order", "store", "apo", "apo/apotest", "audit", "notify",
			"internal/tests/tempdir", "internal/tests/testkeys", "internal/tests/tilltest"},
		modules: worldModules,
	},
	"internal/tests/behaviour":      {},
	"internal/tests/laws/explore":   {},
	"internal/tests/laws/sequences": {},
	"internal/tests/rooms":          {},
}

// testRooms are for tests alone: they may be linked with a test's libraries and rest on engines, and nothing that a
// user's program is linked with may rest on them.
var testRooms = []string{"store/storetest", "internal/tests/logfile", "internal/tests/tilltest", "internal/tests/long",
	"internal/tests/pages", "internal/tests/pgserver", "internal/tests/filled", "internal/tests/stories",
	"internal/tests/simulation", "internal/tests/tempdir", "internal/tests/testkeys", "outbox/outboxtest"}

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
