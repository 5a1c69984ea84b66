package trouble_test

// These promote a standby while a service appends, and say what replication that is synchronous keeps and what other
// replication may lose.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

// longest is how long anything may take: far longer than it is quiet, since an append that waits is given up then.
const longest = 4 * time.Minute

// openAt opens the log over the address that stays the same whoever is primary.
func openAt(t *testing.T, url string, config postgres.Config) *postgres.Log {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	log, err := postgres.Open(t.Context(), pool, &config)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	return log
}

// service appends from many goroutines until it is told to stop, and keeps what it was told.
type service struct {
	log     store.Log
	stop    chan struct{}
	writers sync.WaitGroup

	mu           sync.Mutex
	acknowledged map[string]uint64
	problems     []error
}

const writers = 16

func serve(log store.Log, prefix string) *service {
	s := &service{log: log, stop: make(chan struct{}), acknowledged: map[string]uint64{}}
	for w := range writers {
		s.writers.Go(func() {
			for n := uint64(0); ; n++ {
				select {
				case <-s.stop:
					return
				default:
				}
				id := fmt.Sprintf("%s-%d-%d", prefix, w, n)
				position, err := untilTold(log, fmt.Sprintf("%s-%d", prefix, w), n, id)
				s.mu.Lock()
				if err != nil {
					s.problems = append(s.problems, err)
					s.mu.Unlock()
					return
				}
				s.acknowledged[id] = position
				s.mu.Unlock()
			}
		})
	}
	return s
}

// untilTold appends until it is told how that ended, under one id.
func untilTold(log store.Log, stream string, after uint64, id string) (uint64, error) {
	for deadline := time.Now().Add(longest); ; time.Sleep(10 * time.Millisecond) {
		records, err := log.Append(context.Background(), events.OrderStream(stream), after, record(id))
		if err == nil {
			return records[0].Position, nil
		}
		if !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrStorage) &&
			!errors.Is(err, store.ErrReadOnly) || time.Now().After(deadline) {
			return 0, err
		}
	}
}

// told is how many records the service knows to be there.
func (s *service) told() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acknowledged)
}

// busy waits until the service was told of so many more.
func (s *service) busy(t *testing.T, more int) {
	t.Helper()
	from := s.told()
	require.Eventually(t, func() bool { return s.told() >= from+more }, longest, time.Millisecond, "nobody appends")
}

func (s *service) end() map[string]uint64 {
	close(s.stop)
	s.writers.Wait()
	return s.acknowledged
}

// holds fails the test where one of the acknowledged records is not in its place, once.
func holds(t *testing.T, ids []string, acknowledged map[string]uint64) {
	t.Helper()
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(ids))), len(ids), "something is there twice")
	for id, position := range acknowledged {
		require.LessOrEqual(t, position, uint64(len(ids)), "%s was acknowledged and is lost", id)
		require.Equal(t, id, ids[position-1], "position %d was acknowledged and is another record", position)
	}
}

// TestSynchronousStandbyLosesNothing promotes one standby after the other while a service appends through all of it.
func TestSynchronousStandbyLosesNothing(t *testing.T) {
	t.Parallel() // its servers are its own, and it waits for most of the time
	primary := pgserver.New(t, nil)
	p := pgserver.NewProxy(t, primary.Addr())
	log := openAt(t, p.URL(primary.URL()), postgres.Config{Schema: "shop", Migrate: true})
	acknowledged := map[string]uint64{}
	for round := range long.Walk(5, 1) {
		standby := primary.NewStandby(t)
		pgserver.Do(t, primary.Synchronous())
		s := serve(log, fmt.Sprint("r", round))
		s.busy(t, 200)
		pgserver.Do(t, primary.Kill()) // in the middle of whatever it did
		p.Cut()
		pgserver.Do(t, standby.Promote())
		p.Target(standby.Addr())
		s.busy(t, 200)
		maps.Copy(acknowledged, s.end())
		require.Empty(t, s.problems)
		primary = standby
	}
	holds(t, idsOf(t, log), acknowledged)
	require.NoError(t, log.Verify(t.Context(), nil))
	assert.Equal(t, "f", primary.MustExec(t, "SELECT pg_is_in_recovery()"))
}

