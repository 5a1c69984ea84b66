package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
	"github.com/tilltape/tilltape/store/sealed"
)

// pgResult is what the log costs on a PostgreSQL server beside other ways to write to the same server, and beside files
// on the same disk.
type pgResult struct {
	Server  string
	Writers int
	Appends []cell
	Orders  int // on file for loading and replay
	Load    timing
	Trips   float64 // round trips to load an order
	Replay  float64 // facts a second, over loopback
	File    float64 // the same from a bolt file
}

// pgWriters is how many goroutines append at once: the load that the design's figures are for.
const pgWriters = 64

// pgSettings are what a server is given that is there for this: the rest is PostgreSQL's own, all that is about
// durability included.
var pgSettings = map[string]string{"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "15min"}

// pgBench is the section while it runs.
type pgBench struct {
	*bench
	server  *pgserver.Server
	dir     string
	oneEach bool // its tables are made
}

// postgres measures all that needs a server. Where none is installed that is said, and nothing is measured; in CI it is
// an error.
func (b *bench) postgres() (err error) {
	at := b.dir
	if err := os.Chmod(at, 0o711); err != nil { // the server's user has to get to its cluster
		return err
	}
	if !pgserver.Passable(at) {
		at = ""
		b.progress("PostgreSQL's cluster is in the temporary directory: the user that runs it cannot get to -dir")
	}
	server, err := pgserver.MakeIn(at, pgSettings)
	if errors.Is(err, pgserver.ErrMissing) && os.Getenv("CI") != "true" {
		b.progress("%s is left out: %v", sectionPostgres, err)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	p := &pgBench{bench: b, server: server, dir: filepath.Join(b.dir, "postgres-files")}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return err
	}
	res := &pgResult{Writers: pgWriters}
	if res.Server, err = server.Exec("SHOW server_version"); err != nil {
		return err
	}
	if res.Appends, err = p.appendsInTurns(); err != nil {
		return err
	}
	if err := p.reads(res); err != nil {
		return err
	}
	b.out.Postgres = res
	return nil
}

// pgLane is a contender of this section. Each keeps a log of its own, which grows from turn to turn.
type pgLane struct {
	name, less string
	// turn lets the writers append for a cell's time.
	turn func(p *pgBench) (outcome, error)
}

// The names of this section's contenders.
const (
	namePGOurs     = "tilltape, PostgreSQL"
	namePGProcess  = "the same, a process"
	namePGTwo      = "the same, two processes"
	namePGOneEach  = "the same tables, tx an event"
	namePGCategory = "function, lock a category"
	namePGStream   = "function, row a stream"
)

func pgLanes() []pgLane {
	course := newCourse(timeOrdered)
	file := func(name string, open func(string) (keeper, error), path string) pgLane {
		return pgLane{name: name, less: "another place to keep the log in",
			turn: func(p *pgBench) (outcome, error) {
				return p.turnWith(course, pgWriters, func() (keeper, error) { return open(filepath.Join(p.dir, path)) })
			}}
	}
	rival := func(name, less string, open func(p *pgBench) (keeper, error)) pgLane {
		return pgLane{name: name, less: less, turn: func(p *pgBench) (outcome, error) {
			return p.turnWith(course, pgWriters, func() (keeper, error) { return open(p) })
		}}
	}
	return []pgLane{
		rival(namePGOurs, "", (*pgBench).openOurs),
		{name: namePGProcess, turn: func(p *pgBench) (outcome, error) { return p.processes(1) }},
		{name: namePGTwo, turn: func(p *pgBench) (outcome, error) { return p.processes(2) }},
		rival(namePGOneEach, "the seal, recognised retries, NOTIFY, the columns for people", (*pgBench).openOneEach),
		rival(namePGCategory, "the same, heads and their indexes, lookup keys; as message-db writes",
			(*pgBench).openCategory),
		rival(namePGStream, "the same; positions may become visible out of order; as Marten writes", (*pgBench).openStream),
		file(nameOurs, openOurs, "bolt"),
		file(namePebble, openPebble, "pebble"),
	}
}

// appendsInTurns lets every contender take its turn in every round.
func (p *pgBench) appendsInTurns() ([]cell, error) {
	lanes := slices.DeleteFunc(pgLanes(), func(l pgLane) bool { return !p.takesPart(l.name) })
	rounds := make([][]outcome, len(lanes))
	for round := range p.Rounds {
		for i, l := range lanes {
			p.progress("PostgreSQL, round %d of %d: %s", round+1, p.Rounds, l.name)
			o, err := l.turn(p)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", l.name, err)
			}
			rounds[i] = append(rounds[i], o)
		}
	}
	var all []cell
	for i, l := range lanes {
		all = append(all, summary(block{0, timeOrdered}, pgWriters, l.name, rounds[i]))
	}
	return all, nil
}

