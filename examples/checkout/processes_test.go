package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
)

// The shoppers of the test, and how often the service that one of them speaks to is killed meanwhile.
const (
	shoppers     = 8
	ordersEach   = 3
	killsOfOne   = 3
	betweenKills = 300 * time.Millisecond
	patience     = 3 * time.Minute // more than the lease of a claim
	pause        = 20 * time.Millisecond
)

// built is where the programs are that the README runs. They are made once for all tests.
var built = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "checkout-programs-"); err != nil {
		return "", err
	}
	for name, folder := range map[string]string{"checkout": ".", "tilltape": "../../cmd/tilltape"} {
		c := exec.Command("go", "build", "-o", filepath.Join(dir, name), ".")
		c.Dir = folder
		if said, failed := c.CombinedOutput(); failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w: %s", name, failed, said))
		}
	}
	return dir, err
})

// programs returns the programs that the README runs. To build them takes longer than all other tests here: everyday
// what needs them is left out.
func programs(t *testing.T) (checkout, tilltape string) {
	t.Helper()
	if !long.Enabled() {
		t.Skip("left out: it builds two programs; set " + long.Variable + "=1")
	}
	dir, err := built()
	require.NoError(t, err)
	programDir.Store(&dir)
	return filepath.Join(dir, "checkout"), filepath.Join(dir, "tilltape")
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

// till is one of the two services, which is another process after a while.
type till struct {
	environ []string
	program string
	running *process
	url     atomic.Pointer[neturl.URL]
}

func (s *till) start(t *testing.T) {
	t.Helper()
	var address string
	program := exec.Command(s.program)
	program.Env = append(os.Environ(), s.environ...)
	s.running, address = starts(t, `msg=serving address=(\S+)`, program)
	s.url.Store(&neturl.URL{Scheme: "http", Host: address})
}

// shopping is the two services, the gateway, and what stands in front of them all.
type shopping struct {
	t       *testing.T
	tills   [2]till
	gateway string
	turn    atomic.Uint64
	calls   sync.RWMutex // locked: nobody is in the middle of a command
}

// notified passes APO's notifications on as a patient load balancer does: to the services in turns, until one has put
// it on record. APO itself comes again only after minutes.
func (s *shopping) notified(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	for deadline := time.Now().Add(patience); err == nil && time.Now().Before(deadline); {
		at := s.next().String() + r.URL.Path
		next, err := http.NewRequestWithContext(s.t.Context(), r.Method, at, bytes.NewReader(body))
		if !assert.NoError(s.t, err) {
			break
		}
		next.Header = r.Header.Clone()
		resp, err := http.DefaultClient.Do(next)
		if err != nil {
			continue // it is dead
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil && resp.StatusCode == http.StatusOK {
			_, _ = w.Write(text) // APO may have gone; then it comes again
			return
		}
		time.Sleep(pause)
	}
	w.WriteHeader(http.StatusBadGateway)
}

// next is where the service is whose turn it is.
func (s *shopping) next() *neturl.URL { return s.tills[s.turn.Add(1)%2].url.Load() }

// says sends a command again and again, to the services in turns, until one of them gives an answer that ends it.
func (s *shopping) says(path, key, body string, statuses ...int) {
	var last string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(pause) {
		at := s.next().String() + path
		r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, at, strings.NewReader(body))
		if !assert.NoError(s.t, err) {
			return
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
		resp, text, err := s.do(r)
		if err != nil {
			last = err.Error()
			continue
		}
		for _, status := range statuses {
			if resp.StatusCode == status {
				return
			}
		}
		last = fmt.Sprint(resp.StatusCode, " ", string(text))
	}
	assert.Fail(s.t, "it never ended", "%s under %q: %s", path, key, last)
}

// do sends a request and reads what is answered, which is cut short where the service dies.
func (s *shopping) do(r *http.Request) (*http.Response, []byte, error) {
	s.calls.RLock()
	defer s.calls.RUnlock()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, text, err
}

// shops lets somebody order, pay, and have second thoughts.
func (s *shopping) shops(id string, n int) {
	pay := "pay-" + id
	s.says("/orders", pay, strings.Replace(placeO1, "o-1", id, 1), http.StatusCreated)
	if n%3 == 2 {
		s.says("/orders/"+id+"/cancel", "cancel-"+id, `{}`, http.StatusOK)
		return
	}
	resp, err := http.Post(s.gateway+apotest.ControlPath+"submit/"+pay, "", nil)
	if !assert.NoError(s.t, err) {
		return
	}
	assert.Equal(s.t, http.StatusOK, resp.StatusCode)
	_ = resp.Body.Close()
	s.says("/orders/"+id+"/capture", "capture-"+id, `{"amount":"USD 10.00"}`, http.StatusOK)
	s.says("/orders/"+id+"/cancel", "late-"+id, `{}`, http.StatusConflict)
	if n%3 == 1 {
		s.says("/orders/"+id+"/refund", "refund-"+id, `{"amount":"USD 4.00"}`, http.StatusOK)
	}
}

// reads is what one of the services or the gateway says.
func reads(t *testing.T, url string, into any) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode, url)
	require.NoError(t, json.NewDecoder(resp.Body).Decode(into))
}

