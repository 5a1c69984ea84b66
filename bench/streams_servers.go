package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
)

// serverCommand makes this program one of NATS' servers; the word after it says which. It ends with its standard input.
const (
	serverCommand = "nats-server"
	serverWords   = 3
)

// natsNode is such a server, as its process is told. Alone it has no cluster.
type natsNode struct {
	Name, Dir         string
	Port, ClusterPort int
	Routes            string
}

// serve is that process.
func serve(text string, stdin io.Reader) (status int) {
	var n natsNode
	err := json.Unmarshal([]byte(text), &n)
	if err == nil {
		err = n.run(stdin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

func (n natsNode) run(stdin io.Reader) error {
	options := server.Options{ServerName: n.Name, Host: "127.0.0.1", Port: n.Port, JetStream: true, StoreDir: n.Dir,
		SyncAlways: true, NoSigs: true, NoLog: true}
	if n.Routes != "" {
		options.Routes = server.RoutesFromStr(n.Routes)
		options.Cluster = server.ClusterOpts{Name: "bench", Host: "127.0.0.1", Port: n.ClusterPort}
	}
	s, err := server.NewServer(&options)
	if err != nil {
		return err
	}
	s.Start()
	_, err = io.Copy(io.Discard, stdin)
	s.Shutdown()
	s.WaitForShutdown()
	return err
}

// natsServers are those that were started together.
type natsServers struct {
	urls     string
	commands []*exec.Cmd
	inputs   []io.Closer
}

// serversReady is how long they have until they serve streams.
const serversReady = 30 * time.Second

// startServers starts so many, as one cluster.
func startServers(dir string, n int) (s *natsServers, err error) {
	s = &natsServers{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	var nodes []natsNode
	var urls, routes []string
	for i := range n {
		node := natsNode{Name: fmt.Sprintf("n%d-of-%d", i, n)}
		node.Dir = filepath.Join(dir, node.Name)
		for _, port := range []*int{&node.Port, &node.ClusterPort} {
			if *port, err = freePort(); err != nil {
				return s, err
			}
		}
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", node.Port))
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", node.ClusterPort))
		nodes = append(nodes, node)
	}
	s.urls = strings.Join(urls, ",")
	for _, node := range nodes {
		if n > 1 {
			node.Routes = strings.Join(routes, ",")
		}
		if err := s.start(node); err != nil {
			return s, err
		}
	}
	return s, s.ready(n)
}

func (s *natsServers) start(n natsNode) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	c := exec.Command(self, serverCommand, string(text))
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	s.commands, s.inputs = append(s.commands, c), append(s.inputs, in)
	return nil
}

// ready waits until a stream can be made on all of them.
func (s *natsServers) ready(n int) error {
	conn, err := nats.Connect(s.urls, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := natsjs.New(conn)
	if err != nil {
		return err
	}
	for end := time.Now().Add(serversReady); ; time.Sleep(50 * time.Millisecond) {
		ctx, stop := context.WithTimeout(context.Background(), time.Second)
		_, err = js.CreateStream(ctx, natsjs.StreamConfig{Name: "READY", Subjects: []string{"ready"}, Replicas: n})
		stop()
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// stop ends them, and waits until they have.
func (s *natsServers) stop() error {
	var failed []error
	for _, in := range s.inputs {
		failed = append(failed, in.Close())
	}
	for _, c := range s.commands {
		failed = append(failed, c.Wait())
	}
	return errors.Join(failed...)
}

// freePort is one on which nobody listens now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
