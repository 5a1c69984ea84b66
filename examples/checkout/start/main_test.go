package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
)

// asProgram makes the test binary be the program.
const asProgram = "TILLTAPE_START"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// blocks are the page's code blocks in a language, in order.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/start/ten-minutes.md")
	require.NoError(t, err)
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		found = append(found, m[1])
	}
	return found
}

func TestThePageShowsThisProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	require.NoError(t, err)
	shown := blocks(t, "go")
	require.NotEmpty(t, shown)
	assert.Equal(t, string(program), shown[0])
}

func TestThePageShowsWhatTheProgramPrints(t *testing.T) {
	shown := blocks(t, "text")
	require.Len(t, shown, 5, "a first run, a second one, the replay, and one with an unknown before and after Enter")
	binary, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	for _, want := range shown[:2] {
		cmd := exec.CommandContext(t.Context(), binary)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), asProgram+"=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		assert.Equal(t, want, string(out))
	}
	replay := exec.CommandContext(t.Context(), "go", "-C", "../../../cmd/tilltape", "run", ".", "replay",
		filepath.Join(dir, "orders.tilltape"))
	out, err := replay.CombinedOutput()
	require.NoError(t, err, string(out))
	// Each log has an origin and a root of its own, which the page cuts short.
	seal := regexp.MustCompile(`(?m)^seal: 7 records, root [A-Za-z0-9+/]{43}=\n    of shop.example/orders/[0-9a-f]{32}$`)
	require.Regexp(t, seal, string(out))
	assert.Equal(t, shown[2], seal.ReplaceAllString(string(out),
		"seal: 7 records, root qJ4N…=\n    of shop.example/orders/3f0c…"))
}

// viewed is a page of the viewer, as text.
func viewed(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, string(body))
	text := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(string(body), " ")
	return strings.Join(strings.Fields(text), " ")
}

// The walk with the viewer: what the page says of the refused cancel, of what is not known and of what it came to is
// seen there, and what it shows is printed.
func TestThePageShowsWhatIsNotKnownAndWhatItCameTo(t *testing.T) {
	shown := blocks(t, "text")
	before, after := shown[3], shown[4]
	binary, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	program := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), binary, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), asProgram+"=1")
		return cmd
	}
	require.NoError(t, program().Run())
	cmd := program("127.0.0.1:0")
	enter, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	var url string
	said := func(want string) {
		t.Helper()
		for line := range strings.Lines(want) {
			require.True(t, lines.Scan(), "the program ended before %s", line)
			got := lines.Text()
			if at := regexp.MustCompile(`http://[0-9.:]+`).FindString(got); at != "" {
				url, got = at, strings.Replace(got, at, "http://127.0.0.1:8700", 1)
			}
			require.Equal(t, line, got+"\n")
		}
	}
	said(before)
	assert.Regexp(t, "refused cancel refused .* by alice captured .*; refund instead", viewed(t, url+"/order?id=o-1"))
	unknown := viewed(t, url+"/order?id=o-2")
	assert.Contains(t, unknown, "o-2 cancelling")
	assert.Contains(t, unknown, "cancel outcome not known")
	assert.Contains(t, viewed(t, url+"/"), "The oldest unknown is o-2")
	require.Eventually(t, func() bool {
		return strings.Contains(viewed(t, url+"/"), "captured 2 captured refund instead")
	}, 10*time.Second, 10*time.Millisecond, "both refusals are counted")

	_, err = io.WriteString(enter, "\n")
	require.NoError(t, err)
	said(after)
	settled := viewed(t, url+"/order?id=o-2")
	assert.Contains(t, settled, "o-2 cancelled")
	assert.Contains(t, settled, "APO asked about the payment, inquiry 1")
	assert.Contains(t, viewed(t, url+"/"), "Nothing is unknown")
	require.NoError(t, enter.Close())
	require.NoError(t, cmd.Wait())
}

// The page moves the cancel above the capture, and says what happens then.
func TestThePageIsRightAboutAnEarlierCancel(t *testing.T) {
	if !long.Enabled() {
		t.Skip("left out: it builds a program; set " + long.Variable + "=1")
	}
	program, err := os.ReadFile("main.go")
	require.NoError(t, err)
	const capture, cancel = "\tif err := capture(", "\tcancel(ctx, orders, server)\n"
	before, rest, found := strings.Cut(string(program), capture)
	require.True(t, found)
	between, after, found := strings.Cut(rest, cancel)
	require.True(t, found)
	dir := t.TempDir()
	moved, overlay, binary := filepath.Join(dir, "moved.go"), filepath.Join(dir, "overlay.json"),
		filepath.Join(dir, "moved")
	require.NoError(t, os.WriteFile(moved, []byte(before+cancel+capture+between+after), 0o600))
	original, err := filepath.Abs("main.go")
	require.NoError(t, err)
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{original: moved}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, text, 0o600))
	out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))

	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Dir = dir
	out, err = cmd.CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "\nerror: <nil>\n")
	assert.Contains(t, string(out), "\norder o-1: capture rejected: cancelled 2026-11-23")
}

// What the page shows of the service stands there, but for the indentation.
func TestThePageQuotesTheService(t *testing.T) {
	files, err := filepath.Glob("../*.go")
	require.NoError(t, err)
	var service strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		service.Write(text)
	}
	flat := regexp.MustCompile(`(?m)^\t+`)
	quotes := blocks(t, "go")[1:]
	require.Len(t, quotes, 3)
	for _, quote := range quotes {
		there := strings.Contains(flat.ReplaceAllString(service.String(), ""), flat.ReplaceAllString(quote, ""))
		assert.True(t, there, "the service does not have:\n%s", quote)
	}
}
