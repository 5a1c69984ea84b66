package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../../.."

// What is told on the page: `room.ErrX` in a table's first column is a sentinel, `*room.XError` anywhere a type.
var (
	sentinelOnPage = regexp.MustCompile("(?m)^\\| `(\\w+\\.Err\\w+)` \\|")
	typeOnPage     = regexp.MustCompile("`\\*(\\w+\\.\\w*Error)`")
)

// exported returns the errors that a file's package lets its users meet: sentinels as "room.ErrX", types with an Error
// method as "room.XError".
func exported(t *testing.T, path string, source any) (sentinels, types []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.SkipObjectResolution)
	require.NoError(t, err)
	room := file.Name.Name
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			for _, s := range d.Specs {
				v, ok := s.(*ast.ValueSpec)
				if !ok || d.Tok != token.VAR {
					continue
				}
				for _, name := range v.Names {
					if strings.HasPrefix(name.Name, "Err") {
						sentinels = append(sentinels, room+"."+name.Name)
					}
				}
			}
		case *ast.FuncDecl:
			if d.Recv == nil || d.Name.Name != "Error" {
				continue
			}
			receiver := d.Recv.List[0].Type
			if star, ok := receiver.(*ast.StarExpr); ok {
				receiver = star.X
			}
			if name, ok := receiver.(*ast.Ident); ok && name.IsExported() {
				types = append(types, room+"."+name.Name)
			}
		}
	}
	return sentinels, types
}

// engines are the modules of their own that are a part of the library.
var engines = []string{"store/postgres", "store/jetstream"}

// met walks the source of the library's rooms: what users can import, without the modules of their own that are tools.
func met(t *testing.T) (sentinels, types []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, nested := os.Stat(filepath.Join(path, "go.mod"))
			hidden := strings.HasPrefix(d.Name(), ".") && path != root
			if slices.Contains(engines, filepath.ToSlash(strings.TrimPrefix(path, root+"/"))) {
				return nil
			}
			if hidden || d.Name() == "internal" || d.Name() == "testdata" || path != root && nested == nil {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		s, ty := exported(t, path, nil)
		sentinels, types = append(sentinels, s...), append(types, ty...)
		return nil
	}))
	slices.Sort(sentinels)
	slices.Sort(types)
	return sentinels, types
}

func TestEveryErrorIsOnThePage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(reference, errorsName))
	require.NoError(t, err)
	sentinels, types := met(t)
	require.Contains(t, sentinels, "order.ErrRejected")
	require.Contains(t, types, "order.RejectedError")

	var told []string
	for _, m := range sentinelOnPage.FindAllStringSubmatch(string(page), -1) {
		told = append(told, m[1])
		room, _, _ := strings.Cut(m[1], ".")
		assert.Contains(t, section(t, string(page), "## "+room), "| `"+m[1]+"` |", "%s stands in another room's section",
			m[1])
	}
	slices.Sort(told)
	assert.Equal(t, sentinels, told, "docs/reference/errors.md has one row for every sentinel, and no other")

	typesTold := map[string]bool{}
	for _, m := range typeOnPage.FindAllStringSubmatch(string(page), -1) {
		typesTold[m[1]] = true
	}
	assert.Equal(t, types, slices.Sorted(maps.Keys(typesTold)),
		"docs/reference/errors.md tells of every error type, and of no other")
}

func TestRowsSayWhenAndWhatToDo(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(reference, errorsName))
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| `\\w+\\.Err.*$").FindAllString(string(page), -1)
	require.NotEmpty(t, rows)
	for _, r := range rows {
		cells := strings.Split(strings.Trim(r, "| "), " | ")
		require.Len(t, cells, 3, r)
		for _, c := range cells {
			assert.NotEmpty(t, strings.TrimSpace(c), r)
		}
	}
}

func TestWhatCountsAsAnExportedError(t *testing.T) {
	sentinels, types := exported(t, "x.go", `package x
import "errors"
var ErrOne = errors.New("1")
var (
	ErrTwo, ErrThree = errors.New("2"), errors.New("3")
	errHidden = errors.New("4")
)
const ErrNotAVariable = 1
type A struct{}
func (*A) Error() string { return "" }
type B string
func (B) Error() string { return "" }
type hidden struct{}
func (hidden) Error() string { return "" }
type C struct{}
func (C) Other() {}
func Error() {}
`)
	assert.Equal(t, []string{"x.ErrOne", "x.ErrTwo", "x.ErrThree"}, sentinels)
	assert.Equal(t, []string{"x.A", "x.B"}, types)
}
