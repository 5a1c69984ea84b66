package natsout_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/outbox/natsout"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

const patience = time.Minute // for what comes soon

// broker is a server of its own, which can go down and come back with what it has.
type broker struct {
	t       *testing.T
	options server.Options
	server  *server.Server
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{t: t, options: server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true,
		StoreDir: t.TempDir(), MaxPayload: 1 << 20, NoSigs: true, NoLog: true}}
	b.up()
	b.options.Port = b.server.Addr().(*net.TCPAddr).Port
	t.Cleanup(b.down)
	return b
}

func (b *broker) up() {
	b.t.Helper()
	options := b.options
	made, err := server.NewServer(&options)
	require.NoError(b.t, err)
	b.server = made
	made.Start()
	require.True(b.t, made.ReadyForConnections(patience), "the server does not start")
}

func (b *broker) down() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

func (b *broker) connect() jetstream.JetStream {
	b.t.Helper()
	connection, err := nats.Connect(b.server.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	require.NoError(b.t, err)
	b.t.Cleanup(connection.Close)
	js, err := jetstream.New(connection)
	require.NoError(b.t, err)
	return js
}

func (b *broker) stream(js jetstream.JetStream, c jetstream.StreamConfig) jetstream.Stream {
	b.t.Helper()
	s, err := js.CreateStream(b.t.Context(), c)
	require.NoError(b.t, err)
	return s
}

// all are the stream's messages, in order.
func all(t *testing.T, s jetstream.Stream) (messages []*jetstream.RawStreamMsg) {
	t.Helper()
	info, err := s.Info(t.Context())
	require.NoError(t, err)
	for i := range info.State.Msgs {
		m, err := s.GetMsg(t.Context(), i+1)
		require.NoError(t, err)
		messages = append(messages, m)
	}
	return messages
}

var dawn = time.Date(2026, 11, 23, 6, 0, 0, 5, time.UTC)

// told appends an order to the log.
func told(t *testing.T, log store.Log, id string, reference string) {
	t.Helper()
	_, err := log.Append(t.Context(), events.OrderStream(id), 0, events.Record{ID: "r-" + id, Occurred: dawn,
		Recorded: dawn, Actor: "till-7", Event: events.OrderCreated{PaymentRequestID: reference,
			Amount: events.Money{Minor: 1000, Currency: "USD"}}})
	require.NoError(t, err)
}

func consumer(t *testing.T, log store.Log, keeper outbox.Keeper, js jetstream.JetStream, c natsout.Config,
) *outbox.Consumer {
	t.Helper()
	sender, err := natsout.NewSender(js, &c)
	require.NoError(t, err)
	made, err := outbox.New(log, sender, &outbox.Config{Name: "warehouse", Source: "https://shop.example/orders",
		Keeper: keeper, Waits: []time.Duration{20 * time.Millisecond}, Poll: 5 * time.Millisecond})
	require.NoError(t, err)
	return made
}

// running runs a consumer until the test's end, or until what it returns is called.
func running(t *testing.T, c *outbox.Consumer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	stopped := false
	stop = func() {
		if cancel(); !stopped {
			assert.ErrorIs(t, <-ended, context.Canceled)
		}
		stopped = true
	}
	t.Cleanup(stop)
	return stop
}

func count(s jetstream.Stream) int {
	ctx, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	info, err := s.Info(ctx)
	if err != nil {
		return -1
	}
	return int(info.State.Msgs)
}

// Every record comes once and in order, with a server that goes down in between and a consumer that begins anew.
func TestRecordsInOrderOverRestarts(t *testing.T) {
	b := newBroker(t)
	js := b.connect()
	s := b.stream(js, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"shop.orders.>"},
		Storage: jetstream.FileStorage})
	log := memory.New()
	var want []string
	tell := func(n int) {
		for range n {
			id := fmt.Sprintf("o %d.*é", len(want)) // nothing that a subject may have
			want = append(want, "r-"+id)
			told(t, log, id, "pr")
		}
	}
	cfg := natsout.Config{Subject: "shop.orders", Stream: "ORDERS"}
	tell(20)
	stop := running(t, consumer(t, log, outbox.MemoryKeeper(), js, cfg))
	require.Eventually(t, func() bool { return count(s) == 20 }, patience, 5*time.Millisecond)
	b.down()
	tell(20)
	b.up()
	require.Eventually(t, func() bool { return count(s) == 40 }, patience, 5*time.Millisecond)
	stop()
	tell(5)
	running(t, consumer(t, log, outbox.MemoryKeeper(), js, cfg)) // its place was lost: all of it comes again
	require.Eventually(t, func() bool { return count(s) == 45 }, patience, 5*time.Millisecond)

	var have []string
	for _, m := range all(t, s) {
		assert.Equal(t, "shop.orders.order.created.v1", m.Subject)
		assert.Equal(t, outbox.StructuredType, m.Header.Get("content-type"))
		var event struct {
			SpecVersion, ID, Source, Type, Subject, Sequence, DataContentType string
			Data                                                              struct{ ID string }
		}
		require.NoError(t, json.Unmarshal(m.Data, &event))
		have = append(have, event.ID)
		assert.Equal(t, event.ID, event.Data.ID)
		assert.Equal(t, "1.0", event.SpecVersion)
		assert.Equal(t, "r-"+event.Subject, event.ID)
		assert.Equal(t, fmt.Sprintf("%020d", len(have)), event.Sequence)
	}
	assert.Equal(t, want, have)
}

