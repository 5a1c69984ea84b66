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

// Two real processes on one database are one shop, and one of them is killed again and again, wherever it stands: every
// command comes to an end, the gateway's ledger is what the log says, the log verifies, and no answer of either was
// untrue.
func TestTwoRealProcesses(t *testing.T) {
	checkout, tilltape := programs(t)
	if tilltape == "" {
		t.Skip(leftOut)
	}
	database := pgserver.New(t, nil).URL()
	var tills [2]*till
	var turn atomic.Uint64
	next := func() *neturl.URL { return tills[turn.Add(1)%2].url.Load() }
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		notified(t, w, r, func(answer http.ResponseWriter, body []byte) error {
			return relay(answer, r, next().String(), body)
		})
	}))
	t.Cleanup(front.Close)
	keys := filepath.Join(t.TempDir(), "keys")
	gateway := simulates(t, tilltape, keys, front.URL+"/notify")
	for i := range tills {
		tills[i] = &till{t: t, program: checkout, environ: environs(gateway, keys, "CHECKOUT_DATABASE="+database)}
		tills[i].start()
	}
	c := newCrowd(t, gateway, next)
	var shopping sync.WaitGroup
	for i := range shoppers {
		random := rand.New(rand.NewPCG(uint64(i), 0))
		shopping.Go(func() {
			for n := range ordersEach {
				c.shops(random, fmt.Sprintf("o-%d-%d", i, n), (i+n)%plans)
			}
		})
	}
	for range killsOfOne {
		time.Sleep(betweenKills)
		tills[1].kill()
		tills[1].start()
	}
	shopping.Wait()
	require.False(t, t.Failed())
	for i := range tills {
		tills[i].ends()
	}
	said, err := exec.CommandContext(t.Context(), tilltape, "replay", database).CombinedOutput()
	require.NoError(t, err, string(said))
	assert.False(t, bytes.Contains(said, []byte(pgserver.Password)), "its password is nobody's business")
	t.Logf("%s", said)

	pool, err := pgxpool.New(t.Context(), database)
	require.NoError(t, err)
	defer pool.Close()
	log, err := postgres.Open(t.Context(), pool, nil)
	require.NoError(t, err)
	defer log.Close()
	c.agrees(log)
}
