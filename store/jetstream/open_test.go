package jetstream_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	js "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/jetstream"
)

func lastSequence(t *testing.T, log kept) uint64 { return stateOf(t, log).LastSeq }

func stateOf(t *testing.T, log kept) js.StreamState {
	t.Helper()
	info, err := streamOf(t, log).Info(t.Context())
	require.NoError(t, err)
	return info.State
}

func streamOf(t *testing.T, log kept) js.Stream {
	t.Helper()
	s, err := client(t, log).Stream(t.Context(), log.config.Stream)
	require.NoError(t, err)
	return s
}

func client(t *testing.T, log kept) js.JetStream {
	t.Helper()
	c, err := js.New(log.conn)
	require.NoError(t, err)
	return c
}

// Each setting by which a stream could lose what it has confirmed is refused, by its name.
func TestStreamsThatCouldLoseMessages(t *testing.T) {
	conn := connect(t, newServer(t, usualPayload).ClientURL())
	c, err := js.New(conn)
	require.NoError(t, err)
	for name, change := range map[string]func(*js.StreamConfig){
		"memory":        func(c *js.StreamConfig) { c.Storage = js.MemoryStorage },
		"retention":     func(c *js.StreamConfig) { c.Retention = js.InterestPolicy },
		"max_age":       func(c *js.StreamConfig) { c.MaxAge = time.Hour },
		"max_msgs)":     func(c *js.StreamConfig) { c.MaxMsgs = 1000 },
		"max_msgs_per":  func(c *js.StreamConfig) { c.MaxMsgsPerSubject = 1000 },
		"max_bytes":     func(c *js.StreamConfig) { c.MaxBytes = 1 << 30 },
		"max_msg_size":  func(c *js.StreamConfig) { c.MaxMsgSize = 1 << 20 },
		"deny_delete":   func(c *js.StreamConfig) { c.DenyDelete = false },
		"deny_purge":    func(c *js.StreamConfig) { c.DenyPurge = false },
		"allow_direct":  func(c *js.StreamConfig) { c.AllowDirect = true },
		"allow_rollup":  func(c *js.StreamConfig) { c.AllowRollup, c.DenyPurge = true, false },
		"allow_msg_ttl": func(c *js.StreamConfig) { c.AllowMsgTTL = true },
		"no_ack":        func(c *js.StreamConfig) { c.NoAck = true },
		"persist_mode":  func(c *js.StreamConfig) { c.PersistMode = js.AsyncPersistMode },
		"subject_transform": func(c *js.StreamConfig) {
			c.SubjectTransform = &js.SubjectTransformConfig{Source: c.Subjects[0], Destination: "elsewhere"}
		},
		"its subjects are not": func(c *js.StreamConfig) { c.Subjects = append(c.Subjects, "more."+c.Name) },
		"mirror, sources":      func(c *js.StreamConfig) { c.Sources = []*js.StreamSource{{Name: "OTHER"}} },
	} {
		config := jetstream.StreamConfig(newStream(), 1)
		change(&config)
		_, err := c.CreateStream(t.Context(), config)
		require.NoError(t, err, name)
		_, err = jetstream.Open(t.Context(), conn, filepath.Join(t.TempDir(), "orders.log"),
			&jetstream.Config{Stream: config.Name, Replicas: 1})
		require.ErrorIs(t, err, jetstream.ErrStream, name)
		require.ErrorContains(t, err, name)
		var stream *jetstream.StreamError
		require.ErrorAs(t, err, &stream)
		assert.Contains(t, stream.Hint(), "StreamConfig")
	}
	config := jetstream.StreamConfig(newStream(), 1)
	_, err = c.CreateStream(t.Context(), config)
	require.NoError(t, err)
	_, err = jetstream.Open(t.Context(), conn, filepath.Join(t.TempDir(), "orders.log"),
		&jetstream.Config{Stream: config.Name})
	require.ErrorContains(t, err, "it has 1 replicas, and Config.Replicas asks for 3")
}

