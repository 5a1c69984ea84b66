package trouble_test

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/pgserver"
)

func TestServerKeepsItsWordByDefault(t *testing.T) {
	s := pgserver.Shared(t)
	for _, setting := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		assert.Equal(t, "on", s.MustExec(t, "SHOW "+setting), setting)
	}
	assert.Equal(t, "f", s.MustExec(t, "SELECT 'B' < 'a'"), "text is sorted as people do; a build without ICU cannot")
	assert.NotEqual(t, s.Schema(t), s.Schema(t))
}

func TestPassable(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() != 0 {
		assert.True(t, pgserver.Passable(dir), "we run the server ourselves")
		return
	}
	assert.True(t, pgserver.Passable("/"))
	assert.False(t, pgserver.Passable(dir), "a test's directory is its user's alone")
}

func TestServerComesBackWithWhatItCommitted(t *testing.T) {
	s := pgserver.New(t, map[string]string{"work_mem": "5MB"})
	assert.Equal(t, "5MB", s.MustExec(t, "SHOW work_mem"))
	s.MustExec(t, "CREATE TABLE t (n int)")
	want := 0
	for name, down := range map[string]func() error{
		"orderly": s.Stop, "immediate": s.StopImmediately, "killed": s.Kill,
	} {
		s.MustExec(t, "INSERT INTO t VALUES (1)")
		want++
		pgserver.Do(t, down())
		_, err := s.Exec("SELECT 1")
		require.Error(t, err, "%s, and there is still somebody", name)
		pgserver.Do(t, s.Start())
		assert.EqualValues(t, strings.Repeat("1\n", want), s.MustExec(t, "SELECT n FROM t")+"\n", name)
	}
	pgserver.Do(t, s.Set(map[string]string{"fsync": "off"}))
	pgserver.Do(t, s.Restart())
	assert.Equal(t, "off", s.MustExec(t, "SHOW fsync"))
}

func TestStandbyIsPromoted(t *testing.T) {
	s := pgserver.New(t, nil)
	s.MustExec(t, "CREATE TABLE t (n int)")
	b := s.NewStandby(t)
	pgserver.Do(t, s.Synchronous())
	s.MustExec(t, "INSERT INTO t VALUES (7)")
	pgserver.Do(t, s.Kill())
	_, err := b.Exec("INSERT INTO t VALUES (8)")
	require.ErrorContains(t, err, "read-only")
	pgserver.Do(t, b.Promote())
	b.MustExec(t, "INSERT INTO t VALUES (8)")
	assert.Equal(t, "7\n8", b.MustExec(t, "SELECT n FROM t ORDER BY n"))
}

// through runs SQL over the proxy.
func through(p *pgserver.Proxy, s *pgserver.Server, sql string) (string, error) {
	return s.ExecOver(p.URL(s.URL()), sql)
}

func TestProxyCutsBeforeAndAfter(t *testing.T) {
	s := pgserver.Shared(t)
	s.MustExec(t, "CREATE TABLE cut (n int)")
	p := pgserver.NewProxy(t, s.Addr())
	_, err := through(p, s, "INSERT INTO cut VALUES (1)")
	require.NoError(t, err)

	before := p.CutBefore("commit", 1)
	_, err = through(p, s, "BEGIN; INSERT INTO cut VALUES (2);\nCOMMIT;\nBEGIN;\nINSERT INTO cut VALUES (3);\nCOMMIT;")
	require.Error(t, err)
	<-before.Sprung()
	assert.Equal(t, "1\n2", s.MustExec(t, "SELECT n FROM cut ORDER BY n"), "the second COMMIT never arrived")

	after := p.CutAfter("COMMIT", 0)
	_, err = through(p, s, "BEGIN;\nINSERT INTO cut VALUES (4);\nCOMMIT;")
	require.Error(t, err)
	<-after.Sprung()
	assert.Equal(t, "1\n2\n4", s.MustExec(t, "SELECT n FROM cut ORDER BY n"), "done, and nobody was told")

	p.Refuse(true)
	_, err = through(p, s, "SELECT 1")
	require.Error(t, err)
	p.Refuse(false)
	_, err = through(p, s, "SELECT 1")
	require.NoError(t, err)
	assert.EqualValues(t, 4, p.Accepted())
}

func TestProxyCutsWhatIsOpen(t *testing.T) {
	s := pgserver.Shared(t)
	p := pgserver.NewProxy(t, s.Addr())
	conn, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}) // asks for TLS, which the proxy has none of
	require.NoError(t, err)
	var answer [1]byte
	_, err = io.ReadFull(conn, answer[:])
	require.NoError(t, err)
	assert.EqualValues(t, 'N', answer[0])
	assert.Equal(t, 1, p.Cut())
	_, err = io.ReadFull(conn, answer[:])
	require.Error(t, err)
}

func TestBouncerPasses(t *testing.T) {
	s := pgserver.New(t, nil)
	b := pgserver.NewBouncer(t, s, 2)
	got, err := s.ExecOver(b.URL(), "SELECT 1")
	require.NoError(t, err)
	assert.Equal(t, "1", got)
}
