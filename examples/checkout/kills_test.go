package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
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
	"github.com/tilltape/tilltape/store/bolt"
)

// How often the service is killed, each time with a seed of its own, and who shops meanwhile.
const (
	kills         = 50
	killsEveryday = 2
	verifyEvery   = 3 // deaths; and at the end
	momentMax     = 400 * time.Millisecond
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
	*crowd
	till             *till
	tilltape, folder string
	hearer           *hearer

	armed  atomic.Pointer[point]
	killed chan struct{}
	under  sync.Map // op to *atomic.Int64: how many of them are under way
}

func newKilling(t *testing.T) *killing {
	k := &killing{folder: t.TempDir(), killed: make(chan struct{}, 1)}
	k.till = &till{t: t}
	k.till.program, k.tilltape = programs(t)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		notified(t, w, r, func(answer http.ResponseWriter, body []byte) (err error) {
			k.through(hearing, func() { err = relay(answer, r, k.till.url.Load().String(), body) })
			return err
		})
	}))
	t.Cleanup(front.Close)
	back := httptest.NewServer(http.HandlerFunc(k.called))
	t.Cleanup(back.Close)
	k.crowd = newCrowd(t, simulates(t, k.tilltape, k.folder, front.URL+"/notify"), k.till.url.Load)
	hearer, told := hears(t)
	k.hearer = hearer
	k.till.environ = environs(back.URL, k.folder, append(hearer.told(k.folder, told), "CHECKOUT_LOG="+k.file())...)
	k.till.start()
	return k
}

func (k *killing) file() string { return filepath.Join(k.folder, "orders.tilltape") }

// kill is SIGKILL; when it returns the process is gone.
func (k *killing) kill() {
	k.till.kill()
	k.killed <- struct{}{}
}

// through lets something pass, and kills the service there if that is the point.
func (k *killing) through(op string, pass func()) {
	under, _ := k.under.LoadOrStore(op, &atomic.Int64{})
	under.(*atomic.Int64).Add(1)
	defer under.(*atomic.Int64).Add(-1)
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

// The service is killed in the middle of a pay call, a cancel, a capture, a refund, a notification, or anything, again
// and again, with APO failing in its own ways, and shoppers who give each command until it ends. What is left of the
// log verifies; in the end the gateway's ledger is what the log says, no answer that anybody got was untrue,
// and a receiver was told every record, in order.
func TestKilledAtAnyMomentItLosesAndDoublesNothing(t *testing.T) {
	k := newKilling(t)
	rounds := long.Walk(kills, killsEveryday)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var shopping sync.WaitGroup
	ops, whens := []string{"cancel", "capture", hearing, "refund", "pay", moment}, []string{"before", "while", "after"}
	for round := range rounds {
		random := rand.New(rand.NewPCG(seed, uint64(round)))
		p := &point{ops[round%len(ops)], whens[random.IntN(len(whens))], time.Duration(random.IntN(4000)) *
			time.Microsecond}
		k.scripts(fault(random, p.op))
		k.armed.Store(p)
		if p.op == moment {
			time.AfterFunc(momentMax/4000*time.Duration(random.IntN(4000)), func() { k.through(moment, func() {}) })
		}
		for plan := range plans {
			id := fmt.Sprintf("o-%d-%d", round, plan)
			own := rand.New(rand.NewPCG(random.Uint64(), 0))
			shopping.Go(func() { k.shops(own, id, plan) })
		}
		select {
		case <-k.killed:
		case <-time.After(patience):
			require.Fail(t, "nobody came to the point", "%+v", k.armed.Load())
		}
		if round%verifyEvery == 0 {
			k.verifies()
		}
		k.till.start()
	}
	shopping.Wait()
	k.ends()
}

// ends is the end of a test: what is left verifies, and agrees with all that was said.
func (k *killing) ends() {
	require.False(k.t, k.t.Failed())
	k.till.ends()
	k.verifies()
	log, err := bolt.Open(k.file(), &bolt.Config{ReadOnly: true})
	require.NoError(k.t, err)
	k.agrees(log)
	require.NoError(k.t, log.Close())
	k.hasAll()
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
	if k.tilltape == "" {
		return // for what is short the log's own reading is enough
	}
	verify := exec.CommandContext(k.t.Context(), k.tilltape, "verify", k.file(), "--apo-key",
		filepath.Join(k.folder, publicKeyFile), "-o", "json")
	said, err := verify.Output()
	require.NoError(k.t, err, string(said))
	require.True(k.t, json.Valid(said), string(said))
}

// Told to stop twice, it stops at once, and the log is as good as after any other death.
func TestTheSecondSignalEndsItAtOnce(t *testing.T) {
	k := newKilling(t)
	k.till.ends()
	k.till.environ = append(k.till.environ, "CHECKOUT_DRAIN_WAIT=1h")
	k.till.start()
	k.truth.keep(k.asks("o-1", "/orders", "pay-1", placeO1))
	require.NoError(t, k.till.running.Process.Signal(syscall.SIGTERM))
	stops := func() bool { return strings.Contains(k.till.running.said.String(), "msg=stopping wait=1h0m0s") }
	require.Eventually(t, stops, time.Minute, pause)
	assert.Equal(t, http.StatusCreated, k.asks("o-1", "/orders", "pay-1", placeO1).status, "it still takes requests")
	require.NoError(t, k.till.running.Process.Signal(syscall.SIGTERM))
	require.Error(t, k.till.running.Wait())
	assert.Equal(t, 1, k.till.running.ProcessState.ExitCode())
	k.verifies()
	k.till.start()
	assert.Equal(t, http.StatusCreated, k.asks("o-1", "/orders", "pay-1", placeO1).status)
}

// Started with words it says that it takes none, and what it takes.
func TestTheProgramTakesNoWords(t *testing.T) {
	checkout, _ := programs(t)
	t.Setenv(asCheckout, "1")
	said, err := exec.CommandContext(t.Context(), checkout, "--help").CombinedOutput()
	require.NoError(t, err)
	assert.Contains(t, string(said), "  CHECKOUT_GATEWAY\n")
	said, err = exec.CommandContext(t.Context(), checkout, "--listen", "127.0.0.1:80").CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(said), "  CHECKOUT_GATEWAY\n")
	assert.Contains(t, string(said), "error: \"--listen\" is not understood; everything is set in the environment\n")
}