func TestConfigurationsThatNobodyCanMean(t *testing.T) {
	conn, path := connect(t, newServer(t, usualPayload).ClientURL()), filepath.Join(t.TempDir(), "orders.log")
	for what, c := range map[string]jetstream.Config{
		"a name with a dot": {Stream: "a.b"}, "two replicas": {Replicas: 2}, "a name that no log has": {Origin: "a b"},
		"a key that is none": {SignerKey: "key"}, "a key and a signer": {SignerKey: "key", Signer: newSigner(t)},
		"a key of another name": {Signer: newSigner(t), Origin: "other.example"},
	} {
		_, err := jetstream.Open(t.Context(), conn, path, &c)
		require.ErrorIs(t, err, store.ErrInvalid, what)
	}
	_, err := jetstream.Open(t.Context(), nil, path, nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	_, err = jetstream.Open(t.Context(), conn, path, nil)
	require.ErrorIs(t, err, jetstream.ErrNoStream)
	assert.NoFileExists(t, path)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = jetstream.Open(ended, conn, path, nil)
	require.ErrorIs(t, err, context.Canceled)
	small := connect(t, newServer(t, 4<<10).ClientURL())
	_, err = jetstream.Open(t.Context(), small, path, &jetstream.Config{Create: true, Replicas: 1})
	require.ErrorContains(t, err, "max_payload")
}

// A log has the name that its first message says, in every process.
func TestNames(t *testing.T) {
	one := newLog(t, newServer(t, usualPayload), jetstream.Config{Origin: "shop.example/orders"})
	tree, err := one.Tree(t.Context())
	require.NoError(t, err)
	assert.Contains(t, tree.Origin, "shop.example/orders/")
	c := one.config
	c.Origin = "other.example"
	_, err = jetstream.Open(t.Context(), one.conn, filepath.Join(t.TempDir(), "orders.log"), &c)
	require.ErrorIs(t, err, store.ErrInvalid)
	_, err = jetstream.Open(t.Context(), one.conn, one.path, &one.config)
	require.Error(t, err, "the file is another handle's")
}

// A stream that is not the one that the file was made from is damage, whoever made it.
func TestStreamsThatWereMadeAgain(t *testing.T) {
	log := newLog(t, newServer(t, usualPayload), jetstream.Config{})
	for _, id := range []string{"o-1", "o-2", "o-3"} {
		_, err := log.Append(t.Context(), events.OrderStream(id), 0, record("r-"+id))
		require.NoError(t, err)
	}
	reopened := func(what string) {
		t.Helper()
		require.NoError(t, log.Close())
		_, err := jetstream.Open(t.Context(), log.conn, log.path, &log.config)
		require.ErrorIs(t, err, store.ErrDamaged, what)
	}
	require.NoError(t, client(t, log).DeleteStream(t.Context(), log.config.Stream))
	other := beside(t, log)
	reopened("another origin")
	// The same first message, by hand, and others after it.
	require.NoError(t, other.Close())
	first, err := streamOf(t, log).GetMsg(t.Context(), 1)
	require.NoError(t, err)
	copied := filepath.Join(t.TempDir(), "copy.log")
	again := open(t, log.conn, copied, log.config)
	for _, id := range []string{"o-1", "o-2"} {
		_, err := again.Append(t.Context(), events.OrderStream(id), 0, record("s-"+id))
		require.NoError(t, err)
	}
	require.NoError(t, again.Close())
	log = again
	require.NoError(t, client(t, log).DeleteStream(t.Context(), log.config.Stream))
	_, err = client(t, log).CreateStream(t.Context(), jetstream.StreamConfig(log.config.Stream, 1))
	require.NoError(t, err)
	_, err = client(t, log).Publish(t.Context(), first.Subject, first.Data)
	require.NoError(t, err)
	reopened("it ends before what the file has applied")
	third := beside(t, log)
	for _, id := range []string{"o-1", "o-2"} {
		_, err := third.Append(t.Context(), events.OrderStream(id), 0, record("t-"+id))
		require.NoError(t, err)
	}
	reopened("another message where the file was")
}

// remade puts a stream of the same messages, to which harm was done, in the place of the log's.
func remade(t *testing.T, log kept, harm func(s js.Stream)) {
	t.Helper()
	c, strong := client(t, log), jetstream.StreamConfig(log.config.Stream, 1)
	var messages [][]byte
	for i := range lastSequence(t, log) {
		m, err := streamOf(t, log).GetMsg(t.Context(), i+1)
		require.NoError(t, err)
		messages = append(messages, m.Data)
	}
	require.NoError(t, c.DeleteStream(t.Context(), strong.Name))
	weak := strong
	weak.DenyDelete, weak.DenyPurge = false, false
	s, err := c.CreateStream(t.Context(), weak)
	require.NoError(t, err)
	for _, data := range messages {
		_, err := c.Publish(t.Context(), strong.Subjects[0], data)
		require.NoError(t, err)
	}
	harm(s)
	_, err = c.UpdateStream(t.Context(), strong)
	require.NoError(t, err)
}

// A message that is missing, and one that is nobody's, end the log: nothing that comes after it is applied.
func TestDamageInTheStream(t *testing.T) {
	s := newServer(t, usualPayload)
	for want, harm := range map[string]func(t *testing.T, log kept, s js.Stream){
		"message 3 of the stream is missing": func(t *testing.T, _ kept, s js.Stream) {
			require.NoError(t, s.DeleteMsg(t.Context(), 3))
		},
		"first message is gone": func(t *testing.T, _ kept, s js.Stream) {
			require.NoError(t, s.Purge(t.Context(), js.WithPurgeSequence(2)))
		},
		"message 5 of the stream cannot be read": func(t *testing.T, log kept, s js.Stream) {
			_, err := client(t, log).Publish(t.Context(), s.CachedInfo().Config.Subjects[0], []byte("somebody else's"))
			require.NoError(t, err)
		},
	} {
		log := newLog(t, s, jetstream.Config{})
		for _, id := range []string{"o-1", "o-2", "o-3"} {
			_, err := log.Append(t.Context(), events.OrderStream(id), 0, record("r-"+id))
			require.NoError(t, err)
		}
		require.EqualValues(t, 4, lastSequence(t, log))
		require.NoError(t, log.Close())
		remade(t, log, func(s js.Stream) { harm(t, log, s) })
		_, err := jetstream.Open(t.Context(), log.conn, filepath.Join(t.TempDir(), "orders.log"), &log.config)
		require.ErrorIs(t, err, store.ErrDamaged)
		require.ErrorContains(t, err, want)
	}
}

// What comes while the log is open and cannot be read stops it: every call says so, and an append is in doubt at most.
func TestALogThatStops(t *testing.T) {
	log := newLog(t, newServer(t, usualPayload), jetstream.Config{})
	_, err := log.Append(t.Context(), events.OrderStream("o-1"), 0, record("r-1"))
	require.NoError(t, err)
	_, err = client(t, log).Publish(t.Context(), "tilltape."+log.config.Stream, []byte("TT\x02 of a newer version"))
	require.NoError(t, err)
	_, err = log.Head(t.Context(), events.OrderStream("o-1"))
	require.ErrorIs(t, err, store.ErrNewerFormat)
	_, err = log.Append(t.Context(), events.OrderStream("o-2"), 0, record("r-2"))
	require.ErrorIs(t, err, store.ErrNewerFormat)
	_, err = log.Tree(t.Context())
	require.ErrorIs(t, err, store.ErrNewerFormat)
}

// Whoever watches a log that stops is told why, as by any read.
func TestWatchingALogThatStops(t *testing.T) {
	log := newLog(t, newServer(t, usualPayload), jetstream.Config{})
	_, err := log.Append(t.Context(), events.OrderStream("o-1"), 0, record("r-1"))
	require.NoError(t, err)
	seen, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		for r, err := range log.Watch(t.Context(), store.Start()) {
			if err != nil {
				ended <- err
				return
			}
			seen <- r.ID
		}
	}()
	require.Equal(t, "r-1", <-seen)
	_, err = client(t, log).Publish(t.Context(), "tilltape."+log.config.Stream, []byte("TT\x02 of a newer version"))
	require.NoError(t, err)
	select {
	case err := <-ended:
		require.ErrorIs(t, err, store.ErrNewerFormat)
	case <-time.After(patience):
		t.Fatal("it watches still")
	}
}

// A stream that is made again under an open log stops it, before a message of the new one is applied.
func TestAStreamThatIsMadeAgainUnderALog(t *testing.T) {
	log := newLog(t, newServer(t, usualPayload), jetstream.Config{})
	for _, id := range []string{"o-1", "o-2", "o-3"} {
		_, err := log.Append(t.Context(), events.OrderStream(id), 0, record("r-"+id))
		require.NoError(t, err)
	}
	require.NoError(t, client(t, log).DeleteStream(t.Context(), log.config.Stream))
	other := beside(t, log)
	for _, id := range []string{"o-1", "o-2", "o-3", "o-4", "o-5"} {
		_, err := other.Append(t.Context(), events.OrderStream(id), 0, record("s-"+id))
		require.NoError(t, err)
	}
	_, err := log.Head(t.Context(), events.OrderStream("o-4"))
	require.ErrorIs(t, err, store.ErrDamaged)
	require.ErrorContains(t, err, "made again")
	_, err = log.Append(t.Context(), events.OrderStream("o-6"), 0, record("r-o-6"))
	require.ErrorIs(t, err, store.ErrDamaged)
}