// quiet is for how long it is watched that nobody is told anything: whole, longer than the log has at the longest for
// one turn.
func quiet() time.Duration { return time.Duration(long.Walk(45, 2)) * time.Second }

// later gives an append, and what became of it.
func later(log store.Log, id string) <-chan error {
	ended := make(chan error, 1)
	go func() {
		_, err := untilTold(log, "o-"+id, 0, id)
		ended <- err
	}()
	return ended
}

// TestNoStandbyNoAcknowledgement: what the standby has not got is not acknowledged, however long that takes, and
// whatever the primary shows of it after a restart: a failover would take it away.
func TestNoStandbyNoAcknowledgement(t *testing.T) {
	t.Parallel() // its servers are its own, and it waits for most of the time
	for name, meanwhile := range map[string]func(t *testing.T, primary *pgserver.Server){
		"waiting": func(*testing.T, *pgserver.Server) {},
		"the primary restarts": func(t *testing.T, primary *pgserver.Server) {
			time.Sleep(300 * time.Millisecond) // until the append waits in its commit
			pgserver.Do(t, primary.Kill())
			pgserver.Do(t, primary.Start())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			primary := pgserver.New(t, nil)
			log := openAt(t, primary.URL(), postgres.Config{Schema: "shop", Migrate: true})
			standby := primary.NewStandby(t)
			pgserver.Do(t, primary.Synchronous())
			require.NoError(t, <-later(log, "replicated"))
			pgserver.Do(t, standby.Stop())

			asked := []<-chan error{later(log, "waiting")}
			meanwhile(t, primary)
			// A service that was started anew asks again for what it was not told.
			anew := openAt(t, primary.URL(), postgres.Config{Schema: "shop"})
			asked = append(asked, later(anew, "waiting"))
			time.Sleep(quiet())
			for _, ended := range asked {
				select {
				case err := <-ended:
					t.Fatalf("acknowledged without the standby (%v): a failover now would take it away", err)
				default:
				}
			}
			pgserver.Do(t, standby.Start())
			over := time.After(longest)
			for _, ended := range asked {
				select {
				case err := <-ended:
					require.NoError(t, err)
				case <-over:
					t.Fatal("the standby is back, and nobody is told")
				}
			}
			pgserver.Do(t, primary.Kill())
			pgserver.Do(t, standby.Promote())
			after := openAt(t, standby.URL(), postgres.Config{Schema: "shop"})
			assert.Equal(t, []string{"replicated", "waiting"}, idsOf(t, after))
		})
	}
}

// TestAsynchronousStandbyMayLose what was acknowledged while it was behind. Nothing else, and the log that was open
// says so rather than go on as if nothing had happened.
func TestAsynchronousStandbyMayLose(t *testing.T) {
	t.Parallel() // its servers are its own, and it waits for most of the time
	primary := pgserver.New(t, nil)
	p := pgserver.NewProxy(t, primary.Addr())
	url := p.URL(primary.URL())
	log := openAt(t, url, postgres.Config{Schema: "shop", Migrate: true})
	careless := openAt(t, url, postgres.Config{Schema: "shop", MayGoBack: true})
	standby := primary.NewStandby(t)
	s := serve(log, "early")
	s.busy(t, 100)
	early := s.end()
	require.Empty(t, s.problems)
	pgserver.Do(t, primary.CaughtUp())
	pgserver.Do(t, standby.Stop()) // behind from here on, as over a slow line

	s = serve(log, "late")
	s.busy(t, 100)
	late := s.end()
	require.Empty(t, s.problems)
	pgserver.Do(t, primary.Kill())
	p.Cut()
	pgserver.Do(t, standby.Start())
	pgserver.Do(t, standby.Promote())
	p.Target(standby.Addr())

	ids := idsOf(t, openAt(t, url, postgres.Config{Schema: "shop"}))
	holds(t, ids, early)
	for id := range late {
		assert.NotContains(t, ids, id, "the standby cannot have it")
	}
	_, err := untilTold(log, "o-new", 0, "new")
	require.ErrorIs(t, err, store.ErrDamaged, "it acknowledged what is gone")
	_, err = untilTold(careless, "o-new", 0, "new")
	require.NoError(t, err, "losing the newest appends was wanted")
	assert.Equal(t, append(ids, "new"), idsOf(t, careless))
	require.NoError(t, careless.Verify(t.Context(), nil))
}
