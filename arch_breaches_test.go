package tilltape_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
