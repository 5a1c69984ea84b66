package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a shopper opens connections for is taken from the service's rate.
func TestABuyerNeedsNoConnectionOfItsOwn(t *testing.T) {
	var opened atomic.Int64
	apo := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/unknown") {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, `{"status":"SUCCESS"}`)
	}))
	apo.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	apo.Start()
	defer apo.Close()
	s := &shopper{shopping: &shopping{apo: apo.URL}, client: apo.Client()}
	for range 5 {
		require.NoError(t, s.submits("order"))
	}
	assert.EqualValues(t, 1, opened.Load())
	require.ErrorContains(t, s.submits("unknown"), "404")
}

// An exchange takes of the processor what all cores together have, shared among all that are made.
func TestSigningAlone(t *testing.T) {
	if processorTime() == 0 {
		t.Skip("this system does not tell what a process takes of the processor")
	}
	rate, each, err := exchanges(100 * time.Millisecond)
	require.NoError(t, err)
	assert.Positive(t, rate)
	assert.Greater(t, each, 100*time.Microsecond, "two signatures and two verifications")
	assert.Less(t, each, 100*time.Millisecond)
}
