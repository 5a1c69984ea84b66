package viewer

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// follower is a browser that follows.
type follower struct {
	t     *testing.T
	lines *bufio.Scanner
	end   func()
}

func (w *world) follows(server *httptest.Server, query string) *follower {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/live"+query, nil)
	require.NoError(w.t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(w.t, err)
	require.Equal(w.t, http.StatusOK, answer.StatusCode)
	assert.Equal(w.t, "text/event-stream", answer.Header.Get("Content-Type"))
	f := &follower{w.t, bufio.NewScanner(answer.Body), func() { cancel(); _ = answer.Body.Close() }}
	require.True(w.t, f.lines.Scan())
	assert.Equal(w.t, "retry: 3000", f.lines.Text())
	return f
}

// next is the next change's head.
func (f *follower) next() map[string]any {
	f.t.Helper()
	for f.lines.Scan() {
		if data, ok := strings.CutPrefix(f.lines.Text(), "data: "); ok {
			var head map[string]any
			require.NoError(f.t, json.Unmarshal([]byte(data), &head))
			return head
		}
	}
	f.t.Fatal("the stream ended")
	return nil
}

func TestABrowserHearsWhatTheLogGrowsBy(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		w := worldOn(t, log, nil)
		w.Place(order.CaptureManual)
		server := httptest.NewServer(w.v)
		defer server.Close()
		all, one := w.follows(server, ""), w.follows(server, "?order=o-2")
		defer all.end()
		defer one.end()
		w.place("o-2", "CARD")
		w.Paid()
		head := all.next()
		assert.Equal(t, "o-2", head["stream"].(map[string]any)["id"], "it begins at the log's end")
		assert.Equal(t, "o-1", all.next()["stream"].(map[string]any)["id"])
		assert.Equal(t, "o-2", one.next()["stream"].(map[string]any)["id"])
		_, err := w.Orders.Cancel(w.Ctx, "o-2", order.Cancel{})
		require.Error(t, err)
		assert.Equal(t, "o-2", one.next()["stream"].(map[string]any)["id"], "the other order's payment is left out")
	})
}

// A log that does not tell its length is asked where it ends.
func TestTheEndOfALogThatDoesNotTellItsLength(t *testing.T) {
	for n := range 6 {
		log := memory.New()
		x := tilltest.NewTill(t, log)
		x.Many(n)
		v, err := New(struct{ store.Log }{log}, nil)
		require.NoError(t, err)
		end, err := v.ends(t.Context())
		require.NoError(t, err)
		assert.Equal(t, uint64(2*n), end.Position())
		require.NoError(t, v.Close())
	}
}

func TestOnlySoManyFollowAndEachLeavesItsPlace(t *testing.T) {
	w := newWorld(t, nil)
	server := httptest.NewServer(w.v)
	defer server.Close()
	var all []*follower
	for range LiveMax {
		all = append(all, w.follows(server, ""))
	}
	answer, err := http.Get(server.URL + "/live")
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	assert.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	all[0].end()
	require.Eventually(t, func() bool {
		answer, err := http.Head(server.URL + "/live")
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode == http.StatusOK
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, w.v.Close(), "closing ends them all")
	for _, f := range all[1:] {
		for f.lines.Scan() {
		}
		f.end()
	}
}

// A browser that takes nothing holds up neither the log nor the others.
func TestASlowBrowserHoldsUpNobody(t *testing.T) {
	w := newWorld(t, nil)
	server := httptest.NewServer(w.v)
	defer server.Close()
	slow, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = slow.Close() }()
	_, err = slow.Write([]byte("GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))
	require.NoError(t, err)
	fast := w.follows(server, "")
	defer fast.end()
	const many = 200
	go w.Many(many)
	for range 2 * many {
		fast.next()
	}
}
