package bolt

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	bberrors "go.etcd.io/bbolt/errors"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// TestExplain: whatever bbolt or the system says becomes one of the contract's errors, names the file and says what to
// do, and nothing of the cause but its text comes along.
func TestExplain(t *testing.T) {
	const path = "/var/lib/shop/orders.log"
	for _, c := range []struct {
		cause error
		kind  error
		words []string
	}{
		{bberrors.ErrTimeout, ErrLocked, []string{"another process", "backup copy", "running service"}},
		{bberrors.ErrChecksum, store.ErrDamaged, []string{"header", "backup"}},
		{bberrors.ErrInvalid, ErrNotALog, []string{"not a log", "check the path"}},
		{bberrors.ErrVersionMismatch, ErrNotALog, []string{"not a log"}},
		{bberrors.ErrDatabaseNotOpen, store.ErrClosed, []string{"open it again"}},
		{bberrors.ErrMaxSizeReached, store.ErrFull, []string{"free some space"}},
		{bberrors.ErrFreePagesNotLoaded, store.ErrStorage, []string{"free pages", "check the disk"}},
		{&fault{}, store.ErrDamaged, []string{"contradict", "backup"}},
		{&fault{outside: true}, store.ErrDamaged, []string{"cut short", "backup"}},
		{&os.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}, store.ErrFull, []string{"free some space", "repeat"}},
		{&os.PathError{Op: "write", Path: path, Err: syscall.EDQUOT}, store.ErrFull, []string{"free some space"}},
		{fmt.Errorf("file resize error: %s", syscall.EFBIG), store.ErrFull, []string{"file resize error"}},
		{&os.PathError{Op: "write", Path: path, Err: syscall.EIO}, store.ErrStorage, []string{"check the disk"}},
		{&os.PathError{Op: "open", Path: path, Err: syscall.EACCES}, store.ErrStorage,
			[]string{"not permit", "Config.ReadOnly"}},
		{&os.PathError{Op: "open", Path: path, Err: syscall.EROFS}, store.ErrStorage, []string{"not permit"}},
		{&os.PathError{Op: "open", Path: path, Err: syscall.ENOENT}, store.ErrStorage,
			[]string{"no such file", "create the directory"}},
		{io.ErrUnexpectedEOF, store.ErrStorage, []string{"unexpected EOF", "check the disk"}},
	} {
		for _, cause := range []error{c.cause, fmt.Errorf("while committing: %w", c.cause)} {
			err := explain(path, cause)
			require.ErrorIs(t, err, c.kind, "%v", cause)
			assert.NotErrorIs(t, err, c.cause, "only the text of %v is passed on", cause)
			assert.False(t, errors.As(err, new(*fault)), "no type of this package's own leaks")
			assert.False(t, errors.As(err, new(*fs.PathError)))
			for _, word := range append(c.words, path) {
				assert.Contains(t, err.Error(), word)
			}
		}
	}
	require.NoError(t, explain(path, nil))
}

// TestExplainKeepsTheContract: what is one of the contract's errors already stays the very same.
func TestExplainKeepsTheContract(t *testing.T) {
	for _, err := range []error{
		&store.ConflictError{}, &store.KeyTakenError{}, &store.NotFoundError{Key: "k"}, &store.DamagedError{},
		store.BeyondEnd("log", 2, 1),
		&FileError{Kind: store.ErrNewerFormat}, &FileError{Kind: store.ErrReadOnly}, &FileError{Kind: store.ErrFull},
		closedError("x"),
	} {
		assert.Same(t, err, explain("x", err), "%T", err)
	}
}

func TestUnreadableFrames(t *testing.T) {
	newer := &events.UpgradeError{What: "the frame", Found: "format 2", Known: "format 1"}
	err := unreadableError("x.log", 7, newer)
	require.ErrorIs(t, err, store.ErrNewerFormat)
	require.ErrorIs(t, err, events.ErrUpgrade, "the details are ours, and stay")
	require.NotErrorIs(t, err, store.ErrDamaged, "a newer frame is not damage")
	assert.Contains(t, err.Error(), "x.log, position 7")
	assert.Contains(t, err.Error(), "upgrade first")

	err = unreadableError("x.log", 7, &events.FrameError{Offset: 3, Field: "stream id", Problem: "is cut short"})
	var damaged *store.DamagedError
	require.ErrorAs(t, err, &damaged)
	assert.Equal(t, uint64(7), damaged.Position)
	assert.Contains(t, err.Error(), "stream id")
}
