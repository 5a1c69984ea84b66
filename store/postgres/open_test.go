package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

// refused opens a log that cannot be opened, and checks what every such error has to be: one of the contract's, with a
// way out, without the password and without the driver's types.
func refused(t *testing.T, address string, config postgres.Config) error {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), address)
	require.NoError(t, err)
	defer pool.Close()
	log, err := postgres.Open(context.Background(), pool, &config)
	if err == nil {
		require.NoError(t, log.Close())
	}
	require.Error(t, err)
	assert.NotContains(t, err.Error(), pgserver.Password)
	assert.NotContains(t, err.Error(), "not-the-password")
	assert.NotContains(t, err.Error(), "\n", "an error is one line")
	var theirs *pgconn.PgError
	assert.False(t, errors.As(err, &theirs), "the driver's errors stay inside")
	var connect *pgconn.ConnectError
	assert.False(t, errors.As(err, &connect), "the driver's errors stay inside")
	return err
}

// with is a connection string with a setting for its sessions.
func with(t *testing.T, address, setting string) string {
	u, err := url.Parse(address)
	require.NoError(t, err)
	q := u.Query()
	q.Set("options", "-c "+setting)
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String()
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	s := pgserver.Shared(t)
	schema, ctx := s.Schema(t), context.Background()
	openFirst := postgres.Config{Schema: schema, Migrate: true}

	err := refused(t, s.URLAs(pgserver.User, "not-the-password"), openFirst)
	require.ErrorIs(t, err, store.ErrStorage)
	assert.ErrorContains(t, err, "check the user, its password")

	err = refused(t, strings.Replace(s.URL(), "/"+pgserver.Database, "/elsewhere", 1), openFirst)
	require.ErrorIs(t, err, store.ErrStorage)
	assert.ErrorContains(t, err, `database "elsewhere"`)
	assert.ErrorContains(t, err, "create the database, or name another")

	err = refused(t, pgserver.At(s.URL(), "127.0.0.1:1", "", ""), openFirst)
	require.ErrorIs(t, err, store.ErrUnavailable)
	assert.ErrorContains(t, err, "127.0.0.1:1")

	err = refused(t, s.URL(), postgres.Config{Schema: schema})
	require.ErrorIs(t, err, postgres.ErrNoLog)
	assert.ErrorContains(t, err, "postgres.WriteMigrations")

	err = refused(t, with(t, s.URL(), "default_transaction_read_only=on"), openFirst)
	require.ErrorIs(t, err, store.ErrReadOnly)
	assert.ErrorContains(t, err, "target_session_attrs=read-write")

	err = refused(t, with(t, s.URL(), "synchronous_commit=off"), openFirst)
	require.ErrorIs(t, err, store.ErrStorage)
	assert.ErrorContains(t, err, "synchronous_commit is off")
	assert.ErrorContains(t, err, "Config.MayLoseNewest")

	loses := postgres.Config{Schema: schema, Migrate: true, MayLoseNewest: true}
	log := openLog(t, newPool(t, with(t, s.URL(), "synchronous_commit=off")), loses)
	require.NoError(t, log.Close())

	pool := newPool(t, s.URL())
	_, err = pool.Exec(ctx, fmt.Sprintf("insert into %s.migrations (number) values (1000)", schema))
	require.NoError(t, err)
	for _, migrate := range []bool{true, false} {
		err = refused(t, s.URL(), postgres.Config{Schema: schema, Migrate: migrate})
		require.ErrorIs(t, err, store.ErrNewerFormat)
		assert.ErrorContains(t, err, "step 1000")
	}
	_, err = pool.Exec(ctx, fmt.Sprintf("delete from %s.migrations where number > 1", schema))
	require.NoError(t, err)
	err = refused(t, s.URL(), postgres.Config{Schema: schema})
	require.ErrorIs(t, err, postgres.ErrNoLog)
	assert.ErrorContains(t, err, "its tables are of step 1")
}

