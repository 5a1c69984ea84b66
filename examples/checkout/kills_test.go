package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// How often the service is killed, each time with a seed of its own, and who shops meanwhile.
const (
	kills         = 50
	killsEveryday = 2
	verifyEvery   = 3               // deaths; and at the end
	killShoppers  = 3               // in each round, one for each plan
	killPatience  = 2 * time.Minute // for one command, which waits for claims and for what APO does not know
	pauseMax      = 10 * pause      // between two tries of a shopper
	momentMax     = 400 * time.Millisecond
	relayTimeout  = 2 * time.Second // more than the service's call timeout, after which APO lets go of what it holds
)

// point is where the service dies: in a call to APO, or while it hears a notification.
type point struct {
	op   string
	when string // before it goes through, while it does, or after
	wait time.Duration
}

// hearing is the op of a notification, and moment none: then the service dies whatever it is at.
const (
	hearing = "notify"
	moment  = "moment"
)

// faults are what APO does meanwhile, one a round.
var faults = []string{"cancel 1 unknown", "cancel 1 timeout after", "cancel 1 status 503 before", "capture 1 cut after",
	"capture 1 truncated", "capture 1 unknown", "refund 1 cut after", "refund 1 bad-signature", "pay 1 cut after",
	"pay 1 status 503 before", "notifyCapture 1 duplicate 2", "notifyPayment 1 duplicate 1", "inquiryPayment 1 unknown"}

// killing is the service as a process that dies, with somebody who starts it again, between a gateway and whoever calls
// it. All that passes goes through here.
type killing struct {
	t                          *testing.T
	checkout, tilltape, folder string
	gateway                    string
	front, back                *httptest.Server // what APO calls, and what the service takes for APO
	environ                    []string

	mu      sync.Mutex // over running
	running *process
	url     atomic.Pointer[neturl.URL]
	armed   atomic.Pointer[point]
	killed  chan struct{}
	truth   truth
}

func newKilling(t *testing.T) *killing {
	k := &killing{t: t, folder: t.TempDir(), killed: make(chan struct{}, 1)}
	k.checkout, k.tilltape = programs(t)
	k.front = httptest.NewServer(http.HandlerFunc(k.notified))
	k.back = httptest.NewServer(http.HandlerFunc(k.called))
	t.Cleanup(k.front.Close)
	t.Cleanup(k.back.Close)
	_, k.gateway = starts(t, `^control +(\S+)/_control/$`, exec.Command(k.tilltape, "simulate", "--keys", k.folder,
		"--notify", k.front.URL+"/notify"))
	k.environ = append(os.Environ(), "CHECKOUT_GATEWAY="+k.back.URL, "CHECKOUT_CLIENT="+apotest.DefaultClientID,
		"CHECKOUT_KEYS="+k.folder, "CHECKOUT_LOG="+k.file(), "CHECKOUT_LISTEN=127.0.0.1:0",
		"CHECKOUT_PRIVATE=127.0.0.1:0", "CHECKOUT_DRAIN_WAIT=0s", "CHECKOUT_CALL_TIMEOUT=500ms")
	k.start()
	return k
}

func (k *killing) file() string { return filepath.Join(k.folder, "orders.tilltape") }

func (k *killing) start() {
	program := exec.Command(k.checkout)
	program.Env = k.environ
	running, address := starts(k.t, `msg=serving address=(\S+)`, program)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.running = running
	k.url.Store(&neturl.URL{Scheme: "http", Host: address})
}

// kill is SIGKILL; when it returns the process is gone.
func (k *killing) kill() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.running.kill()
	k.killed <- struct{}{}
}

// through lets something pass, and kills the service there if that is the point.
func (k *killing) through(op string, pass func()) {
	p := k.armed.Load()
	if p == nil || p.op != op || !k.armed.CompareAndSwap(p, nil) {
		pass()
		return
	}
	switch p.when {
	case "before":
		k.kill()
	case "while":
		dead := make(chan struct{})
		go func() {
			time.Sleep(p.wait)
			k.kill()
			close(dead)
		}()
		pass()
		<-dead
	default:
		pass()
		k.kill()
	}
}

