package browser

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// axe-core as npm has it; a package whose bytes are others is not run.
const (
	axePackage = "axe-core@4.14.1"
	axeArchive = "axe-core-4.14.1.tgz"
	axeSum     = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
	axeFile    = "package/axe.min.js"
)

// ciVariable is set where nothing may be skipped.
const ciVariable = "CI"

// lacking skips a test that lacks something, and fails it where nothing may be skipped.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv(ciVariable) != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// chromium finds the browser.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	lacking(t, "no Chromium is there: apt-get install --no-install-recommends chromium")
	return ""
}

// fetched is what npm brought, or why it did not.
var fetched = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "tilltape-axe-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cmd := exec.Command("npm", "pack", "--silent", axePackage)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, axeArchive))
})

// axe is the source of axe-core.
func axe(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		lacking(t, "no npm is there to fetch "+axePackage+" with: apt-get install --no-install-recommends npm")
	}
	archive, err := fetched()
	require.NoError(t, err, "npm pack "+axePackage)
	sum := sha256.Sum256(archive)
	require.Equal(t, axeSum, hex.EncodeToString(sum[:]), "%s is not the package that was pinned", axePackage)
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	require.NoError(t, err)
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		require.NoError(t, err, "%s has no %s", axeArchive, axeFile)
		if header.Name == axeFile {
			source, err := io.ReadAll(files)
			require.NoError(t, err)
			return string(source)
		}
	}
}