func TestOpenRefusesWhatNobodyMeans(t *testing.T) {
	s := pgserver.Shared(t)
	for says, config := range map[string]postgres.Config{
		"small letters":  {Schema: `x"; drop schema public; --`},
		"up to 40":       {Schema: strings.Repeat("x", 41)},
		"no digit first": {Schema: "1st"},
		"Origin":         {Schema: s.Schema(t), Migrate: true, Origin: "a b"},
	} {
		require.ErrorIs(t, refused(t, s.URL(), config), store.ErrInvalid, says)
		require.ErrorContains(t, refused(t, s.URL(), config), says)
	}
	_, err := postgres.Open(context.Background(), nil, nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = postgres.Open(ended, newPool(t, s.URL()), nil)
	require.ErrorIs(t, err, context.Canceled)
}

// A schema that was renamed has functions that write to the tables of the old name, where another log may be.
func TestOpenRefusesARenamedSchema(t *testing.T) {
	s, ctx := pgserver.Shared(t), context.Background()
	schema := s.Schema(t)
	log := openLog(t, newPool(t, s.URL()), postgres.Config{Schema: schema, Migrate: true})
	_, err := log.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
	require.NoError(t, err)
	require.NoError(t, log.Close())
	rename := func(from, to string) { s.MustExec(t, fmt.Sprintf("alter schema %s rename to %s", from, to)) }
	rename(schema, schema+"_old")
	t.Cleanup(func() { s.MustExec(t, fmt.Sprintf("drop schema if exists %s_old cascade", schema)) })
	for _, migrate := range []bool{false, true} {
		err = refused(t, s.URL(), postgres.Config{Schema: schema + "_old", Migrate: migrate})
		require.ErrorIs(t, err, store.ErrStorage)
		require.ErrorContains(t, err, "its functions claim and go_on write to the tables of another schema")
		require.ErrorContains(t, err, "rename the schema back")
	}
	reading := openLog(t, newPool(t, s.URL()), postgres.Config{Schema: schema + "_old", ReadOnly: true})
	require.NoError(t, reading.Verify(ctx, nil))
	require.NoError(t, reading.Close())
	rename(schema+"_old", schema)
	log = openLog(t, newPool(t, s.URL()), postgres.Config{Schema: schema})
	_, err = log.Append(ctx, events.OrderStream("o-1"), 1, record("r-2"))
	require.NoError(t, err)
	require.NoError(t, log.Close())
}

// A server that does not keep what it confirms is refused, unless that is wanted.
func TestOpenRefusesAServerThatForgets(t *testing.T) {
	s := pgserver.NewWhole(t, map[string]string{"fsync": "off"})
	config := postgres.Config{Migrate: true}
	require.ErrorContains(t, refused(t, s.URL(), config), "setting fsync is off")
	pgserver.Do(t, s.Set(map[string]string{"fsync": "on", "full_page_writes": "off"}))
	pgserver.Do(t, s.Restart())
	require.ErrorContains(t, refused(t, s.URL(), config), "setting full_page_writes is off")
	config.MayLoseNewest = true
	log := openLog(t, newPool(t, s.URL()), config)
	require.NoError(t, log.Close())
}

// What a DBA runs is what Migrate does, and a role with the printed rights can append and change nothing.
func TestRightsOfAService(t *testing.T) {
	s, ctx := pgserver.Shared(t), context.Background()
	schema := s.Schema(t)
	var sql bytes.Buffer
	require.NoError(t, postgres.WriteMigrations(&sql, schema))
	s.MustExec(t, sql.String())
	_, err := s.Exec(sql.String())
	require.Error(t, err, "a step runs once")

	role := "role_" + schema
	s.MustExec(t, fmt.Sprintf("create role %s login password 'only-the-service'", role))
	t.Cleanup(func() { s.MustExec(t, fmt.Sprintf("drop owned by %s; drop role %s", role, role)) })
	address := s.URLAs(role, "only-the-service")
	require.ErrorIs(t, refused(t, address, postgres.Config{Schema: schema}), store.ErrStorage)
	s.MustExec(t, fmt.Sprintf("grant usage on schema %s to %[2]s; grant select on all tables in schema %[1]s to %[2]s",
		schema, role))
	err = refused(t, address, postgres.Config{Schema: schema})
	require.ErrorContains(t, err, "INSERT on "+schema+".records")
	require.ErrorContains(t, refused(t, address, postgres.Config{Schema: schema, ReadOnly: true}), "open it once")

	rights, err := postgres.Rights(schema, role)
	require.NoError(t, err)
	s.MustExec(t, rights)
	log := openLog(t, newPool(t, address), postgres.Config{Schema: schema})
	written, err := log.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
	require.NoError(t, err)
	require.Len(t, written, 1)
	changes := []string{"update {}.records set actor = 'x'", "delete from {}.records", "truncate {}.tiles",
		"delete from {}.keys", "delete from {}.heads", "delete from {}.log"}
	ours := len(changes)
	changes = append(changes, "drop table {}.records", "alter table {}.records disable trigger all")
	for i, change := range changes {
		change = strings.ReplaceAll(change, "{}", schema)
		_, err = log.pool.Exec(ctx, change)
		require.ErrorContains(t, err, "42501", change) // insufficient_privilege, or not the owner
		if i < ours {
			_, err = s.Exec(change)
			require.ErrorContains(t, err, "only ever added to", "%s, by whoever may do everything", change)
		}
	}
	require.NoError(t, log.Verify(ctx, nil))
	require.NoError(t, log.Close())

	reading := openLog(t, newPool(t, address), postgres.Config{Schema: schema, ReadOnly: true})
	_, err = reading.Append(ctx, events.OrderStream("o-2"), 0, record("r-2"))
	require.ErrorIs(t, err, store.ErrReadOnly)
	require.NoError(t, reading.Close())
	_, err = postgres.Rights(schema, "")
	require.ErrorIs(t, err, store.ErrInvalid)
}

// A server that is older than any that the tests run on is refused. Here one only says that it is.
func TestOpenRefusesAnOldServer(t *testing.T) {
	s := pgserver.Shared(t)
	schema := s.Schema(t)
	s.MustExec(t, inSchema(schema, `create schema {};
		create function {}.current_setting(name text) returns text language sql as $$
			select case name when 'server_version_num' then '140013' else pg_catalog.current_setting(name) end $$`))
	err := refused(t, with(t, s.URL(), "search_path="+schema+",pg_catalog"), postgres.Config{Schema: schema})
	require.ErrorIs(t, err, store.ErrStorage)
	assert.ErrorContains(t, err, "the server is PostgreSQL 14, and 15 is the oldest")
}

// Of several hosts any may be the one that is wrong, so errors name them all, each once.
func TestErrorsNameEveryHost(t *testing.T) {
	address := "postgres://shop:not-the-password@127.0.0.1:1,localhost:2,127.0.0.1:1/shop?connect_timeout=5"
	err := refused(t, address, postgres.Config{})
	require.ErrorIs(t, err, store.ErrUnavailable)
	assert.ErrorContains(t, err, `in database "shop" at 127.0.0.1:1 or localhost:2:`)
}

// A migration that fails says at which step, and leaves nothing of it.
func TestMigrateSaysWhichStepFailed(t *testing.T) {
	s := pgserver.Shared(t)
	schema := s.Schema(t)
	all, err := postgres.Migrations(schema)
	require.NoError(t, err)
	s.MustExec(t, all[0].SQL+"create table "+schema+".orders (id text);")
	err = refused(t, s.URL(), postgres.Config{Schema: schema, Migrate: true})
	require.ErrorIs(t, err, store.ErrStorage)
	assert.ErrorContains(t, err, "step 2 (views) of the migrations failed: the server says")
	assert.Empty(t, s.MustExec(t, "select viewname from pg_views where schemaname = '"+schema+"'"))
}

// Any number of processes may begin with Migrate: one of them makes the tables and the log.
func TestMigrateTogether(t *testing.T) {
	s := pgserver.Shared(t)
	schema := s.Schema(t)
	logs := make(chan kept, 8)
	for range cap(logs) {
		go func() {
			pool, err := pgxpool.New(context.Background(), s.URL())
			if !assert.NoError(t, err) {
				logs <- kept{}
				return
			}
			log, err := postgres.Open(context.Background(), pool, &postgres.Config{Schema: schema, Migrate: true})
			assert.NoError(t, err)
			logs <- kept{Log: log, pool: pool}
		}()
	}
	origins := map[string]bool{}
	for range cap(logs) {
		log := <-logs
		require.NotNil(t, log.Log)
		tree, err := log.Tree(context.Background())
		require.NoError(t, err)
		origins[tree.Origin] = true
		require.NoError(t, log.Close())
		log.pool.Close()
	}
	assert.Len(t, origins, 1, "it is one log")
}

// A log without a name takes the first it is opened with, and tells what it was before.
func TestNames(t *testing.T) {
	ctx := context.Background()
	log := newLog(t, postgres.Config{})
	_, err := log.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
	require.NoError(t, err)
	before, err := log.Tree(ctx)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(before.Origin, postgres.DefaultOrigin+"/"))

	config := postgres.Config{Schema: log.config.Schema, Origin: "shop.example/orders"}
	named := openLog(t, log.pool, config)
	now, err := named.Tree(ctx)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(now.Origin, "shop.example/orders/"))
	for _, l := range []kept{log, named} {
		again, err := l.Tree(ctx)
		require.NoError(t, err)
		assert.Equal(t, now, again, "for every handle")
		past, err := l.Ancestry(ctx)
		require.NoError(t, err)
		assert.Equal(t, []seal.Checkpoint{before}, past)
		require.NoError(t, l.Verify(ctx, nil))
	}
	require.NoError(t, named.Close())
	config.Origin = "other.example/orders"
	require.ErrorContains(t, refused(t, pgserver.Shared(t).URL(), config), "which it keeps")
}
