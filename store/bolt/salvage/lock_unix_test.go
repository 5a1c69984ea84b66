//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package salvage_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/bolt/salvage"
)

// A file that grows while it is read would be told as one with holes.
func TestAFileThatIsHeldForAppendsIsNotSalvaged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "held.log")
	service, err := bolt.Open(path, nil)
	require.NoError(t, err)
	fill(t, service, 0, 10)
	_, err = salvage.Read(t.Context(), path, nil)
	require.ErrorIs(t, err, bolt.ErrLocked)
	require.NoError(t, service.Close())

	reader, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	found, err := salvage.Read(t.Context(), path, nil)
	require.NoError(t, err, "who only reads is in nobody's way")
	require.NoError(t, reader.Close())
	_, err = bolt.Open(path, nil)
	assert.ErrorIs(t, err, bolt.ErrLocked, "nor does anybody append while it is read")
	require.NoError(t, found.Close())
	service, err = bolt.Open(path, nil)
	require.NoError(t, err)
	require.NoError(t, service.Close())
}
