package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	neturl "net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/order"
)

const (
	plans    = 4               // who cancels unpaid, takes what was paid, sends a part back, or cancels once it is paid
	patience = 2 * time.Minute // for one command, which waits for claims and for what APO does not know
	pauseMax = 10 * pause      // between two tries of a shopper
)

// crowd is those who shop, at one service or at several in turns, with what they were told.
type crowd struct {
	t       *testing.T
	gateway string
	next    func() *neturl.URL // where the service is whose turn it is

	client http.Client // with connections of its own: those of a service that died are not everybody's
	asking atomic.Int64
	truth  truth
	mu     sync.Mutex // over orders
	orders []planned
}

// planned is an order and what its shopper wants.
type planned struct {
	id   string
	plan int
}

func newCrowd(t *testing.T, gateway string, next func() *neturl.URL) *crowd {
	c := &crowd{t: t, gateway: gateway, next: next,
		client: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * busyShoppers}}}
	t.Cleanup(c.client.CloseIdleConnections)
	return c
}

// says gives a command until one of the answers that end it comes, sometimes twice at once, and keeps what was said.
func (c *crowd) says(random *rand.Rand, id, path, key, body string, ends int) {
	var last string
	wait := pause
	for end := time.Now().Add(patience); time.Now().Before(end) && !c.t.Failed(); time.Sleep(wait) {
		wait = min(wait+pause, pauseMax)
		var both sync.WaitGroup
		answers := make([]told, 1+random.IntN(3)/2)
		for i := range answers {
			both.Go(func() { answers[i] = c.asks(id, path, key, body) })
		}
		both.Wait()
		ended := false
		for _, a := range answers {
			c.truth.keep(a)
			last, ended = fmt.Sprint(a.status, " ", a.body), ended || a.status == ends
		}
		if ended {
			return
		}
	}
	assert.Fail(c.t, "it never ended", "%s under %q: %s", path, key, last)
}

// asks is one answer; its status is 0 where there was none, or not all of it.
func (c *crowd) asks(id, path, key, body string) told {
	a := told{order: id, path: path, key: key, sent: body, asked: c.truth.now()}
	r, err := http.NewRequest(http.MethodPost, c.next().String()+path, strings.NewReader(body))
	if !assert.NoError(c.t, err) {
		return a
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	c.asking.Add(1)
	defer c.asking.Add(-1)
	resp, err := c.client.Do(r)
	if err != nil {
		return a
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return a
	}
	a.status, a.body, a.header, a.answered = resp.StatusCode, string(text), resp.Header, c.truth.now()
	return a
}

// shops is somebody with a plan: who cancels, who has it captured and then wants to cancel, who sends a part back too,
// and who cancels what the service knows to be paid, so that money which is held has to be let go.
func (c *crowd) shops(random *rand.Rand, id string, plan int) {
	c.mu.Lock()
	c.orders = append(c.orders, planned{id, plan})
	c.mu.Unlock()
	c.says(random, id, "/orders", "pay-"+id, strings.Replace(placeO1, "o-1", id, 1), http.StatusCreated)
	at := "/orders/" + id
	if plan == 0 {
		c.says(random, id, at+"/cancel", "cancel-"+id, `{"reason":"changed their mind"}`, http.StatusOK)
		return
	}
	resp, err := http.Post(c.gateway+apotest.ControlPath+"submit/pay-"+id, "", nil)
	if !assert.NoError(c.t, err) {
		return
	}
	assert.Equal(c.t, http.StatusOK, resp.StatusCode)
	_ = resp.Body.Close()
	if plan == 3 {
		c.waits(at, order.Authorized.String())
		c.says(random, id, at+"/cancel", "cancel-"+id, `{"reason":"found it cheaper"}`, http.StatusOK)
		return
	}
	c.says(random, id, at+"/capture", "capture-"+id, `{"amount":"USD 10.00"}`, http.StatusOK)
	c.says(random, id, at+"/cancel", "late-"+id, `{"reason":"too late"}`, http.StatusConflict)
	if plan == 2 {
		c.says(random, id, at+"/refund", "refund-"+id, `{"amount":"USD 4.00","reason":"sent back"}`, http.StatusOK)
	}
}

// waits asks how an order stands until it stands so.
func (c *crowd) waits(at, status string) {
	var said string
	for end := time.Now().Add(patience); time.Now().Before(end) && !c.t.Failed(); time.Sleep(pause) {
		resp, err := c.client.Get(c.next().String() + at)
		if err != nil {
			continue
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		var v orderView
		if said = string(text); err == nil && json.Unmarshal(text, &v) == nil && v.Status == status {
			return
		}
	}
	assert.Fail(c.t, "it never was", "%s, %s: %s", at, status, said)
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
