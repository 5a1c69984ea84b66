package trouble_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

// refused opens a log that cannot be opened, and holds the error to the house's rules.
func refused(t *testing.T, url string, config postgres.Config, kind error, words ...string) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	defer pool.Close()
	log, err := postgres.Open(t.Context(), pool, &config)
	if err == nil {
		_ = log.Close()
	}
	require.Error(t, err)
	require.ErrorIs(t, err, kind)
	for _, word := range words {
		assert.ErrorContains(t, err, word)
	}
	assert.NotContains(t, err.Error(), pgserver.Password)
	assert.NotContains(t, err.Error(), wrongPassword)
	assert.NotContains(t, err.Error(), "\n", "one line")
	var driver *pgconn.PgError
	assert.NotErrorAs(t, err, &driver, "the driver's error is nobody's to match")
}

const wrongPassword = "open-sesame-77"

func TestOpenRefusesServersThatPromiseLess(t *testing.T) {
	s := pgserver.New(t, nil)
	_, schema := made(t, s)
	for _, setting := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		t.Run(setting, func(t *testing.T) {
			pgserver.Do(t, s.Set(map[string]string{setting: "off"}))
			pgserver.Do(t, s.Restart())
			refused(t, s.URL(), postgres.Config{Schema: schema}, store.ErrStorage, setting, "off", "MayLoseNewest")
			log := open(t, s.URL(), postgres.Config{Schema: schema, MayLoseNewest: true})
			fill(t, log, setting, 1)
			pgserver.Do(t, s.Set(map[string]string{setting: "on"}))
			pgserver.Do(t, s.Restart())
			open(t, s.URL(), postgres.Config{Schema: schema})
		})
	}
	// The weakness can be the role's or the database's own.
	s.MustExec(t, "ALTER ROLE "+pgserver.User+" SET synchronous_commit = off")
	refused(t, s.URL(), postgres.Config{Schema: schema}, store.ErrStorage, "synchronous_commit")
	s.MustExec(t, "ALTER ROLE "+pgserver.User+" RESET synchronous_commit")
	for _, enough := range []string{"local", "remote_write", "remote_apply"} {
		s.MustExec(t, "ALTER ROLE "+pgserver.User+" SET synchronous_commit = "+enough)
		open(t, s.URL(), postgres.Config{Schema: schema})
	}
}

func TestOpenRefusesWhatIsNotThere(t *testing.T) {
	s := pgserver.Shared(t)
	schema := s.Schema(t)
	refused(t, s.URL(), postgres.Config{Schema: schema}, postgres.ErrNoLog, schema, "Migrate")
	refused(t, s.URLAs(pgserver.User, wrongPassword), postgres.Config{Schema: schema}, store.ErrStorage, "password")
	refused(t, s.URLAs("nobody_here", wrongPassword), postgres.Config{Schema: schema}, store.ErrStorage)
	refused(t, strings.Replace(s.URL(), "/"+pgserver.Database, "/nowhere", 1), postgres.Config{Schema: schema},
		store.ErrStorage, "nowhere")
	p := pgserver.NewProxy(t, s.Addr())
	p.Refuse(true)
	refused(t, p.URL(s.URL()), postgres.Config{Schema: schema}, store.ErrUnavailable)
	for _, bad := range []string{"Upper", "a b", `a"; drop table x; --`, strings.Repeat("a", 80), "1st"} {
		refused(t, s.URL(), postgres.Config{Schema: bad, Migrate: true}, store.ErrInvalid)
	}
}

func TestOpenRefusesANewerSchema(t *testing.T) {
	s := pgserver.Shared(t)
	_, schema := made(t, s)
	s.MustExec(t, "INSERT INTO "+schema+".migrations (number) VALUES (9999)")
	for _, migrate := range []bool{false, true} {
		refused(t, s.URL(), postgres.Config{Schema: schema, Migrate: migrate}, store.ErrNewerFormat, "9999")
	}
}

func TestOpenOnAStandbyReadsOnly(t *testing.T) {
	s := pgserver.New(t, nil)
	log, schema := made(t, s)
	b := s.NewStandby(t)
	pgserver.Do(t, s.Synchronous())
	s.MustExec(t, "ALTER ROLE "+pgserver.User+" SET synchronous_commit = remote_apply")
	fill(t, log, "o", 3)
	refused(t, b.URL(), postgres.Config{Schema: schema}, store.ErrReadOnly)
	copied := open(t, b.URL(), postgres.Config{Schema: schema, ReadOnly: true})
	require.Eventually(t, func() bool { return len(idsOf(t, copied)) == 3 }, patience, patience/1000)
	_, err := copied.Append(t.Context(), events.OrderStream("o"), 0, record("x"))
	require.ErrorIs(t, err, store.ErrReadOnly)
	require.NoError(t, copied.Verify(t.Context(), nil))
}

