package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
)

// least is an environment that is enough.
var least = []string{"HOME=/root", "CHECKOUT_GATEWAY=https://apo.example", "CHECKOUT_CLIENT=SANDBOX_1"}

func TestTheSettingsHaveDefaults(t *testing.T) {
	s, err := read(append(least, "CHECKOUT_KEYS="))
	require.NoError(t, err)
	assert.Equal(t, settings{gateway: "https://apo.example", client: "SANDBOX_1", keys: "keys", log: "orders.tilltape",
		backups: ".",
		listen:  "127.0.0.1:8080", private: "127.0.0.1:8081", callTimeout: 20 * time.Second, drainWait: 2 * time.Second,
		diskMin: 256 << 20, overdueMax: 10 * time.Minute, failureMax: 30 * time.Second}, s)
	s, err = read(append(least, "CHECKOUT_DATABASE=postgres:///shop", "CHECKOUT_DISK_MIN=3GiB",
		"CHECKOUT_PRIVATE=[::1]:1", "CHECKOUT_NOTIFY_URL=https://shop.example/notify"))
	require.NoError(t, err)
	assert.Equal(t, "postgres:///shop", s.database)
	assert.Empty(t, s.log)
	assert.Equal(t, int64(3<<30), s.diskMin)
	assert.Equal(t, "https://shop.example/notify", s.notifyURL)
	s, err = read(append(least, "CHECKOUT_NATS=nats://127.0.0.1:4222,tls://b", "CHECKOUT_STREAM_CREATE=yes",
		"CHECKOUT_STREAM_REPLICAS=1"))
	require.NoError(t, err)
	assert.Equal(t, "orders.tilltape", s.log, "each process has its own file")
	assert.Equal(t, 1, s.replicas)
	assert.True(t, s.createStream)
}

// Each error names the variable, says what is wrong, and what would be right.
func TestASettingThatCannotBeIsNamed(t *testing.T) {
	for set, says := range map[string]string{
		"GATEWAY=apo.example":               `CHECKOUT_GATEWAY "apo.example" is no URL; give scheme and host`,
		"GATEWAY=https://a:b@apo.example":   "CHECKOUT_GATEWAY has a user or a password",
		"GATEWAY=https://a:%zz@apo.example": "CHECKOUT_GATEWAY has a user or a password",
		"NOTIFY_URL=/notify":                "CHECKOUT_NOTIFY_URL",
		"RETURN_URL=ftp://shop.example":     "CHECKOUT_RETURN_URL",
		"LISTEN=8080":                       `CHECKOUT_LISTEN "8080" is nothing to listen on; give host and port`,
		"PRIVATE=127.0.0.1:http":            "CHECKOUT_PRIVATE",
		"PRIVATE=0.0.0.0:8081":              `"0.0.0.0:8081" can be reached from other machines; give CHECKOUT_TOKEN_FILE`,
		"CALL_TIMEOUT=20":                   `CHECKOUT_CALL_TIMEOUT "20" is no time of 500ms or more; write it like 20s`,
		"CALL_TIMEOUT=499ms":                "CHECKOUT_CALL_TIMEOUT",
		"DRAIN_WAIT=-1s":                    "CHECKOUT_DRAIN_WAIT",
		"OVERDUE_MAX=0s":                    "CHECKOUT_OVERDUE_MAX",
		"FAILURE_MAX=soon":                  "CHECKOUT_FAILURE_MAX",
		"UNKNOWN_MAX=1 day":                 "CHECKOUT_UNKNOWN_MAX",
		"DISK_MIN=256":                      `CHECKOUT_DISK_MIN "256" is no size; write it like 256MiB`,
		"DISK_MIN=MiB":                      "CHECKOUT_DISK_MIN",
		"DISK_MIN=-1MiB":                    "CHECKOUT_DISK_MIN",
		"DISK_MIN=1MB":                      "CHECKOUT_DISK_MIN",
		"LISTNE=127.0.0.1:80":               "CHECKOUT_LISTNE is no setting; checkout --help lists them all",
		"PORT=8080":                         "CHECKOUT_PORT is no setting",
		"LISTEN_PORT=1\x00CHECKOUT_SERVICE_HOST=10.0.0.1": "CHECKOUT_LISTEN_PORT is no setting",
		"SERVICE=1\x00CHECKOUT_SERVICE_HOST=10.0.0.1":     "CHECKOUT_SERVICE is no setting",
		"LOG=a\x00CHECKOUT_DATABASE=pg":                   "CHECKOUT_LOG and CHECKOUT_DATABASE are both set",
		"NATS=nats://a\x00CHECKOUT_DATABASE=pg":           "CHECKOUT_NATS and CHECKOUT_DATABASE are both set",
		"NATS=nats://a:4222, http://a:b@c":                "CHECKOUT_NATS has what is no URL of a NATS server; give nats://",
		"STREAM=SHOP":                                     "CHECKOUT_STREAM_CREATE is set without CHECKOUT_NATS",
		"STREAM_REPLICAS=2":                               `CHECKOUT_STREAM_REPLICAS "2" is no number of replicas; give 1`,
		"STREAM_CREATE=true":                              `CHECKOUT_STREAM_CREATE "true" is neither yes nor no`,
		"GATEWAY=\x00CHECKOUT_CLIENT=CLIENT":              "CHECKOUT_GATEWAY is not set; give APO's URL",
		"CLIENT=":                                         "CHECKOUT_CLIENT is not set",
		"TELL_URL=http://a:b@warehouse.example/hook":      "CHECKOUT_TELL_URL has a user or a password",
		"TELL_SECRET_FILE=s":                              "CHECKOUT_TELL_SECRET_FILE is set without CHECKOUT_TELL_URL",
		"TELL_URL=https://warehouse.example/hook": "CHECKOUT_TELL_URL is set without CHECKOUT_TELL_SECRET_FILE, and the " +
			"receiver would take anybody's word for ours; `openssl rand -base64 32` makes a secret",
		"TELL_URL=http://warehouse.example/a:\x00CHECKOUT_TELL_SECRET_FILE=s":           "CHECKOUT_TELL_URL is plain http",
		"TELL_URL=http://127.0.0.1.example/a:\x00CHECKOUT_TELL_SECRET_FILE=s":           "CHECKOUT_TELL_URL is plain http",
		"TELL_URL=http://10.0.0.1:80/a:\x00CHECKOUT_TELL_SECRET_FILE=s":                 "CHECKOUT_TELL_URL is plain http",
		"TELL_URL=http://localhost.warehouse.example/a:\x00CHECKOUT_TELL_SECRET_FILE=s": "CHECKOUT_TELL_URL is plain http",
	} {
		_, err := read(append(least[:len(least):len(least)], strings.Split("CHECKOUT_"+set, "\x00")...))
		assert.ErrorContains(t, err, says, set)
		assert.NotContains(t, err.Error(), "a:", "a password is told to nobody")
	}
}

