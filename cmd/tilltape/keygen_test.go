package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
)

func TestKeygenMakesAPair(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.key")
	code, out, errs := execute(t, "keygen", "shop.example/orders", path)
	require.Equal(t, exitOK, code, errs)
	private, err := os.ReadFile(path)
	require.NoError(t, err)
	signer, err := seal.NewSigner(string(private))
	require.NoError(t, err)
	assert.Equal(t, signer.Verifier().String()+"\n", out, "only the public half is printed")
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(keyMode), info.Mode().Perm())

	code, out, errs = execute(t, "keygen", "shop.example/orders", path)
	assert.Equal(t, exitFailure, code)
	assert.Empty(t, out)
	assert.Equal(t, "error: key "+path+": the file is there already\n"+
		"hint: name a new file; that key may be in use\n", errs)
	same, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, private, same)
}

func TestKeygenMakesNothingOfWhatIsNoName(t *testing.T) {
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a space in the name": {[]string{"my shop", filepath.Join(dir, "k")}, exitUsage, "hint: a name such as"},
		"no file":             {[]string{"shop.example"}, exitUsage, "was given 1 argument\n"},
		"no such directory":   {[]string{"shop.example", filepath.Join(dir, "none", "k")}, exitFailure, "can be written"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := execute(t, append([]string{"keygen"}, tt.args...)...)
			assert.Equal(t, tt.code, code)
			assert.Empty(t, out)
			assert.Contains(t, errs, tt.says)
		})
	}
	full := terminal{out: brokenWriter{errors.New("no space left")}, err: io.Discard}
	assert.Equal(t, exitFailure, run(t.Context(), []string{"keygen", "shop.example", filepath.Join(dir, "kept")}, full))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "the key whose public half could not be printed can be read again from its private one")
	assert.True(t, strings.HasSuffix(left[0].Name(), "kept"))
}
