package jetstream_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/stories"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/jetstream"
)

// The library's stories end the same, with what is due settled by processes of which each after a restart begins anew,
// with a file of its own.
func TestStories(t *testing.T) {
	s := newServer(t, usualPayload)
	f := factory(t, s, jetstream.Config{})
	f.Seal, f.Second = nil, nil
	f.Reopen = func(t *testing.T, log store.Log) store.Log {
		require.NoError(t, log.Close())
		k := log.(kept)
		return open(t, k.conn, filepath.Join(t.TempDir(), "orders.log"), k.config)
	}
	stories.Run(t, f, long.Walk)
}
