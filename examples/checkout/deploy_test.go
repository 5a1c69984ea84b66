package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
)

func contents(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(b)
}

// What a unit or an image sets, the program knows, and takes.
func knows(t *testing.T, assignments [][]string) {
	t.Helper()
	require.NotEmpty(t, assignments)
	environ := slices.Clone(least)
	for _, a := range assignments {
		environ = append(environ, a[1])
	}
	_, err := read(environ)
	require.NoError(t, err)

	environ = append(environ, "CHECKOUT_DATABASE=postgres:///shop")
	_, err = read(environ)
	require.ErrorContains(t, err, "CHECKOUT_LOG", "they set the log's file")
	_, err = read(append(environ, "CHECKOUT_LOG="))
	require.NoError(t, err, "as the README has it")
}

func TestTheUnitFitsTheProgram(t *testing.T) {
	unit := contents(t, "checkout.service")
	knows(t, regexp.MustCompile(`(?m)^Environment=(.*)$`).FindAllStringSubmatch(unit, -1))
	for _, name := range []string{privateKeyFile, publicKeyFile, "log.key", "token"} {
		assert.Contains(t, unit, "\nLoadCredential="+name+":/etc/checkout/"+name+"\n")
	}
	// As systemd hands out credentials: to its own user, or by an access list, which shows as the group's rights.
	for _, mode := range []fs.FileMode{0o400, 0o440} {
		path := filepath.Join(t.TempDir(), "token")
		require.NoError(t, os.WriteFile(path, []byte("01234567890123456789"), 0o600))
		require.NoError(t, os.Chmod(path, mode))
		_, err := readToken(path)
		require.NoError(t, err)
	}
	assert.Contains(t, unit, "\nRestart=always\nRestartSec=5\n")
	assert.Contains(t, unit, "\nStartLimitIntervalSec=0\n", "else it is given up while its database is away")
	found := regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`).FindStringSubmatch(unit)
	require.NotNil(t, found)
	stop, err := time.ParseDuration(found[1] + "s")
	require.NoError(t, err)
	w := newWorld(t)
	s, err := read(least)
	require.NoError(t, err)
	assert.Greater(t, stop, s.drainWait+w.shop.Patience()+privatePatience+tilltape.DefaultGrace+
		tilltape.DefaultRecordTimeout, "else systemd kills what is still draining")
}

// systemd itself finds nothing wrong with the unit, and little that it could still take away from the program.
func TestSystemdTakesTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed (Debian: apt-get install systemd)")
	}
	self, err := os.Executable() // stands for a program that is installed
	require.NoError(t, err)
	unit := filepath.Join(t.TempDir(), "checkout.service")
	const runs = "ExecStart="
	here := strings.Replace(contents(t, "checkout.service"), runs+"/usr/local/bin/checkout", runs+self, 1)
	require.NoError(t, os.WriteFile(unit, []byte(here), 0o600))
	said, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", unit).CombinedOutput()
	require.NoError(t, err, string(said))
	assert.Empty(t, string(said))
	said, err = exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=20",
		unit).CombinedOutput()
	require.NoError(t, err, string(said))
}
