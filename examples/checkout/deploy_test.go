package main

import (
	"cmp"
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
	"github.com/tilltape/tilltape/internal/tests/long"
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

func TestTheImageFitsTheProgram(t *testing.T) {
	image := contents(t, "Dockerfile")
	_, last, found := strings.Cut(image, "\nFROM scratch\n")
	require.True(t, found)
	knows(t, regexp.MustCompile(`(?m)(CHECKOUT_\w+=\S+)`).FindAllStringSubmatch(last, -1))
	assert.Regexp(t, `(?m)^USER [1-9]\d*:[1-9]\d*$`, last, "nobody, and by number, which is all that scratch has")
	assert.Contains(t, last, "\nVOLUME /var/lib/checkout\n")
}

// imageBuild is the command of the image that makes the program.
var imageBuild = regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0 go build .*) -o /out/checkout (\./\S+)$`)

// The image's command is one that go takes, at the root of the repository; to do all of it takes a builder, below.
func TestTheImagesProgramCanBeMade(t *testing.T) {
	command := imageBuild.FindStringSubmatch(contents(t, "Dockerfile"))
	require.NotNil(t, command)
	list := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(command[1], "go build", "go list -find -f "+
		"'{{.Name}} {{.Standard}}'", 1)+" "+command[2])
	list.Dir = "../.."
	said, err := list.CombinedOutput()
	require.NoError(t, err, string(said))
	assert.Equal(t, "main false\n", string(said))
}

// Where there is a builder, the image is built from its text, and what runs in it is nobody's and says what it needs.
func TestTheImageIsBuilt(t *testing.T) {
	const how = "; start docker or podman where golang's image can be had, and set " + long.Variable + "=1"
	if !long.Enabled() {
		t.Skip("it builds an image" + how)
	}
	builder := cmp.Or(working("docker"), working("podman"))
	if builder == "" {
		t.Skip("neither docker nor podman works here" + how)
	}
	base := regexp.MustCompile(`(?m)^FROM (golang:\S+) AS build$`).FindStringSubmatch(contents(t, "Dockerfile"))
	require.NotNil(t, base)
	if said, err := exec.CommandContext(t.Context(), builder, "pull", base[1]).CombinedOutput(); err != nil {
		t.Skipf("%s cannot be had: %s%s", base[1], said, how)
	}
	const name = "tilltape-checkout-test"
	build := exec.CommandContext(t.Context(), builder, "build", "-t", name, "-f", "examples/checkout/Dockerfile", ".")
	build.Dir = "../.."
	said, err := build.CombinedOutput()
	require.NoError(t, err, string(said))
	t.Cleanup(func() { _ = exec.Command(builder, "rmi", name).Run() })
	user, err := exec.CommandContext(t.Context(), builder, "inspect", "--format", "{{.Config.User}}", name).Output()
	require.NoError(t, err)
	assert.Equal(t, "65532:65532", strings.TrimSpace(string(user)))
	said, err = exec.CommandContext(t.Context(), builder, "run", "--rm", "--read-only", "--cap-drop", "ALL",
		name).CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(said), "error: CHECKOUT_GATEWAY is not set")
}

// working is the name of a builder that answers here, or nothing.
func working(builder string) string {
	if exec.Command(builder, "info").Run() != nil {
		return ""
	}
	return builder
}
