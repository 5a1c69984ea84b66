package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// Told to stop, it first says so where it is asked, and still takes requests; then it takes none, and answers those
// that are under way; and then Run ends.
func TestItIsDrained(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, http.StatusCreated, w.do("POST", "/orders", "pay-1", placeO1).status)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	w.shop.log.Log = &held{Log: w.log, arrived: arrived, goOn: goOn}
	w.shop.settings.drainWait = 500 * time.Millisecond
	public, private, ended := listening(t), listening(t), make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- w.shop.serve(ctx, public, private) }()
	address := "http://" + public.Addr().String()
	require.Eventually(t, func() bool { status, _ := w.readyz(); return status == 200 }, 10*time.Second, time.Millisecond)

	answered := make(chan int, 1)
	go func() {
		r, err := http.NewRequest(http.MethodPost, address+"/orders/o-1/cancel", strings.NewReader(`{}`))
		if !assert.NoError(t, err) {
			return
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "cancel-1")
		resp, err := http.DefaultClient.Do(r)
		if assert.NoError(t, err) {
			answered <- resp.StatusCode
			_ = resp.Body.Close()
		}
	}()
	<-arrived
	began := time.Now()
	stop()
	require.Eventually(t, func() bool {
		_, checks := w.readyz()
		return !checks["serving"].OK
	}, 10*time.Second, time.Millisecond)
	refused := func(l net.Listener) bool {
		c, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	}
	require.Eventually(t, func() bool { return refused(public) }, 10*time.Second, time.Millisecond, "nothing new is taken")
	assert.GreaterOrEqual(t, time.Since(began), w.shop.settings.drainWait, "not before it was known elsewhere")
	assert.False(t, refused(private), "it can still be looked at")
	assert.True(t, w.shop.state.settling.Load(), "Run runs as long as commands do")
	close(goOn)
	assert.Equal(t, http.StatusOK, <-answered, "what is under way is answered")
	require.NoError(t, <-ended)
	assert.True(t, refused(private))
	assert.False(t, w.shop.state.settling.Load())
	assert.Equal(t, apotest.Cancelled, w.apo.Status("pay-1"))
}

// Once it is said where it serves it may be asked whether it is ready.
func TestItSettlesFromTheFirstRequestOn(t *testing.T) {
	w := newWorld(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // what was begun has seldom run yet
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	serving := 0
	w.shop.logger = slog.New(slog.NewTextHandler(written(func(line string) {
		if strings.Contains(line, "msg=serving") {
			serving++
			assert.True(t, w.shop.state.settling.Load())
			stop()
		}
	}), nil))
	require.NoError(t, w.shop.serve(ctx, listening(t), listening(t)))
	assert.Equal(t, 1, serving)
}

// written is told what is written.
type written func(string)

func (w written) Write(p []byte) (int, error) {
	w(string(p))
	return len(p), nil
}

// held is a log whose first append waits.
type held struct {
	store.Log
	first         sync.Once
	arrived, goOn chan struct{}
}

func (h *held) Append(ctx context.Context, to events.Stream, after uint64,
	r ...events.Record) ([]events.Record, error) {
	if after != noVersion {
		h.first.Do(func() {
			close(h.arrived)
			<-h.goOn
		})
	}
	return h.Log.Append(ctx, to, after, r...)
}

// A file's log that does not know what the disk holds has stopped for good: the service ends with its error, so that
// whoever watches over it starts it again.
func TestTheServiceEndsWhereItsLogHasStopped(t *testing.T) {
	for name, notice := range map[string]func(*world){
		"by a probe": func(w *world) {
			status, _ := w.readyz()
			assert.Equal(t, http.StatusServiceUnavailable, status)
		},
		"by a command": func(w *world) {
			assert.GreaterOrEqual(t, w.do("POST", "/orders", "pay-1", placeO1).status, 500)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.shop.log.Log = &unconfirmed{Log: w.log}
			ended := make(chan error, 1)
			go func() { ended <- w.shop.serve(t.Context(), listening(t), listening(t)) }()
			notice(w)
			err := <-ended
			require.ErrorIs(t, err, store.ErrStorage)
			assert.ErrorContains(t, err, "opened again by a restart")
		})
	}
}

// unconfirmed is a log as bbolt's is after a sync that failed.
type unconfirmed struct{ store.Log }

func (u *unconfirmed) Append(context.Context, events.Stream, uint64, ...events.Record) ([]events.Record, error) {
	return nil, &bolt.FileError{Kind: store.ErrStorage, Path: "log", Reason: "not confirmed", Remedy: "restart"}
}

// Where somebody took the file away a restart would begin an empty log, so the service waits until it is back.
func TestTheServiceWaitsForAFileThatWasTakenAway(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, os.Rename(w.path, w.path+".moved"))
	assert.GreaterOrEqual(t, w.do("POST", "/orders", "pay-1", placeO1).status, 500)
	require.Error(t, w.shop.tries(t.Context()))
	require.NoError(t, w.shop.stopped(t.Context()), "there is none")
	require.NoError(t, os.WriteFile(w.path, nil, 0o600))
	require.NoError(t, w.shop.stopped(t.Context()), "it is another")
	require.NoError(t, os.Rename(w.path+".moved", w.path))
	require.ErrorIs(t, w.shop.stopped(t.Context()), store.ErrStorage)

	w.shop.log.path = "" // a database goes on once its server is back
	require.NoError(t, w.shop.stopped(t.Context()))
}
