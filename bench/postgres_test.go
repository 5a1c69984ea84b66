package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store"
)

// onServer is the section with a server of its own.
func onServer(t *testing.T) *pgBench {
	t.Helper()
	s := pgserver.New(t, nil)
	return &pgBench{bench: &bench{settings: tiny, dir: t.TempDir(), progress: t.Logf}, server: s, dir: t.TempDir()}
}

// rivalsOnServer are those that write to the server in other ways, and where each keeps its frames.
func rivalsOnServer() map[string]struct {
	open func(*pgBench) (keeper, error)
	kept string
} {
	return map[string]struct {
		open func(*pgBench) (keeper, error)
		kept string
	}{
		namePGOurs:     {(*pgBench).openOurs, oursSchema + ".records r"},
		namePGOneEach:  {(*pgBench).openOneEach, oneEachSchema + ".records r"},
		namePGCategory: {(*pgBench).openCategory, "by_category.messages r"},
		namePGStream:   {(*pgBench).openStream, "by_stream.events r"},
	}
}

// A rival that cheats has no place in the table: each keeps every fact that it acknowledged, once, and refuses what
// comes after another version.
func TestRivalsOnServer_KeepWhatTheyAcknowledge(t *testing.T) {
	p := onServer(t)
	for name, rival := range rivalsOnServer() {
		t.Run(name, func(t *testing.T) {
			k, err := rival.open(p)
			require.NoError(t, err)
			c := newCourse(random)
			require.NoError(t, wholeOrders(k, c, lanes, lanes*perLane))
			_, facts := c.maker().newOrder()
			require.NoError(t, k.Append(&facts[0], 0))
			again := facts[1]
			require.ErrorIs(t, k.Append(&again, 0), errStale)
			require.ErrorIs(t, k.Append(&again, 2), errStale)
			require.NoError(t, k.Append(&again, 1))
			require.NoError(t, k.Close())
			assert.Equal(t, "162", p.server.MustExec(t, "SELECT count(*) FROM "+rival.kept))
		})
	}
	log, pool, err := openPGLog(p.server.URL(), oursSchema)
	require.NoError(t, err)
	defer pool.Close()
	versions := map[string]uint64{}
	for r, err := range log.All(context.Background(), store.Start()) {
		require.NoError(t, err)
		versions[r.Stream.ID]++
		assert.Equal(t, versions[r.Stream.ID], r.Version)
	}
	require.NoError(t, log.Close())
	// The same tables, by another hand: their records read as ours do.
	for line := range strings.Lines(p.server.MustExec(t, "SELECT encode(frame, 'escape') IS NOT NULL, position, version "+
		"FROM one_each.records ORDER BY position")) {
		assert.Contains(t, line, "t|")
	}
	assert.Equal(t, "162", p.server.MustExec(t, "SELECT position FROM one_each.log"))
}

// TestOneEach_RefusesTakenKeys: where it is measured beside ours it does that, too.
func TestOneEach_RefusesTakenKeys(t *testing.T) {
	p := onServer(t)
	k, err := p.openOneEach()
	require.NoError(t, err)
	m := newCourse(random).maker()
	_, one := m.newOrder()
	_, other := m.newOrder()
	require.NoError(t, k.Append(&one[0], 0))
	other[0].Keys = []events.Key{one[0].Keys[0]}
	require.ErrorIs(t, k.Append(&other[0], 0), errTaken)
	require.NoError(t, k.Close())
}

func TestAppender_SaysWhatItCannotDo(t *testing.T) {
	assert.Equal(t, 1, appender("postgres://127.0.0.1:1/", "soon", strings.NewReader(""), os.Stdout))
	assert.Equal(t, 1, appender("postgres://127.0.0.1:1/", "1s", strings.NewReader(""), os.Stdout))
}

func TestPostgres_MeasuresWhatTheFiguresAskFor(t *testing.T) {
	p := onServer(t)
	p.out = &report{Settings: tiny}
	p.CellTime = time.Second // on a busy machine 64 that lock one row in turns get nothing done in less
	if err := p.postgres(); errors.Is(err, pgserver.ErrMissing) {
		t.Skip(err)
	} else {
		require.NoError(t, err)
	}
	res := p.out.Postgres
	require.NotNil(t, res)
	require.Len(t, res.Appends, len(pgLanes()))
	for _, c := range res.Appends {
		assert.Positive(t, c.Rate, c.Contender)
	}
	assert.Positive(t, res.Trips)
	assert.LessOrEqual(t, res.Trips, pgTripsMax, "round trips do not depend on the machine")
	assert.Positive(t, res.Replay)
	for _, f := range p.out.pgMusts() {
		assert.NotEmpty(t, f.Measured, f.What)
	}
	assert.Contains(t, p.out.markdown(), "### PostgreSQL: appends of 64 writers")
}