// role makes a role that may log in, and returns the way in for it.
func role(t *testing.T, s *pgserver.Server, name string) string {
	t.Helper()
	s.MustExec(t, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", name, wrongPassword))
	t.Cleanup(func() { s.MustExec(t, "DROP OWNED BY "+name+"; DROP ROLE "+name) })
	return s.URLAs(name, wrongPassword)
}

func TestOpenRefusesARoleWithoutRights(t *testing.T) {
	s := pgserver.Shared(t)
	_, schema := made(t, s)
	name := "nothing_" + schema
	url := role(t, s, name)
	refused(t, url, postgres.Config{Schema: schema}, store.ErrStorage, "permission")
	refused(t, url, postgres.Config{Schema: s.Schema(t), Migrate: true}, store.ErrStorage, "permission")
	// It may look, and not write.
	s.MustExec(t, fmt.Sprintf("GRANT USAGE ON SCHEMA %[1]s TO %[2]s; GRANT SELECT ON ALL TABLES IN SCHEMA %[1]s TO %[2]s",
		schema, name))
	reader := open(t, url, postgres.Config{Schema: schema, ReadOnly: true})
	assert.Empty(t, idsOf(t, reader))
}

// TestOnlyAddedTo: not even the owner of records and tiles changes one, short of taking the trigger away.
func TestOnlyAddedTo(t *testing.T) {
	s := pgserver.Shared(t)
	log, schema := made(t, s)
	grow(t, log, "o", 300) // more than a tile
	for _, table := range []string{"records", "tiles"} {
		require.NotEqual(t, "0", s.MustExec(t, "SELECT count(*) FROM "+schema+"."+table), table)
		column := strings.TrimSpace(s.MustExec(t, fmt.Sprintf("SELECT column_name FROM information_schema.columns "+
			"WHERE table_schema = '%s' AND table_name = '%s' ORDER BY ordinal_position LIMIT 1", schema, table)))
		name := schema + "." + table
		for _, sql := range []string{"UPDATE " + name + " SET " + column + " = " + column, "DELETE FROM " + name,
			"TRUNCATE " + name + " CASCADE", "DELETE FROM " + name + " WHERE false"} {
			_, err := s.Exec(sql)
			assert.ErrorContains(t, err, "only ever added to", sql)
		}
	}
	assert.Len(t, idsOf(t, log), 300)
}

// TestTheServicesRights: with the documented rights a service does its work, and can neither change nor remove
// anything.
func TestTheServicesRights(t *testing.T) {
	s := pgserver.Shared(t)
	_, schema := made(t, s)
	name := "service_" + schema
	url := role(t, s, name)
	rights, err := postgres.Rights(schema, name)
	require.NoError(t, err)
	s.MustExec(t, rights)
	log := open(t, url, postgres.Config{Schema: schema})
	grow(t, log, "o", 300) // more than a tile
	_, err = log.Append(t.Context(), events.OrderStream("o"), 300, record("one more"))
	require.NoError(t, err)
	assert.Len(t, idsOf(t, log), 301)
	require.NoError(t, log.Verify(t.Context(), nil))
	for sql, table := range map[string]string{
		"UPDATE %s.records SET position = position": "records", "DELETE FROM %s.records": "records",
		"TRUNCATE %s.records": "records", "UPDATE %s.tiles SET level = level": "tiles", "DELETE FROM %s.tiles": "tiles",
		"DELETE FROM %s.heads": "heads", "DELETE FROM %s.keys": "keys", "DELETE FROM %s.log": "log",
		"ALTER TABLE %s.records DISABLE TRIGGER ALL": "records", "DROP TABLE %s.tiles": "tiles",
		"CREATE TABLE %s.mine ()": "schema", "UPDATE %s.keys SET stream = stream": "keys",
		"SET session_replication_role = replica": "session_replication_role",
	} {
		if strings.Contains(sql, "%s") {
			sql = fmt.Sprintf(sql, schema)
		}
		_, err := s.ExecOver(url, sql)
		require.Error(t, err, sql)
		assert.Regexp(t, "permission denied|must be owner", err.Error(), sql)
		assert.ErrorContains(t, err, table)
	}
}

// TestMigrationsByHand: what a DBA runs makes what Migrate makes, and Open is content with it.
func TestMigrationsByHand(t *testing.T) {
	s := pgserver.Shared(t)
	_, migrated := made(t, s)
	byHand := s.Schema(t)
	var text strings.Builder
	require.NoError(t, postgres.WriteMigrations(&text, byHand))
	s.MustExec(t, text.String())
	shape := func(schema string) string {
		return strings.ReplaceAll(s.Shape(t, schema), schema, "THE_SCHEMA")
	}
	want := shape(migrated)
	require.Contains(t, want, "CREATE TRIGGER")
	assert.Equal(t, want, shape(byHand))
	numbers := "SELECT number FROM %s.migrations ORDER BY 1"
	assert.Equal(t, s.MustExec(t, fmt.Sprintf(numbers, migrated)), s.MustExec(t, fmt.Sprintf(numbers, byHand)))
	log := open(t, s.URL(), postgres.Config{Schema: byHand})
	fill(t, log, "o", 2)
	again := open(t, s.URL(), postgres.Config{Schema: byHand, Migrate: true})
	assert.Len(t, idsOf(t, again), 2, "to migrate what is up to date changes nothing")
}

// TestMigratingTogether: many processes that start at once make one schema.
func TestMigratingTogether(t *testing.T) {
	s := pgserver.Shared(t)
	schema := s.Schema(t)
	pool := poolTo(t, s.URL())
	errs := make(chan error, 6)
	for range cap(errs) {
		go func() {
			log, err := postgres.Open(context.Background(), pool, &postgres.Config{Schema: schema, Migrate: true})
			if err == nil {
				err = log.Close()
			}
			errs <- err
		}()
	}
	for range cap(errs) {
		assert.NoError(t, <-errs)
	}
}
