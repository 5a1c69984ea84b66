package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
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

// A turn sees what the turn before it has left, whatever isolation the role's transactions have: nothing is tried twice.
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
	s := pgserver.New(t, nil)
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
	config, err := pgxpool.ParseConfig(s.URLAs(pgserver.User, "not-the-password"))
	require.NoError(t, err)
	before, after, refuses := 0, 0, errors.New("not now")
	config.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		before++
		c.Password = pgserver.Password
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
