package jetstream_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/tempdir"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/jetstream"
	"github.com/tilltape/tilltape/store/storetest"
)

const (
	patience       = time.Minute // for what comes soon
	everydayChecks = 4           // of a property: each makes a stream
)

func TestMain(m *testing.M) {
	if beChild() {
		return
	}
	long.Checks(everydayChecks)
	os.Exit(tempdir.Run(m))
}

// newServer starts a server of the test's own.
func newServer(t testing.TB, payload int32) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true,
		StoreDir: t.TempDir(), SyncAlways: true, MaxPayload: payload, NoSigs: true, NoLog: true})
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(patience), "the server does not start")
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

const usualPayload = 1 << 20

func connect(t testing.TB, url string) *nats.Conn {
	t.Helper()
	c, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

var streams atomic.Int64

// newStream is a name that no other test has.
func newStream() string { return fmt.Sprintf("LOG-%d", streams.Add(1)) }

// kept is a log that remembers how it was opened.
type kept struct {
	*jetstream.Log
	conn   *nats.Conn
	path   string
	config jetstream.Config
}

// open opens a log that the caller closes.
func open(t testing.TB, conn *nats.Conn, path string, c jetstream.Config) kept {
	t.Helper()
	log, err := jetstream.Open(t.Context(), conn, path, &c)
	require.NoError(t, err)
	return kept{log, conn, path, c}
}

// newLog is a log in a stream of its own, closed with the test.
func newLog(t testing.TB, s *server.Server, c jetstream.Config) kept {
	t.Helper()
	c.Stream, c.Create, c.Replicas = newStream(), true, 1
	log := open(t, connect(t, s.ClientURL()), filepath.Join(t.TempDir(), "orders.log"), c)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

// beside is another process's log on the same stream, closed with the test.
func beside(t testing.TB, log kept) kept {
	t.Helper()
	other := open(t, connect(t, log.conn.ConnectedUrl()), filepath.Join(t.TempDir(), "orders.log"), log.config)
	t.Cleanup(func() { require.NoError(t, other.Close()) })
	return other
}

func newSigner(t testing.TB) *seal.Signer {
	key, _, err := seal.GenerateKey(rand.Reader, "shop.example/orders")
	require.NoError(t, err)
	signer, err := seal.NewSigner(key)
	require.NoError(t, err)
	return signer
}

// factory makes logs on a server.
func factory(t *testing.T, s *server.Server, c jetstream.Config) storetest.Factory {
	c.Create, c.Replicas, c.Signer = true, 1, newSigner(t)
	return storetest.Factory{
		Short: !long.Enabled(),
		Open: func(t *testing.T) store.Log {
			c := c
			c.Stream = newStream()
			return open(t, connect(t, s.ClientURL()), filepath.Join(t.TempDir(), "orders.log"), c)
		},
		Reopen: func(t *testing.T, log store.Log) store.Log {
			require.NoError(t, log.Close())
			k := log.(kept)
			return open(t, k.conn, k.path, k.config)
		},
		Second: func(t *testing.T, log store.Log) store.Log {
			return open(t, connect(t, s.ClientURL()), filepath.Join(t.TempDir(), "orders.log"), log.(kept).config)
		},
		Seal: &storetest.Seal{
			Verifier: c.Signer.Verifier(),
			Backup: func(t *testing.T, log store.Log) (store.Log, error) {
				path := filepath.Join(t.TempDir(), "backup.log")
				if err := log.(kept).Backup(t.Context(), path, nil); err != nil {
					return nil, err
				}
				return bolt.Open(path, &bolt.Config{ReadOnly: true, Signer: c.Signer})
			},
			OpenToRead: func(t *testing.T, log store.Log) (store.Log, error) {
				require.NoError(t, log.Close())
				return bolt.Open(log.(kept).path, &bolt.Config{ReadOnly: true, Signer: c.Signer})
			},
		},
	}
}

func TestLog(t *testing.T) {
	storetest.Run(t, factory(t, newServer(t, usualPayload), jetstream.Config{}))
}

// With messages that hold little, an append is in many.
func TestLogInSmallMessages(t *testing.T) {
	storetest.Run(t, factory(t, newServer(t, 16<<10), jetstream.Config{}))
}

// noon is when everything in these tests happens.
var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

func record(id string) events.Record {
	return events.Record{ID: id, Recorded: noon, Occurred: noon, Actor: "till-7",
		Head:  events.Head{Status: "created", StatusSince: noon, Phase: "idle", Due: noon},
		Event: events.PaymentPending{PaymentID: "payment-" + id}}
}