// Two consumers of one log may send to one stream, each under a subject of its own, and each is told everything.
func TestTwoConsumersOfOneStream(t *testing.T) {
	b := newBroker(t)
	js := b.connect()
	s := b.stream(js, jetstream.StreamConfig{Name: "SHOP", Subjects: []string{"shop.>"}})
	log := memory.New()
	told(t, log, "o-1", "pr")
	running(t, consumer(t, log, outbox.MemoryKeeper(), js, natsout.Config{Subject: "shop.orders"}))
	running(t, consumer(t, log, outbox.MemoryKeeper(), js, natsout.Config{Subject: "shop.mail"}))
	require.Eventually(t, func() bool { return count(s) == 2 }, patience, 5*time.Millisecond)
}

func TestBinaryMessages(t *testing.T) {
	b := newBroker(t)
	js := b.connect()
	s := b.stream(js, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"shop.orders.>"}})
	log := memory.New()
	told(t, log, "o 1", "pr")
	running(t, consumer(t, log, outbox.MemoryKeeper(), js, natsout.Config{Subject: "shop.orders", Binary: true}))
	require.Eventually(t, func() bool { return count(s) == 1 }, patience, 5*time.Millisecond)
	m := all(t, s)[0]
	for name, value := range map[string]string{"ce-specversion": "1.0", "ce-id": "r-o%201",
		"ce-source": "https://shop.example/orders", "ce-type": "com.github.tilltape.order.created.v1",
		"ce-subject": "o%201", "ce-time": "2026-11-23T06:00:00.000000005Z", "ce-datacontenttype": "application/json",
		"content-type": "", "Nats-Msg-Id": "shop.orders#https%3A%2F%2Fshop.example%2Forders#r-o+1"} {
		assert.Equal(t, value, m.Header.Get(name), name)
	}
	var record struct{ ID string }
	require.NoError(t, json.Unmarshal(m.Data, &record))
	assert.Equal(t, "r-o 1", record.ID)
}

// What is larger than the stream or the server takes parks its order, and all others go on.
func TestMessagesThatAreTooLarge(t *testing.T) {
	b := newBroker(t)
	js := b.connect()
	s := b.stream(js, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"shop.orders.>"}, MaxMsgSize: 1300})
	log := memory.New()
	told(t, log, "small", "pr")
	told(t, log, "large", strings.Repeat("x", 1000))
	told(t, log, "after", "pr")
	c := consumer(t, log, outbox.MemoryKeeper(), js, natsout.Config{Subject: "shop.orders"})
	running(t, c)
	require.Eventually(t, func() bool { return count(s) == 2 }, patience, 5*time.Millisecond)
	parked, err := c.Parked(t.Context())
	require.NoError(t, err)
	require.Len(t, parked, 1)
	assert.Equal(t, "large", parked[0].Stream.ID)
	assert.Contains(t, parked[0].Problem, "raise its MaxMsgSize")

	sender, err := natsout.NewSender(js, &natsout.Config{Subject: "shop.orders"})
	require.NoError(t, err)
	err = sender.Send(t.Context(), outbox.Message{Type: outbox.TypePrefix + "x", Data: make([]byte, 2<<20)})
	require.ErrorIs(t, err, outbox.ErrRefused)
	assert.ErrorContains(t, err, "max_payload")
}

// A subject that no stream takes, a stream that is another one and a stream that is full are receivers that are down.
func TestStreamsThatAreDown(t *testing.T) {
	b := newBroker(t)
	js := b.connect()
	send := func(c natsout.Config) error {
		sender, err := natsout.NewSender(js, &c)
		require.NoError(t, err)
		err = sender.Send(t.Context(), outbox.Message{ID: "r-2", Source: "/orders", Type: outbox.TypePrefix + "x",
			Data: []byte("{}")})
		require.NotErrorIs(t, err, outbox.ErrRefused)
		return err
	}
	sent := new(outbox.SendError)
	err := send(natsout.Config{Subject: "shop.orders"})
	require.ErrorAs(t, err, &sent)
	require.ErrorContains(t, err, "make one for shop.orders.>")
	assert.Equal(t, "NATS, shop.orders.x", sent.Receiver)

	b.stream(js, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"shop.orders.>"}, MaxMsgs: 1,
		Discard: jetstream.DiscardNew})
	require.ErrorAs(t, send(natsout.Config{Subject: "shop.orders", Stream: "OTHER"}), &sent)
	require.NoError(t, send(natsout.Config{Subject: "shop.orders", Stream: "ORDERS"}))
	require.NoError(t, send(natsout.Config{Subject: "shop.orders"}), "the same message again is there already")
	sender, err := natsout.NewSender(js, &natsout.Config{Subject: "shop.orders"})
	require.NoError(t, err)
	err = sender.Send(t.Context(), outbox.Message{ID: "r-3", Source: "/orders", Type: outbox.TypePrefix + "x"})
	require.ErrorAs(t, err, &sent)
	require.NotErrorIs(t, err, outbox.ErrRefused)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, sender.Send(ended, outbox.Message{}), context.Canceled)
}

func TestSendersThatCannotBeMade(t *testing.T) {
	b := newBroker(t)
	js := b.connect()
	_, err := natsout.NewSender(nil, &natsout.Config{Subject: "shop"})
	require.ErrorIs(t, err, outbox.ErrConfig)
	_, err = natsout.NewSender(js, nil)
	require.ErrorIs(t, err, outbox.ErrConfig)
	for _, subject := range []string{"", ".", "a.", ".a", "a..b", "a b", "a.*", "a.>", "a\tb", "a\x00"} {
		_, err := natsout.NewSender(js, &natsout.Config{Subject: subject})
		require.ErrorIs(t, err, outbox.ErrConfig, "%q", subject)
	}
}
