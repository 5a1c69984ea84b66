package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store/postgres"
)

// The shoppers of the test, and how often the service that one of them speaks to is killed meanwhile.
const (
	shoppers     = 8
	ordersEach   = plans
	killsOfOne   = 5
	betweenKills = 300 * time.Millisecond
)

// pair is two real processes that are one shop.
type pair struct {
	*crowd
	tills    [2]*till
	tilltape string
	keys     string
}

// newPair starts them, each with what environ says of it.
func newPair(t *testing.T, environ func(i int) []string) *pair {
	p := &pair{}
	var checkout string
	if checkout, p.tilltape = programs(t); p.tilltape == "" {
		t.Skip(leftOut)
	}
	var turn atomic.Uint64
	next := func() *neturl.URL { return p.tills[turn.Add(1)%2].url.Load() }
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		notified(t, w, r, func(answer http.ResponseWriter, body []byte) error {
			return relay(answer, r, next().String(), body)
		})
	}))
	t.Cleanup(front.Close)
	p.keys = filepath.Join(t.TempDir(), "keys")
	gateway := simulates(t, p.tilltape, p.keys, front.URL+"/notify")
	for i := range p.tills {
		p.tills[i] = &till{t: t, program: checkout, environ: environs(gateway, p.keys, environ(i)...)}
		p.tills[i].start()
	}
	p.crowd = newCrowd(t, gateway, next)
	return p
}

// shop has shoppers give all their commands, while one of the processes is killed, and besides that what kill does.
func (p *pair) shop(kill func(round int)) {
	var shopping sync.WaitGroup
	for i := range shoppers {
		random := rand.New(rand.NewPCG(uint64(i), 0))
		shopping.Go(func() {
			for n := range ordersEach {
				p.shops(random, fmt.Sprintf("o-%d-%d", i, n), (i+n)%plans)
			}
		})
	}
	for round := range killsOfOne {
		time.Sleep(betweenKills)
		kill(round)
		p.tills[1].kill()
		p.tills[1].start()
	}
	shopping.Wait()
	require.False(p.t, p.t.Failed())
	for i := range p.tills {
		p.tills[i].ends()
	}
}

// judges has the command line say something of a log.
func (p *pair) judges(args ...string) []byte {
	said, err := exec.CommandContext(p.t.Context(), p.tilltape, args...).CombinedOutput()
	require.NoError(p.t, err, string(said))
	p.t.Logf("%s", said)
	return said
}

// Two real processes on one database are one shop, and one of them is killed again and again, wherever it stands: every
// command comes to an end, the gateway's ledger is what the log says, the log verifies, and no answer of either was
// untrue.
func TestTwoRealProcesses(t *testing.T) {
	if !long.Walks() {
		t.Skip(leftOut)
	}
	database := pgserver.New(t, nil).URL()
	p := newPair(t, func(int) []string { return []string{"CHECKOUT_DATABASE=" + database} })
	p.shop(func(int) {})
	said := p.judges("replay", database)
	assert.False(t, bytes.Contains(said, []byte(pgserver.Password)), "its password is nobody's business")

	pool, err := pgxpool.New(t.Context(), database)
	require.NoError(t, err)
	defer pool.Close()
	log, err := postgres.Open(t.Context(), pool, nil)
	require.NoError(t, err)
	defer log.Close()
	p.agrees(log)
}
