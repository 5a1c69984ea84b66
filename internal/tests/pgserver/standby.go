package pgserver

import (
	"fmt"
	"maps"
	"path/filepath"
	"time"
)

// standbyName is what a standby calls itself, for synchronous_standby_names.
const standbyName = "standby"

// Standby makes a copy of the running server and starts it as a streaming standby. The caller closes it. Whether
// commits wait for it says [Server.Synchronous].
func (s *Server) Standby() (*Server, error) {
	b, err := newServer(filepath.Dir(s.dir), s.bin)
	if err != nil {
		return nil, err
	}
	from := fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=%s application_name=%s", s.port, User, Password,
		standbyName)
	if _, err = b.program("pg_basebackup", "-D", b.data(), "-d", from, "-R", "-X", "stream", "-c", "fast",
		"--no-sync"); err == nil {
		maps.Copy(b.settings, s.settings)
		delete(b.settings, synchronousNames)
		err = b.Start()
	}
	if err != nil {
		_ = b.Close() // the first error is the one to tell
		return nil, err
	}
	return b, nil
}

const synchronousNames = "synchronous_standby_names"

// Synchronous lets commits wait until the standby has them on its disk too, and returns when that is so.
func (s *Server) Synchronous() error {
	if err := s.Set(map[string]string{synchronousNames: standbyName}); err != nil {
		return err
	}
	return s.await("sync", `SELECT sync_state FROM pg_stat_replication WHERE application_name = '`+standbyName+`'`)
}

// CaughtUp returns when the standby has all that the primary has.
func (s *Server) CaughtUp() error {
	return s.await("t", `SELECT flush_lsn >= pg_current_wal_insert_lsn() FROM pg_stat_replication
		WHERE application_name = '`+standbyName+`'`)
}

// Promote makes a standby a primary of its own, and returns when it takes writes.
func (s *Server) Promote() error {
	if _, err := s.Exec("SELECT pg_promote(true, 60)"); err != nil {
		return err
	}
	return s.await("f", "SELECT pg_is_in_recovery()")
}

// await waits until the SQL prints what is wanted.
func (s *Server) await(want, sql string) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(glance) {
		got, err := s.Exec(sql)
		if err != nil {
			return err
		}
		if got == want {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: still %q and not %q after %s", sql, got, want, patience)
		}
	}
}
