package jetstream_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/jetstream"
)

// This test binary is also the nodes and the services of the cluster's tests, where one of these is set.
const (
	nodeVariable    = "TILLTAPE_TEST_NODE"
	serviceVariable = "TILLTAPE_TEST_SERVICE"
)

// node is a server of a cluster, as its process is told.
type node struct {
	Name, StoreDir    string
	Port, ClusterPort int
	Routes            string
}

// service is a process that appends.
type service struct{ Name, URLs, Stream, Path string }

// beChild runs what the environment says, and tells whether it said anything. A child ends when its standard input
// does: none outlives the test.
func beChild() bool {
	if text := os.Getenv(nodeVariable); text != "" {
		var n node
		must(json.Unmarshal([]byte(text), &n))
		n.run()
		return true
	}
	if text := os.Getenv(serviceVariable); text != "" {
		var s service
		must(json.Unmarshal([]byte(text), &s))
		s.run()
		return true
	}
	return false
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// operator is the user, and the password, of the servers' own account; everybody else needs none.
const operator = "operator"

func (n node) run() {
	own := server.NewAccount("SYS")
	s, err := server.NewServer(&server.Options{SystemAccount: own.Name, Accounts: []*server.Account{own},
		Users:      []*server.User{{Username: "anybody"}, {Username: operator, Password: operator, Account: own}},
		NoAuthUser: "anybody",
		ServerName: n.Name, Host: "127.0.0.1", Port: n.Port, JetStream: true,
		StoreDir: n.StoreDir, SyncAlways: true, NoSigs: true, NoLog: true, Routes: server.RoutesFromStr(n.Routes),
		// Servers tell one another, and clients, of addresses that lead past the wires: here of one that leads nowhere.
		Cluster: server.ClusterOpts{Name: "tilltape", Host: "127.0.0.1", Port: n.ClusterPort, NoAdvertise: true,
			Advertise: "127.0.0.1:1"}})
	must(err)
	s.Start()
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.Shutdown()
}

// Of a service: how many append at once, to how many orders, and how long it waits after an append.
const (
	appenders     = 4
	sharedOrders  = 5
	appenderPause = 5 * time.Millisecond
)

// run appends until the standard input ends, and prints what became of each append.
func (s service) run() {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	conn, err := nats.Connect(s.URLs, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond),
		nats.RetryOnFailedConnect(true), nats.PingInterval(time.Second), nats.MaxPingsOutstanding(1))
	must(err)
	var log *jetstream.Log
	for log == nil {
		log, err = jetstream.Open(ctx, conn, s.Path, &jetstream.Config{Stream: s.Stream, Create: true})
		switch {
		case err != nil && ctx.Err() != nil:
			return // told to end while it caught up
		case err != nil && !errors.Is(err, store.ErrUnavailable):
			must(err)
		}
	}
	var out sync.Mutex
	say := func(what, id, order string, version uint64) {
		out.Lock()
		defer out.Unlock()
		fmt.Println(what, id, order, version)
	}
	var all sync.WaitGroup
	for range appenders {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				s.append(ctx, log, say)
				time.Sleep(appenderPause)
			}
		})
	}
	all.Wait()
	must(log.Close())
}

// append appends once, and tries again with the same id for as long as it is not known whether it has.
func (s service) append(ctx context.Context, log *jetstream.Log, say func(what, id, order string, version uint64)) {
	order := fmt.Sprintf("o-%d", rand.IntN(sharedOrders))
	id := fmt.Sprintf("%s-%016x", s.Name, rand.Uint64())
	after := uint64(0)
	head, err := log.Head(ctx, events.OrderStream(order))
	switch {
	case err == nil:
		after = head.Version
	case !errors.Is(err, store.ErrNotFound):
		stopped(err)
		return
	}
	for doubt := false; ; {
		written, err := log.Append(ctx, events.OrderStream(order), after, record(id))
		switch {
		case err == nil:
			say("ack", id, order, written[0].Version)
			return
		case errors.Is(err, store.ErrConflict):
			say("not", id, order, after+1)
			return
		case errors.Is(err, store.ErrUnavailable) && !doubt && rand.IntN(2) == 0:
			say("una", id, order, after+1) // and nobody tries it again: it is not there, for good
			return
		case ctx.Err() != nil:
			return
		}
		stopped(err)
		doubt = doubt || !errors.Is(err, store.ErrUnavailable)
	}
}

// stopped ends a service whose log has failed for good: that is a finding.
func stopped(err error) {
	if errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrNewerFormat) || errors.Is(err, store.ErrInvalid) {
		must(err)
	}
}

// child is a process of the test's own.
type child struct {
	command *exec.Cmd
	in      io.Closer
	ended   chan struct{}
	problem error
}

// start starts this binary again as what the variable says; each line of its output is given to line.
func start(t *testing.T, variable string, as any, line func(string)) *child {
	t.Helper()
	text, err := json.Marshal(as)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	c := &child{command: exec.Command(self), ended: make(chan struct{})}
	c.command.Env = append(os.Environ(), variable+"="+string(text))
	c.command.Stderr = os.Stderr
	c.in, err = c.command.StdinPipe()
	require.NoError(t, err)
	out, err := c.command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.command.Start())
	go func() {
		defer close(c.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			line(lines.Text())
		}
		c.problem = c.command.Wait()
	}()
	t.Cleanup(c.kill)
	return c
}

func (c *child) kill() {
	_ = c.command.Process.Kill() // or it has ended
	<-c.ended
}

// end has a child end by itself.
func (c *child) end(t *testing.T) {
	t.Helper()
	require.NoError(t, c.in.Close())
	select {
	case <-c.ended:
		require.NoError(t, c.problem)
	case <-time.After(3 * patience):
		t.Fatal("a service does not end")
	}
}

// freePort is one that nobody listens on now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
