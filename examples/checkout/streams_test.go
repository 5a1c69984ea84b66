package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store/jetstream"
)

// natsServer is the server's own program, which store/jetstream's module names; it is built once for all tests.
var natsServer = sync.OnceValues(func() (string, error) {
	dir, err := built()
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "nats-server")
	c := exec.Command("go", "build", "-o", program, "github.com/nats-io/nats-server/v2")
	c.Dir, c.Env = "../../store/jetstream", append(os.Environ(), "GOWORK=off")
	if said, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("nats-server: %w: %s", err, said)
	}
	return program, nil
})

// servers are those of a cluster, each a process.
type servers struct {
	t       *testing.T
	program string
	configs [3]string
	live    [3]*process
	urls    string
}

func newServers(t *testing.T) *servers {
	s := &servers{t: t}
	var err error
	s.program, err = natsServer()
	require.NoError(t, err)
	var clients, routes []string
	for range s.configs {
		clients = append(clients, freeAddress(t))
		routes = append(routes, "nats://"+freeAddress(t))
	}
	for i := range s.configs {
		dir := t.TempDir()
		s.configs[i] = filepath.Join(dir, "nats.conf")
		require.NoError(t, os.WriteFile(s.configs[i], fmt.Appendf(nil, `server_name: n%d
listen: %q
jetstream { store_dir: %q, sync_interval: always }
cluster { name: shop, listen: %q, routes: [%s] }
`, i, clients[i], dir, strings.TrimPrefix(routes[i], "nats://"), strings.Join(routes, ", ")), 0o600))
	}
	for i := range s.configs {
		s.start(i)
	}
	s.urls = "nats://" + strings.Join(clients, ",nats://")
	return s
}

func (s *servers) start(i int) {
	s.live[i], _ = starts(s.t, `(Server is ready)`, exec.Command(s.program, "-c", s.configs[i]))
}

// freeAddress is one on which nobody listens now.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// Two real processes with a file each, by the order of a stream on three servers, are one shop. One of the processes
// and one of the servers are killed again and again: every command comes to an end, the gateway's ledger is what the
// log says, both files verify and are of one log, and no answer of either was untrue.
func TestTwoRealProcessesByAStream(t *testing.T) {
	if !long.Walks() {
		t.Skip(leftOut)
	}
	s := newServers(t)
	files := [2]string{filepath.Join(t.TempDir(), "orders.tilltape"), filepath.Join(t.TempDir(), "orders.tilltape")}
	p := newPair(t, func(i int) []string {
		return []string{"CHECKOUT_NATS=" + s.urls, "CHECKOUT_LOG=" + files[i], "CHECKOUT_STREAM_CREATE=yes"}
	})
	p.shop(func(round int) {
		i := round % len(s.live)
		s.live[i].kill()
		s.start(i)
	})
	conn, err := nats.Connect(s.urls)
	require.NoError(t, err)
	defer conn.Close()
	var logs [2]*jetstream.Log
	for i, file := range files {
		p.judges("verify", file, "--apo-key", filepath.Join(p.keys, publicKeyFile))
		logs[i], err = jetstream.Open(t.Context(), conn, file, nil)
		require.NoError(t, err)
		defer logs[i].Close()
		p.agrees(logs[i])
	}
	tree, err := logs[0].Tree(t.Context())
	require.NoError(t, err)
	require.NoError(t, logs[1].Agrees(t.Context(), tree))
}