func TestWhoIsTold(t *testing.T) {
	for _, url := range []string{"https://warehouse.example/hook", "http://localhost:9/hook", "http://127.0.0.2",
		"http://[::1]:9/"} {
		s, err := read(append(least[:len(least):len(least)], "CHECKOUT_TELL_URL="+url, "CHECKOUT_TELL_SECRET_FILE=secret"))
		require.NoError(t, err, url)
		assert.Equal(t, url, s.tellURL)
	}
}

// Kubernetes tells every container where the services of its namespace are, in variables that begin with their names.
func TestWhatKubernetesSetsIsPassedOver(t *testing.T) {
	want, err := read(least)
	require.NoError(t, err)
	environ := least[:len(least):len(least)]
	for _, service := range []string{"CHECKOUT", "CHECKOUT_PRIVATE"} {
		for name, value := range map[string]string{"SERVICE_HOST": "10.0.0.1", "SERVICE_PORT": "80",
			"SERVICE_PORT_HTTP": "80", "PORT": "tcp://10.0.0.1:80", "PORT_80_TCP": "tcp://10.0.0.1:80",
			"PORT_80_TCP_PROTO": "tcp", "PORT_80_TCP_PORT": "80", "PORT_80_TCP_ADDR": "10.0.0.1"} {
			environ = append(environ, service+"_"+name+"="+value)
		}
	}
	s, err := read(environ)
	require.NoError(t, err)
	assert.Equal(t, want, s)
}

// The README's table is the settings there are, with their defaults.
func TestTheReadmeListsTheSettings(t *testing.T) {
	var want, listed strings.Builder
	help(&listed)
	for _, one := range all {
		otherwise := one.otherwise
		if otherwise != "" {
			otherwise = "`" + otherwise + "`"
		}
		fmt.Fprintf(&want, "| `CHECKOUT_%s` | %s | %s |\n", one.name, otherwise, one.says)
		assert.Contains(t, listed.String(), "  CHECKOUT_"+one.name+"\n\t"+one.says)
	}
	table := "| variable | default | what |\n|---|---|---|\n" + want.String() + "\n"
	assert.True(t, strings.Contains(contents(t, "README.md"), table), table)
}

