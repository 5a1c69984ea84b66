package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/postgres"
)

func TestASourceThatMustNotBeRead(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	path := aLog(t, false)
	require.NoError(t, os.Chmod(path, 0))
	code, _, errs := execute(t, "replay", path)
	assert.Equal(t, exitUnreadable, code)
	assert.Contains(t, errs, "hint: let this user read the file")
}

// aBusyMachine is how long it may leave us without the processor.
const aBusyMachine = 15 * time.Second

func TestALockedLogIsToldWithinTwoSeconds(t *testing.T) {
	path := aLog(t, false)
	holder, err := bolt.Open(path, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, holder.Close()) }()
	began := time.Now()
	_, err = openSource(t.Context(), path)
	require.ErrorIs(t, err, bolt.ErrLocked)
	assert.LessOrEqual(t, bolt.DefaultLockTimeout, 2*time.Second, "which is what it waits for")
	assert.Less(t, time.Since(began), 2*time.Second+aBusyMachine)
}

func TestAFileWhoseNameLooksLikeAURL(t *testing.T) {
	t.Chdir(t.TempDir())
	code, _, errs := execute(t, "replay", "./file://x")
	assert.Equal(t, exitNotFound, code, errs)
	code, _, errs = execute(t, "replay", "file://x")
	assert.Equal(t, exitUsage, code, errs)
	assert.Contains(t, errs, "a source is a database")
}

// inSchema is the source that names a schema of the database.
func inSchema(url, schema string) string {
	if strings.Contains(url, "?") {
		return url + "&schema=" + schema
	}
	return url + "?schema=" + schema
}

// A log in a database is read as one in a file, by whoever may only select, and the password is nowhere.
func TestADatabaseIsASource(t *testing.T) {
	server := pgserver.SharedWhole(t)
	url, shop := server.URL(), server.Schema(t)
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	defer pool.Close()
	log, err := postgres.Open(t.Context(), pool, &postgres.Config{Schema: shop, Migrate: true})
	require.NoError(t, err)
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	_, err = log.Append(t.Context(), events.OrderStream("o-1"), 0, events.Record{ID: "r-1", Recorded: at, Occurred: at,
		Actor: "shop", Head: events.Head{Status: "created", StatusSince: at, Phase: "idle"},
		Event: events.OrderCreated{PaymentRequestID: "p-1", Amount: events.Money{Minor: 100, Currency: "USD"},
			Method: "CARD"}})
	require.NoError(t, err)
	require.NoError(t, log.Close())

	code, out, errs := execute(t, "replay", inSchema(url, shop))
	require.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "1 record of 1 order, every one legal")
	code, _, errs = execute(t, "replay", inSchema(url, "none"))
	assert.Equal(t, exitNotFound, code, errs)
	code, _, errs = execute(t, "replay", inSchema(url, "Not-A-Schema"))
	assert.NotEqual(t, exitOK, code)
	assert.NotContains(t, errs, "Config.")
}

func TestTheOpenersTakeEveryFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	last := openers[len(openers)-1]
	assert.True(t, last.takes(path, []byte("x")))
	assert.False(t, last.takes("postgres://host/db", nil))
	for _, o := range openers {
		assert.NotEmpty(t, o.kind)
	}
}
