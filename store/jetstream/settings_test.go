package jetstream_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/jetstream"
)

// changed has the log's stream with other settings.
func changed(t *testing.T, log kept, change func(*js.StreamConfig)) {
	t.Helper()
	config := streamOf(t, log).CachedInfo().Config
	change(&config)
	_, err := client(t, log).UpdateStream(t.Context(), config)
	require.NoError(t, err)
}

// A setting by which the stream could lose messages is noticed under an open log, by its name: nothing is appended
// until it is set right, and what is there can be read.
func TestASettingThatIsChangedUnderALog(t *testing.T) {
	log := newLog(t, newServer(t, usualPayload), jetstream.Config{})
	order := events.OrderStream("o-1")
	_, err := log.Append(t.Context(), order, 0, record("r-0"))
	require.NoError(t, err)
	version := uint64(1)
	for name, change := range map[string]func(*js.StreamConfig){
		"max_age":              func(c *js.StreamConfig) { c.MaxAge = time.Hour },
		"max_msgs)":            func(c *js.StreamConfig) { c.MaxMsgs = 1000 },
		"max_msgs_per":         func(c *js.StreamConfig) { c.MaxMsgsPerSubject = 1000 },
		"max_bytes":            func(c *js.StreamConfig) { c.MaxBytes = 1 << 30 },
		"max_msg_size":         func(c *js.StreamConfig) { c.MaxMsgSize = 1 << 20 },
		"allow_direct":         func(c *js.StreamConfig) { c.AllowDirect = true },
		"its subjects are not": func(c *js.StreamConfig) { c.Subjects = append(c.Subjects, "more."+c.Name) },
		"no_ack":               func(c *js.StreamConfig) { c.NoAck = true },
	} {
		right := streamOf(t, log).CachedInfo().Config
		changed(t, log, change)
		head, err := log.Head(t.Context(), order)
		require.NoError(t, err, name)
		require.Equal(t, version, head.Version)
		_, err = log.Append(t.Context(), order, version, record("not-"+name[:3]))
		require.ErrorIs(t, err, jetstream.ErrStream, name)
		require.ErrorContains(t, err, name)
		require.ErrorIs(t, err, store.ErrUnavailable, "it is sure that nothing was done")
		_, err = log.Append(t.Context(), order, 1<<40, record("probe-"+name[:3]))
		require.ErrorIs(t, err, jetstream.ErrStream, "who tries whether the log takes anything is told")
		changed(t, log, func(c *js.StreamConfig) { *c = right })
		_, err = log.Head(t.Context(), order)
		require.NoError(t, err)
		_, err = log.Append(t.Context(), order, version, record(fmt.Sprintf("r-%d", version)))
		require.NoError(t, err, "once it was set right")
		version++
	}
}

// Nobody needs to read for that: the servers are asked in turns, and when the connection was made again.
func TestAChangedSettingIsNoticedByItself(t *testing.T) {
	log := newLog(t, newServer(t, usualPayload), jetstream.Config{LocalReads: true})
	noticed := func(within time.Duration) {
		t.Helper()
		n := 0
		require.Eventually(t, func() bool {
			n++
			_, err := log.Append(t.Context(), events.OrderStream(fmt.Sprintf("o-%s-%d", within, n)), 0,
				record(fmt.Sprintf("r-%s-%d", within, n)))
			return errors.Is(err, jetstream.ErrStream) && errors.Is(err, store.ErrUnavailable)
		}, within, 20*time.Millisecond)
	}
	changed(t, log, func(c *js.StreamConfig) { c.MaxMsgs = 1 << 20 })
	require.NoError(t, log.conn.ForceReconnect())
	noticed(3 * time.Second)
	changed(t, log, func(c *js.StreamConfig) { c.MaxMsgs = -1 })
	require.Eventually(t, func() bool {
		_, err := log.Append(t.Context(), events.OrderStream("o-again"), 0, record("again"))
		return err == nil
	}, patience, 100*time.Millisecond, "it is set right")
	changed(t, log, func(c *js.StreamConfig) { c.MaxAge = time.Hour })
	noticed(patience)
}

// What such a setting has lost already is damage, also where this process had applied it.
func TestMessagesThatAreLostUnderALog(t *testing.T) {
	if !long.Walks() {
		t.Skip("left out: damage is told once the servers had time to know better; set " + long.Variable + "=1")
	}
	log := newLog(t, newServer(t, usualPayload), jetstream.Config{})
	for i := range 4 {
		_, err := log.Append(t.Context(), events.OrderStream(fmt.Sprintf("o-%d", i)), 0, record(fmt.Sprintf("r-%d", i)))
		require.NoError(t, err)
	}
	right := streamOf(t, log).CachedInfo().Config
	changed(t, log, func(c *js.StreamConfig) { c.MaxMsgs, c.Discard = 2, js.DiscardOld })
	changed(t, log, func(c *js.StreamConfig) { *c = right })
	_, err := log.Head(t.Context(), events.OrderStream("o-1"))
	require.ErrorIs(t, err, store.ErrDamaged)
	require.ErrorContains(t, err, "lost what was confirmed")
}

