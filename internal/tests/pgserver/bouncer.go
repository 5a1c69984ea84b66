package pgserver

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// ErrNoBouncer: PgBouncer is not on this machine.
var ErrNoBouncer = errors.New("PgBouncer is not installed; install it (Debian: apt-get install pgbouncer, " +
	"macOS: brew install pgbouncer)")

// Bouncer is a PgBouncer in transaction mode in front of a server.
type Bouncer struct {
	port int
	url  string
}

// NewBouncer runs PgBouncer in front of the server until the test ends, with a pool of so many connections.
func NewBouncer(t testing.TB, s *Server, pool int) *Bouncer {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program = "/usr/sbin/pgbouncer"; !exists(program) {
			lack(t, ErrNoBouncer)
		}
	}
	b, stop, err := startBouncer(program, s, pool)
	check(t, err)
	t.Cleanup(stop)
	return b
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// URL is the connection string through PgBouncer.
func (b *Bouncer) URL() string {
	return At(b.url, net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port)), "", "")
}

func startBouncer(program string, s *Server, pool int) (*Bouncer, func(), error) {
	id, err := ordinary()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "tilltape-pgbouncer")
	if err != nil {
		return nil, nil, err
	}
	remove := func() { _ = os.RemoveAll(dir) }
	b := &Bouncer{url: s.URL()}
	if b.port, err = freePort(); err != nil {
		remove()
		return nil, nil, err
	}
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		remove()
		return nil, nil, err
	}
	users := filepath.Join(dir, "users")
	settings := filepath.Join(dir, "settings")
	text := fmt.Sprintf("[databases]\n* = host=%s port=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\n"+
		"unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = %s\npool_mode = transaction\n"+
		"default_pool_size = %d\nmax_client_conn = 500\nignore_startup_parameters = extra_float_digits\n",
		host, port, b.port, users, pool)
	err = errors.Join(os.WriteFile(settings, []byte(text), 0o600),
		os.WriteFile(users, fmt.Appendf(nil, "%q %q\n", User, Password), 0o600),
		id.own(dir), id.own(settings), id.own(users))
	if err != nil {
		remove()
		return nil, nil, err
	}
	c := exec.Command(program, settings)
	id.become(c)
	dieWithUs(c)
	var said limited
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		remove()
		return nil, nil, err
	}
	stop := func() {
		_ = c.Process.Signal(syscall.SIGQUIT)
		_ = c.Wait()
		remove()
	}
	if err := b.await(); err != nil {
		stop()
		return nil, nil, fail("pgbouncer", err, said.head)
	}
	return b, stop, nil
}

// await waits until PgBouncer takes connections.
func (b *Bouncer) await() error {
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(glance) {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port)))
		if err == nil {
			return conn.Close()
		}
		last = err
	}
	return last
}

// limited keeps the beginning of what a program says.
type limited struct{ head []byte }

func (l *limited) Write(p []byte) (int, error) {
	const most = 4000
	l.head = append(l.head, p[:min(len(p), max(0, most-len(l.head)))]...)
	return len(p), nil
}