// Two real processes on one database are one shop, and one of them is killed again and again: every command comes to
// an end, the gateway's ledger is what the log says, and the log verifies.
func TestTwoRealProcesses(t *testing.T) {
	checkout, tilltape := programs(t)
	database := pgserver.New(t, nil).URL()
	s := &shopping{t: t}
	front := httptest.NewServer(http.HandlerFunc(s.notified))
	t.Cleanup(front.Close)
	keys := filepath.Join(t.TempDir(), "keys")
	_, s.gateway = starts(t, `^control +(\S+)/_control/$`, exec.Command(tilltape, "simulate", "--keys", keys,
		"--notify", front.URL+"/notify"))
	for i := range s.tills {
		s.tills[i].program, s.tills[i].environ = checkout, []string{"CHECKOUT_LISTEN=127.0.0.1:0",
			"CHECKOUT_PRIVATE=127.0.0.1:0", "CHECKOUT_DRAIN_WAIT=0s", "CHECKOUT_GATEWAY=" + s.gateway,
			"CHECKOUT_CLIENT=" + apotest.DefaultClientID, "CHECKOUT_KEYS=" + keys, "CHECKOUT_DATABASE=" + database}
		s.tills[i].start(t)
	}

	shopped := make(chan struct{})
	for i := range shoppers {
		go func() {
			defer func() { shopped <- struct{}{} }()
			for n := range ordersEach {
				s.shops(fmt.Sprintf("o-%d-%d", i, n), i+n)
			}
		}()
	}
	// A claim that died with its process is free again after its lease, a minute. Everyday the process dies between two
	// commands, and in the long form anywhere in them.
	kills := long.Walk(killsOfOne, 1)
	for range kills {
		time.Sleep(betweenKills)
		if kills == 1 {
			s.calls.Lock()
		}
		s.tills[1].running.kill()
		if kills == 1 {
			s.calls.Unlock()
		}
		s.tills[1].start(t)
	}
	for range shoppers {
		<-shopped
	}
	require.False(t, t.Failed())

	// What the gateway says has moved is what the orders say, at either service.
	var totals map[string]apotest.Totals
	reads(t, s.gateway+apotest.ControlPath+"totals", &totals)
	statuses := map[string]int{}
	for i := range shoppers {
		for n := range ordersEach {
			id := fmt.Sprintf("o-%d-%d", i, n)
			var v orderView
			reads(t, s.tills[n%2].url.Load().String()+"/orders/"+id, &v)
			have := totals["pay-"+id]
			assert.Equal(t, v.Captured, fmt.Sprintf("USD %d.%02d", have.Captured/100, have.Captured%100), id)
			assert.Equal(t, v.Refunded, fmt.Sprintf("USD %d.%02d", have.Refunded/100, have.Refunded%100), id)
			assert.Empty(t, v.Attention, id)
			statuses[v.Status]++
		}
	}
	assert.Equal(t, map[string]int{"captured": 8, "refunded": 8, "cancelled": 8}, statuses)
	for i := range s.tills {
		require.NoError(t, s.tills[i].running.Process.Signal(os.Interrupt))
		require.NoError(t, s.tills[i].running.Wait(), "it ends in peace")
	}
	said, err := exec.CommandContext(t.Context(), tilltape, "replay", database).CombinedOutput()
	require.NoError(t, err, string(said))
	assert.False(t, bytes.Contains(said, []byte(pgserver.Password)), "its password is nobody's business")
	t.Logf("%s", said)
}
