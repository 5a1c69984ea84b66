package main

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/jetstream"
)

// Who cheats has no place in the table: the stream has a message of each append, and the log has every record and
// refuses what comes after another version.
func TestStreams_KeepWhatTheyAcknowledge(t *testing.T) {
	servers, err := startServers(t.TempDir(), 3)
	require.NoError(t, err)
	defer func() { assert.NoError(t, servers.stop()) }()
	s := &streamBench{bench: &bench{settings: tiny, dir: t.TempDir(), progress: t.Logf}, dir: t.TempDir(),
		one: servers.urls, three: servers.urls}
	course := newCourse(random)
	for _, l := range streamLanes() {
		k, err := l.open(s)
		require.NoError(t, err, l.name)
		require.NoError(t, wholeOrders(k, course, 4, 20), l.name)
		_, facts := course.maker().newOrder()
		require.NoError(t, k.Append(&facts[0], 0))
		if l.name != namePublishEach {
			require.ErrorIs(t, k.Append(&facts[1], 0), errStale, l.name)
		}
		require.NoError(t, k.Close())
	}
	conn, err := nats.Connect(servers.urls)
	require.NoError(t, err)
	defer conn.Close()
	js, err := natsjs.New(conn)
	require.NoError(t, err)
	each, err := js.Stream(t.Context(), "EACH")
	require.NoError(t, err)
	assert.EqualValues(t, 20*eventsPerOrder+1, each.CachedInfo().State.Msgs)
	assert.Equal(t, 3, each.CachedInfo().Config.Replicas)
	log, err := jetstream.Open(t.Context(), conn, filepath.Join(s.dir, "three.log"), &jetstream.Config{Stream: "OURS"})
	require.NoError(t, err)
	defer log.Close()
	records := 0
	for _, err := range log.All(context.Background(), store.Start()) {
		require.NoError(t, err)
		records++
	}
	assert.Equal(t, 2*(20*eventsPerOrder+1), records, "of both lanes, which are one log here")
}
