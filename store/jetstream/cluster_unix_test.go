//go:build unix

package jetstream_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/jetstream"
)

// cluster is three servers, each a process, and the wires between them and their clients.
type cluster struct {
	t     *testing.T
	nodes [3]node
	live  [3]*child
	wires [3][3]*wire // from the first to the second; from a server to itself: from clients to it
	urls  string
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t}
	for i := range c.nodes {
		c.nodes[i] = node{Name: fmt.Sprintf("n-%d", i), StoreDir: t.TempDir(), Port: freePort(t), ClusterPort: freePort(t)}
	}
	var urls []string
	for i := range c.nodes {
		var routes []string
		for j := range c.nodes {
			if i == j {
				c.wires[i][i] = newWire(t, c.nodes[i].Port)
				urls = append(urls, "nats://"+c.wires[i][i].address())
				continue
			}
			c.wires[i][j] = newWire(t, c.nodes[j].ClusterPort)
			routes = append(routes, "nats://"+c.wires[i][j].address())
		}
		c.nodes[i].Routes = strings.Join(routes, ",")
	}
	c.urls = strings.Join(urls, ",")
	for i := range c.nodes {
		c.up(i)
	}
	return c
}

// cut cuts a server off from the others, from its clients or from both, or mends that.
func (c *cluster) cut(i int, cut, noticed, servers, clients bool) {
	for j := range c.nodes {
		if j == i && clients {
			c.wires[i][i].set(cut, noticed)
		}
		if j != i && servers {
			c.wires[i][j].set(cut, noticed)
			c.wires[j][i].set(cut, noticed)
		}
	}
}

func (c *cluster) up(i int) {
	c.live[i] = start(c.t, nodeVariable, c.nodes[i], func(line string) { c.t.Log(line) })
}

// cutAll cuts all servers off from each other, or mends that.
func (c *cluster) cutAll(cut bool) {
	for i := range c.nodes {
		c.cut(i, cut, true, true, false)
	}
}

// sayings is what services have said.
type sayings struct {
	mu   sync.Mutex
	acks map[string][2]any // by id: order and version
	nots map[string]bool
	unas map[string]bool // that were answered by nothing but unavailable, and not tried again
}

func (s *sayings) hear(line string) {
	var what, id, order string
	var version uint64
	if n, _ := fmt.Sscan(line, &what, &id, &order, &version); n != 4 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch what {
	case "ack":
		s.acks[id] = [2]any{order, version}
	case "not":
		s.nots[id] = true
	case "una":
		s.unas[id] = true
	}
}

func (s *sayings) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acks)
}

// crew is three services that append, each a process, and what they say.
type crew struct {
	t        *testing.T
	said     *sayings
	services [3]service
	running  [3]*child
}

func (c *cluster) crew() *crew {
	w := &crew{t: c.t, said: &sayings{acks: map[string][2]any{}, nots: map[string]bool{}, unas: map[string]bool{}}}
	for i := range w.services {
		w.services[i] = service{fmt.Sprintf("s-%d", i), c.urls, "ORDERS", filepath.Join(c.t.TempDir(), "orders.log")}
		w.begin(i)
	}
	return w
}

func (w *crew) begin(i int) { w.running[i] = start(w.t, serviceVariable, w.services[i], w.said.hear) }

// progress waits for one more append to be acknowledged.
func (w *crew) progress(within time.Duration) bool {
	for begun, had := time.Now(), w.said.count(); time.Since(begun) < within; time.Sleep(20 * time.Millisecond) {
		if w.said.count() > had {
			return true
		}
	}
	return false
}

// end ends the services, and holds what they said against what is there.
func (w *crew) end() {
	w.t.Helper()
	for _, s := range w.running {
		s.end(w.t)
	}
	w.t.Logf("%d acknowledged, %d refused, %d unavailable", len(w.said.acks), len(w.said.nots), len(w.said.unas))
	held(w.t, w.services[0].URLs, w.services, w.said)
}

// roundsWhole is how many rounds of faults there are in CI, each some hundred milliseconds and what it takes to
// recover.
const roundsWhole = 100