// What the program needs beside its settings is asked for when it starts, with the setting that names it.
func TestTheProgramSaysWhatItNeeds(t *testing.T) {
	dir := t.TempDir()
	server, err := apotest.NewUnstartedServer(nil)
	require.NoError(t, err)
	keys := filepath.Join(dir, "keys")
	require.NoError(t, server.WriteKeys(keys))
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	key, err := os.ReadFile(filepath.Join(keys, privateKeyFile))
	require.NoError(t, err)
	broken := filepath.Dir(write("broken/"+privateKeyFile, "no key", 0o600))
	half := filepath.Dir(write("half/"+privateKeyFile, string(key), 0o600))
	open := filepath.Dir(write("open/"+privateKeyFile, string(key), 0o644))
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()

	base := []string{"CHECKOUT_GATEWAY=http://127.0.0.1:1", "CHECKOUT_CLIENT=SANDBOX_1", "CHECKOUT_KEYS=" + keys,
		"CHECKOUT_LISTEN=127.0.0.1:0", "CHECKOUT_PRIVATE=127.0.0.1:0", "CHECKOUT_LOG=" + filepath.Join(dir, "log")}
	for name, c := range map[string]struct{ set, says string }{
		"no keys":       {"KEYS=" + filepath.Join(dir, "none"), "CHECKOUT_KEYS: " + filepath.Join(dir, "none")},
		"broken key":    {"KEYS=" + broken, "CHECKOUT_KEYS: " + filepath.Join(broken, privateKeyFile)},
		"half the keys": {"KEYS=" + half, publicKeyFile + " is not there"},
		"open key": {"KEYS=" + open, "CHECKOUT_KEYS: " + filepath.Join(open, privateKeyFile) +
			" has mode 0644, and others can read or replace what is secret; say chmod 0640 "},
		"plain http":  {"GATEWAY=http://example.com", "CHECKOUT_GATEWAY"},
		"no log":      {"LOG=" + filepath.Join(dir, "none", "log"), filepath.Join(dir, "none")},
		"no database": {"LOG=\x00CHECKOUT_DATABASE=postgres://shop@127.0.0.1:1/shop", "cannot be reached"},
		"no servers":  {"NATS=nats://127.0.0.1:1", "CHECKOUT_NATS: nats: no servers available for connection; start"},
		"no URL":      {"LOG=\x00CHECKOUT_DATABASE=postgres://shop@:x:y/shop", "CHECKOUT_DATABASE"},
		"no name":     {"ORIGIN=my shop", "CHECKOUT_ORIGIN gives Config.Origin"},
		"no signer":   {"SIGNER=" + filepath.Join(dir, "none"), "CHECKOUT_SIGNER"},
		"no token":    {"TOKEN_FILE=" + filepath.Join(dir, "none"), "CHECKOUT_TOKEN_FILE"},
		"short token": {"TOKEN_FILE=" + write("short", "0123456789012345678\n", 0o600), "20 characters"},
		"two tokens":  {"TOKEN_FILE=" + write("two", rand.Text()+"\n"+rand.Text(), 0o600), "on one line"},
		"open token":  {"TOKEN_FILE=" + write("opened", rand.Text(), 0o604), "mode 0604"},
		"in use":      {"LISTEN=" + busy.Addr().String(), "CHECKOUT_LISTEN"},
		"private too": {"PRIVATE=" + busy.Addr().String(), "CHECKOUT_PRIVATE"},
	} {
		t.Run(name, func(t *testing.T) {
			environ := append(base[:len(base):len(base)], strings.Split("CHECKOUT_"+c.set, "\x00")...)
			require.ErrorContains(t, run(t.Context(), environ, &syncBuffer{}), c.says)
		})
	}
}

func TestAFileOfTheLogThatOthersReadIsToldOf(t *testing.T) {
	w := newWorld(t)
	w.shop.settings.log = filepath.Join(t.TempDir(), "orders.tilltape")
	require.NoError(t, os.WriteFile(w.shop.settings.log, nil, 0o600))
	w.shop.tellMode()
	assert.NotContains(t, w.logged.String(), "chmod")
	require.NoError(t, os.Chmod(w.shop.settings.log, 0o644))
	w.shop.tellMode()
	assert.Contains(t, w.logged.String(), "mode=0644")
}

// The client has a bound of its own, which must not cut calls off before the one that is set.
func TestTheTimeOfACallIsTheOneThatIsSet(t *testing.T) {
	server, err := apotest.NewUnstartedServer(nil)
	require.NoError(t, err)
	for said, want := range map[string]time.Duration{"": 20 * time.Second, "45s": 45 * time.Second} {
		s, err := read(append(least[:len(least):len(least)], "CHECKOUT_CALL_TIMEOUT="+said))
		require.NoError(t, err)
		metrics, err := newMetrics(nil, nil)
		require.NoError(t, err)
		client, closeClient, err := s.newClient(server.Keys(), metrics.telemetry, true)
		require.NoError(t, err)
		assert.Equal(t, want, client.CallTimeout())
		closeClient()
	}
}
