package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/seal"
)

// That a key is read out of an open file is in testdata/script/checkpoint.txtar.
func TestAnOpenFileThatIsNoneIsNoKey(t *testing.T) {
	aDay(t)
	for _, bad := range []string{"fd:", "fd:x", "fd:-1", "fd:60000"} {
		code, _, errs := execute(t, "checkpoint", dayLog, "--key-file", bad)
		assert.Equal(t, exitFailure, code, bad)
		assert.Contains(t, errs, "reading key file "+bad)
	}
}

func TestNoErrorShowsAPrivateKey(t *testing.T) {
	aDay(t)
	text, err := os.ReadFile(ownerKey)
	require.NoError(t, err)
	secret := strings.TrimSpace(string(text))
	broken := secret[:len(secret)-3]
	require.NoError(t, os.WriteFile("broken.key", []byte(broken), 0o600))
	for _, args := range [][]string{
		{"checkpoint", dayLog, "--key-file", "broken.key"},
		{"checkpoint", dayLog, "--public-key", secret},
		{"checkpoint", dayLog, "--public-key", ownerKey},
		{"prove", dayLog, "o-09", "p", "--key-file", ownerKey, "--public-key", broken},
		{"checkpoint", dayLog, "--key-file", secret},
		{"anchor", dayLog, "--file", "notes", "--key-file", secret},
		{"anchor", dayLog, "--witness", secret, "--key-file", ownerKey},
		{"verify", dayLog, "--public-key", secret},
		{"verify", dayLog, "--apo-key", secret},
		{"verify", dayLog, "--checkpoint", secret},
		{"show", secret, "o-09"},
	} {
		code, out, errs := execute(t, args...)
		assert.NotEqual(t, exitOK, code, args)
		for _, shown := range []string{out, errs} {
			assert.NotContains(t, shown, "PRIVATE")
			assert.NotContains(t, shown, broken[len(broken)-20:])
		}
	}
}

func TestACheckpointIsFetched(t *testing.T) {
	aDay(t)
	signer, err := readSigner(ownerKey)
	require.NoError(t, err)
	s, err := openSource(t.Context(), dayLog)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.close()) }()
	now, err := treeOf(t.Context(), s)
	require.NoError(t, err)
	signed, err := signer.Sign(now)
	require.NoError(t, err)
	_, err = audit.ExportTiles(t.Context(), s.Reader, "www", signed, signer.Verifier())
	require.NoError(t, err)
	server := httptest.NewServer(http.FileServer(http.Dir("www")))
	defer server.Close()

	code, out, errs := execute(t, "checkpoint", server.URL, "--public-key", ownerPublic)
	require.Equal(t, exitOK, code, errs)
	assert.Equal(t, string(signed), out)
	code, _, errs = execute(t, "checkpoint", server.URL+"/tile", "--public-key", ownerPublic)
	assert.Equal(t, exitNotFound, code)
	assert.NotContains(t, errs, "/tile", "an address can have a password in it")
	require.NoError(t, os.WriteFile(filepath.Join("www", audit.CheckpointFile), []byte("hello\n"), 0o600))
	code, _, _ = execute(t, "checkpoint", server.URL, "--public-key", ownerPublic)
	assert.Equal(t, exitUnreadable, code)
	require.NoError(t, os.WriteFile(filepath.Join("www", audit.CheckpointFile), make([]byte, seal.MaxCheckpoint+1), 0o600))
	code, _, _ = execute(t, "checkpoint", server.URL, "--public-key", ownerPublic)
	assert.Equal(t, exitUnreadable, code)
	server.Close()
	code, _, errs = execute(t, "checkpoint", server.URL, "--public-key", ownerPublic)
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, errs, "cannot be had")
}
