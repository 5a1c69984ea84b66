package jsonform

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What this package writes by itself, for speed, the standard library writes too.

func TestBase64IsTheStandardLibrarys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes")
		require.Equal(t, "before"+base64.StdEncoding.EncodeToString(src), string(appendBase64([]byte("before"), src)))
	})
}

func TestTextsReadAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOfN(rapid.OneOf(rapid.ByteRange(0, 127), rapid.Byte()), 0, 30).Draw(t, "bytes"))
		b, ok := appendText(nil, s)
		require.Equal(t, utf8.ValidString(s), ok, "%q", s)
		if ok {
			var got string
			require.NoError(t, json.Unmarshal(b, &got))
			require.Equal(t, s, got)
		}
	})
}

func TestTimesAreTheStandardLibrarys(t *testing.T) {
	var c calendar // one for all, as it remembers
	rapid.Check(t, func(t *rapid.T) {
		nanos := rapid.OneOf(rapid.Int64Min(math.MinInt64+1), rapid.Int64Range(-2e9, 2e9),
			rapid.Int64Range(1e18, 1e18+100e9)).Draw(t, "nanos")
		at := time.Unix(0, nanos).In(time.FixedZone("", rapid.IntRange(-50_000, 50_000).Draw(t, "offset")))
		b, ok := c.append(nil, at)
		require.True(t, ok)
		require.Equal(t, at.UTC().Format("2006-01-02T15:04:05.000000000Z"), string(b))
		got, ok := c.parse(b)
		require.True(t, ok)
		require.Equal(t, at.UTC(), got)
	})
	for _, at := range []time.Time{time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64).Add(1), {}} {
		b, ok := c.append(nil, at)
		assert.False(t, ok)
		assert.Empty(t, b)
	}
	for _, nanos := range []int64{math.MinInt64 + 1, math.MaxInt64} {
		b, ok := c.append(nil, time.Unix(0, nanos))
		assert.True(t, ok)
		assert.Len(t, b, timeSize)
	}
}
