package tilltape_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/internal/tests/pages"
)

// The README shows an Example and what it prints; both are taken at their word here.
func TestReadmeShowsTheExampleAndItsRealOutput(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```(go|text)\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	require.GreaterOrEqual(t, len(blocks), 2)
	require.Equal(t, "go", blocks[0][1])
	require.Equal(t, "text", blocks[1][1])

	body, output := exampleSource(t, "ExampleOrders_Cancel")
	assert.Contains(t, body, pages.Dedent(blocks[0][2]), "the first block is code of the Example")
	assert.Equal(t, strings.TrimSpace(output), strings.TrimSpace(blocks[1][2]), "the second is its tested output")
}

// The guide to paying shows code of its Example, and has a word for every class of answer.
func TestTheGuideToPayingShowsTestedCode(t *testing.T) {
	guide, err := os.ReadFile("docs/guides/paying.md")
	require.NoError(t, err)
	pages.ShowsCode(t, string(guide), "paying_example_test.go", 1)
	for c := apo.Unknown; c <= apo.NotSent; c++ {
		var name string
		for _, word := range strings.Fields(c.String()) {
			name += strings.ToUpper(word[:1]) + word[1:]
		}
		if c != apo.NotExist { // an inquiry's alone
			assert.Regexp(t, "(?m)^\\| .*`"+name+"`.* \\|", string(guide))
		}
	}
}

// Refusals name what helps; it has to be there.
func TestWhatRefusalsNameIsAMethodOfOrders(t *testing.T) {
	orders := reflect.TypeFor[*tilltape.Orders]()
	for file, names := range map[string]string{"docs/reference/errors.md": `Orders\.([A-Z]\w+)`,
		"order/testdata/rejections.txt": `\b(create|cancel|capture|refund|resolve|compensate|reconcile)\b`} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		named := regexp.MustCompile(names).FindAllStringSubmatch(string(text), -1)
		require.NotEmpty(t, named, file)
		for _, m := range named {
			_, there := orders.MethodByName(strings.ToUpper(m[1][:1]) + m[1][1:])
			assert.True(t, there, "%s names %s", file, m[0])
		}
	}
}

// exampleSource returns an Example's body without indentation, and the output it is tested for.
func exampleSource(t *testing.T, name string) (body, output string) {
	t.Helper()
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "example_test.go", source, parser.ParseComments)
	require.NoError(t, err)
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != name {
			continue
		}
		text := string(source[fset.Position(f.Body.Lbrace).Offset+1 : fset.Position(f.Body.Rbrace).Offset])
		code, printed, found := strings.Cut(text, "// Output:")
		require.True(t, found, "%s has no tested output", name)
		return pages.Dedent(code), strings.ReplaceAll(pages.Dedent(printed), "// ", "")
	}
	t.Fatalf("no %s in example_test.go", name)
	return "", ""
}

// A link that leads nowhere is a promise not kept.
func TestLinksInTheDocsLeadSomewhere(t *testing.T) {
	var files []string
	require.NoError(t, filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			files = append(files, path)
		}
		return err
	}))
	require.NotEmpty(t, files)
	links := regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)
	code := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range links.FindAllStringSubmatch(code.ReplaceAllString(string(text), ""), -1) {
			target := filepath.Join(filepath.Dir(file), filepath.FromSlash(m[1]))
			_, err := os.Stat(target)
			assert.NoError(t, err, "%s links to %s", file, m[1])
		}
	}
}
