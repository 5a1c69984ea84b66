package pgserver

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/tempdir"
)

// shared is the server of a test binary.
var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// serial tells the schemas of one binary apart.
var serial atomic.Uint64

// Run runs the tests of a binary that use [Shared], ends the server after them, and returns the binary's exit code.
// Its files are where [tempdir.Run] has them.
func Run(m interface{ Run() int }) int { return tempdir.Run(served{m}) }

// served are tests whose one server ends with them.
type served struct{ tests interface{ Run() int } }

func (s served) Run() int {
	defer func() {
		if shared.server != nil {
			_ = shared.server.Close() // nobody is left to be told
		}
	}()
	return s.tests.Run()
}

// RunWhole is [Run] for a binary whose tests start servers of their own, break them and wait for them: minutes on two
// cores. Everyday runs leave them out, with a line that says so.
func RunWhole(m *testing.M) int {
	if !long.Enabled() {
		fmt.Printf("left out: these tests break servers of their own; set %s=1\n", long.Variable)
		return 0
	}
	return Run(m)
}

// Shared is the binary's one server: made when it is first asked for, or the one that [Variable] names. Tests leave it
// running and its settings alone. Where there is neither, the test is skipped, and in CI it fails.
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() {
		if given := os.Getenv(Variable); given != "" {
			shared.server = &Server{given: given}
			if bin, err := Find(); err == nil {
				shared.server.bin = bin
			}
			return
		}
		shared.server, shared.err = Make(nil)
	})
	check(t, shared.err)
	return shared.server
}

// SharedWhole is [Shared] for a binary that has little to ask of a server: everyday the test is skipped, with a line
// that says so, and no server is made for it.
func SharedWhole(t testing.TB) *Server {
	t.Helper()
	whole(t)
	return Shared(t)
}

// whole skips the test everyday.
func whole(t testing.TB) {
	t.Helper()
	if !long.Enabled() {
		t.Skip("left out: a server is made for it; set " + long.Variable + "=1")
	}
}

// New is a server of the test's own, to be stopped, killed and changed. The settings are as in [Make].
func New(t testing.TB, settings map[string]string) *Server {
	t.Helper()
	s, err := Make(settings)
	check(t, err)
	s.closeAfter(t)
	return s
}

// NewWhole is [New] for a test that waits for its server longer than it asks anything of it: everyday the test is
// skipped, with a line that says so.
func NewWhole(t testing.TB, settings map[string]string) *Server {
	t.Helper()
	whole(t)
	return New(t, settings)
}

// NewStandby is [Server.Standby] for the test.
func (s *Server) NewStandby(t testing.TB) *Server {
	t.Helper()
	b, err := s.Standby()
	check(t, err)
	b.closeAfter(t)
	return b
}

func (s *Server) closeAfter(t testing.TB) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's last words:\n%s", s.logTail())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func check(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, ErrMissing) {
		lack(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Schema is a name for the test's own schema, which nobody has used before. On a server that is not ours what the test
// makes of it is dropped afterwards.
func (s *Server) Schema(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("t%d_%d", time.Now().UnixNano(), serial.Add(1))
	if s.given != "" && complete(s.bin) {
		t.Cleanup(func() {
			if _, err := s.Exec("DROP SCHEMA IF EXISTS " + name + " CASCADE"); err != nil {
				t.Error(err)
			}
		})
	}
	return name
}

// MustExec is [Server.Exec] for the test.
func (s *Server) MustExec(t testing.TB, sql string) string {
	t.Helper()
	if s.bin == "" {
		lack(t, fmt.Errorf("psql is not there: %w", ErrMissing))
	}
	out, err := s.Exec(sql)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Do fails the test where what was done to a server did not work.
func Do(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Dump is a dump of one schema, as pg_dump writes it; Restore brings it back.
func (s *Server) Dump(t testing.TB, schema string) string {
	t.Helper()
	return s.dump(t, "-n", schema)
}

// Shape is the SQL that makes the schema, without what is in it, as pg_dump writes it: equal schemas have equal shapes.
func (s *Server) Shape(t testing.TB, schema string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(s.dump(t, "-n", schema, "--schema-only")) {
		if !strings.HasPrefix(line, `\restrict`) && !strings.HasPrefix(line, `\unrestrict`) { // with a word by chance
			b.WriteString(line)
		}
	}
	return b.String()
}

func (s *Server) dump(t testing.TB, arguments ...string) string {
	t.Helper()
	if s.bin == "" {
		lack(t, fmt.Errorf("pg_dump is not there: %w", ErrMissing))
	}
	text, err := s.program("pg_dump", append([]string{"-d", s.URL()}, arguments...)...)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Restore replaces the schema with what was dumped of it.
func (s *Server) Restore(t testing.TB, schema, dump string) {
	t.Helper()
	s.MustExec(t, "DROP SCHEMA "+schema+" CASCADE")
	s.MustExec(t, dump)
}
