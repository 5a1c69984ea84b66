package viewer

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
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

// counted is a log that counts what is read of it to be proven, or listed.
type counted struct {
	*bolt.Log
	read int
}

func (c *counted) Proven(ctx context.Context) (seal.Checkpoint, iter.Seq2[events.Record, error], error) {
	is, records, err := c.Log.Proven(ctx)
	return is, func(yield func(events.Record, error) bool) {
		for r, err := range records {
			c.read++
			if !yield(r, err) {
				return
			}
		}
	}, err
}

func (c *counted) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		for c.read = 0; ; c.read++ { // there is no end
			for h, err := range c.Log.Heads(ctx, f) {
				if !yield(h, err) {
					return
				}
			}
		}
	}
}

// A HEAD has no body, so the log is not read to its end for it.
func TestHEADReadsNoLogToItsEnd(t *testing.T) {
	engine, err := bolt.Open(filepath.Join(t.TempDir(), "log"), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, engine.Close()) }()
	log := &counted{Log: engine}
	w := worldOn(t, log, nil)
	w.Many(1)
	like, err := records(log.Read(w.Ctx, events.OrderStream("o-0"), 0))
	require.NoError(t, err)
	for i := range 300 {
		require.NoError(t, tilltest.CopyOrder(w.Ctx, log, fmt.Sprint("c-", i), like, time.Minute))
	}
	rec := w.do(local(http.MethodHead, "/log/export"))
	assert.Equal(t, http.StatusOK, rec.Code)
	assert.Equal(t, "application/jsonl", rec.Header().Get("Content-Type"))
	assert.Empty(t, rec.Body.String())
	assert.Less(t, log.read, 400, "of 602 records")
	rec = w.do(local(http.MethodHead, "/log/heads?index=status"))
	assert.Equal(t, http.StatusOK, rec.Code)
	assert.Empty(t, rec.Body.String())
	assert.Equal(t, http.StatusBadRequest, w.do(local(http.MethodHead, "/log/heads?index=none")).Code)
}

func records(all iter.Seq2[events.Record, error]) (out []events.Record, err error) {
	for r, err := range all {
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
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
