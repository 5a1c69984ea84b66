package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
)

func TestTheSignerIsAFilesKey(t *testing.T) {
	none, err := readSigner("")
	require.NoError(t, err)
	assert.Nil(t, none)
	key, public, err := seal.GenerateKey(nil, "shop.example")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "log.key")
	_, err = readSigner(path)
	require.ErrorContains(t, err, "CHECKOUT_SIGNER")
	require.NoError(t, os.WriteFile(path, []byte(key+"\n"), 0o600))
	signer, err := readSigner(path)
	require.NoError(t, err)
	assert.Equal(t, public, signer.Verifier().String())
	require.NoError(t, os.WriteFile(path, []byte("no key"), 0o600))
	_, err = readSigner(path)
	require.ErrorContains(t, err, path)
}

func TestATokenIsALineOfAFile(t *testing.T) {
	none, err := readToken("")
	require.NoError(t, err)
	assert.Empty(t, none)
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte("  01234567890123456789\n"), 0o600))
	token, err := readToken(path)
	require.NoError(t, err)
	assert.Equal(t, "01234567890123456789", token)
}
