package apo

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// slowTime is what usualTime is held against.
func slowTime(text string) (time.Time, bool) {
	parsed, err := time.Parse(time.RFC3339, text)
	return parsed.UTC(), err == nil
}

// usual are the times that usualTime has to take, since APO writes them.
var usual = []string{
	"2026-11-23T09:00:00Z", "2026-11-23T12:00:00+08:00", "2026-11-23T12:00:00-02:30", "2026-11-23T12:00:00.5Z",
	"2026-11-23T12:00:00.123456789+08:00", "0000-01-01T00:00:00Z", "9999-12-28T23:59:59-23:59",
}

func TestUsualTime(t *testing.T) {
	for _, text := range usual {
		got, ok := usualTime(text)
		require.True(t, ok, text)
		want, ok := slowTime(text)
		require.True(t, ok, text)
		assert.Equal(t, want, got, text)
	}
	end, ok := parseTime("2028-02-29T12:00:00Z")
	require.True(t, ok, "a day that not every month has")
	assert.Equal(t, time.Date(2028, 2, 29, 12, 0, 0, 0, time.UTC), end)
	_, ok = parseTime("2027-02-29T12:00:00Z")
	assert.False(t, ok)
}

// What it takes, package time takes, and as the same time: here, times with a byte changed, lost or added.
func TestUsualTime_IsWhatPackageTimeReads(t *testing.T) {
	bytes := []byte("0123456789-+:.,TZtz /\x00é")
	for _, text := range usual {
		for i := range len(text) {
			likeTime(t, text[:i])
			likeTime(t, text[:i]+text[i+1:])
			for _, b := range bytes {
				likeTime(t, text[:i]+string(b)+text[i+1:])
				likeTime(t, text[:i]+string(b)+text[i:])
			}
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		two := func(name string) int { return rapid.IntRange(0, 99).Draw(r, name) }
		likeTime(r, fmt.Sprintf("20%02d-%02d-%02dT%02d:%02d:%02d%s", two("year"), two("month"), two("day"), two("hour"),
			two("minute"), two("second"), rapid.StringMatching(`(\.[0-9]{0,11})?(Z|[+-][0-9]{2}:[0-9]{2})`).Draw(r, "zone")))
	})
}

func likeTime(t failer, text string) {
	got, ok := usualTime(text)
	if !ok {
		return
	}
	want, ok := slowTime(text)
	require.True(t, ok, "%q", text)
	require.Equal(t, want, got, "%q", text)
}

func TestSignedAt(t *testing.T) {
	want := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	for text, ok := range map[string]bool{"2026-11-23T12:00:00+08:00": true, "1795406400000": true, "yesterday": false,
		"": false} {
		at, told := Evidence{Time: text}.SignedAt()
		assert.Equal(t, ok, told, text)
		if ok {
			assert.Equal(t, want, at, text)
		}
	}
}
