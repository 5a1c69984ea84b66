package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/internal/tests/long"
)

const (
	relayTimeout = 2 * time.Second // more than the service's call timeout, after which APO lets go of what it holds
	pause        = 20 * time.Millisecond
)

// built is where the programs are that the README runs, the service as the image has it. They are made once for all
// tests.
var built = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "checkout-programs-"); err != nil {
		return "", err
	}
	programDir.Store(&dir)
	out := filepath.Join(dir, "out")
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		return "", err
	}
	if said, err := madeAsTheImage(string(text), filepath.Join(dir, "copy"), out); err != nil {
		return "", fmt.Errorf("as the image: %w: %s", err, said)
	}
	c := exec.Command("go", "build", "-o", filepath.Join(out, "tilltape"), ".")
	c.Dir = "../../cmd/tilltape"
	if said, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("tilltape: %w: %s", err, said)
	}
	return out, nil
})

// programs returns the programs that the README runs. To build them takes longer than all other tests here: everyday
// the service is this test binary, and of the command line there is nothing.
func programs(t *testing.T) (checkout, tilltape string) {
	t.Helper()
	if !long.Walks() {
		self, err := os.Executable()
		require.NoError(t, err)
		return self, ""
	}
	dir, err := built()
	require.NoError(t, err)
	return filepath.Join(dir, "checkout"), filepath.Join(dir, "tilltape")
}

// asCheckout in the environment of this test binary has it be the service.
const asCheckout = "TILLTAPE_TEST_BINARY_IS_CHECKOUT"

// leftOut is said of what takes the programs as people have them.
const leftOut = "left out: it builds two programs; set " + long.Variable + "=1"

// simulates plays APO, as a process where there is one for it, and returns its address.
func simulates(t *testing.T, tilltape, keys, notify string) (gateway string) {
	t.Helper()
	if tilltape != "" {
		_, gateway = starts(t, `^control +(\S+)/_control/$`, exec.Command(tilltape, "simulate", "--keys", keys,
			"--notify", notify))
		return gateway
	}
	s, err := apotest.NewUnstartedServer(&apotest.Config{NotifyURL: notify})
	require.NoError(t, err)
	require.NoError(t, s.WriteKeys(keys))
	mux := http.NewServeMux()
	mux.Handle(apotest.ControlPath, s.ControlHandler())
	mux.Handle("/", s)
	require.NoError(t, s.StartHandler("127.0.0.1:0", mux))
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s.URL()
}

// programDir is what is removed when all tests are over.
var programDir atomic.Pointer[string]

// process is a program under way.
type process struct {
	*exec.Cmd
	said *syncBuffer
}

// starts runs a program until it has said what matches, and returns the words in the pattern's parentheses.
func starts(t *testing.T, pattern string, program *exec.Cmd) (*process, string) {
	t.Helper()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	p := &process{Cmd: program, said: &syncBuffer{}}
	p.Stdout, p.Stderr = write, write
	require.NoError(t, p.Start())
	require.NoError(t, write.Close())
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(program.Path), p.said)
		}
	})
	words := make(chan string, 1)
	go func() {
		defer read.Close()
		defer close(words)
		want := regexp.MustCompile(pattern)
		for lines := bufio.NewScanner(read); lines.Scan(); {
			_, _ = io.WriteString(p.said, lines.Text()+"\n")
			if found := want.FindStringSubmatch(lines.Text()); found != nil {
				select {
				case words <- found[1]:
				default:
				}
			}
		}
	}()
	select {
	case found, ok := <-words:
		require.True(t, ok, "it ended: %s", p.said)
		return p, found
	case <-time.After(time.Minute):
		require.Fail(t, "it never began", p.said.String())
		return nil, ""
	}
}

// kill is no end that a program can prepare for.
func (p *process) kill() {
	if p.ProcessState == nil {
		_ = p.Process.Kill() // it may have ended
		_ = p.Wait()
	}
}

// till is the service as a process, which is another one after each death.
type till struct {
	t       *testing.T
	program string
	environ []string // what is set beside the environment of the tests

	mu      sync.Mutex // over running
	running *process
	url     atomic.Pointer[neturl.URL]
}

// environs is what a service is told whose calls go to a gateway: what a process dies over is asked for again soon.
func environs(gateway, keys string, more ...string) []string {
	return append([]string{"CHECKOUT_GATEWAY=" + gateway, "CHECKOUT_CLIENT=" + apotest.DefaultClientID,
		"CHECKOUT_KEYS=" + keys, "CHECKOUT_LISTEN=127.0.0.1:0", "CHECKOUT_PRIVATE=127.0.0.1:0",
		"CHECKOUT_DRAIN_WAIT=0s", "CHECKOUT_CALL_TIMEOUT=500ms"}, more...)
}

func (s *till) start() {
	running, address := starts(s.t, `msg=serving address=(\S+)`, s.command())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = running
	s.url.Store(&neturl.URL{Scheme: "http", Host: address})
}

func (s *till) command() *exec.Cmd {
	program := exec.Command(s.program)
	program.Env = append(append(os.Environ(), asCheckout+"=1"), s.environ...)
	return program
}

// kill is SIGKILL; when it returns the process is gone.
func (s *till) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running.kill()
}

// ends has it end in peace.
func (s *till) ends() {
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NoError(s.t, s.running.Process.Signal(syscall.SIGTERM))
	require.NoError(s.t, s.running.Wait(), "it ends in peace")
}

// notified passes a notification on, each time by a pass of its own, until a service that lives has put it on record:
// APO itself comes again only after minutes.
func notified(t *testing.T, w http.ResponseWriter, r *http.Request,
	pass func(answer http.ResponseWriter, body []byte) error) {
	body, err := io.ReadAll(r.Body)
	for err == nil && t.Context().Err() == nil { // the test's context ends with it
		answer := httptest.NewRecorder()
		if pass(answer, body) == nil && answer.Code == http.StatusOK && answer.Body.Len() > 0 {
			_, _ = w.Write(answer.Body.Bytes())
			return
		}
		time.Sleep(pause)
	}
	w.WriteHeader(http.StatusBadGateway)
}

// relay sends a request elsewhere and its answer back, and gives up later than whoever asked.
func relay(w http.ResponseWriter, r *http.Request, to string, body []byte) error {
	ctx, end := context.WithTimeout(context.Background(), relayTimeout)
	defer end()
	next, err := http.NewRequestWithContext(ctx, r.Method, to+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	next.Header = r.Header.Clone()
	resp, err := http.DefaultClient.Do(next)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(text)
	return nil
}
