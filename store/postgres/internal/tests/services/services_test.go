// Package services_test lets two services, processes of their own, sell the same orders over one database, and takes
// from them whatever can be taken: their lives, their server, their connections.
package services_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

// How often what happens.
const (
	slots            = 2 // services at a time
	serviceKills     = 100
	serviceKillsFew  = 10
	serverKills      = 20
	serverKillsFew   = 3
	cutsBetween      = 3                       // cut connections for each killed service
	lifeMost         = 1500 * time.Millisecond // of a service, once it serves
	drainMost        = 2 * time.Minute
	acknowledgedFew  = 60 // records that the services must have been told of, for the test to mean anything
	acknowledgedMany = 2000
)

func TestMain(m *testing.M) {
	if os.Getenv(doingEnv) == "" {
		os.Exit(pgserver.RunWhole(m))
	}
	if err := childServe(); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
}

// parent is what is known of the services from outside.
type parent struct {
	t      *testing.T
	server *pgserver.Server
	proxy  *pgserver.Proxy
	bank   *bank
	schema string
	random *rand.Rand

	mu       sync.Mutex
	sums     map[uint64]string // of acknowledged records, by position
	ids      map[string]uint64 // their positions
	given    map[string]int    // commands that came to an end, by verb and outcome
	problems []string
	killed   int
	silent   int // services that were killed before they served
}

// TestTwoServicesOneDatabase kills services, kills the server and cuts connections, in any order, while two services
// sell the same orders.
func TestTwoServicesOneDatabase(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	p := &parent{t: t, server: pgserver.New(t, nil), bank: newBank(t), random: rand.New(rand.NewPCG(seed, 0)),
		sums: map[uint64]string{}, ids: map[string]uint64{}, given: map[string]int{}}
	p.proxy = pgserver.NewProxy(t, p.server.Addr())
	p.schema = p.server.Schema(t)
	p.migrate()

	kills, outages := long.Walk(serviceKills, serviceKillsFew), long.Walk(serverKills, serverKillsFew)
	var lives sync.WaitGroup
	stop := make(chan struct{})
	for slot := range slots {
		random := rand.New(rand.NewPCG(seed, uint64(slot)+1))
		lives.Go(func() {
			for turn := 0; ; turn++ {
				select {
				case <-stop:
					return
				default:
					p.live(turn, random)
				}
			}
		})
	}
	p.trouble(kills, outages)
	close(stop)
	lives.Wait()

	p.drain()
	p.judge(long.Walk(acknowledgedMany, acknowledgedFew))
}

func (p *parent) migrate() {
	pool, err := pgxpool.New(p.t.Context(), p.server.URL())
	require.NoError(p.t, err)
	defer pool.Close()
	log, err := postgres.Open(p.t.Context(), pool, &postgres.Config{Schema: p.schema, Migrate: true})
	require.NoError(p.t, err)
	require.NoError(p.t, log.Close())
}

// trouble kills the server again and again, until that and the services' deaths are as many as are wanted, and cuts
// connections all the while: at any moment, and at those that matter.
func (p *parent) trouble(kills, outages int) {
	cut := time.NewTicker(lifeMost / cutsBetween)
	defer cut.Stop()
	between := time.Duration(kills) * lifeMost / time.Duration(slots*outages)
	next := time.Now().Add(between)
	for done := 0; (done < outages || p.deaths() < kills) && !p.hopeless(); {
		select {
		case <-p.t.Context().Done():
			return
		case <-cut.C:
		}
		switch p.random.IntN(4) {
		case 0:
			p.proxy.Cut()
		case 1:
			p.proxy.CutBefore("commit", p.random.IntN(20))
		default:
			p.proxy.CutAfter("COMMIT", p.random.IntN(20))
		}
		if done == outages || time.Now().Before(next) {
			continue
		}
		if p.random.IntN(4) == 0 {
			pgserver.Do(p.t, p.server.StopImmediately())
		} else {
			pgserver.Do(p.t, p.server.Kill())
		}
		time.Sleep(time.Duration(p.random.Int64N(int64(lifeMost / 2)))) // down for that long
		pgserver.Do(p.t, p.server.Start())
		done++
		next = time.Now().Add(between)
	}
}

