package bolt_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/tempdir"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// The environment of a child process: what it does, and with which file.
const (
	childEnv = "TILLTAPE_BOLT_CHILD"
	pathEnv  = "TILLTAPE_BOLT_PATH"
)

// everydayChecks is how often a property is checked everyday: each check opens files and waits for the disk.
const everydayChecks = 10

// fillStep is what the journal begins with that is filled under a limit. Twice that is over it.
const fillStep = 16 << 20

// TestMain runs the tests, or what a test wants done in a process of its own.
func TestMain(m *testing.M) {
	path := os.Getenv(pathEnv)
	switch os.Getenv(childEnv) {
	case "hold":
		childHold(path)
	case "append":
		childAppend(path)
	case "nobody":
		childNobody(path)
	case "check":
		childCheck(path)
	case "fill":
		childFill(path, nil)
	case "fill with a journal":
		config := bolt.WithJournal(bolt.Config{}, fillStep)
		childFill(path, &config)
	default:
		long.Checks(everydayChecks)
		os.Exit(tempdir.Run(m))
	}
}

// child starts this test binary again.
func child(t *testing.T, doing, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childEnv+"="+doing, pathEnv+"="+path)
	c.Stderr = os.Stderr
	stdin, err := c.StdinPipe()
	require.NoError(t, err)
	stdout, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return c, bufio.NewScanner(stdout)
}

// must ends a child that cannot do its part.
func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
}

// isContract tells whether err is one that the contract knows.
func isContract(err error) bool {
	for _, kind := range []error{store.ErrDamaged, bolt.ErrNotALog, store.ErrNewerFormat, store.ErrNotFound,
		store.ErrStorage} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func childHold(path string) {
	log, err := bolt.Open(path, nil)
	must(err)
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent lets go
	must(log.Close())
}

func TestLockedByAnotherProcess(t *testing.T) {
	path := filled(t, 1, 1)
	holder, lines := child(t, "hold", path)
	require.True(t, lines.Scan(), "the child holds the file")

	for _, readOnly := range []bool{false, true} {
		begin := time.Now()
		_, err := bolt.Open(path, &bolt.Config{LockTimeout: 200 * time.Millisecond, ReadOnly: readOnly})
		isClear(t, err, bolt.ErrLocked, path, "another process", "backup copy", "running service")
		assert.Less(t, time.Since(begin), 30*time.Second, "a lock is never waited for without end")
	}
	require.NoError(t, holder.Process.Kill())
	_ = holder.Wait()
	log, err := bolt.Open(path, nil)
	require.NoError(t, err, "a dead process holds nothing")
	require.NoError(t, log.Close())
}

func TestLockedByAnotherHandle(t *testing.T) {
	path := filled(t, 1, 1)
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	_, err = bolt.Open(path, &bolt.Config{LockTimeout: 60 * time.Millisecond})
	isClear(t, err, bolt.ErrLocked, path)
	require.NoError(t, log.Close())
}
