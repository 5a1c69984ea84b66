//go:build linux || darwin

package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// childFill appends under a limit of the file's size until there is no space, lifts the limit and goes on.
func childFill(path string, config *bolt.Config) {
	const limit = 20 << 20
	var before syscall.Rlimit
	must(syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	signal.Ignore(syscall.SIGXFSZ)
	must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: before.Max}))

	log, err := bolt.Open(path, config)
	must(err)
	ctx, stream, version := context.Background(), events.OrderStream("o-1"), uint64(0)
	add := func() error {
		var batch []events.Record
		for i := range uint64(20) {
			batch = append(batch, bulky(fmt.Sprintf("r-%d", version+i+1)))
		}
		_, err := log.Append(ctx, stream, version, batch...)
		if err == nil {
			version += 20
		}
		return err
	}
	count := func() int {
		all, err := readAll(log)
		must(err)
		return len(all)
	}
	fill := func() error {
		for version < limit {
			if err := add(); err != nil {
				return err
			}
		}
		return nil
	}
	err = fill()
	fmt.Println("refused:", err, errors.Is(err, store.ErrFull))
	// What is behind a journal tries on, and may get a little more into the pages that are there.
	fmt.Println("again:", errors.Is(fill(), store.ErrFull))
	fmt.Println("whole:", count() == int(version))
	if config != nil { // a growth may be under way still
		fmt.Println("journal:", inTime(func() bool {
			info, err := os.Stat(beside(path))
			must(err)
			return info.Size() == 8192+fillStep
		}))
	}
	must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before))
	fmt.Println("after:", add(), count() == int(version))
	must(log.Close())
}

// inTime waits until it is so, and tells whether it came to that.
func inTime(so func() bool) bool {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if so() {
			return true
		}
	}
	return false
}

func TestNoSpaceLeft(t *testing.T) { noSpaceLeft(t, "fill") }

// TestNoSpaceLeftWithJournal: appends go on until the journal is full, too, and as soon as the file has room again. A
// journal that could not grow gives back what it took for that.
func TestNoSpaceLeftWithJournal(t *testing.T) {
	path := noSpaceLeft(t, "fill with a journal", "journal: true")
	assert.Eventually(t, func() bool { _, err := os.Stat(beside(path)); return errors.Is(err, os.ErrNotExist) },
		10*time.Second, time.Millisecond, "the close has taken in what the journal had")
}

func noSpaceLeft(t *testing.T, doing string, also ...string) string {
	path := filepath.Join(t.TempDir(), "orders.log")
	_, lines := child(t, doing, path)
	wanted := append([]string{" true", "again: true", "whole: true"}, also...)
	for _, want := range append(wanted, "after: <nil> true") {
		require.True(t, lines.Scan(), "the child says more")
		assert.Contains(t, lines.Text(), want)
		if want == " true" {
			assert.Contains(t, lines.Text(), path)
			assert.Contains(t, lines.Text(), "no space left")
			assert.Contains(t, lines.Text(), "free some space")
		}
	}
	assert.FileExists(t, path)
	return path
}

func TestOpenRefusesAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	_, err := bolt.Open(path, nil)
	isClear(t, err, bolt.ErrNotALog, path, "regular file")
}