// called passes a call on to APO. What has gone out arrives there, whether or not the one who sent it still lives.
func (k *killing) called(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // it died before it had sent all of it
	}
	k.through(filepath.Base(r.URL.Path), func() { err = relay(w, r, k.gateway, body) })
	if err != nil {
		panic(http.ErrAbortHandler) // as APO has done
	}
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

// notified passes notifications on until the service that lives has put them on record: APO itself comes again only
// after minutes.
func (k *killing) notified(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	for err == nil && k.t.Context().Err() == nil { // the test's context ends with it
		answer := httptest.NewRecorder()
		k.through(hearing, func() { err = relay(answer, r, k.url.Load().String(), body) })
		if err == nil && answer.Code == http.StatusOK && answer.Body.Len() > 0 {
			_, _ = w.Write(answer.Body.Bytes())
			return
		}
		err = nil
		time.Sleep(pause)
	}
	w.WriteHeader(http.StatusBadGateway)
}

// says gives a command until one of the answers that end it comes, sometimes twice at once, and keeps what was said.
func (k *killing) says(random *rand.Rand, id, path, key, body string, ends ...int) {
	var last string
	wait := pause
	for end := time.Now().Add(killPatience); time.Now().Before(end); time.Sleep(wait) {
		wait = min(wait+pause, pauseMax)
		var both sync.WaitGroup
		answers := make([]told, 1+random.IntN(3)/2)
		for i := range answers {
			both.Go(func() { answers[i] = k.asks(id, path, key, body) })
		}
		both.Wait()
		for _, a := range answers {
			last = fmt.Sprint(a.status, " ", a.body)
			k.truth.keep(a)
			for _, status := range ends {
				if a.status == status {
					return
				}
			}
		}
	}
	assert.Fail(k.t, "it never ended", "%s under %q: %s", path, key, last)
}

// asks is one answer; its status is 0 where there was none, or not all of it.
func (k *killing) asks(id, path, key, body string) told {
	a := told{order: id, path: path, key: key}
	r, err := http.NewRequest(http.MethodPost, k.url.Load().String()+path, strings.NewReader(body))
	if !assert.NoError(k.t, err) {
		return a
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return a
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return a
	}
	a.status, a.body, a.location = resp.StatusCode, string(text), resp.Header.Get("Location")
	return a
}

// shops is somebody with a plan: who cancels, who has it captured and then wants to cancel, who sends a part back.
func (k *killing) shops(random *rand.Rand, id string, plan int) {
	k.says(random, id, "/orders", "pay-"+id, strings.Replace(placeO1, "o-1", id, 1), http.StatusCreated)
	at := "/orders/" + id
	if plan == 0 {
		k.says(random, id, at+"/cancel", "cancel-"+id, `{"reason":"changed their mind"}`, http.StatusOK)
		return
	}
	resp, err := http.Post(k.gateway+apotest.ControlPath+"submit/pay-"+id, "", nil)
	if !assert.NoError(k.t, err) {
		return
	}
	assert.Equal(k.t, http.StatusOK, resp.StatusCode)
	_ = resp.Body.Close()
	k.says(random, id, at+"/capture", "capture-"+id, `{"amount":"USD 10.00"}`, http.StatusOK)
	k.says(random, id, at+"/cancel", "late-"+id, `{"reason":"too late"}`, http.StatusConflict)
	if plan == 2 {
		k.says(random, id, at+"/refund", "refund-"+id, `{"amount":"USD 4.00","reason":"sent back"}`, http.StatusOK)
	}
}

