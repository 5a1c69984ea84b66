package jetstream_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/jetstream"
)

// Messages that are stored twice, as ones that are sent again can be, change nothing the second time, however late.
func TestMessagesThatAreStoredTwice(t *testing.T) {
	log := newLog(t, newServer(t, usualPayload), jetstream.Config{})
	other := beside(t, log)
	for i := range 10 {
		order := events.OrderStream(fmt.Sprintf("o-%d", i%3))
		r := record(fmt.Sprintf("r-%d", i))
		r.Keys = []events.Key{events.NewKey("paymentId", order.ID)}
		_, err := log.Append(t.Context(), order, uint64(i/3), r)
		require.NoError(t, err)
		if i == 5 {
			r.ID = "taken"
			_, err = other.Append(t.Context(), events.OrderStream("another"), 0, r)
			require.ErrorIs(t, err, store.ErrKeyTaken)
		}
	}
	was := equal(t, log, other)
	s := streamOf(t, log)
	last := lastSequence(t, log)
	for sequence := uint64(2); sequence <= last; sequence++ {
		m, err := s.GetMsg(t.Context(), sequence)
		require.NoError(t, err)
		_, err = client(t, log).Publish(t.Context(), m.Subject, m.Data)
		require.NoError(t, err)
	}
	require.Equal(t, 2*last-1, lastSequence(t, log))
	assert.Equal(t, was, equal(t, log, other))
	assert.Equal(t, was, equal(t, beside(t, log), log))
}

// An append that is meant for what is not there yet is refused without a message: one could come later and fit.
func TestAppendsThatAreAheadAreNeverSent(t *testing.T) {
	log := newLog(t, newServer(t, usualPayload), jetstream.Config{})
	other, order := beside(t, log), events.OrderStream("o-1")
	_, err := log.Append(t.Context(), order, 0, record("r-1"))
	require.NoError(t, err)
	last := lastSequence(t, log)
	for _, l := range []kept{log, other} {
		var conflict *store.ConflictError
		_, err = l.Append(t.Context(), order, 2, record("r-9"))
		require.ErrorAs(t, err, &conflict)
		assert.EqualValues(t, 1, conflict.Have)
		assert.EqualValues(t, 1, l.Figures().Refused)
	}
	assert.Equal(t, last, lastSequence(t, log))
	_, err = other.Append(t.Context(), order, 1, record("r-2"))
	require.NoError(t, err, "what it has not applied yet, it asks for")
}

// restarting is a server that goes down and comes back where it was.
type restarting struct {
	t       *testing.T
	options server.Options
	*server.Server
}

func (r *restarting) up() {
	options := r.options
	made, err := server.NewServer(&options)
	require.NoError(r.t, err)
	made.Start()
	require.True(r.t, made.ReadyForConnections(patience))
	r.Server = made
}

func (r *restarting) down() {
	r.Shutdown()
	r.WaitForShutdown()
}

// While no server answers, nothing is done and that is what is said; then everything goes on, over and over.
func TestServersThatGoAndComeBack(t *testing.T) {
	r := &restarting{t: t, options: server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true,
		StoreDir: t.TempDir(), SyncAlways: true, NoSigs: true, NoLog: true}}
	r.up()
	r.options.Port = r.Addr().(*net.TCPAddr).Port
	defer func() { r.down() }()
	c := jetstream.Config{Stream: newStream(), Create: true, Replicas: 1}
	log := open(t, connect(t, r.ClientURL()), t.TempDir()+"/orders.log", c)
	order := events.OrderStream("o-1")
	_, err := log.Append(t.Context(), order, 0, record("r-0"))
	require.NoError(t, err)

	r.down()
	require.Eventually(t, func() bool { return !log.conn.IsConnected() }, patience, time.Millisecond)
	_, err = log.Append(t.Context(), order, 1, record("r-1"))
	require.ErrorIs(t, err, store.ErrUnavailable)
	short, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	_, err = log.Head(short, order)
	stop()
	require.ErrorIs(t, err, context.DeadlineExceeded)
	r.up()
	_, err = log.Append(t.Context(), order, 1, record("r-1"))
	require.NoError(t, err)

	// Appends that are under way while it goes down, and are repeated until they are acknowledged, happen once.
	var appenders sync.WaitGroup
	const clients, each = 4, 60
	for i := range clients {
		appenders.Go(func() {
			order := events.OrderStream(fmt.Sprintf("m-%d", i))
			for v := range uint64(each) {
				for {
					_, err := log.Append(t.Context(), order, v, record(fmt.Sprintf("%s-%d", order.ID, v)))
					if err == nil {
						break
					}
					if !assert.NotErrorIs(t, err, store.ErrConflict) || !assert.NotErrorIs(t, err, store.ErrDamaged) {
						return
					}
				}
			}
		})
	}
	for range 3 {
		time.Sleep(30 * time.Millisecond)
		r.down()
		r.up()
	}
	appenders.Wait()
	tree, err := log.Tree(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 2+clients*each, tree.Size)
	require.NoError(t, log.Verify(t.Context(), nil))
	require.NoError(t, log.Close())
}
