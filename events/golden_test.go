package events

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Until the first tag a changed form may be written anew; from then on these bytes are in somebody's log.
var update = flag.Bool("update", false, "write the golden frames of testdata/v1 anew")

const (
	goldenDir   = "testdata/v1"
	goldenWidth = 100 // hexadecimal digits a line
)

func goldenFile(k Kind) string {
	return filepath.Join(goldenDir, strings.TrimSuffix(string(k), ".v1")+".hex")
}

// golden writes frames as people review them: each as its record in JSON after "# ", then its bytes.
func golden(t *testing.T, records []Record) string {
	t.Helper()
	var out strings.Builder
	for _, r := range records {
		readable, err := json.MarshalIndent(r, "# ", "  ")
		require.NoError(t, err)
		out.WriteString("# " + string(readable) + "\n")
		frame, err := AppendFrame(nil, r)
		require.NoError(t, err)
		for digits := hex.EncodeToString(frame); digits != ""; {
			n := min(len(digits), goldenWidth)
			out.WriteString(digits[:n] + "\n")
			digits = digits[n:]
		}
		out.WriteString("\n")
	}
	return out.String()
}

// goldenFrames reads back the bytes.
func goldenFrames(t testing.TB, file string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err, "write it with go test ./events -update")
	var frames [][]byte
	for _, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		digits := ""
		for _, line := range strings.Split(block, "\n") {
			if !strings.HasPrefix(line, "#") {
				digits += line
			}
		}
		frame, err := hex.DecodeString(digits)
		require.NoError(t, err, file)
		frames = append(frames, frame)
	}
	return frames
}

func TestGoldenFrames(t *testing.T) {
	files := map[string]bool{}
	for _, k := range Kinds() {
		file := goldenFile(k)
		files[file] = true
		records := []Record{full(t, k), minimal(t, k)}
		if *update {
			require.NoError(t, os.MkdirAll(goldenDir, 0o755))
			require.NoError(t, os.WriteFile(file, []byte(golden(t, records)), 0o644))
		}
		frames := goldenFrames(t, file)
		require.Len(t, frames, len(records), file)
		for i, frame := range frames {
			got, err := DecodeFrame(frame)
			require.NoError(t, err, file)
			assert.Equal(t, records[i], got, file)
			again, err := AppendFrame(nil, records[i])
			require.NoError(t, err, file)
			assert.Equal(t, frame, again, file)
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, golden(t, records), string(text), "%s: its readable part", file)
	}
	there, err := filepath.Glob(filepath.Join(goldenDir, "*"))
	require.NoError(t, err)
	for _, file := range there {
		assert.True(t, files[file], "%s is of no kind", file)
	}
}