// hopeless tells whether the test has failed already.
func (p *parent) hopeless() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.problems) > 0
}

func (p *parent) deaths() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed
}

// live is the life of one service, and its death at a random moment: most die among their work, some while they start.
func (p *parent) live(turn int, random *rand.Rand) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), doingEnv+"=serve", databaseEnv+"="+p.proxy.URL(p.server.URL()),
		schemaEnv+"="+p.schema, apoEnv+"="+p.bank.front.URL, keysEnv+"="+p.bank.keys,
		placeEnv+"="+p.bank.place.URL, turnEnv+"="+strconv.Itoa(turn))
	var stderr strings.Builder
	c.Stderr = &stderr
	stdin, err := c.StdinPipe()
	if !assert.NoError(p.t, err) {
		return
	}
	defer stdin.Close()
	stdout, err := c.StdoutPipe()
	if !assert.NoError(p.t, err) || !assert.NoError(p.t, c.Start()) {
		return
	}
	kill := func() { _ = c.Process.Kill() }
	moment := time.Duration(random.Int64N(int64(lifeMost)))
	served := false
	if random.IntN(8) == 0 {
		time.AfterFunc(moment, kill) // perhaps while it opens the log
	}
	last := time.AfterFunc(drainMost, kill) // a service that neither serves nor dies
	p.listen(stdout, func() {
		served = true
		time.AfterFunc(moment, kill)
	})
	last.Stop()
	_ = c.Wait() // it was killed
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed++
	if !served {
		p.silent++
	}
	if stderr.Len() > 0 {
		p.problems = append(p.problems, stderr.String())
	}
}

// listen takes in what a service tells until it is gone.
func (p *parent) listen(from io.Reader, up func()) {
	in := bufio.NewReader(from)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return // the last line can be cut off, with its process
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if words[0] == wordUp {
			up()
			continue
		}
		p.hear(words[0], words[1:], line)
	}
}

func (p *parent) hear(word string, rest []string, line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch word {
	case wordGiven:
		p.given[rest[0]+" "+rest[2]]++
	case wordWritten:
		for ; len(rest) >= 3; rest = rest[3:] {
			position, err := strconv.ParseUint(rest[0], 10, 64)
			if err != nil {
				p.problems = append(p.problems, line)
				return
			}
			if told, ok := p.sums[position]; ok && told != rest[2] {
				p.problems = append(p.problems, fmt.Sprintf("position %d was acknowledged twice, for two records", position))
			}
			if told, ok := p.ids[rest[1]]; ok && told != position {
				p.problems = append(p.problems, fmt.Sprintf("%s was acknowledged at %d and at %d", rest[1], told, position))
			}
			p.sums[position], p.ids[rest[1]] = rest[2], position
		}
	default:
		p.problems = append(p.problems, line)
	}
}

// drain lets one service in peace bring everything to an end that the others left.
func (p *parent) drain() {
	ctx, cancel := context.WithTimeout(p.t.Context(), drainMost)
	defer cancel()
	pool, log, err := connect(ctx, p.server.URL(), p.schema)
	require.NoError(p.t, err)
	defer pool.Close()
	p.t.Setenv(keysEnv, p.bank.keys)
	p.t.Setenv(apoEnv, p.bank.front.URL)
	gateway, err := client()
	require.NoError(p.t, err)
	orders, err := tilltape.New(log, gateway, config(nil))
	require.NoError(p.t, err)
	for p.unsettled(ctx, log) {
		_, err := orders.SettleDue(ctx)
		require.NoError(p.t, err)
		time.Sleep(50 * time.Millisecond)
	}
	p.reconcile(ctx, orders, log)
	for p.unsettled(ctx, log) {
		_, err := orders.SettleDue(ctx)
		require.NoError(p.t, err)
		time.Sleep(50 * time.Millisecond)
	}
	require.NoError(p.t, orders.Close())
	require.NoError(p.t, log.Close())
}

