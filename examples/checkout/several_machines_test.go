package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
)

// twoServices are what the guide to several machines starts: beside what a guide has, NATS' server and two services.
type twoServices struct {
	*guide
	nats    string
	running []*process
	second  string
}

// does is a command of the guide's.
func (g *twoServices) does(line string) string {
	line = strings.NewReplacer("../several-data", g.dir, "127.0.0.1:4222", g.nats).Replace(line)
	assigned, program, isCheckout := strings.Cut(line, "go run ./examples/checkout")
	switch {
	case strings.HasPrefix(line, "mkdir "), strings.HasPrefix(line, "GOWORK=off go build "):
		return "" // the folder is the test's, and the program is built
	case strings.Contains(line, "nats-server -a "):
		server, err := natsServer()
		require.NoError(g.t, err)
		g.nats = freeAddress(g.t)
		_, port, _ := strings.Cut(g.nats, ":")
		args := strings.Fields(strings.Replace(line, " -p 4222 ", " -p "+port+" ", 1))[1:]
		starts(g.t, `(Server is ready)`, exec.Command(server, args...))
		return ""
	case isCheckout && program == "":
		command := exec.Command(g.checkout)
		command.Env = append(append(os.Environ(), g.environ...), strings.Fields(assigned)...)
		command.Env = append(command.Env, "CHECKOUT_LISTEN=127.0.0.1:0", "CHECKOUT_PRIVATE=127.0.0.1:0")
		running, address := starts(g.t, `msg=serving address=(\S+)`, command)
		if g.running = append(g.running, running); len(g.running) == 1 {
			g.guide.running = running
			g.back.Store(&neturl.URL{Scheme: "http", Host: address})
		} else {
			g.second = "http://" + address
		}
		return ""
	case strings.Contains(line, " verify "):
		for _, one := range g.running { // in their order, as the guide says
			if one.ProcessState == nil {
				require.NoError(g.t, one.Process.Signal(os.Interrupt))
				require.NoError(g.t, one.Wait(), "it ends in peace")
			}
		}
	}
	return g.guide.does(strings.ReplaceAll(line, "http://127.0.0.1:8082", g.second))()
}

// The guide's commands are given in their order; its answer and its verdict are as it says.
func TestTheGuideToSeveralMachinesTellsWhatHappens(t *testing.T) {
	if !long.Walks() {
		t.Skip(leftOut)
	}
	g := &twoServices{guide: &guide{t: t, dir: t.TempDir(), environ: []string{"CHECKOUT_DRAIN_WAIT=0s"}}}
	g.checkout, g.tilltape = programs(t)
	g.front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httputil.NewSingleHostReverseProxy(g.back.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(g.front.Close)
	g.public = g.front.URL
	_, text, found := strings.Cut(contents(t, filepath.Join("..", "..", "docs", "guides", "several-machines.md")),
		"\n## Try it\n")
	require.True(t, found)
	text, _, _ = strings.Cut(text, "\n## ")
	var said string
	var roots []string
	for _, b := range regexp.MustCompile("(?ms)^```(sh|json)\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		if b[1] == "json" {
			require.Equal(t, plain(b[2]), plain(said))
			g.n++
			continue
		}
		for line := range strings.Lines(b[2]) {
			said = g.does(strings.TrimSpace(line))
			g.commands++
			roots = append(roots, regexp.MustCompile(`root +\S+ over \d+ records`).FindAllString(said, -1)...)
		}
	}
	assert.Equal(t, []int{15, 1, 2}, []int{g.commands, g.n, len(g.running)})
	require.Len(t, roots, 2)
	assert.Equal(t, roots[0], roots[1])
}
