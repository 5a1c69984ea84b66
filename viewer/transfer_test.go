package viewer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

// linesOf are the lines of an answer.
func (w *world) linesOf(address string) []string {
	w.t.Helper()
	body := w.get(address)
	if body == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(body, "\n"), "\n")
}

func TestAProgramReadsAStreamAndTheIndexes(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		w := worldOn(t, log, nil)
		ids := w.Many(3)
		w.Lost(ids[0])
		var want []string
		for r, err := range log.Read(w.Ctx, events.OrderStream(ids[0]), 1) {
			require.NoError(t, err)
			line, err := jsonform.AppendRecord(nil, r)
			require.NoError(t, err)
			want = append(want, string(line))
		}
		require.NotEmpty(t, want)
		assert.Equal(t, want, w.linesOf("/log/stream?category=order&after=1&id="+ids[0]))
		assert.Empty(t, w.linesOf("/log/stream?category=order&id=nobody"))
		assert.Len(t, w.linesOf("/log/heads?index=status"), 3)
		assert.Len(t, w.linesOf("/log/heads?index=status&word=authorized&limit=2"), 2)
		assert.Len(t, w.linesOf("/log/heads?index=outstanding"), 1)
		assert.Len(t, w.linesOf("/log/heads?index=attention&word=parked"), 0)
		assert.Len(t, w.linesOf("/log/heads?index=due&until=2030-01-01T00:00:00Z"), 1)
		first := w.linesOf("/log/heads?index=status&limit=1")[0]
		h, err := jsonform.DecodeHead([]byte(first))
		require.NoError(t, err)
		rest := w.linesOf("/log/heads?" + url.Values{"index": {"status"}, "after": {placeOf(store.AllOrders(), h)}}.Encode())
		assert.Len(t, rest, 2)
		assert.NotContains(t, rest, first)
		assert.Equal(t, first+"\n", w.get("/log/head?category=order&id="+h.Stream.ID))
		assert.Equal(t, map[string]any{"category": "order", "id": "o-1"}, w.read("/log/lookup?key=paymentRequestId:preq-1"))
	})
}

func TestWhatAProgramMayNotAsk(t *testing.T) {
	w := newWorld(t, nil)
	w.Captured(tilltest.TheAmount)
	for address, want := range map[string]int{"/log/stream": 400, "/log/stream?category=order&id=o-1&after=x": 400,
		"/log/stream?category=order&id=o-1&after=-1": 400, "/log/heads": 400, "/log/heads?index=status&limit=x": 400,
		"/log/heads?index=attention&word=nothing": 400, "/log/heads?index=due": 400,
		"/log/heads?index=status&after=x": 400, "/log/head?category=order&id=o-9": 404, "/log/lookup?key=paymentId:x": 404,
		"/log/lookup": 400, "/log/backup": 404} {
		rec := w.do(local(http.MethodGet, address))
		assert.Equal(t, want, rec.Code, address)
		assert.Equal(t, "application/problem+json", rec.Header().Get("Content-Type"), address)
	}
	for address := range transfers {
		assert.Equal(t, http.StatusMethodNotAllowed, w.do(local(http.MethodPost, address)).Code, address)
		r := local(http.MethodGet, address)
		r.RemoteAddr = "192.0.2.1:5"
		assert.Equal(t, http.StatusForbidden, w.do(r).Code, address)
	}
}

func TestAnExportOfAServicesLogIsWhole(t *testing.T) {
	log, err := bolt.Open(filepath.Join(t.TempDir(), "orders"), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	w := worldOn(t, log, nil)
	w.Captured(tilltest.TheAmount)
	file := filepath.Join(t.TempDir(), "export")
	require.NoError(t, os.WriteFile(file, []byte(w.get("/log/export")), 0o600))
	exported, err := export.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, exported.Close()) }()
	require.NoError(t, exported.Verify(w.Ctx, nil))
	assert.Equal(t, uint64(4), exported.Header().Count)
}

func TestALogThatProvesNothingIsNotExported(t *testing.T) {
	rec := newWorld(t, nil).do(local(http.MethodGet, "/log/export"))
	assert.Equal(t, http.StatusBadRequest, rec.Code)
	assert.Contains(t, rec.Body.String(), "has no seal")
	w := worldOn(t, struct{ store.Log }{memory.New()}, nil)
	assert.Equal(t, http.StatusNotFound, w.do(local(http.MethodGet, "/log/export")).Code)
}

