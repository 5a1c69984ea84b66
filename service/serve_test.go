package service_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/service"
	"github.com/tilltape/tilltape/store"
)

func listening(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}

func TestServingSettlesAndEndsInPeace(t *testing.T) {
	w := newWorld(t)
	w.authorized(t, "o-1")
	require.NoError(t, w.apo.Script(apotest.Fault{Op: apotest.OpCapture, From: 1, Do: apotest.Undecided}))
	ctx, stop := context.WithCancel(t.Context())
	listener, ended := listening(t), make(chan error, 1)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /slow", func(rw http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-goOn
		rw.WriteHeader(http.StatusTeapot)
	})
	go func() { ended <- w.Serve(ctx, listener, mux) }()

	_, err := w.Orders.Capture(t.Context(), "o-1", order.Capture{CommandID: "capture-1",
		Amount: order.Money{Minor: 1000, Currency: "USD"}})
	require.Error(t, err, "not known yet")
	require.Eventually(t, func() bool {
		o, err := w.Orders.Get(t.Context(), "o-1")
		return err == nil && o.Status == order.Captured
	}, 10*time.Second, 5*time.Millisecond, "Run asks again")

	answered := make(chan int, 1)
	go func() {
		resp, err := http.Get("http://" + listener.Addr().String() + "/slow")
		if assert.NoError(t, err) {
			answered <- resp.StatusCode
			_ = resp.Body.Close()
		}
	}()
	<-arrived
	stop()
	require.Eventually(t, func() bool {
		_, err := net.Dial("tcp", listener.Addr().String())
		return err != nil
	}, 10*time.Second, 5*time.Millisecond, "nothing new is taken")
	close(goOn)
	assert.Equal(t, http.StatusTeapot, <-answered, "what was under way is answered")
	require.NoError(t, <-ended)
	assert.Contains(t, w.logged.String(), "msg=stopping")
}

func TestServingEndsWhereNothingSettlesOrNobodyCanCall(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.log.Close())
	require.ErrorIs(t, w.Serve(t.Context(), listening(t), http.NotFoundHandler()), store.ErrClosed)

	w = newWorld(t)
	listener := listening(t)
	require.NoError(t, listener.Close())
	require.ErrorIs(t, w.Serve(t.Context(), listener, http.NotFoundHandler()), net.ErrClosed)
}

// What goes on for longer than a server's patience is cut off, and is told.
func TestAServerThatIsStoppedWaitsForNobodyLonger(t *testing.T) {
	arrived, gone := make(chan struct{}), make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(gone)
	})}
	listener, ended := listening(t), make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	go func() {
		if answer, err := http.Get("http://" + listener.Addr().String()); err == nil {
			_ = answer.Body.Close()
		}
	}()
	<-arrived
	require.ErrorIs(t, service.Stop(server, time.Millisecond), context.DeadlineExceeded)
	<-gone
	require.ErrorIs(t, <-ended, http.ErrServerClosed)
	require.NoError(t, service.Stop(server, time.Millisecond), "it has ended")
}
