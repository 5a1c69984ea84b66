package notify_test

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/store/memory"
)

// strangers send headers that look genuine, and so much of a body, and then nothing. They are there when it returns;
// leave waits until they have been turned away.
func strangers(x *tilltest.Ear, n apotest.Notification, count, said int) (leave func()) {
	received := x.Handler.Stats().Received
	var wg sync.WaitGroup
	for range count {
		wg.Go(func() {
			got := x.Dial(n, func(h http.Header) {
				h.Set("Signature", apo.Signature{KeyVersion: "1", Value: "AAAA"}.Header())
				h.Set("Content-Length", fmt.Sprint(apo.BodyMax))
			}, bytes.Repeat([]byte(" "), said), false)
			assert.Contains(x.T, got, "408")
		})
	}
	require.Eventually(x.T, func() bool { return x.Handler.Stats().Received >= received+uint64(count) }, 5*time.Second,
		time.Millisecond)
	time.Sleep(100 * time.Millisecond) // what they said is read
	return wg.Wait
}

// Strangers who look genuine and send nothing, or too little, must not take the places of genuine notifications.
func TestStrangersWhoSendNoBodyTakeNobodysPlace(t *testing.T) {
	const places = 2
	for _, said := range []int{0, 10, 2 * notify.ShortMax} {
		t.Run(fmt.Sprint(said, " bytes"), func(t *testing.T) {
			t.Parallel()
			x, n := told(t, memory.New(), tilltest.EarConfig{Notify: notify.Config{Concurrency: places,
				ReadTimeout: time.Second}})
			leave := strangers(x, n, places, said)
			status, _ := x.Send(n, nil)
			assert.Equal(t, http.StatusOK, status)
			leave()
		})
	}
}

// All the same they are bounded, in number and, where they say much, in bytes.
func TestBodiesOnTheirWayAreBounded(t *testing.T) {
	long := bytes.Repeat([]byte(" "), 2*notify.ShortMax)
	x, n := told(t, memory.New(), tilltest.EarConfig{Notify: notify.Config{Concurrency: 1, ReadTimeout: time.Second}})
	leave := strangers(x, n, 1, len(long))
	status, _ := x.Send(n, func(r *http.Request) { tilltest.Body(r, long) })
	assert.Equal(t, http.StatusServiceUnavailable, status, "a second long one")
	leave()
	leave = strangers(x, n, notify.Readers, 0)
	status, _ = x.Send(n, nil)
	assert.Equal(t, http.StatusServiceUnavailable, status, "whoever comes when they are so many")
	leave()
	assert.EqualValues(t, 2, x.Handler.Stats().Busy)
	status, _ = x.Send(n, func(r *http.Request) { tilltest.Body(r, long) })
	assert.Equal(t, http.StatusUnauthorized, status, "the places are free again")
	require.True(t, x.Deliver())
}