// unsettled tells whether the outcome of anything is not known.
func (p *parent) unsettled(ctx context.Context, log store.Reader) bool {
	for _, err := range log.Heads(ctx, store.Outstanding()) {
		require.NoError(p.t, err)
		return true
	}
	return false
}

// reconcile asks APO about every order once, so that one that was placed and never asked about knows its payment.
func (p *parent) reconcile(ctx context.Context, orders *tilltape.Orders, log store.Reader) {
	var ids []string
	for head, err := range log.Heads(ctx, store.InStatus(order.Created.String())) {
		require.NoError(p.t, err)
		ids = append(ids, head.Stream.ID)
	}
	for _, id := range ids {
		_, err := orders.Reconcile(ctx, id)
		for errors.Is(err, order.ErrNotDue) { // one that was killed has claimed it
			time.Sleep(callTime)
			_, err = orders.Reconcile(ctx, id)
		}
		require.NoError(p.t, err, id)
	}
}

// judge holds the log against what was acknowledged, against its seal and against APO's ledger.
func (p *parent) judge(least int) {
	t, ctx := p.t, p.t.Context()
	pool, log, err := connect(ctx, p.server.URL(), p.schema)
	require.NoError(t, err)
	defer pool.Close()
	defer func() { require.NoError(t, log.Close()) }()
	t.Logf("%d services killed (%d before they served), %d records acknowledged, %d calls to APO; %v",
		p.killed, p.silent, len(p.sums), p.bank.calls, p.given)
	assert.Empty(t, p.problems)
	assert.Empty(t, p.bank.wrong())
	assert.Greater(t, len(p.sums), least, "the services hardly got to work")
	assert.Less(t, p.silent, p.killed/2, "most services died before they served")
	for _, ended := range []string{"create done", "capture done", "cancel done", "refund accepted"} {
		assert.Positive(t, p.given[ended], ended)
	}

	seen, newest, position := map[string]uint64{}, map[events.Stream]events.Record{}, uint64(0)
	for r, err := range log.All(ctx, store.Start()) {
		require.NoError(t, err)
		position++
		before := newest[r.Stream]
		require.Equal(t, [...]uint64{position, before.Version + 1, before.Position},
			[...]uint64{r.Position, r.Version, r.Previous}, r.ID)
		require.NotContains(t, seen, r.ID, "written twice")
		seen[r.ID], newest[r.Stream] = r.Position, r
		if told, ok := p.sums[position]; ok {
			sum, err := sumOf(r)
			require.NoError(t, err)
			require.Equal(t, told, sum, "position %d is not what was acknowledged", position)
		}
	}
	for id, at := range p.ids {
		require.Equal(t, at, seen[id], "%s was acknowledged and is lost", id)
	}
	require.NoError(t, log.Verify(ctx, nil))
	p.agree(ctx, log)
}

// agree holds each order against APO's ledger.
func (p *parent) agree(ctx context.Context, log store.Reader) {
	reader, err := tilltape.NewReader(log, nil)
	require.NoError(p.t, err)
	totals := p.bank.apo.AllTotals()
	known := map[string]bool{}
	for head, err := range log.Heads(ctx, store.AllOrders()) {
		require.NoError(p.t, err)
		o, err := reader.Get(ctx, head.Stream.ID)
		require.NoError(p.t, err)
		ledger := totals[o.PaymentRequestID]
		known[o.PaymentRequestID] = true
		assert.Equal(p.t, [...]int64{ledger.Captured, ledger.Refunded}, [...]int64{o.Captured, o.Refunded}, "%s is %s",
			o.ID, o.Words())
		assert.Equal(p.t, o.Status == order.Cancelled, ledger.Voided > 0, "%s is %s", o.ID, o.Words())
		assert.LessOrEqual(p.t, ledger.Captured, int64(price), o.ID)
	}
	for request, ledger := range totals {
		if !known[request] {
			assert.Zero(p.t, ledger.Captured+ledger.Refunded+ledger.Voided, "%s has no order, and its money moved", request)
		}
	}
}