// Once in so many rounds, a cut lasts so long that the others have another leader before it ends.
const (
	longCutEvery = 40
	longCut      = 10 * time.Second
)

// harm kills a server, pauses it, or cuts it off from the others, from its clients or from both, and returns what ends
// that. In rounds of a long cut it is from the others alone, and nobody is told: so what was the leader stays one in
// its own eyes, for those clients that it has.
func (c *cluster) harm(round int, random *rand.Rand) (mend func()) {
	i, of := random.IntN(3), random.IntN(4)
	if round%longCutEvery == longCutEvery-1 {
		c.cut(i, true, false, true, false)
		return func() { c.cut(i, false, false, true, false) }
	}
	switch of {
	case 0:
		c.live[i].kill()
		return func() { c.up(i) }
	case 1:
		require.NoError(c.t, c.live[i].command.Process.Signal(syscall.SIGSTOP))
		return func() { require.NoError(c.t, c.live[i].command.Process.Signal(syscall.SIGCONT)) }
	}
	noticed, whom := random.IntN(2) == 0, random.IntN(3)
	c.cut(i, true, noticed, whom != 0, whom != 1)
	return func() { c.cut(i, false, noticed, whom != 0, whom != 1) }
}

// Servers are killed, paused and cut off in turns, a minority at a time, and services killed meanwhile. Nothing that
// was acknowledged is lost, nothing that was refused or told of as unavailable is there, each append is there once, and
// all files are equal.
func TestAClusterWhoseProcessesDie(t *testing.T) {
	c := newCluster(t)
	crew := c.crew()
	require.True(t, crew.progress(patience), "nothing is appended to begin with")
	c.cutAll(true)
	for crew.progress(time.Second) { // what was on its way
	}
	require.False(t, crew.progress(2*time.Second),
		"appended where no two servers reach each other: they do so past the wires")
	c.cutAll(false)
	require.True(t, crew.progress(patience), "nothing is appended once all reach each other again")
	random, still := rand.New(rand.NewPCG(14, 2)), 0
	for round := range long.Rounds(roundsWhole, 8) {
		mended := c.harm(round, random)
		if j := random.IntN(3); random.IntN(3) == 0 {
			crew.running[j].kill()
			crew.begin(j)
		}
		time.Sleep(time.Duration(100+random.IntN(500)) * time.Millisecond)
		if round%longCutEvery == longCutEvery-1 {
			time.Sleep(longCut)
		}
		mended()
		if !crew.progress(2 * time.Second) { // where a leader is elected that takes longer
			still++
		}
	}
	require.True(t, crew.progress(patience), "nothing is appended when all is well again")
	crew.end()
	t.Logf("%d rounds in which nothing was appended for two seconds", still)
}

// held compares what services said with what they left, and with what a new process makes of the stream.
func held(t *testing.T, urls string, services [3]service, said *sayings) {
	t.Helper()
	conn, err := nats.Connect(urls, nats.MaxReconnects(-1))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	config := jetstream.Config{Stream: "ORDERS"}
	logs := []kept{open(t, conn, filepath.Join(t.TempDir(), "new.log"), config)}
	for _, s := range services {
		logs = append(logs, open(t, conn, s.Path, config))
	}
	equal(t, logs...)
	there := map[string]bool{}
	for r, err := range logs[0].All(t.Context(), store.Start()) {
		require.NoError(t, err)
		require.False(t, there[r.ID], "%s is there twice", r.ID)
		there[r.ID] = true
		require.False(t, said.nots[r.ID], "%s was refused", r.ID)
		require.False(t, said.unas[r.ID], "%s was unavailable, which says that it was not stored", r.ID)
		if ack, known := said.acks[r.ID]; known {
			require.Equal(t, [2]any{r.Stream.ID, r.Version}, ack, r.ID)
			require.Equal(t, events.OrderStream(r.Stream.ID), r.Stream)
		}
	}
	for id := range said.acks {
		assert.True(t, there[id], "%s was acknowledged, and is not there", id)
	}
	for _, log := range logs {
		require.NoError(t, log.Close())
	}
}