// Where nobody asks for the log's end, nothing is appended all the same to a stream that no new process could open.
func TestMessagesThatAreLostUnderALocalReader(t *testing.T) {
	if !long.Walks() {
		t.Skip("left out: damage is told once the servers had time to know better; set " + long.Variable + "=1")
	}
	log := newLog(t, newServer(t, usualPayload), jetstream.Config{LocalReads: true})
	for i := range 4 {
		_, err := log.Append(t.Context(), events.OrderStream(fmt.Sprintf("o-%d", i)), 0, record(fmt.Sprintf("r-%d", i)))
		require.NoError(t, err)
	}
	right := streamOf(t, log).CachedInfo().Config
	changed(t, log, func(c *js.StreamConfig) { c.MaxMsgs, c.Discard = 2, js.DiscardOld })
	changed(t, log, func(c *js.StreamConfig) { *c = right })
	n := 0
	require.Eventually(t, func() bool {
		n++
		_, err := log.Append(t.Context(), events.OrderStream(fmt.Sprintf("p-%d", n)), 0, record(fmt.Sprintf("p-%d", n)))
		return errors.Is(err, store.ErrDamaged)
	}, patience, 100*time.Millisecond)
}

// A server without room has not stored the append: that is what is said, soon, and everything can still be read.
func TestServersWithoutRoom(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true,
		JetStreamMaxStore: 256 << 10, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(patience))
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	log, order := newLog(t, s, jetstream.Config{}), events.OrderStream("o-1")
	version := uint64(0)
	var begun time.Time
	for ; ; version++ {
		begun = time.Now()
		if _, err = log.Append(t.Context(), order, version, large(fmt.Sprintf("r-%d", version), 48<<10)); err != nil {
			break
		}
		require.Less(t, version, uint64(10))
	}
	require.ErrorIs(t, err, store.ErrFull)
	require.ErrorContains(t, err, "no room")
	assert.Less(t, time.Since(begun), 15*time.Second, "no doubt that lasts half a minute")
	_, err = log.Append(t.Context(), events.OrderStream("o-2"), 0, large("in-parts", 900<<10), large("parts", 900<<10))
	require.ErrorIs(t, err, store.ErrFull, "in parts, too")
	head, err := log.Head(t.Context(), order)
	require.NoError(t, err)
	assert.Equal(t, version, head.Version)
	_, err = log.Head(t.Context(), events.OrderStream("o-2"))
	require.ErrorIs(t, err, store.ErrNotFound)
}

// large is a record that takes some bytes.
func large(id string, size int) events.Record {
	r := record(id)
	r.Event = events.PaymentPending{PaymentID: "payment-" + id,
		Proof: events.Proof{Evidence: &events.Evidence{Body: make([]byte, size)}}}
	return r
}

// What the servers will never make is told at once, with their reason.
func TestStreamsThatServersRefuseToMake(t *testing.T) {
	conn := connect(t, newServer(t, usualPayload).ClientURL())
	c, err := js.New(conn)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "orders.log")
	refused := func(config jetstream.Config, reason string) {
		t.Helper()
		begun := time.Now()
		_, err := jetstream.Open(t.Context(), conn, path, &config)
		require.ErrorIs(t, err, jetstream.ErrNoStream)
		require.ErrorContains(t, err, reason)
		assert.Less(t, time.Since(begun), 10*time.Second)
		assert.NoFileExists(t, path)
	}
	refused(jetstream.Config{Create: true}, "replicas > 1 not supported in non-clustered mode (10074)")
	_, err = c.CreateStream(t.Context(), js.StreamConfig{Name: "ALL", Subjects: []string{"tilltape.>"}})
	require.NoError(t, err)
	refused(jetstream.Config{Create: true, Replicas: 1}, "overlap")
}

// What is on its way to a process is bounded in bytes, whatever the messages' size.
func TestPullsAreBoundedInBytes(t *testing.T) {
	log := newLog(t, newServer(t, usualPayload), jetstream.Config{})
	asked := make(chan *nats.Msg, 100)
	_, err := log.conn.ChanSubscribe("$JS.API.CONSUMER.MSG.NEXT."+log.config.Stream+".>", asked)
	require.NoError(t, err)
	beside(t, log)
	var pull struct {
		Batch int `json:"batch"`
		Bytes int `json:"max_bytes"`
	}
	select {
	case m := <-asked:
		require.NoError(t, json.Unmarshal(m.Data, &pull))
	case <-time.After(patience):
		t.Fatal("nobody pulls")
	}
	assert.Equal(t, 64, pull.Batch)
	assert.Equal(t, 8<<20, pull.Bytes)
}
