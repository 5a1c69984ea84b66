package pgserver

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The user that owns the cluster, its password, and the database that tests use.
const (
	User     = "postgres"
	Password = "only-loopback"
	Database = "shop"
)

// ours is the file of settings that the cluster's own file includes.
const ours = "tests.conf"

// base are the settings of every cluster. fsync, full_page_writes and synchronous_commit are PostgreSQL's own: on.
var base = map[string]string{
	"listen_addresses": "127.0.0.1",
	"shared_buffers":   "32MB",
	"max_connections":  "200",
	"max_wal_size":     "512MB",
	"timezone":         "Pacific/Apia", // what forgets to say UTC shows
	"log_line_prefix":  "%m [%p] ",
}

// Server is a PostgreSQL server on loopback. Its methods are for one goroutine at a time, but Addr, URL, URLAs and
// Exec, which any may call.
type Server struct {
	dir  string // all of it, below it data and the log
	bin  string
	port int
	id   identity

	mu       sync.Mutex
	settings map[string]string
	running  *process

	given string // the URL of a server that is not ours
}

// Make makes a cluster in a new directory and starts it. The settings are those of postgresql.conf, over the package's
// own; a nil map is none. Close stops it and removes the directory.
func Make(settings map[string]string) (*Server, error) { return MakeIn("", settings) }

// MakeIn is Make below a directory, which an ordinary user must be able to pass through.
func MakeIn(dir string, settings map[string]string) (*Server, error) {
	bin, err := Find()
	if err != nil {
		return nil, err
	}
	s, err := newServer(dir, bin)
	if err != nil {
		return nil, err
	}
	if err := s.create(settings); err != nil {
		_ = s.Close() // the first error is the one to tell
		return nil, err
	}
	return s, nil
}

// newServer is a server with a directory and a port, and no cluster yet.
func newServer(below, bin string) (*Server, error) {
	id, err := ordinary()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(below, "tilltape-pg")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, bin: bin, id: id, settings: map[string]string{}}
	if err := id.own(dir); err != nil {
		_ = s.Close()
		return nil, err
	}
	if s.port, err = freePort(); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// freePort is a port of loopback that nobody listens on now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// create makes the cluster, its settings and the database.
func (s *Server) create(settings map[string]string) error {
	secret := filepath.Join(s.dir, "secret")
	if err := os.WriteFile(secret, []byte(Password), 0o600); err != nil {
		return err
	}
	if err := s.id.own(secret); err != nil {
		return err
	}
	// The files that initdb makes need no sync: no test cuts the power.
	arguments := []string{"-D", s.data(), "-U", User, "--pwfile", secret, "-A", "scram-sha-256", "-E", "UTF8",
		"--no-sync", "--no-instructions", "--locale=C"}
	// Sorted as people do where the server is built with that, as most are: a log that leaves the order of ids to the
	// database shows.
	_, err := s.program("initdb", append(slices.Clone(arguments), "--locale-provider=icu", "--icu-locale=en")...)
	if err != nil {
		if err := os.RemoveAll(s.data()); err != nil {
			return err
		}
		if _, err := s.program("initdb", arguments...); err != nil {
			return err
		}
	}
	if err := s.include(); err != nil {
		return err
	}
	maps.Copy(s.settings, base)
	maps.Copy(s.settings, settings)
	if err := s.Start(); err != nil {
		return err
	}
	_, err = s.ExecIn("postgres", "CREATE DATABASE "+Database)
	return err
}

// include makes the cluster read our settings after its own.
func (s *Server) include() error {
	f, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(f, "\ninclude '%s'\n", ours); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// writeSettings brings the settings into their file.
func (s *Server) writeSettings() error {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.settings)) {
		fmt.Fprintf(&b, "%s = '%s'\n", name, strings.ReplaceAll(s.settings[name], "'", "''"))
	}
	fmt.Fprintf(&b, "port = %d\nunix_socket_directories = ''\n", s.port)
	path := filepath.Join(s.data(), ours)
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return err
	}
	return s.id.own(path)
}

// data is the cluster's directory.
func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// LogFile is where the server writes what it has to say.
func (s *Server) LogFile() string { return filepath.Join(s.dir, "log") }

// Addr is the server's host and port.
func (s *Server) Addr() string {
	if s.given != "" {
		u, err := url.Parse(s.given)
		if err != nil {
			return ""
		}
		return u.Host
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
}

// URL is the connection string of the user who may do everything.
func (s *Server) URL() string {
	if s.given != "" {
		return s.given
	}
	return (&url.URL{Scheme: "postgres", User: url.UserPassword(User, Password), Host: s.Addr(), Path: Database,
		RawQuery: "sslmode=disable"}).String()
}

// URLAs is the connection string of another user.
func (s *Server) URLAs(user, password string) string { return At(s.URL(), s.Addr(), user, password) }

// At is the connection string with that host and port, user and password; an empty user leaves both as they are.
func At(connection, addr, user, password string) string {
	u, err := url.Parse(connection)
	if err != nil { // only a bad TILLTAPE_POSTGRES
		panic(err)
	}
	u.Host = addr
	if user != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// Exec runs SQL as the user who may do everything, through psql, and returns what it prints: rows without decoration,
// columns apart by |.
func (s *Server) Exec(sql string) (string, error) { return s.run(s.URL(), sql) }

// ExecIn is Exec in another database.
func (s *Server) ExecIn(database, sql string) (string, error) {
	u, err := url.Parse(s.URL())
	if err != nil {
		return "", err
	}
	u.Path = "/" + database
	return s.run(u.String(), sql)
}

// ExecOver is Exec over another way to the server: a [Proxy]'s, or a [Bouncer]'s.
func (s *Server) ExecOver(connection, sql string) (string, error) { return s.run(connection, sql) }

func (s *Server) run(connection, sql string) (string, error) {
	c := exec.Command(filepath.Join(s.bin, "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", connection,
		"-f", "-")
	c.Stdin = strings.NewReader(sql)
	var said strings.Builder
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return "", fail("psql", err, []byte(said.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// program runs one of PostgreSQL's programs as the cluster's owner, and returns what it says.
func (s *Server) program(name string, arguments ...string) ([]byte, error) {
	c := exec.Command(filepath.Join(s.bin, name), arguments...)
	c.Dir = s.dir
	c.Env = append(os.Environ(), "PGPASSWORD="+Password, "LC_ALL=C")
	s.id.become(c)
	said, err := c.CombinedOutput()
	if err != nil {
		return said, fail(name, err, said)
	}
	return said, nil
}
