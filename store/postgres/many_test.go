package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/ordertest"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
	"github.com/tilltape/tilltape/store/postgres"
	"github.com/tilltape/tilltape/store/storetest"
)

// turns is a log whose calls go to two handles in turns, as those of two processes behind a load balancer do.
type turns struct {
	kept
	other kept
	n     *atomic.Int64
}

func (l turns) one() kept {
	if l.n.Add(1)%2 == 0 {
		return l.other
	}
	return l.kept
}

func (l turns) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	return l.one().Append(ctx, to, after, records...)
}

func (l turns) Head(ctx context.Context, of events.Stream) (store.Head, error) {
	return l.one().Head(ctx, of)
}

func (l turns) Lookup(ctx context.Context, key events.Key) (events.Stream, error) {
	return l.one().Lookup(ctx, key)
}

func newTurns(t *testing.T) store.Log {
	log := newLog(t, postgres.Config{})
	other := openLog(t, newPool(t, pgserver.Shared(t).URL()), log.config)
	t.Cleanup(func() { assert.NoError(t, other.Close()) })
	return turns{log, other, new(atomic.Int64)}
}

func TestLinearizable(t *testing.T) {
	t.Parallel()
	ordertest.Linearizable(t, newTurns, ordertest.Load{Rounds: long.Rounds(3, 1)})
}

func TestSameAsMemory(t *testing.T) {
	t.Parallel()
	if !long.Enabled() {
		t.Skip("left out: TestLog holds operations by lot against a model, too; set " + long.Variable + "=1")
	}
	storetest.Same(t, factory(t, listening), storetest.Factory{Open: func(*testing.T) store.Log { return memory.New() }})
}

