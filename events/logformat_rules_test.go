package events_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// TestLogFormatTimesOfTheHead: a frame that has all of them is read by the page's table too.
func TestLogFormatTimesOfTheHead(t *testing.T) {
	_, fields := page(t, "The frame")
	for bits := range 16 {
		r := example()
		want := map[string]string{}
		for i, at := range []struct {
			field string
			to    *time.Time
		}{{"operation", &r.Head.OperationSince}, {"parked", &r.Head.ParkedSince}, {"anomaly", &r.Head.AnomalySince},
			{"dispute", &r.Head.DisputeBy}} {
			if bits&(1<<i) != 0 {
				*at.to = r.Recorded.Add(time.Duration(i-1) * time.Minute)
				want["head's "+at.field+" time"] = instant(at.to.UnixNano())
			}
		}
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err)
		byThePage := &reader{t: t, b: frame, proto: messages(t)}
		byThePage.frame(fields)
		for _, field := range []string{"head's operation time", "head's parked time", "head's anomaly time",
			"head's dispute time"} {
			line := regexp.MustCompile(field + ` +(\S+)\n`).FindStringSubmatch(byThePage.lines.String())
			if want[field] == "" {
				assert.Nil(t, line, field)
				continue
			}
			require.NotNil(t, line, field)
			assert.Equal(t, want[field], line[1], field)
		}
	}
}

// TestLogFormatControlCharacters: the characters that the page forbids in an id are those that are refused.
func TestLogFormatControlCharacters(t *testing.T) {
	text, _ := page(t, "The frame")
	forbidden := map[rune]bool{}
	ranges := regexp.MustCompile(`U\+([0-9A-F]{4}) to U\+([0-9A-F]{4})`).FindAllStringSubmatch(text, -1)
	require.Len(t, ranges, 2)
	for _, m := range ranges {
		from, err := strconv.ParseUint(m[1], 16, 32)
		require.NoError(t, err)
		to, err := strconv.ParseUint(m[2], 16, 32)
		require.NoError(t, err)
		for c := rune(from); c <= rune(to); c++ {
			forbidden[c] = true
		}
	}
	for c := range rune(0x10000) {
		if utf8.ValidRune(c) && forbidden[c] != (events.CheckID("id", "a"+string(c)) != nil) {
			t.Errorf("the page says %v of U+%04X in an id, and the library does not", forbidden[c], c)
		}
	}
}

// TestLogFormatKeys: a key's bound is that of the whole key, whatever a byte of it stands for.
func TestLogFormatKeys(t *testing.T) {
	_, fields := page(t, "The frame")
	most := 0
	for _, row := range fields {
		if row[0] == "key" {
			var err error
			most, err = strconv.Atoi(row[2])
			require.NoError(t, err)
		}
	}
	const uuid = "0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
	for _, begin := range []string{"", "x:", events.KeyPaymentID + ":", events.KeyPaymentRequestID + ":"} {
		for _, end := range []string{"", uuid} {
			r := example()
			fits := begin + strings.Repeat("k", most-len(begin)-len(end)) + end
			r.Keys = []events.Key{events.Key(fits)}
			frame, err := events.AppendFrame(nil, r)
			require.NoError(t, err, "%d bytes", len(fits))
			byThePage := &reader{t: t, b: frame, proto: messages(t)}
			byThePage.frame(fields)
			assert.Contains(t, byThePage.lines.String(), strconv.Quote(fits))
			r.Keys = []events.Key{events.Key(begin + "k" + fits[len(begin):])}
			_, err = events.AppendFrame(nil, r)
			assert.ErrorIs(t, err, events.ErrInvalid, "one byte more, %q", r.Keys[0])
		}
	}
}
