package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

// failures keeps what went wrong in the turns of a pool's connections.
type failures struct {
	mu  sync.Mutex
	all []error
}

func (f *failures) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (f *failures) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (f *failures) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}
func (f *failures) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}
func (f *failures) TraceBatchQuery(_ context.Context, _ *pgx.Conn, q pgx.TraceBatchQueryData) {
	if q.Err != nil && !errors.Is(q.Err, pgx.ErrNoRows) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.all = append(f.all, q.Err)
	}
}

// A turn sees what the turn before it has left, whatever isolation the role's transactions have: nothing is tried
// twice.
func TestTurnsAreReadCommitted(t *testing.T) {
	ctx := context.Background()
	log := newLog(t, postgres.Config{})
	config, err := pgxpool.ParseConfig(with(t, pgserver.Shared(t).URL(), "default_transaction_isolation=serializable"))
	require.NoError(t, err)
	failed := &failures{}
	config.ConnConfig.Tracer = failed
	pool, err := pgxpool.NewWithConfig(ctx, config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	strict := openLog(t, pool, log.config)
	tx, err := log.pool.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, inSchema(log.config.Schema, "update {}.log set position = position"))
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		_, err := strict.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
		ended <- err
	}()
	time.Sleep(300 * time.Millisecond) // until it waits for its turn
	require.NoError(t, tx.Commit(ctx))
	require.NoError(t, <-ended)
	assert.Empty(t, failed.all)
	require.NoError(t, strict.Close())
}

// A primary that was replaced takes no writes and may keep its connections open: the log leaves them, and tries again.
func TestServerThatBecomesReadOnly(t *testing.T) {
	ctx := context.Background()
	s := pgserver.NewWhole(t, nil)
	log := openLog(t, newPool(t, s.URL()), postgres.Config{Migrate: true})
	_, err := log.Append(ctx, events.OrderStream("o-0"), 0, record("r-0"))
	require.NoError(t, err)
	readOnly := func(setting string) {
		s.MustExec(t, "alter system set default_transaction_read_only = "+setting)
		s.MustExec(t, "select pg_reload_conf()")
		require.Eventually(t, func() bool {
			said := ""
			return log.pool.QueryRow(ctx, "show default_transaction_read_only").Scan(&said) == nil && said == setting
		}, 10*time.Second, 10*time.Millisecond)
	}
	readOnly("on")
	_, err = log.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
	require.ErrorIs(t, err, store.ErrReadOnly, "after some seconds")
	made := log.pool.Stat().NewConnsCount()
	ended := make(chan error, 1)
	go func() {
		_, err := log.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
		ended <- err
	}()
	time.Sleep(300 * time.Millisecond) // until it was refused
	readOnly("off")
	require.NoError(t, <-ended)
	assert.Greater(t, log.pool.Stat().NewConnsCount(), made, "by another connection")
	require.NoError(t, log.Close())
}

// What the server's text cannot hold is in the record and in no column: nobody else's append fails for it.
func TestCurrencyThatIsNoText(t *testing.T) {
	ctx := context.Background()
	log := newLog(t, postgres.Config{})
	odd := record("r-1")
	odd.Event = events.OrderCreated{PaymentRequestID: "pr-1", Amount: events.Money{Minor: 5, Currency: "E\x00R"}}
	written, err := log.Append(ctx, events.OrderStream("o-1"), 0, odd)
	require.NoError(t, err)
	assert.Equal(t, odd.Event, written[0].Event)
	require.NoError(t, log.Verify(ctx, nil))
}

// Direct connects as the pool does, also where that gets its password anew each time.
func TestDirectConnectsAsThePoolDoes(t *testing.T) {
	ctx := context.Background()
	s := pgserver.Shared(t)
	config, err := pgxpool.ParseConfig(s.URL())
	require.NoError(t, err)
	password := config.ConnConfig.Password
	config.ConnConfig.Password = "not-the-password"
	before, after, refuses := 0, 0, errors.New("not now")
	config.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		before++
		c.Password = password
		return nil
	}
	config.AfterConnect = func(context.Context, *pgx.Conn) error {
		if after++; after == 1 {
			return nil
		}
		return refuses
	}
	config.MinConns = 0
	pool, err := pgxpool.NewWithConfig(ctx, config)
	require.NoError(t, err)
	defer pool.Close()
	connect := postgres.Direct(pool)
	conn, err := connect(ctx)
	require.NoError(t, err)
	require.NoError(t, conn.Close(ctx))
	assert.Positive(t, before)
	_, err = connect(ctx)
	require.ErrorIs(t, err, refuses)
}