// Two handles that write at once seal one log in turns, each with what the other wrote; a handle that was away for
// longer than a turn catches up with is caught up, and so is one that is opened anew.
func TestHandlesThatWriteAtOnce(t *testing.T) {
	ctx := context.Background()
	log := newLog(t, postgres.Config{})
	away := openLog(t, log.pool, log.config)
	other := openLog(t, newPool(t, pgserver.Shared(t).URL()), log.config)
	const writers, many = 16, 60
	each := long.Rounds(10, 5)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			by := []kept{log, other}[w%2]
			for i := range each {
				id := fmt.Sprintf("o-%d-%d", w, i)
				records := make([]events.Record, many)
				for k := range records {
					records[k] = record(fmt.Sprintf("%s-%d", id, k))
				}
				_, err := by.Append(ctx, events.OrderStream(id), 0, records...)
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	require.Greater(t, writers*each*many, 4096, "more than is caught up with in a turn")
	_, err := away.Append(ctx, events.OrderStream("away"), 0, record("away"))
	require.NoError(t, err)
	again := openLog(t, log.pool, log.config)
	want, err := away.Tree(ctx)
	require.NoError(t, err)
	require.EqualValues(t, writers*each*many+1, want.Size)
	for _, l := range []kept{log, other, again} {
		have, err := l.Tree(ctx)
		require.NoError(t, err)
		assert.Equal(t, want, have)
	}
	require.NoError(t, log.Verify(ctx, nil))
	for _, l := range []kept{away, other, again} {
		require.NoError(t, l.Close())
	}
}

// What a process remembers of where streams end, it does not take for what another has made of them since.
func TestWhatAnotherAppendedMeanwhile(t *testing.T) {
	ctx := context.Background()
	log := newLog(t, postgres.Config{})
	other := openLog(t, newPool(t, pgserver.Shared(t).URL()), log.config)
	stream, version := events.OrderStream("o-1"), uint64(0)
	add := func(by kept) {
		t.Helper()
		written, err := by.Append(ctx, stream, version, record(fmt.Sprintf("r-%d", version)))
		require.NoError(t, err)
		version++
		assert.Equal(t, version, written[0].Version)
		assert.Equal(t, version-1, written[0].Previous, "it is the only stream")
	}
	for range 3 { // the first remembers nothing yet
		add(log)
	}
	add(other)
	_, err := log.Append(ctx, stream, 3, record("stale"))
	var conflict *store.ConflictError
	require.ErrorAs(t, err, &conflict)
	assert.EqualValues(t, 4, conflict.Have)
	for _, by := range []kept{log, other, log, log, other, other, log} {
		add(by)
	}
	require.NoError(t, log.Verify(ctx, nil))
	require.NoError(t, other.Close())
}

// Somebody who watches hears of what another handle appends: by notification at once, by asking soon, and after the
// connection that listens was cut.
func TestWatchAnotherProcess(t *testing.T) {
	s := pgserver.Shared(t)
	for name, listen := range map[string]bool{"listening": true, "polling": false} {
		t.Run(name, func(t *testing.T) {
			writer := newLog(t, postgres.Config{})
			config := writer.config
			p := pgserver.NewProxy(t, s.Addr())
			if listen {
				through := newPool(t, p.URL(s.URL()))
				config.Listen = func(ctx context.Context) (*pgx.Conn, error) {
					return pgx.ConnectConfig(ctx, through.Config().ConnConfig)
				}
			}
			log := openLog(t, newPool(t, s.URL()), config)
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			seen := make(chan uint64, 100)
			ended := make(chan error, 1)
			go func() {
				for r, err := range log.Watch(ctx, store.Start()) {
					if err != nil {
						ended <- err
						return
					}
					seen <- r.Position
				}
			}()
			for n := range uint64(6) {
				if n == 3 {
					p.Cut()
				}
				id := fmt.Sprintf("o-%d", n)
				_, err := writer.Append(ctx, events.OrderStream(id), 0, record(id))
				require.NoError(t, err)
				select {
				case at := <-seen:
					require.Equal(t, n+1, at)
				case <-ctx.Done():
					require.Fail(t, "nobody told of the append")
				}
			}
			require.NoError(t, log.Close())
			require.ErrorIs(t, <-ended, store.ErrClosed)
		})
	}
}

// What people see with psql is what the log says.
func TestViews(t *testing.T) {
	ctx := context.Background()
	s, log := pgserver.Shared(t), newLog(t, postgres.Config{})
	schema := log.config.Schema
	created := record("r-1")
	created.Event = events.OrderCreated{PaymentRequestID: "pr-1", Amount: events.Money{Minor: 1250, Currency: "EUR"}}
	created.Head.Due = time.Time{}
	parked := record("r-2")
	parked.Head = events.Head{Status: "paid", StatusSince: noon, Phase: "parked", OperationSince: noon, ParkedSince: noon,
		AnomalySince: noon, Due: noon.Add(time.Hour)}
	_, err := log.Append(ctx, events.OrderStream("o-1"), 0, created, parked)
	require.NoError(t, err)
	other := created
	other.ID = "r-3"
	_, err = log.Append(ctx, events.OrderStream("o-2"), 0, other)
	require.NoError(t, err)
	for i, status := range []string{"captured", "authorized"} { // both are looked at in an hour
		looked := record(fmt.Sprintf("r-%d", 4+i))
		looked.Event = created.Event
		looked.Head = events.Head{Status: status, StatusSince: noon, Phase: "idle", Due: noon.Add(time.Hour)}
		_, err = log.Append(ctx, events.OrderStream(fmt.Sprintf("o-%d", 3+i)), 0, looked)
		require.NoError(t, err)
	}

	utc := "set time zone 'UTC'; "
	assert.Equal(t, "o-1|paid|2026-11-23 12:00:00+00|2026-11-23 13:00:00+00|{parked,anomaly}|1250|EUR|2\n"+
		"o-2|created|2026-11-23 12:00:00+00||{}|1250|EUR|1\n"+
		"o-3|captured|2026-11-23 12:00:00+00|2026-11-23 13:00:00+00|{}|1250|EUR|1\n"+
		"o-4|authorized|2026-11-23 12:00:00+00|2026-11-23 13:00:00+00|{}|1250|EUR|1",
		s.MustExec(t, utc+"select id, status, since, due, attention, "+
			"amount_minor, currency, version from "+schema+".orders order by id"))
	assert.Equal(t, "o-1\no-2\no-4", s.MustExec(t, "select id from "+schema+".open_orders order by id"),
		"one that is only looked at now and then is not open")
	plan := s.MustExec(t, "set enable_seqscan = off; explain select id from "+schema+".open_orders")
	for _, index := range []string{"status", "operation", "parked", "anomaly", "dispute"} {
		assert.Contains(t, plan, "heads_"+index, "what is open is found among any number of orders")
	}
	assert.Equal(t, fmt.Sprintf("1|o-1|1|%s|till-7|2026-11-23 12:00:00+00|1250|EUR\n2|o-1|2|%s|till-7|2026-11-23 "+
		"12:00:00+00||\n3|o-2|1|%[1]s|till-7|2026-11-23 12:00:00+00|1250|EUR", created.Event.Kind(), parked.Event.Kind()),
		s.MustExec(t, utc+"select position, order_id, version, fact, actor, occurred, amount_minor, currency from "+schema+
			".facts where position < 4 order by position"))
}

// What stands beside the records is verified, too: each column that is altered is damage.
func TestVerifyFindsWhatWasAltered(t *testing.T) {
	ctx := context.Background()
	s, log := pgserver.Shared(t), newLog(t, postgres.Config{})
	schema := log.config.Schema
	for i := range 3 {
		r := record(fmt.Sprintf("r-%d", i))
		r.Keys = []events.Key{events.Key(fmt.Sprintf("paymentId:%d", i))}
		_, err := log.Append(ctx, events.OrderStream("o-1"), uint64(i), r)
		require.NoError(t, err)
	}
	_, err := log.Append(ctx, events.OrderStream("o-2"), 0, record("other"))
	require.NoError(t, err)
	require.NoError(t, log.Verify(ctx, nil))
	for _, table := range []string{"records", "heads", "keys", "tiles", "log"} {
		s.MustExec(t, fmt.Sprintf("alter table %s.%s disable trigger all", schema, table))
	}
	for i, c := range []struct{ alter, restore string }{
		{"update {}.records set actor = 'x' where position = 2", "update {}.records set actor = 'till-7'"},
		{"update {}.records set fact = fact || 'x'", "update {}.records set fact = left(fact, -1)"},
		{"update {}.records set amount_minor = 7", "update {}.records set amount_minor = null"},
		{"update {}.records set recorded = recorded + interval '1 day'",
			"update {}.records set recorded = recorded - interval '1 day'"},
		{"update {}.records set record_id = 'x' where position = 1",
			"update {}.records set record_id = 'r-0' where position = 1"},
		{"update {}.records set stream = 'o-3' where position = 4",
			"update {}.records set stream = 'o-2' where position = 4"},
		{"update {}.heads set status = 'x'", "update {}.heads set status = 'created'"},
		{"update {}.heads set due = null", fmt.Sprintf("update {}.heads set due = %d", noon.UnixNano())},
		{"update {}.heads set version = 2, position = 2 where stream = 'o-1'",
			"update {}.heads set version = 3, position = 3 where stream = 'o-1'"},
		{"delete from {}.heads where stream = 'o-2'",
			"insert into {}.heads select category, 'o-2', 1, 4, status, status_since, phase, operation_since, parked_since, " +
				"anomaly_since, dispute_by, due from {}.heads where stream = 'o-1'"},
		{"delete from {}.keys where position = 2", "insert into {}.keys values ('paymentId:1', 'order', 'o-1', 2)"},
		{"update {}.keys set stream = 'o-2' where position = 2", "update {}.keys set stream = 'o-1'"},
		{"insert into {}.keys values ('paymentId:7', 'order', 'o-1', 2)", "delete from {}.keys where key = 'paymentId:7'"},
		{"insert into {}.tiles values (0, 0, '')", "delete from {}.tiles"},
		{"insert into {}.heads select category, 'o-9', version, position, status, status_since, phase, operation_since, " +
			"parked_since, anomaly_since, dispute_by, due from {}.heads limit 1", "delete from {}.heads where stream = 'o-9'"},
		{"delete from {}.records where position = 2", ""},
	} {
		if c.restore != "" && !long.Each(i, 4) {
			continue
		}
		s.MustExec(t, inSchema(schema, c.alter))
		require.ErrorIs(t, log.Verify(ctx, nil), store.ErrDamaged, c.alter)
		if c.restore != "" {
			s.MustExec(t, inSchema(schema, c.restore))
			require.NoError(t, log.Verify(ctx, nil), c.restore)
		}
	}
	for _, err := range log.All(ctx, store.Start()) {
		if err != nil {
			require.ErrorIs(t, err, store.ErrDamaged, "a record that is gone is no gap")
		}
	}
	_, err = drain(log.Read(ctx, events.OrderStream("o-1"), 0))
	require.ErrorIs(t, err, store.ErrDamaged)
	s.MustExec(t, inSchema(schema, "delete from {}.records where position = 3"))
	_, err = drain(log.Read(ctx, events.OrderStream("o-1"), 2))
	require.ErrorIs(t, err, store.ErrDamaged, "nor is one at the end of its stream")
}
