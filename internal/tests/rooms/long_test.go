package rooms_test

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/internal/tests/long"
)

func TestTheSwitchIsOnAtOneAndAll(t *testing.T) {
	for value, on := range map[string]bool{"1": true, "all": true, "": false, "0": false, "true": false, "ALL": false} {
		t.Setenv(long.Variable, value)
		assert.Equal(t, on, long.Enabled(), "%q", value)
		assert.Equal(t, value == "all", long.Everything(), "%q", value)
		want := 5
		if on {
			want = 300
		}
		assert.Equal(t, want, long.Rounds(300, 5), "%q", value)
		assert.Equal(t, on && !long.Raced, long.Walks(), "%q", value)
		for i, everyday := range []bool{true, false, false, true, false} {
			assert.Equal(t, on || everyday, long.Each(i, 3), "%q: case %d", value, i)
		}
		if long.Raced {
			want = 5
		}
		assert.Equal(t, want, long.Walk(300, 5), "%q", value)
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