// trips counts round trips: each time that something is sent after something was heard.
type trips struct {
	net.Conn
	made  *atomic.Int64
	heard *atomic.Bool
}

func (c trips) Write(b []byte) (int, error) {
	if c.heard.Swap(false) {
		c.made.Add(1)
	}
	return c.Conn.Write(b)
}

func (c trips) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.heard.Store(true)
	}
	return n, err
}

// What each call costs is what its documentation says, however much an append carries.
func TestRoundTrips(t *testing.T) {
	ctx := context.Background()
	config, err := pgxpool.ParseConfig(pgserver.Shared(t).URL())
	require.NoError(t, err)
	config.MaxConns = 1
	var made atomic.Int64
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return trips{conn, &made, new(atomic.Bool)}, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	log := openLog(t, pool, newLog(t, postgres.Config{}).config)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	n := 0
	one := func() {
		n++
		r := record(fmt.Sprintf("r-%d", n))
		r.Keys = []events.Key{events.NewKey(events.KeyPaymentID, r.ID)}
		_, err := log.Append(ctx, events.OrderStream(fmt.Sprintf("o-%d", n)), 0, r)
		require.NoError(t, err)
	}
	many := func() {
		n++
		records := make([]events.Record, 2*seal.TileWidth)
		for i := range records {
			records[i] = record(fmt.Sprintf("r-%d-%d", n, i))
		}
		_, err := log.Append(ctx, events.OrderStream(fmt.Sprintf("o-%d", n)), 0, records...)
		require.NoError(t, err)
	}
	for _, c := range []struct {
		name string
		most int64
		call func()
	}{
		{"an append", 1, one}, {"an append that fills tiles", 1, many},
		{"a head", 1, func() { _, err := log.Head(ctx, events.OrderStream("o-1")); require.NoError(t, err) }},
		{"a lookup", 1, func() { _, err := log.Lookup(ctx, "paymentId:r-1"); require.NoError(t, err) }},
		{"loading an order", 1, func() {
			_, err := drain(log.Read(ctx, events.OrderStream("o-1"), 0))
			require.NoError(t, err)
		}},
	} {
		c.call() // statements are prepared
		least := int64(math.MaxInt64)
		for range 10 { // an append that comes long after the last one asks first
			before := made.Load()
			c.call()
			least = min(least, made.Load()-before)
			assert.LessOrEqual(t, made.Load()-before, max(c.most, 2), c.name)
		}
		assert.Equal(t, c.most, least, c.name)
	}
}

// What the server takes back of a turn, so that it may be tried again, is tried again: once it happens, and nobody is
// told. What it takes back each time is said to be unavailable, and nothing was written.
func TestTurnsThatTheServerTakesBack(t *testing.T) {
	ctx := context.Background()
	s, log := pgserver.Shared(t), newLog(t, postgres.Config{})
	for i, code := range []string{"40001", "40P01", "57P01"} {
		s.MustExec(t, inSchema(log.config.Schema, fmt.Sprintf(`create sequence {}.tries_%[1]d;
			create function {}.fail_%[1]d() returns trigger language plpgsql as $$ begin
				if nextval('{}.tries_%[1]d') <= 2 then raise exception 'not now' using errcode = '%[2]s'; end if;
				return null;
			end $$;
			create trigger fails before insert on {}.records execute function {}.fail_%[1]d()`, i, code)))
		id := "o-" + code
		written, err := log.Append(ctx, events.OrderStream(id), 0, record(id))
		require.NoError(t, err, code)
		assert.EqualValues(t, i+1, written[0].Position)
		assert.Equal(t, "3", s.MustExec(t, inSchema(log.config.Schema, fmt.Sprintf("select last_value from {}.tries_%d", i))))
		if i < 2 {
			s.MustExec(t, inSchema(log.config.Schema, "drop trigger fails on {}.records"))
		}
	}
	s.MustExec(t, inSchema(log.config.Schema, "alter sequence {}.tries_2 minvalue -1000 restart with -1000"))
	_, err := log.Append(ctx, events.OrderStream("never"), 0, record("never"))
	require.ErrorIs(t, err, store.ErrUnavailable)
	s.MustExec(t, inSchema(log.config.Schema, "drop trigger fails on {}.records"))
	_, err = log.Append(ctx, events.OrderStream("never"), 0, record("never"))
	require.NoError(t, err)
	require.NoError(t, log.Verify(ctx, nil))
}

