package long_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/internal/tests/long"
)

func TestTheSwitchIsOnAtOneOnly(t *testing.T) {
	for value, on := range map[string]bool{"1": true, "": false, "0": false, "true": false} {
		t.Setenv(long.Variable, value)
		assert.Equal(t, on, long.Enabled(), "%q", value)
		want := 5
		if on {
			want = 300
		}
		assert.Equal(t, want, long.Rounds(300, 5), "%q", value)
	}
}

func TestPropertiesAreCheckedAsOftenAsSaid(t *testing.T) {
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	t.Cleanup(func() { require.NoError(t, checks.Value.Set(before)) })
	count := func() (n int) {
		rapid.Check(t, func(*rapid.T) { n++ })
		return n
	}
	whole := count()
	require.Greater(t, whole, 7)

	t.Setenv(long.Variable, "1")
	long.Checks(7)
	assert.Equal(t, whole, count())

	t.Setenv(long.Variable, "")
	long.Checks(7)
	assert.Equal(t, 7, count())
}

// skipped is a test that only notes how it was skipped.
type skipped struct {
	testing.TB
	how string
}

func (s *skipped) Helper()                          {}
func (s *skipped) Name() string                     { return "TestScale" }
func (s *skipped) Skipf(format string, args ...any) { s.how = fmt.Sprintf(format, args...) }

func TestOnlySkipsAndSaysHowToRunIt(t *testing.T) {
	var s skipped
	t.Setenv(long.Variable, "1")
	long.Only(&s)
	assert.Empty(t, s.how)

	t.Setenv(long.Variable, "")
	long.Only(&s)
	assert.Equal(t, "a long law; run it with: TILLTAPE_LONG=1 go test -count=1 -run '^TestScale$' in this folder", s.how)
}
