package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What each run has of its own.
var own = []*regexp.Regexp{
	regexp.MustCompile(`\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?`), regexp.MustCompile(`\d{30}`),
}

func plain(text string) string {
	for _, r := range own {
		text = r.ReplaceAllString(text, "…")
	}
	return text
}

// guide follows the README with the programs it names, as processes, and other ports.
type guide struct {
	t                   *testing.T
	checkout, tilltape  string
	dir                 string
	front               *httptest.Server // stands where the README has the service, which APO has to know before
	back                atomic.Pointer[neturl.URL]
	gateway, public     string
	private             string
	environ             []string
	simulator, running  *process
	commands, looked, n int
}

// The README's commands are given here in their order, and the answers that it shows are held against what they say.
// What takes a moment there takes one here: then the last command is repeated, which is harmless.
func TestTheReadmeTellsWhatHappens(t *testing.T) {
	g := &guide{t: t, dir: t.TempDir(), environ: []string{"CHECKOUT_LISTEN=127.0.0.1:0",
		"CHECKOUT_PRIVATE=127.0.0.1:0", "CHECKOUT_DRAIN_WAIT=0s"}}
	if g.checkout, g.tilltape = programs(t); g.tilltape == "" {
		t.Skip(leftOut)
	}
	g.front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httputil.NewSingleHostReverseProxy(g.back.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(g.front.Close)
	g.public = g.front.URL
	text, _, found := strings.Cut(contents(t, "README.md"), "\n## The calls\n")
	require.True(t, found)
	var again func() string
	var said string
	for _, b := range regexp.MustCompile("(?ms)^```(sh|json)\n(.*?)^```$|<(http://127\\.0\\.0\\.1:8081/[^>]*)>").
		FindAllStringSubmatch(text, -1) {
		switch {
		case b[3] != "":
			g.looks(b[3])
		case b[1] == "sh":
			for line := range strings.Lines(b[2]) {
				again = g.does(strings.TrimSpace(line))
				said = again()
				g.commands++
			}
		default:
			for end := time.Now().Add(time.Minute); plain(said) != plain(b[2]) && time.Now().Before(end); said = again() {
				time.Sleep(pause)
			}
			require.Equal(t, plain(b[2]), plain(said))
			g.n++
		}
	}
	assert.Equal(t, []int{19, 3, 3}, []int{g.commands, g.looked, g.n})
	require.NoError(t, g.running.Process.Signal(os.Interrupt))
	require.NoError(t, g.running.Wait(), "it ends in peace")
}

// does is a command of the README's, to be given once or again.
func (g *guide) does(line string) func() string {
	line = strings.NewReplacer("../checkout-data", filepath.Join(g.dir, "data"), "go run ./cmd/tilltape", g.tilltape,
		"http://127.0.0.1:8620", g.gateway, "http://127.0.0.1:8081", g.private, "http://127.0.0.1:8080", g.public,
		"127.0.0.1:8620", "127.0.0.1:0").Replace(line)
	switch {
	case strings.Contains(line, " simulate "):
		g.simulator, g.gateway = starts(g.t, `^control +(\S+)/_control/$`, exec.Command("sh", "-c", "exec "+line))
	case line == "go run ./examples/checkout":
		program := exec.Command(g.checkout)
		program.Env = append(os.Environ(), g.environ...)
		var addresses string
		g.running, addresses = starts(g.t, `msg=serving address=(\S+ private=\S+)`, program)
		public, private, _ := strings.Cut(addresses, " private=")
		g.back.Store(&neturl.URL{Scheme: "http", Host: public})
		g.private = "http://" + private
	case strings.HasPrefix(line, "export "):
		g.environ = append(g.environ, strings.Fields(line)[1:]...)
	case strings.HasPrefix(line, "curl "):
		return func() string { return g.calls(line) }
	default:
		return func() string {
			shell := exec.CommandContext(g.t.Context(), "sh", "-c", line)
			shell.Env = append(os.Environ(), g.environ...)
			said, err := shell.CombinedOutput()
			require.NoError(g.t, err, "%s: %s", line, said)
			return string(said)
		}
	}
	return func() string { return "" }
}

var curl = regexp.MustCompile(`^curl( -X POST)? (\S+)(?: -H 'Idempotency-Key: (\S+)')?(?: (--json|-d) '(.*)')?$`)

// calls does what curl does. Once APO was told that the buyer has paid, it waits for the service to hear of it.
func (g *guide) calls(line string) string {
	c := curl.FindStringSubmatch(line)
	require.NotNil(g.t, c, line)
	method := http.MethodPost
	if c[1] == "" && c[4] == "" {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(g.t.Context(), method, c[2], strings.NewReader(c[5]))
	require.NoError(g.t, err)
	if c[3] != "" {
		r.Header.Set("Idempotency-Key", c[3])
	}
	if c[4] == "--json" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(g.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(g.t, err)
	require.Less(g.t, resp.StatusCode, 500, "%s: %s", line, text)
	if strings.Contains(line, "/submit/") {
		require.Eventually(g.t, func() bool { return strings.Contains(g.running.said.String(), "now=authorized") },
			time.Minute, pause, "as the README has it")
	}
	return string(text)
}

// looks opens a page as the README says that a browser does, and finds what it says is there.
func (g *guide) looks(address string) {
	at := strings.Replace(address, "http://127.0.0.1:8081", g.private, 1)
	resp, err := http.Get(at)
	require.NoError(g.t, err)
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	require.NoError(g.t, err)
	require.Equal(g.t, http.StatusOK, resp.StatusCode)
	switch {
	case strings.HasSuffix(address, "o-1"):
		assert.Contains(g.t, string(page), "cancel refused")
		assert.Contains(g.t, string(page), "refund instead")
	case strings.HasSuffix(address, "o-2"):
		assert.Regexp(g.t, `nobody knew`, string(page))
	}
	g.looked++
}

// The README has a row for every status that the tests see.
func TestTheReadmeHasTheStatuses(t *testing.T) {
	for _, status := range []string{"202", "400", "404", "405", "408", "409", "413", "415", "422", "500", "502", "503"} {
		assert.True(t, strings.Contains(contents(t, "README.md"), "\n| "+status+" | "), status)
	}
	for _, check := range []string{"serving", "append", "run", "unknown", "disk"} {
		assert.True(t, strings.Contains(contents(t, "README.md"), "\n| `"+check+"` | "), check)
	}
}