// pool is as many connections as writers, so that no rival waits for one. All are made: that takes a server longer than
// many an append.
func (p *pgBench) pool() (*pgxpool.Pool, error) {
	pool, err := pgPool(p.server.URL(), pgWriters)
	if err != nil {
		return nil, err
	}
	made := make([]*pgxpool.Conn, pgWriters)
	for i := range made {
		if made[i], err = pool.Acquire(context.Background()); err != nil {
			break
		}
	}
	for _, conn := range made {
		if conn != nil {
			conn.Release()
		}
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

func pgPool(url string, most int) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(most)
	return pgxpool.NewWithConfig(context.Background(), config)
}

// pgOurs is the library's own log on the server, through its public interface.
type pgOurs struct {
	ours
	pool *pgxpool.Pool
}

func (k pgOurs) Close() error {
	defer k.pool.Close()
	return k.ours.Close()
}

// oursSchema is where our log is.
const oursSchema = "ours"

func (p *pgBench) openOurs() (keeper, error) { return openPGOurs(p.server.URL(), oursSchema) }

func openPGOurs(url, schema string) (keeper, error) {
	log, pool, err := openPGLog(url, schema)
	if err != nil {
		return nil, err
	}
	return pgOurs{ours{log}, pool}, nil
}

func openPGLog(url, schema string) (store.Log, *pgxpool.Pool, error) {
	pool, err := pgPool(url, 4)
	if err != nil {
		return nil, nil, err
	}
	log, err := postgres.Open(context.Background(), pool, &postgres.Config{Schema: schema, Migrate: true})
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	return log, pool, nil
}

// tripConn counts round trips: each time that something is sent after something was heard.
type tripConn struct {
	net.Conn
	trips *atomic.Int64
	heard *atomic.Bool
}

func (c tripConn) Write(b []byte) (int, error) {
	if c.heard.Swap(false) {
		c.trips.Add(1)
	}
	return c.Conn.Write(b)
}

func (c tripConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.heard.Store(true)
	}
	return n, err
}

// countTrips lets the pool's connections count.
func countTrips(config *pgxpool.Config) *atomic.Int64 {
	var trips atomic.Int64
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return tripConn{conn, &trips, &atomic.Bool{}}, nil
	}
	return &trips
}

// reads measures loading and replay on a log of whole orders.
func (p *pgBench) reads(res *pgResult) error {
	t, err := p.theTape()
	if err != nil {
		return err
	}
	config, err := pgxpool.ParseConfig(p.server.URL())
	if err != nil {
		return err
	}
	trips := countTrips(config)
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return err
	}
	defer pool.Close()
	log, err := postgres.Open(context.Background(), pool, &postgres.Config{Schema: "tape", Migrate: true})
	if err != nil {
		return err
	}
	defer log.Close()
	p.progress("PostgreSQL: copying the %d orders to the server", p.Tape)
	if err := t.withLog(func(from store.Log) error {
		_, err := sealed.Copy(context.Background(), from.(sealed.Original), log, nil)
		return err
	}); err != nil {
		return err
	}
	res.Orders = p.Tape
	if _, err := p.server.Exec("ANALYZE"); err != nil { // what autovacuum does in a while
		return err
	}
	ids := t.some(pgLoads)
	if _, err := loadEach(log, ids, nil); err != nil { // statements are prepared, pages warm
		return err
	}
	before := trips.Load()
	took, err := loadEach(log, ids, nil)
	if err != nil {
		return err
	}
	res.Load, res.Trips = timed(took), ratio(float64(trips.Load()-before), float64(len(ids)))
	return p.replaysInTurns(res, t, log)
}

// pgLoads is how many orders are loaded.
const pgLoads = 2_000

// replaysInTurns replays the same orders over the network and from a file.
func (p *pgBench) replaysInTurns(res *pgResult, t *tape, log store.Log) error {
	var network, file []float64
	for round := range p.Rounds {
		p.progress("PostgreSQL: replaying, round %d of %d", round+1, p.Rounds)
		r, err := replayOnce(log, p.Tape)
		if err != nil {
			return err
		}
		network = append(network, r.rate)
		if err := t.withLog(func(log store.Log) error {
			r, err := replayOnce(log, p.Tape)
			file = append(file, r.rate)
			return err
		}); err != nil {
			return err
		}
	}
	res.Replay, res.File = median(network), median(file)
	return nil
}

// processes lets so many processes append together, each from as many goroutines, and adds up what they did.
func (p *pgBench) processes(n int) (outcome, error) {
	if k, err := p.openOurs(); err != nil { // which makes the tables
		return outcome{}, err
	} else if err := k.Close(); err != nil {
		return outcome{}, err
	}
	var all sync.WaitGroup
	outcomes, errs := make([]outcome, n), make([]error, n)
	start := make(chan struct{})
	var ready sync.WaitGroup
	for i := range n {
		ready.Add(1)
		all.Go(func() {
			outcomes[i], errs[i] = appendElsewhere(p.server.URL(), p.CellTime, &ready, start)
		})
	}
	ready.Wait()
	close(start)
	all.Wait()
	sum := outcome{written: notKnown, device: notKnown}
	for _, o := range outcomes {
		sum.rate += o.rate
		sum.p50, sum.p99, sum.max = max(sum.p50, o.p50), max(sum.p99, o.p99), max(sum.max, o.max)
	}
	return sum, errors.Join(errs...)
}

// pgTurn is how long a turn takes beside its cell's time.
const pgTurn = 300 * time.Millisecond