// A log that may lose its newest records goes on also where what came in their stead is more than a turn catches up
// with.
func TestLostAndFarBehind(t *testing.T) {
	ctx := context.Background()
	s := pgserver.NewWhole(t, nil)
	log := openLog(t, newPool(t, s.URL()), postgres.Config{Migrate: true})
	dump := s.Dump(t, postgres.DefaultSchema)
	_, err := log.Append(ctx, events.OrderStream("lost"), 0, record("lost"))
	require.NoError(t, err)
	loses := openLog(t, newPool(t, s.URL()), postgres.Config{MayGoBack: true})
	s.Restore(t, postgres.DefaultSchema, dump)
	other := openLog(t, newPool(t, s.URL()), postgres.Config{})
	records := make([]events.Record, 5000)
	for i := range records {
		records[i] = record(fmt.Sprintf("r-%d", i))
	}
	_, err = other.Append(ctx, events.OrderStream("other"), 0, records...)
	require.NoError(t, err)
	_, err = log.Append(ctx, events.OrderStream("new"), 0, record("new"))
	require.ErrorIs(t, err, store.ErrDamaged)
	_, err = loses.Append(ctx, events.OrderStream("new"), 0, record("new"))
	require.NoError(t, err)
	require.NoError(t, loses.Verify(ctx, nil))
	for _, l := range []kept{log, loses, other} {
		require.NoError(t, l.Close())
	}
}

// A log gets its name also while somebody appends to it all the time.
func TestNameUnderLoad(t *testing.T) {
	ctx := context.Background()
	for range 3 { // or chance decides
		log, stop, ended := newLog(t, postgres.Config{}), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("o-%d", i)
				_, err := log.Append(ctx, events.OrderStream(id), 0, record(id))
				assert.NoError(t, err)
			}
		}()
		config := postgres.Config{Schema: log.config.Schema, Signer: newSigner(t, "shop.example/orders")}
		named := openLog(t, newPool(t, pgserver.Shared(t).URL()), config)
		_, err := named.Checkpoint(ctx)
		require.NoError(t, err)
		close(stop)
		<-ended
		past, err := named.Ancestry(ctx)
		require.NoError(t, err)
		assert.Len(t, past, 1)
		require.NoError(t, named.Verify(ctx, nil))
		require.NoError(t, named.Close())
	}
}

// An append that finds an earlier try of its own, and not whether that lasts, says nothing that is not true of both.
func TestEarlierTryThatCannotBeConfirmed(t *testing.T) {
	ctx := context.Background()
	p, log, direct := proxied(t)
	want, err := direct.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
	require.NoError(t, err)
	for name, statement := range map[string]string{
		"found":          inSchema(log.config.Schema, "update {}.log set fence = fence + 1"),
		"not looked for": "select coalesce(max(",
	} {
		trap := p.CutBefore(statement, 0).ThenRefuse()
		_, err = log.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
		sprung(t, trap)
		require.ErrorIs(t, err, store.ErrStorage, name)
		require.NotErrorIs(t, err, store.ErrUnavailable, "nothing was written")
		assert.ErrorContains(t, err, "same record ids")
		p.Refuse(false)
		have, err := log.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
		require.NoError(t, err)
		assert.Equal(t, want, have)
	}
}
