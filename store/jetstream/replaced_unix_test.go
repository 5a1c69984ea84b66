//go:build unix

package jetstream_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// A server that is lost for good, with its disk, is replaced as the guide says: another one joins, of another name and
// with nothing on its disk, the servers are told to have it instead, and once it has the whole stream it counts: with
// it and one of the old ones all goes on. Services append meanwhile.
func TestAServerThatIsReplaced(t *testing.T) {
	c := newCluster(t)
	crew := c.crew()
	require.True(t, crew.progress(patience), "nothing is appended to begin with")
	conn, err := nats.Connect(c.urls, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	for crew.said.count() < 100 {
		require.True(t, crew.progress(patience), "nothing is appended any more")
	}

	leader := replicas(t, conn, func(leader string, _ map[string]bool) bool { return leader != "" })
	lost := slices.IndexFunc(c.nodes[:], func(n node) bool { return n.Name == leader })
	require.GreaterOrEqual(t, lost, 0, leader)
	c.live[lost].kill()
	require.True(t, crew.progress(patience), "nothing is appended with two servers of three")

	other := node{Name: "n-new", StoreDir: t.TempDir(), Port: freePort(t), ClusterPort: freePort(t)}
	for i, n := range c.nodes {
		if i != lost {
			other.Routes += fmt.Sprintf(",nats://127.0.0.1:%d", n.ClusterPort)
		}
	}
	other.Routes = other.Routes[1:]
	start(t, nodeVariable, other, func(line string) { t.Log(line) })
	ask(t, conn, "$JS.API.STREAM.PEER.REMOVE.ORDERS", leader)
	operators, err := nats.Connect(c.urls, nats.UserInfo(operator, operator))
	require.NoError(t, err)
	t.Cleanup(operators.Close)
	ask(t, operators, "$JS.API.SERVER.REMOVE", leader)
	replicas(t, conn, func(leads string, current map[string]bool) bool {
		_, lostIsThere := current[leader]
		return leads != "" && (leads == other.Name || current[other.Name]) && !lostIsThere
	})

	second := (lost + 1) % len(c.nodes)
	c.live[second].kill()
	require.True(t, crew.progress(patience), "nothing is appended with the new server and one of the old ones")
	c.up(second)
	replicas(t, conn, func(leads string, current map[string]bool) bool {
		return leads == c.nodes[second].Name || current[c.nodes[second].Name]
	})
	require.True(t, crew.progress(patience), "nothing is appended when all is well again")
	crew.end()
}

// ask has the servers do without the lost one: as soon as they know of another one, where that is to take its place.
func ask(t *testing.T, conn *nats.Conn, subject, lost string) {
	t.Helper()
	request, err := json.Marshal(map[string]string{"peer": lost})
	require.NoError(t, err)
	var last any
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(200 * time.Millisecond) {
		m, err := conn.Request(subject, request, 2*time.Second)
		if last = err; err != nil {
			continue
		}
		var said struct{ Success bool }
		require.NoError(t, json.Unmarshal(m.Data, &said))
		if last = string(m.Data); said.Success {
			return
		}
	}
	t.Fatalf("%s of %s: %v", subject, lost, last)
}

// replicas waits until the stream's leader, and whether each of its other servers has all of it, are as asked.
func replicas(t *testing.T, conn *nats.Conn, as func(leader string, current map[string]bool) bool) (leader string) {
	t.Helper()
	js, err := conn.JetStream()
	require.NoError(t, err)
	current := map[string]bool{}
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(200 * time.Millisecond) {
		info, err := js.StreamInfo("ORDERS", nats.MaxWait(2*time.Second))
		if err != nil || info.Cluster == nil {
			continue
		}
		clear(current)
		for _, r := range info.Cluster.Replicas {
			current[r.Name] = r.Current && !r.Offline
		}
		if leader = info.Cluster.Leader; as(leader, current) {
			return leader
		}
	}
	t.Fatalf("the stream's leader is %q and its other servers, by whether they have all, %v", leader, current)
	return ""
}