// The service is killed in the middle of a pay call, a cancel, a capture, a refund, a notification, or anything, again
// and again, with APO failing in its own ways, and shoppers who give each command until it ends. What is left of the
// log verifies; in the end the gateway's ledger is what the log says, and no answer that anybody got was untrue.
func TestKilledAtAnyMomentItLosesAndDoublesNothing(t *testing.T) {
	k := newKilling(t)
	rounds := long.Walk(kills, killsEveryday)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var shopping sync.WaitGroup
	ops, whens := []string{"cancel", "capture", hearing, "refund", "pay", moment}, []string{"before", "while", "after"}
	var orders []string
	for round := range rounds {
		random := rand.New(rand.NewPCG(seed, uint64(round)))
		p := &point{ops[round%len(ops)], whens[random.IntN(len(whens))], time.Duration(random.IntN(4000)) *
			time.Microsecond}
		k.scripts(fault(random, p.op))
		k.armed.Store(p)
		if p.op == moment {
			time.AfterFunc(momentMax/4000*time.Duration(random.IntN(4000)), func() { k.through(moment, func() {}) })
		}
		for plan := range killShoppers {
			id := fmt.Sprintf("o-%d-%d", round, plan)
			orders = append(orders, id)
			own := rand.New(rand.NewPCG(random.Uint64(), 0))
			shopping.Go(func() { k.shops(own, id, plan) })
		}
		select {
		case <-k.killed:
		case <-time.After(killPatience):
			require.Fail(t, "nobody came to the point", "%+v", k.armed.Load())
		}
		if round%verifyEvery == 0 {
			k.verifies()
		}
		k.start()
	}
	shopping.Wait()
	require.False(t, t.Failed())
	k.mu.Lock()
	require.NoError(t, k.running.Process.Signal(syscall.SIGTERM))
	require.NoError(t, k.running.Wait(), "it ends in peace")
	k.mu.Unlock()
	k.verifies()
	k.agrees(orders)
}

// fault picks one of another op than the one that the service dies in, so that no call is in so much trouble that APO
// is left alone with it for long.
func fault(random *rand.Rand, op string) string {
	for {
		if f := faults[random.IntN(len(faults))]; !strings.HasPrefix(f, op+" ") {
			return f
		}
	}
}

// scripts arms a fault.
func (k *killing) scripts(fault string) {
	resp, err := http.Post(k.gateway+apotest.ControlPath+"script", "", strings.NewReader(fault))
	require.NoError(k.t, err)
	defer resp.Body.Close()
	require.Equal(k.t, http.StatusOK, resp.StatusCode, fault)
}

// verifies lets the command line judge the log, which no process has open.
func (k *killing) verifies() {
	verify := exec.CommandContext(k.t.Context(), k.tilltape, "verify", k.file(), "--apo-key",
		filepath.Join(k.folder, publicKeyFile), "-o", "json")
	said, err := verify.Output()
	require.NoError(k.t, err, string(said))
	require.True(k.t, json.Valid(said), string(said))
}

// Told to stop twice, it stops at once, and the log is as good as after any other death.
func TestTheSecondSignalEndsItAtOnce(t *testing.T) {
	k := newKilling(t)
	require.NoError(t, k.running.Process.Signal(syscall.SIGTERM))
	require.NoError(t, k.running.Wait())
	k.environ = append(k.environ, "CHECKOUT_DRAIN_WAIT=1h")
	k.start()
	k.truth.keep(k.asks("o-1", "/orders", "pay-1", placeO1))
	require.NoError(t, k.running.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool { return strings.Contains(k.running.said.String(), "msg=stopping wait=1h0m0s") },
		time.Minute, pause)
	assert.Equal(t, http.StatusCreated, k.asks("o-1", "/orders", "pay-1", placeO1).status, "it still takes requests")
	require.NoError(t, k.running.Process.Signal(syscall.SIGTERM))
	require.Error(t, k.running.Wait())
	assert.Equal(t, 1, k.running.ProcessState.ExitCode())
	k.verifies()
	k.start()
	assert.Equal(t, http.StatusCreated, k.asks("o-1", "/orders", "pay-1", placeO1).status)
}

// Started with words it says that it takes none, and what it takes.
func TestTheProgramTakesNoWords(t *testing.T) {
	checkout, _ := programs(t)
	said, err := exec.CommandContext(t.Context(), checkout, "--help").CombinedOutput()
	require.NoError(t, err)
	assert.Contains(t, string(said), "  CHECKOUT_GATEWAY\n")
	said, err = exec.CommandContext(t.Context(), checkout, "--listen", "127.0.0.1:80").CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(said), "  CHECKOUT_GATEWAY\n")
	assert.Contains(t, string(said), "error: \"--listen\" is not understood; everything is set in the environment\n")
}
