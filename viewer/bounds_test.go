package viewer

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

// copying is a log that tells when a copy of it is made.
type copying struct {
	*memory.Log
	made int
}

func (c *copying) Backup(_ context.Context, path string, _ func(done, total uint64)) error {
	c.made++
	return os.WriteFile(path, []byte("a copy"), 0o600)
}

// Whoever asks with HEAD takes no backup, so none is made; nor does it take a place.
func TestHEADMakesNoBackup(t *testing.T) {
	log := &copying{Log: memory.New()}
	w := worldOn(t, log, nil)
	for range TransfersMax {
		w.v.transfers <- struct{}{}
	}
	rec := w.do(local(http.MethodHead, "/log/backup"))
	assert.Equal(t, http.StatusOK, rec.Code)
	assert.Equal(t, "application/octet-stream", rec.Header().Get("Content-Type"))
	assert.Zero(t, log.made)
	assert.Equal(t, http.StatusServiceUnavailable, w.do(local(http.MethodGet, "/log/backup")).Code)
	<-w.v.transfers
	assert.Equal(t, "a copy", w.get("/log/backup"))
	assert.Equal(t, 1, log.made)
}

// A list that is handed out whole reads the log for as long as its reader likes: so there are only so many.
func TestReadersOfTheWholeAreCounted(t *testing.T) {
	w := newWorld(t, nil)
	w.Many(1)
	for range ReadersMax {
		w.v.readers <- struct{}{}
	}
	for _, target := range []string{"/log/heads?index=status", "/log/stream?category=order&id=order-0"} {
		rec := w.do(local(http.MethodGet, target))
		assert.Equal(t, http.StatusServiceUnavailable, rec.Code, target)
		assert.Equal(t, "5", rec.Header().Get("Retry-After"))
		assert.Contains(t, rec.Body.String(), "16 streams or lists")
		<-w.v.readers
		assert.Equal(t, http.StatusOK, w.do(local(http.MethodGet, target)).Code, target)
		assert.Len(t, w.v.readers, ReadersMax-1, "it has left its place")
		w.v.readers <- struct{}{}
	}
}

// A viewer that is closed runs no verification, and does not say that one is under way.
func TestAClosedViewerVerifiesNothing(t *testing.T) {
	log, err := bolt.Open(filepath.Join(t.TempDir(), "log"), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	w := worldOn(t, log, nil)
	require.NoError(t, w.v.Close())
	rec := w.do(local(http.MethodGet, "/log/verify?run=bytes"))
	assert.Equal(t, http.StatusServiceUnavailable, rec.Code)
	state := w.v.verifier.state()
	require.NotNil(t, state)
	assert.False(t, state.Running())
	assert.Equal(t, "This viewer is closed.", state.Problem)
}

// deadlines tells until when an answer may be written.
type deadlines struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (d *deadlines) SetWriteDeadline(until time.Time) error {
	d.until = until
	return nil
}

// A page is not written for ever to a reader that takes none of it.
func TestEveryAnswerHasADeadline(t *testing.T) {
	w := newWorld(t, nil)
	w.Many(1)
	for _, target := range []string{"/", "/overview.json", "/orders", "/log", "/nothing", "/assets/" + css,
		"/log/lookup?key=none", "/log/heads?index=status"} {
		out := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		w.v.ServeHTTP(out, local(http.MethodGet, target))
		assert.WithinDuration(t, time.Now().Add(writeTimeout), out.until, writeTimeout/2, target)
	}
}