func TestABackupOfAServicesLogIsWhole(t *testing.T) {
	log, err := bolt.Open(filepath.Join(t.TempDir(), "orders"), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	t.Setenv("TMPDIR", t.TempDir())
	w := worldOn(t, log, nil)
	w.Captured(tilltest.TheAmount)
	server := httptest.NewServer(w.v)
	defer server.Close()
	answer, err := http.Get(server.URL + "/log/backup")
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	assert.Equal(t, answer.ContentLength, int64(len(body)))
	file := filepath.Join(t.TempDir(), "backup")
	require.NoError(t, os.WriteFile(file, body, 0o600))
	copied, err := bolt.Open(file, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, copied.Close()) }()
	require.NoError(t, copied.Verify(w.Ctx, nil))
	require.Eventually(t, func() bool {
		left, err := os.ReadDir(os.Getenv("TMPDIR"))
		return err == nil && len(left) == 0
	}, 10*time.Second, time.Millisecond, "nothing is left lying about")
}

// A backup is made where the service has room, and says what to do where there is none.
func TestABackupIsMadeWhereThereIsRoom(t *testing.T) {
	log, err := bolt.Open(filepath.Join(t.TempDir(), "orders"), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	away := filepath.Join(t.TempDir(), "away")
	t.Setenv("TMPDIR", away) // nothing can be made there
	w := worldOn(t, log, nil)
	w.Captured(tilltest.TheAmount)
	rec := w.do(local(http.MethodGet, "/log/backup"))
	assert.Equal(t, http.StatusInsufficientStorage, rec.Code)
	assert.Contains(t, rec.Body.String(), away)
	assert.Contains(t, rec.Body.String(), "another BackupFolder")

	roomy := t.TempDir()
	w = worldOn(t, log, func(c *Config) { c.BackupFolder = roomy })
	rec = w.do(local(http.MethodGet, "/log/backup"))
	assert.Equal(t, http.StatusOK, rec.Code, rec.Body)
	left, err := os.ReadDir(roomy)
	require.NoError(t, err)
	assert.Empty(t, left)

	w = worldOn(t, full{log}, func(c *Config) { c.BackupFolder = roomy })
	rec = w.do(local(http.MethodGet, "/log/backup"))
	assert.Equal(t, http.StatusInsufficientStorage, rec.Code)
	assert.Contains(t, rec.Body.String(), roomy)
	assert.Contains(t, rec.Body.String(), "no space left")
}

// full is a log whose copies find no room.
type full struct{ *bolt.Log }

func (full) Backup(context.Context, string, func(done, total uint64)) error {
	return fmt.Errorf("the copy: %w", store.ErrFull)
}

func TestOnlySoManyTransfersAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	for range TransfersMax {
		leave, err := w.v.place()
		require.NoError(t, err)
		defer leave()
	}
	rec := w.do(local(http.MethodGet, "/log/export"))
	assert.Equal(t, http.StatusServiceUnavailable, rec.Code)
	assert.Equal(t, "5", rec.Header().Get("Retry-After"))
}

// breaking is a log whose streams end with an error.
type breaking struct{ *memory.Log }

func (b breaking) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		for range 2000 { // more than is held back before the first piece is sent
			for h, err := range b.Log.Heads(ctx, f) {
				if !yield(h, err) {
					return
				}
			}
		}
		yield(store.Head{}, errors.New("the disk is gone"))
	}
}

// An answer that breaks off is no answer: whoever reads it is told, and never takes it for the whole.
func TestAListThatBreaksOffIsCutOff(t *testing.T) {
	w := worldOn(t, breaking{memory.New()}, nil)
	w.Many(5)
	server := httptest.NewServer(w.v)
	defer server.Close()
	server.Config.ErrorLog = nil
	answer, err := http.Get(server.URL + "/log/heads?index=status")
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.True(t, json.Valid(bytes.SplitN(body, []byte("\n"), 2)[0]))
}

func TestATokenIsComparedWhole(t *testing.T) {
	allows := Bearer("right", "other")
	for header, want := range map[string]bool{"Bearer right": true, "bearer other": true, "Bearer righ": false,
		"Bearer rightt": false, "Basic right": false, "right": false, "": false, "Bearer ": false} {
		r := local(http.MethodGet, "/")
		r.Header.Set("Authorization", header)
		assert.Equal(t, want, allows(r), header)
	}
	assert.False(t, Bearer("")(local(http.MethodGet, "/")), "no token is none")
	empty := local(http.MethodGet, "/")
	empty.Header.Set("Authorization", "Bearer ")
	assert.False(t, Bearer("")(empty))
}
