#!/usr/bin/env bash
# nats-server v2.15.3 and nats.go v1.55.0 (pinned Go modules): of three servers with a stream of three replicas one is
# lost for good, another server joins, and the stream's peer removal puts it in the lost one's place; the stream then
# has three replicas, all current. One would guess that the cluster is whole again. But the servers' own group has four
# members now, the lost one among them. When one more server stops, the stream goes on with two of three: a message is
# stored and acknowledged. The group does not, with two of four: nobody can make a consumer, and so nobody new can read
# the stream. After the lost server was also taken out of that group, by a user of the system account, that works, too.
#
# What we do: docs/guides/several-machines.md has both steps, and store/jetstream's test of a server that is replaced
# takes them; without the second one it stood still in one run of six.
#
# Seen, and compared with:
#> github.com/nats-io/nats-server/v2 v2.15.3
#> github.com/nats-io/nats.go v1.55.0
#> the stream's removal alone: three replicas, all current
#> one more server stopped: publish: acknowledged; new consumer: unavailable
#> the servers' removal, too: three replicas, all current
#> one more server stopped: publish: acknowledged; new consumer: made
set -euo pipefail
self=$(realpath "${BASH_SOURCE[0]}")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOWORK=off GOFLAGS=-modcacherw GOMODCACHE="$dir/modules" TMPDIR="$dir/data"
mkdir data

cat > main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	patience = time.Minute
	settled  = 30 * time.Second // longer than a leader without a majority takes to notice
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// until tries until it is so.
func until(what string, so func() bool) {
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(200 * time.Millisecond) {
		if so() {
			return
		}
	}
	log.Fatal("never: ", what)
}

type cluster struct {
	routes, urls []string
	servers      map[string]*server.Server
}

func (c *cluster) start(name string, port, clusterPort int) {
	dir, err := os.MkdirTemp("", name)
	must(err)
	own := server.NewAccount("SYS")
	s, err := server.NewServer(&server.Options{ServerName: name, Host: "127.0.0.1", Port: port, JetStream: true,
		StoreDir: dir, NoSigs: true, NoLog: true, Routes: server.RoutesFromStr(strings.Join(c.routes, ",")),
		Cluster:       server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: clusterPort},
		SystemAccount: own.Name, Accounts: []*server.Account{own}, NoAuthUser: "anybody",
		Users: []*server.User{{Username: "anybody"}, {Username: "operator", Password: "operator", Account: own}}})
	must(err)
	s.Start()
	c.servers[name] = s
}

// remove asks for a peer's removal until it is granted.
func remove(nc *nats.Conn, subject, peer string) {
	request, err := json.Marshal(map[string]string{"peer": peer})
	must(err)
	until(subject, func() bool {
		m, err := nc.Request(subject, request, 2*time.Second)
		var said struct{ Success bool }
		return err == nil && json.Unmarshal(m.Data, &said) == nil && said.Success
	})
}

func try(whole bool) {
	c := &cluster{servers: map[string]*server.Server{}}
	var ports, clusterPorts []int
	for range 4 {
		ports, clusterPorts = append(ports, freePort()), append(clusterPorts, freePort())
	}
	for i := range 3 {
		c.routes = append(c.routes, fmt.Sprintf("nats://127.0.0.1:%d", clusterPorts[i]))
		c.urls = append(c.urls, fmt.Sprintf("nats://127.0.0.1:%d", ports[i]))
	}
	for i := range 3 {
		c.start(fmt.Sprintf("n%d", i), ports[i], clusterPorts[i])
	}
	connect := func(options ...nats.Option) *nats.Conn {
		nc, err := nats.Connect(strings.Join(c.urls, ","), append(options, nats.MaxReconnects(-1),
			nats.RetryOnFailedConnect(true), nats.ReconnectWait(100*time.Millisecond))...)
		must(err)
		return nc
	}
	nc, operator := connect(), connect(nats.UserInfo("operator", "operator"))
	js, err := nc.JetStream(nats.MaxWait(2 * time.Second))
	must(err)
	until("the stream", func() bool {
		_, err := js.AddStream(&nats.StreamConfig{Name: "S", Subjects: []string{"s"}, Replicas: 3})
		return err == nil
	})
	current := func(want ...string) func() bool {
		return func() bool {
			info, err := js.StreamInfo("S")
			if err != nil || info.Cluster == nil || info.Cluster.Leader == "" || len(info.Cluster.Replicas) != 2 {
				return false
			}
			has := map[string]bool{info.Cluster.Leader: true}
			for _, r := range info.Cluster.Replicas {
				has[r.Name] = r.Current && !r.Offline
			}
			for _, name := range want {
				if !has[name] {
					return false
				}
			}
			return true
		}
	}
	until("three replicas", current("n0", "n1", "n2"))
	publish := func() error {
		_, err := js.Publish("s", []byte("message"))
		return err
	}
	must(publish())

	c.servers["n0"].Shutdown()
	c.start("n3", ports[3], clusterPorts[3])
	remove(nc, "$JS.API.STREAM.PEER.REMOVE.S", "n0")
	until("the new replica", current("n1", "n2", "n3"))
	what := "the stream's removal alone"
	if whole {
		remove(operator, "$JS.API.SERVER.REMOVE", "n0")
		what = "the servers' removal, too"
	}
	until("three replicas again", current("n1", "n2", "n3"))
	fmt.Printf("%s: three replicas, all current\n", what)

	c.servers["n1"].Shutdown()
	time.Sleep(settled)
	until("an acknowledgement", func() bool { return publish() == nil })
	consumer := "unavailable"
	for range 5 {
		_, err := js.AddConsumer("S", &nats.ConsumerConfig{Durable: "d", AckPolicy: nats.AckExplicitPolicy})
		if err == nil {
			consumer = "made"
			break
		}
	}
	fmt.Printf("one more server stopped: publish: acknowledged; new consumer: %s\n", consumer)
	nc.Close()
	operator.Close()
	for _, s := range c.servers {
		s.Shutdown()
	}
}

func main() {
	try(false)
	try(true)
}
GO
go mod init finding 2> said || { cat said >&2; exit 1; }
go get github.com/nats-io/nats-server/v2@v2.15.3 github.com/nats-io/nats.go@v1.55.0 2> said || { cat said >&2; exit 1; }
{ go list -m github.com/nats-io/nats-server/v2 github.com/nats-io/nats.go && go run .; } > seen
diff <(sed -n 's/^#> //p' "$self") seen || { echo "finding: it behaves otherwise now (above)" >&2; exit 1; }
echo 'finding: as it was'
